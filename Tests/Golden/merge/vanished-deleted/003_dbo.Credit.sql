-- file:    merge/003_dbo.Credit/10_stage.sql
-- table:   public.credit
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Credit, staged in restage_stage.credit
-- body:    sha256:1d2475577a7dc6b7f42a02442346fcc754138ca2a368eadd238c2fa41bc38357
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.credit;

CREATE UNLOGGED TABLE restage_stage.credit (
  albumid integer,
  artistid integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/003_dbo.Credit/15_check.sql
-- table:   public.credit
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Credit, staged in restage_stage.credit
-- body:    sha256:ef18c6c01088225ec65c8d616125b8010bdbb0484d1b85340cee4e2f7d6be9ba
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.credit ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.credit (albumid, artistid);

SELECT restage.count_staged('public.credit', count(*)) AS staged
FROM restage_stage.credit AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.albumid,
    s.artistid
  FROM restage_stage.credit AS s
  WHERE s.albumid IS NOT NULL
    AND s.artistid IS NOT NULL
  GROUP BY
    s.albumid,
    s.artistid
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.credit AS s
  WHERE s.albumid IS NULL OR
    s.artistid IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.credit AS s
    ON s.albumid = r.albumid
    AND s.artistid = r.artistid
),
refused AS (
  DELETE FROM restage_stage.credit AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object(
      'AlbumId', s.albumid,
      'ArtistId', s.artistid
    ) AS source_key,
    jsonb_build_object(
      'AlbumId', s.albumid,
      'ArtistId', s.artistid
    ) AS value,
    b.message,
    row_to_json(s.*) AS row_data
),
recorded AS (
  INSERT INTO restage.reject (
    run_id,
    table_name,
    source_key,
    rule,
    column_names,
    value,
    message,
    is_loaded,
    row_data
  )
  SELECT
    (SELECT restage.run_id()),
    'public.credit',
    r.source_key,
    'source key',
    ARRAY['albumid', 'artistid'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.credit', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/003_dbo.Credit/20_match.sql
-- table:   public.credit
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Credit, staged in restage_stage.credit
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Credit/30_allocate.sql
-- table:   public.credit
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Credit, staged in restage_stage.credit
-- body:    sha256:107e155a6c22f8c999b08cf48b9133b1c6cbf11995f8d0f92923c96a05186922
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.credit', 'restage_keymap.credit') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.credit (
    source_albumid,
    source_artistid,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.albumid,
    s.artistid,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.albumid,
      s.artistid,
      restage.row_hash(
        ROW(
          s.albumid,
          s.artistid
        )::text,
        (NULL::restage_keymap.credit).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.credit AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.credit AS k
      WHERE k.source_albumid = s.albumid
        AND k.source_artistid = s.artistid
    )
    ORDER BY
      s.albumid,
      s.artistid
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.credit', 'allocated', allocated_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- The key map's keys, the first time; its statistics, when it grew by more than a tenth.
DO $restage$
BEGIN
  IF NOT EXISTS (
    SELECT
    FROM pg_catalog.pg_index AS i
    WHERE i.indrelid = 'restage_keymap.credit'::regclass
  ) THEN
    ALTER TABLE restage_keymap.credit
      ADD PRIMARY KEY (source_albumid, source_artistid);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.credit'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.credit'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.credit;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.credit'
  AND c.kind = 'allocated';

-- file:    merge/003_dbo.Credit/35_orphans.sql
-- table:   public.credit
-- step:    35 orphans
-- purpose: no row to be rejected or loaded without its parent: step 40 checks all foreign keys
-- source:  dbo.Credit, staged in restage_stage.credit
-- body:    sha256:bf03223a02ef6cfce0220bb5dbd2909b1fcc0dc22d230960f5a0bef370e1b8ba
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.credit'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/003_dbo.Credit/40_insert.sql
-- table:   public.credit
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Credit, staged in restage_stage.credit
-- body:    sha256:f8363b69d55a88b0bc897d2230c51f77c36d3e87fd0327e1ae50d23a5336067d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.credit', 'restage_keymap.credit') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.credit (
    albumid,
    artistid
  )
  SELECT
    p1.target_key,
    p2.target_key
  FROM restage_stage.credit AS s
  JOIN restage_keymap.credit AS k
    ON k.source_albumid = s.albumid
    AND k.source_artistid = s.artistid
    AND k.first_run = (SELECT restage.run_id())
  JOIN restage_keymap.album AS p1
    ON p1.source_id = s.albumid
  JOIN restage_keymap.artist AS p2
    ON p2.source_id = s.artistid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.credit'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.credit', 'inserted', inserted_rows);
END
$restage$;

-- credit_albumid_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.credit',
  'credit_albumid_fkey',
  count(*),
  min(jsonb_build_object(
    'ArtistId', s.artistid,
    'AlbumId', s.albumid
  )::text)
)
FROM restage_stage.credit AS s
WHERE s.albumid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.album AS k
    WHERE k.source_id = s.albumid
  )
  AND NOT EXISTS (
    -- Where every staged row was inserted, each had its parents.
    SELECT
    FROM restage.staged AS g
    JOIN restage.row_count AS c
      ON c.run_id = g.run_id
      AND c.table_name = g.table_name
    WHERE g.run_id = (SELECT restage.run_id())
      AND g.table_name = 'public.credit'
      AND c.kind = 'inserted'
      AND c.rows = g.staged_rows
  )
HAVING count(*) > 0;

-- credit_artistid_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.credit',
  'credit_artistid_fkey',
  count(*),
  min(jsonb_build_object(
    'AlbumId', s.albumid,
    'ArtistId', s.artistid
  )::text)
)
FROM restage_stage.credit AS s
WHERE s.artistid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.artist AS k
    WHERE k.source_id = s.artistid
  )
  AND NOT EXISTS (
    -- Where every staged row was inserted, each had its parents.
    SELECT
    FROM restage.staged AS g
    JOIN restage.row_count AS c
      ON c.run_id = g.run_id
      AND c.table_name = g.table_name
    WHERE g.run_id = (SELECT restage.run_id())
      AND g.table_name = 'public.credit'
      AND c.kind = 'inserted'
      AND c.rows = g.staged_rows
  )
HAVING count(*) > 0;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.credit'
  AND c.kind = 'inserted';

-- file:    merge/003_dbo.Credit/50_update.sql
-- table:   public.credit
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Credit, staged in restage_stage.credit
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Credit/60_vanished.sql
-- table:   public.credit
-- step:    60 vanished
-- purpose: note rows that vanished from the source, and delete them
-- source:  dbo.Credit, staged in restage_stage.credit
-- body:    sha256:7eba6ab9f98588ca52235e647da4df371a9a33e8d83e36ed240767749be5ef32
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.credit', 'restage_keymap.credit') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_albumid,
    k.source_artistid,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.credit AS s
  JOIN restage_keymap.credit AS k
    ON k.source_albumid = s.albumid
    AND k.source_artistid = s.artistid
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.credit AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_albumid = m.source_albumid
    AND k.source_artistid = m.source_artistid
)
SELECT restage.fail_skipped('public.credit', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.credit'
  AND c.is_skipped
  AND m.vanished_run IS NULL
HAVING count(*) > 0;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    s.albumid,
    s.artistid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.credit, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.credit'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.credit AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.credit'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.credit'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.credit AS s
      WHERE k.source_albumid = s.albumid
        AND k.source_artistid = s.artistid
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_albumid = r.albumid
        AND k.source_artistid = r.artistid
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_albumid,
    k.source_artistid,
    k.vanished_run
  FROM restage_keymap.credit AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.credit'))
),
back AS MATERIALIZED (
  SELECT
    k.source_albumid,
    k.source_artistid,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.credit AS s
    ON k.source_albumid = s.albumid
    AND k.source_artistid = s.artistid
  UNION
  SELECT
    k.source_albumid,
    k.source_artistid,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_albumid = r.albumid
    AND k.source_artistid = r.artistid
),
imaged AS (
  INSERT INTO restage.before_image (
    run_id,
    table_name,
    operation,
    source_key,
    vanished_run
  )
  SELECT
    (SELECT restage.run_id()),
    'public.credit',
    'returned',
    ARRAY[b.source_albumid::text, b.source_artistid::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.credit AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_albumid = b.source_albumid
    AND k.source_artistid = b.source_artistid
  RETURNING 1
)
SELECT
  restage.count_rows('public.credit', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.credit', 'returned', (SELECT count(*) FROM returned)) AS returned;

SELECT restage.guard_vanished(
  table_name => 'public.credit',
  going => (
    WITH candidates AS MATERIALIZED (
      SELECT t.ctid AS row_id
      FROM public.credit AS t
      LEFT JOIN restage_keymap.album AS p1
        ON p1.target_key = t.albumid
      LEFT JOIN restage_keymap.artist AS p2
        ON p2.target_key = t.artistid
      JOIN restage_keymap.credit AS k
        ON k.source_albumid = p1.source_id
        AND k.source_artistid = p2.source_id
      WHERE k.vanished_run IS NOT NULL
        AND k.matched_run IS NULL
        AND NOT EXISTS (
          SELECT
          FROM restage.staged AS g
          WHERE g.run_id = (SELECT restage.run_id())
            AND g.table_name = 'public.credit'
            AND g.export_rejects > 0
        )
        AND NOT EXISTS (
          SELECT
          FROM restage.table_map AS m
          WHERE m.source_name <> 'stride'
            AND m.target_schema = 'public'
            AND m.target_table = 'credit'
        )
    ),
    held AS MATERIALIZED (
      SELECT h.row_id
      FROM restage.held_rows(
        table_name => 'public.credit',
        row_ids => ARRAY(SELECT c.row_id FROM candidates AS c),
        self_included => false
      ) AS h (row_id)
    )
    SELECT count(*)
    FROM candidates AS c
    WHERE NOT EXISTS (
      SELECT
      FROM held AS h
      WHERE h.row_id = c.row_id
    )
  ),
  known => (
    SELECT count(*)
    FROM restage_keymap.credit AS k
  ),
  max_percent => 100
);

WITH candidates AS MATERIALIZED (
  SELECT
    t.ctid AS row_id,
    k.source_albumid,
    k.source_artistid
  FROM public.credit AS t
  LEFT JOIN restage_keymap.album AS p1
    ON p1.target_key = t.albumid
  LEFT JOIN restage_keymap.artist AS p2
    ON p2.target_key = t.artistid
  JOIN restage_keymap.credit AS k
    ON k.source_albumid = p1.source_id
    AND k.source_artistid = p2.source_id
  WHERE k.vanished_run IS NOT NULL
    AND k.matched_run IS NULL
    AND NOT EXISTS (
      SELECT
      FROM restage.staged AS g
      WHERE g.run_id = (SELECT restage.run_id())
        AND g.table_name = 'public.credit'
        AND g.export_rejects > 0
    )
    AND NOT EXISTS (
      SELECT
      FROM restage.table_map AS m
      WHERE m.source_name <> 'stride'
        AND m.target_schema = 'public'
        AND m.target_table = 'credit'
    )
),
held AS MATERIALIZED (
  SELECT h.row_id
  FROM restage.held_rows(
    table_name => 'public.credit',
    row_ids => ARRAY(SELECT c.row_id FROM candidates AS c),
    self_included => true
  ) AS h (row_id)
),
gone AS (
  SELECT c.*
  FROM candidates AS c
  WHERE NOT EXISTS (
    SELECT
    FROM held AS h
    WHERE h.row_id = c.row_id
  )
),
deleted AS (
  DELETE FROM public.credit AS t
  USING gone AS g
  WHERE t.ctid = g.row_id
  RETURNING
    g.source_albumid,
    g.source_artistid,
    row_to_json(t.*) AS row_data
),
forgotten AS (
  DELETE FROM restage_keymap.credit AS k
  USING deleted AS d
  WHERE k.source_albumid = d.source_albumid
    AND k.source_artistid = d.source_artistid
),
recorded AS (
  INSERT INTO restage.displaced (
    run_id,
    table_name,
    source_key,
    reason,
    action,
    row_data
  )
  SELECT
    (SELECT restage.run_id()),
    'public.credit',
    jsonb_build_object('source_albumid', d.source_albumid, 'source_artistid', d.source_artistid),
    'vanished',
    'deleted',
    d.row_data
  FROM deleted AS d
  RETURNING 1
)
SELECT restage.count_rows('public.credit', 'deleted', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/003_dbo.Credit/70_reset.sql
-- table:   public.credit
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Credit, staged in restage_stage.credit
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Credit/90_account.sql
-- table:   public.credit
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Credit, staged in restage_stage.credit
-- body:    sha256:fa4225b941fab91b03c1d4cb490d1c75be30e707a72f042bda22bdf5a5b2c0b9
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.credit', 'restage_keymap.credit') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.credit', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.credit') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.credit'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.credit', count(*)) AS rows
FROM restage_stage.credit AS s
JOIN restage_keymap.credit AS k
  ON k.source_albumid = s.albumid
  AND k.source_artistid = s.artistid
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.credit'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/003_dbo.Credit/content.sql
-- table:   public.credit
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Credit
-- body:    sha256:a879fb1c1d9d5726c483173c868de1c924c0d3c877a78b45de78af0c828c5149
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f content.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;
SET client_encoding = 'UTF8';

COPY (
  WITH noted AS MATERIALIZED (
    SELECT
      s.albumid,
      s.artistid,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.credit'))
        AND r.table_name = 'public.credit'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.credit, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    p1.source_id,
    p2.source_id
  FROM public.credit AS t
  LEFT JOIN restage_keymap.album AS p1
    ON p1.target_key = t.albumid
  LEFT JOIN restage_keymap.artist AS p2
    ON p2.target_key = t.artistid
  JOIN restage_keymap.credit AS k
    ON k.source_albumid = p1.source_id
    AND k.source_artistid = p2.source_id
  LEFT JOIN noted AS n
    ON k.source_albumid = n.albumid
    AND k.source_artistid = n.artistid
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.albumid,
    n.artistid
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/003_dbo.Credit/counts.sql
-- table:   public.credit
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Credit
-- body:    sha256:dd987f5584ccf8d100bd974effc0da455c4e9780c2e9cfe33aa74bc0b423b1a9
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.albumid,
    s.artistid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.credit, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.credit'))
    AND r.table_name = 'public.credit'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.credit AS t
    LEFT JOIN restage_keymap.album AS p1
      ON p1.target_key = t.albumid
    LEFT JOIN restage_keymap.artist AS p2
      ON p2.target_key = t.artistid
    JOIN restage_keymap.credit AS k
      ON k.source_albumid = p1.source_id
      AND k.source_artistid = p2.source_id
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_albumid = r.albumid
          AND k.source_artistid = r.artistid
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.credit'))
  AND g.table_name = 'public.credit';

-- file:    verify/003_dbo.Credit/keys.sql
-- table:   public.credit
-- purpose: known = present, when every key has its final row
-- source:  dbo.Credit
-- body:    sha256:396c37916a94a881f5cc52b07e633f8dfca36e1d1e9911a79c86f74dfe2f0fbe
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.credit AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.credit AS t
    LEFT JOIN restage_keymap.album AS p1
      ON p1.target_key = t.albumid
    LEFT JOIN restage_keymap.artist AS p2
      ON p2.target_key = t.artistid
    JOIN restage_keymap.credit AS k
      ON k.source_albumid = p1.source_id
      AND k.source_artistid = p2.source_id
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.credit AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/003_dbo.Credit/others.sql
-- table:   public.credit
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Credit
-- body:    sha256:4adc7f94d3722df71a6efbcba97b9a3029e2af26fb68be089fca0a9156534be2
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.credit AS t
LEFT JOIN restage_keymap.album AS p1
  ON p1.target_key = t.albumid
LEFT JOIN restage_keymap.artist AS p2
  ON p2.target_key = t.artistid
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.credit AS k
  WHERE k.source_albumid = p1.source_id
    AND k.source_artistid = p2.source_id
);

-- file:    verify/003_dbo.Credit/orphans.sql
-- table:   public.credit
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Credit
-- body:    sha256:248e83cff26d9d348275c5f597aaee6941a2449e2c1cd17983973d268a0a19cb
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- credit_albumid_fkey
SELECT count(*) AS orphans
FROM public.credit AS t
WHERE t.albumid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.album AS p
    WHERE p.id = t.albumid
  );

-- credit_artistid_fkey
SELECT count(*) AS orphans
FROM public.credit AS t
WHERE t.artistid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.artist AS p
    WHERE p.id = t.artistid
  );

-- file:    verify/003_dbo.Credit/unique.sql
-- table:   public.credit
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Credit
-- body:    sha256:6b9aa360b30f3a92ddbdb7d73399040596acd01eedee09cccf77401757ca5b6e
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- credit_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.credit
),
held AS (
  SELECT
    p1.source_id AS albumid,
    p2.source_id AS artistid,
    k.first_run IS NOT NULL AS is_known,
    EXISTS (
      SELECT
      FROM restage.chunk AS c
      WHERE c.run_id = (
          SELECT r.id
          FROM restage.staged AS g
          JOIN restage.run AS r
            ON r.id = g.run_id
          WHERE r.source_name = 'stride'
            AND g.table_name = 'public.credit'
          ORDER BY r.started_at DESC
          LIMIT 1
        )
        AND c.table_name = 'public.credit'
        AND c.is_skipped
        AND c.chunk_id = k.chunk
    ) AS is_skipped
  FROM public.credit AS t
  LEFT JOIN restage_keymap.album AS p1
    ON p1.target_key = t.albumid
  LEFT JOIN restage_keymap.artist AS p2
    ON p2.target_key = t.artistid
  LEFT JOIN restage_keymap.credit AS k
    ON k.source_albumid = p1.source_id
    AND k.source_artistid = p2.source_id
)
SELECT
  jsonb_build_object(
    'AlbumId', s.albumid,
    'ArtistId', s.artistid
  ) AS value,
  jsonb_build_object(
    'AlbumId', s.albumid,
    'ArtistId', s.artistid
  ) AS staged_row,
  jsonb_build_object(
    'AlbumId', o.albumid,
    'ArtistId', o.artistid
  ) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.albumid = s.albumid
  AND o.artistid = s.artistid
  AND ROW(s.albumid, s.artistid) < ROW(o.albumid, o.artistid)
UNION ALL
SELECT
  jsonb_build_object(
    'AlbumId', s.albumid,
    'ArtistId', s.artistid
  ) AS value,
  jsonb_build_object(
    'AlbumId', s.albumid,
    'ArtistId', s.artistid
  ) AS staged_row,
  jsonb_build_object(
    'AlbumId', t.albumid,
    'ArtistId', t.artistid
  ) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN t.is_skipped THEN 'staged'
    WHEN o.albumid IS NULL THEN 'vanished'
    WHEN ROW(o.albumid, o.artistid) IS DISTINCT FROM ROW(t.albumid, t.artistid) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.albumid = s.albumid
  AND t.artistid = s.artistid
LEFT JOIN restage_stage.credit AS o
  ON o.albumid = t.albumid
  AND o.artistid = t.artistid
WHERE NOT (t.is_known AND ROW(s.albumid, s.artistid) IS NOT DISTINCT FROM ROW(t.albumid, t.artistid))
LIMIT 20;

