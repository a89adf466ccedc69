-- file:    merge/002_dbo.Album/10_stage.sql
-- table:   public.album
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Album, staged in restage_stage.album
-- body:    sha256:9bfa5cf065906f8bdfee2d12f37f711201eccd582194ed2a47ec8b0c229109c9
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.album;

CREATE UNLOGGED TABLE restage_stage.album (
  albumid integer,
  title varchar(40),
  artistid integer,
  reviewed_by integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Album/15_check.sql
-- table:   public.album
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Album, staged in restage_stage.album
-- body:    sha256:f449e99d6696207ec192bb1813ae037eb2cfb188ebc03348356b1c6ca3f37e41
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.album ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.album (albumid, artistid, reviewed_by);

SELECT restage.count_staged('public.album', count(*)) AS staged
FROM restage_stage.album AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.albumid
  FROM restage_stage.album AS s
  WHERE s.albumid IS NOT NULL
  GROUP BY
    s.albumid
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.album AS s
  WHERE s.albumid IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.album AS s
    ON s.albumid = r.albumid
),
refused AS (
  DELETE FROM restage_stage.album AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('AlbumId', s.albumid) AS source_key,
    jsonb_build_object('AlbumId', s.albumid) AS value,
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
    'public.album',
    r.source_key,
    'source key',
    ARRAY['albumid'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.album', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/002_dbo.Album/20_match.sql
-- table:   public.album
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Album, staged in restage_stage.album
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Album/30_allocate.sql
-- table:   public.album
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Album, staged in restage_stage.album
-- body:    sha256:965ad3a5e8b53ae2e22d5ac79b3489b8b82a6f133c3a1e0321589b85682c943c
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.album', 'restage_keymap.album') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.album (
    source_albumid,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.albumid,
    nextval('public.album_albumid_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.albumid,
      restage.row_hash(
        ROW(
          s.albumid,
          s.title,
          s.artistid,
          s.reviewed_by
        )::text,
        (NULL::restage_keymap.album).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.album AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.album AS k
      WHERE k.source_albumid = s.albumid
    )
    ORDER BY
      s.albumid
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.album', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.album'::regclass
  ) THEN
    ALTER TABLE restage_keymap.album
      ADD PRIMARY KEY (source_albumid),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.album'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.album'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.album;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.album'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Album/35_orphans.sql
-- table:   public.album
-- step:    35 orphans
-- purpose: no row to be rejected or loaded without its parent: step 40 checks all foreign keys
-- source:  dbo.Album, staged in restage_stage.album
-- body:    sha256:8686165a470604d611b6458f8602bab021cb8414810e9dfcb9d19f7ebc6a3ac1
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.album'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Album/40_insert.sql
-- table:   public.album
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Album, staged in restage_stage.album
-- body:    sha256:2a4a3ac994cae063faa141f22ac5bdb2e8a2d8421daf20cbd1679bd8b98b0924
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.album', 'restage_keymap.album') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.album (
    albumid,
    title,
    artistid,
    reviewed_by
  )
  SELECT
    k.target_key,
    s.title,
    p1.target_key,
    p2.target_key
  FROM restage_stage.album AS s
  JOIN restage_keymap.album AS k
    ON k.source_albumid = s.albumid
    AND k.first_run = (SELECT restage.run_id())
  JOIN restage_keymap.artist AS p1
    ON p1.source_artistid = s.artistid
  LEFT JOIN restage_keymap.artist AS p2
    ON p2.source_artistid = s.reviewed_by
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.album'
      AND c.kind = 'inserted'
  )
    AND (s.reviewed_by IS NULL OR p2.target_key IS NOT NULL);
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.album', 'inserted', inserted_rows);
END
$restage$;

-- album_artistid_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.album',
  'album_artistid_fkey',
  count(*),
  min(jsonb_build_object(
    'AlbumId', s.albumid,
    'ArtistId', s.artistid
  )::text)
)
FROM restage_stage.album AS s
WHERE s.artistid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.artist AS k
    WHERE k.source_artistid = s.artistid
  )
  AND NOT EXISTS (
    -- Where every row that got a key was inserted, each had its parents.
    SELECT
    FROM restage.row_count AS a
    JOIN restage.row_count AS c
      ON c.run_id = a.run_id
      AND c.table_name = a.table_name
    WHERE a.run_id = (SELECT restage.run_id())
      AND a.table_name = 'public.album'
      AND a.kind = 'allocated'
      AND c.kind = 'inserted'
      AND c.rows = a.rows
  )
HAVING count(*) > 0;

-- album_reviewed_by_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.album',
  'album_reviewed_by_fkey',
  count(*),
  min(jsonb_build_object(
    'AlbumId', s.albumid,
    'ReviewedBy', s.reviewed_by
  )::text)
)
FROM restage_stage.album AS s
WHERE s.reviewed_by IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.artist AS k
    WHERE k.source_artistid = s.reviewed_by
  )
  AND NOT EXISTS (
    -- Where every row that got a key was inserted, each had its parents.
    SELECT
    FROM restage.row_count AS a
    JOIN restage.row_count AS c
      ON c.run_id = a.run_id
      AND c.table_name = a.table_name
    WHERE a.run_id = (SELECT restage.run_id())
      AND a.table_name = 'public.album'
      AND a.kind = 'allocated'
      AND c.kind = 'inserted'
      AND c.rows = a.rows
  )
HAVING count(*) > 0;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.album'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Album/50_update.sql
-- table:   public.album
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Album, staged in restage_stage.album
-- body:    sha256:f3d1537b29ea049de608f8162e18ab4755a64bf2b57f939e0d62f910aa300aae
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.album', 'restage_keymap.album') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.albumid,
    s.title,
    s.artistid,
    s.reviewed_by,
    restage.row_hash(
      ROW(
        s.albumid,
        s.title,
        s.artistid,
        s.reviewed_by
      )::text,
      (NULL::restage_keymap.album).row_hash
    ) AS row_hash
  FROM restage_stage.album AS s
  JOIN restage_keymap.album AS k
    ON k.source_albumid = s.albumid
  WHERE NOT (SELECT restage.is_all_new('public.album'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.albumid,
        s.title,
        s.artistid,
        s.reviewed_by
      )::text,
      (NULL::restage_keymap.album).row_hash
    )
),
orphaned_1 AS MATERIALIZED (
  -- album_artistid_fkey: on_orphan: fail
  SELECT restage.fail_orphans(
    'public.album',
    'album_artistid_fkey',
    count(*),
    min(jsonb_build_object(
      'AlbumId', s.albumid,
      'ArtistId', s.artistid
    )::text)
  )
  FROM changed AS s
  WHERE s.artistid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.artist AS k
      WHERE k.source_artistid = s.artistid
    )
  HAVING count(*) > 0
),
orphaned_2 AS MATERIALIZED (
  -- album_reviewed_by_fkey: on_orphan: fail
  SELECT restage.fail_orphans(
    'public.album',
    'album_reviewed_by_fkey',
    count(*),
    min(jsonb_build_object(
      'AlbumId', s.albumid,
      'ReviewedBy', s.reviewed_by
    )::text)
  )
  FROM changed AS s
  WHERE s.reviewed_by IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.artist AS k
      WHERE k.source_artistid = s.reviewed_by
    )
  HAVING count(*) > 0
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_albumid,
    row_to_json(t.*) AS row_data
  FROM public.album AS t
  LEFT JOIN restage_keymap.artist AS p1
    ON p1.target_key = t.artistid
  LEFT JOIN restage_keymap.artist AS p2
    ON p2.target_key = t.reviewed_by
  JOIN restage_keymap.album AS k
    ON k.target_key = t.albumid
  JOIN changed AS c
    ON k.source_albumid = c.albumid
  WHERE restage.row_hash(
      ROW(
        k.source_albumid,
        t.title,
        p1.source_artistid,
        coalesce(p2.source_artistid::text, 'final ' || t.reviewed_by)
      )::text,
      (NULL::restage_keymap.album).row_hash
    ) NOT IN (k.row_hash, c.row_hash)
),
noted AS (
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
    'public.album',
    jsonb_build_object('source_albumid', d.source_albumid),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.album AS t
  SET
    title = c.title,
    artistid = p1.target_key,
    reviewed_by = p2.target_key
  FROM changed AS c
  JOIN restage_keymap.album AS k
    ON k.source_albumid = c.albumid
  JOIN restage_keymap.artist AS p1
    ON p1.source_artistid = c.artistid
  LEFT JOIN restage_keymap.artist AS p2
    ON p2.source_artistid = c.reviewed_by
  WHERE t.albumid = k.target_key
    AND (c.reviewed_by IS NULL OR p2.target_key IS NOT NULL)
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.album AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_albumid = c.albumid
)
SELECT
  restage.count_rows('public.album', 'updated', count(*)) AS rows,
  (SELECT count(*) FROM orphaned_1) AS orphaned_1,
  (SELECT count(*) FROM orphaned_2) AS orphaned_2,
  restage.count_rows('public.album', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.Album/60_vanished.sql
-- table:   public.album
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Album, staged in restage_stage.album
-- body:    sha256:c63d0535a5a122aa10a21e12f0163746670e8995a1aaa5bb1806e3aca74fed07
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.album', 'restage_keymap.album') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_albumid,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.album AS s
  JOIN restage_keymap.album AS k
    ON k.source_albumid = s.albumid
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.album AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_albumid = m.source_albumid
)
SELECT restage.fail_skipped('public.album', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.album'
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
    s.albumid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.album, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.album'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.album AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.album'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.album'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.album AS s
      WHERE k.source_albumid = s.albumid
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_albumid = r.albumid
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_albumid,
    k.vanished_run
  FROM restage_keymap.album AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.album'))
),
back AS MATERIALIZED (
  SELECT
    k.source_albumid,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.album AS s
    ON k.source_albumid = s.albumid
  UNION
  SELECT
    k.source_albumid,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_albumid = r.albumid
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
    'public.album',
    'returned',
    ARRAY[b.source_albumid::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.album AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_albumid = b.source_albumid
  RETURNING 1
)
SELECT
  restage.count_rows('public.album', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.album', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Album/70_reset.sql
-- table:   public.album
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Album, staged in restage_stage.album
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Album/90_account.sql
-- table:   public.album
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Album, staged in restage_stage.album
-- body:    sha256:a1322525f7c118879a6eb7c93894a0d022b34b92e891ebdabff6d0b1379c64e1
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.album', 'restage_keymap.album') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.album', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.album') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.album'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.album', count(*)) AS rows
FROM restage_stage.album AS s
JOIN restage_keymap.album AS k
  ON k.source_albumid = s.albumid
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.album'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Album/content.sql
-- table:   public.album
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Album
-- body:    sha256:89abc147895d3e073c4dfc34033b851d0edf7b8b6ae7f7d2b586dde5842fa290
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
      s.title,
      s.artistid,
      s.reviewed_by,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.album'))
        AND r.table_name = 'public.album'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.album, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_albumid,
    t.title,
    p1.source_artistid,
    coalesce(p2.source_artistid::text, 'final ' || t.reviewed_by)
  FROM public.album AS t
  LEFT JOIN restage_keymap.artist AS p1
    ON p1.target_key = t.artistid
  LEFT JOIN restage_keymap.artist AS p2
    ON p2.target_key = t.reviewed_by
  JOIN restage_keymap.album AS k
    ON k.target_key = t.albumid
  LEFT JOIN noted AS n
    ON k.source_albumid = n.albumid
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.albumid,
    n.title,
    n.artistid,
    n.reviewed_by::text
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Album/counts.sql
-- table:   public.album
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Album
-- body:    sha256:dada9d0b9dfe3255a6a4da9974ad5c0e77b6c987a8426ca4830739ecbf1d3aff
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.albumid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.album, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.album'))
    AND r.table_name = 'public.album'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.album AS t
    JOIN restage_keymap.album AS k
      ON k.target_key = t.albumid
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_albumid = r.albumid
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.album'))
  AND g.table_name = 'public.album';

-- file:    verify/002_dbo.Album/keys.sql
-- table:   public.album
-- purpose: known = present, when every key has its final row
-- source:  dbo.Album
-- body:    sha256:7463ba06fd4e9c1f05b9d3509ab4c45fc2a57541ab6865215386a801829442f0
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.album AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.album AS t
    JOIN restage_keymap.album AS k
      ON k.target_key = t.albumid
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.album AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Album/others.sql
-- table:   public.album
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Album
-- body:    sha256:c3304ebae4aec76ab9eec5f9e6e185f32b0b829190bffb36289a138d9376f495
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.album AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.album AS k
  WHERE k.target_key = t.albumid
);

-- file:    verify/002_dbo.Album/orphans.sql
-- table:   public.album
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Album
-- body:    sha256:d4451ae3e158fc519549f595385304df0cda0aef71dd82f08acf35858bfc439d
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- album_artistid_fkey
SELECT count(*) AS orphans
FROM public.album AS t
WHERE t.artistid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.artist AS p
    WHERE p.artistid = t.artistid
  );

-- album_reviewed_by_fkey
SELECT count(*) AS orphans
FROM public.album AS t
WHERE t.reviewed_by IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.artist AS p
    WHERE p.artistid = t.reviewed_by
  );

