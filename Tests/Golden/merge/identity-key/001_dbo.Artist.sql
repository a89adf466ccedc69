-- file:    merge/001_dbo.Artist/10_stage.sql
-- table:   public.artist
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Artist, staged in restage_stage.artist
-- body:    sha256:184fc9e5317598b6e68f8cae2995f1d806de6bc69c1a9123d8eb7ed524a50cdd
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.artist;

CREATE UNLOGGED TABLE restage_stage.artist (
  artistid integer,
  name varchar(40)
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.Artist/15_check.sql
-- table:   public.artist
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Artist, staged in restage_stage.artist
-- body:    sha256:61e123569bb19bb1111d9633713047984a9372d89f0604cd18d5b35c5487cfa7
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.artist ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.artist (artistid);

SELECT restage.count_staged('public.artist', count(*)) AS staged
FROM restage_stage.artist AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.artistid
  FROM restage_stage.artist AS s
  WHERE s.artistid IS NOT NULL
  GROUP BY
    s.artistid
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.artist AS s
  WHERE s.artistid IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.artist AS s
    ON s.artistid = r.artistid
),
refused AS (
  DELETE FROM restage_stage.artist AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('ArtistId', s.artistid) AS source_key,
    jsonb_build_object('ArtistId', s.artistid) AS value,
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
    'public.artist',
    r.source_key,
    'source key',
    ARRAY['artistid'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.artist', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/001_dbo.Artist/20_match.sql
-- table:   public.artist
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Artist, staged in restage_stage.artist
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Artist/30_allocate.sql
-- table:   public.artist
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Artist, staged in restage_stage.artist
-- body:    sha256:ae9d9645164742c4cb5d604cfbcbc4cf270a6af219c05f77e53703965243377c
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.artist', 'restage_keymap.artist') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.artist (
    source_artistid,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.artistid,
    nextval('public.artist_artistid_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.artistid,
      restage.row_hash(
        ROW(
          s.artistid,
          s.name
        )::text,
        (NULL::restage_keymap.artist).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.artist AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.artist AS k
      WHERE k.source_artistid = s.artistid
    )
    ORDER BY
      s.artistid
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.artist', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.artist'::regclass
  ) THEN
    ALTER TABLE restage_keymap.artist
      ADD PRIMARY KEY (source_artistid),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.artist'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.artist'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.artist;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.artist'
  AND c.kind = 'allocated';

-- file:    merge/001_dbo.Artist/35_orphans.sql
-- table:   public.artist
-- step:    35 orphans
-- purpose: no foreign key to check
-- source:  dbo.Artist, staged in restage_stage.artist
-- body:    sha256:0dfa5db5f080120248dae6cfad77cb2dd047cb63ce820b6bae93c3a0b5f2b1e5
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.artist'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/001_dbo.Artist/40_insert.sql
-- table:   public.artist
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Artist, staged in restage_stage.artist
-- body:    sha256:965766a5e19b585de74e5b636c94948e71dbff157618828f5fc2ea116dc8dce7
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.artist', 'restage_keymap.artist') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.artist (
    artistid,
    name
  )
  SELECT
    k.target_key,
    s.name
  FROM restage_stage.artist AS s
  JOIN restage_keymap.artist AS k
    ON k.source_artistid = s.artistid
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.artist'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.artist', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.artist'
  AND c.kind = 'inserted';

-- file:    merge/001_dbo.Artist/50_update.sql
-- table:   public.artist
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Artist, staged in restage_stage.artist
-- body:    sha256:1c73082c0f27e726f953971afa2374ec5b5fa6005a4d35bcffa1c43176544f78
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.artist', 'restage_keymap.artist') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.artistid,
    s.name,
    restage.row_hash(
      ROW(
        s.artistid,
        s.name
      )::text,
      (NULL::restage_keymap.artist).row_hash
    ) AS row_hash
  FROM restage_stage.artist AS s
  JOIN restage_keymap.artist AS k
    ON k.source_artistid = s.artistid
  WHERE NOT (SELECT restage.is_all_new('public.artist'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.artistid,
        s.name
      )::text,
      (NULL::restage_keymap.artist).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_artistid,
    row_to_json(t.*) AS row_data
  FROM public.artist AS t
  JOIN restage_keymap.artist AS k
    ON k.target_key = t.artistid
  JOIN changed AS c
    ON k.source_artistid = c.artistid
  WHERE restage.row_hash(
      ROW(
        k.source_artistid,
        t.name
      )::text,
      (NULL::restage_keymap.artist).row_hash
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
    'public.artist',
    jsonb_build_object('source_artistid', d.source_artistid),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.artist AS t
  SET
    name = c.name
  FROM changed AS c
  JOIN restage_keymap.artist AS k
    ON k.source_artistid = c.artistid
  WHERE t.artistid = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.artist AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_artistid = c.artistid
)
SELECT
  restage.count_rows('public.artist', 'updated', count(*)) AS rows,
  restage.count_rows('public.artist', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/001_dbo.Artist/60_vanished.sql
-- table:   public.artist
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Artist, staged in restage_stage.artist
-- body:    sha256:82157799b5cf53304c743e22e7f5c70049f2286fc90ffb67ecd6c2e8c05964e7
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.artist', 'restage_keymap.artist') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_artistid,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.artist AS s
  JOIN restage_keymap.artist AS k
    ON k.source_artistid = s.artistid
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.artist AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_artistid = m.source_artistid
)
SELECT restage.fail_skipped('public.artist', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.artist'
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
    s.artistid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.artist, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.artist'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.artist AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.artist'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.artist'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.artist AS s
      WHERE k.source_artistid = s.artistid
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_artistid = r.artistid
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_artistid,
    k.vanished_run
  FROM restage_keymap.artist AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.artist'))
),
back AS MATERIALIZED (
  SELECT
    k.source_artistid,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.artist AS s
    ON k.source_artistid = s.artistid
  UNION
  SELECT
    k.source_artistid,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_artistid = r.artistid
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
    'public.artist',
    'returned',
    ARRAY[b.source_artistid::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.artist AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_artistid = b.source_artistid
  RETURNING 1
)
SELECT
  restage.count_rows('public.artist', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.artist', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/001_dbo.Artist/70_reset.sql
-- table:   public.artist
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Artist, staged in restage_stage.artist
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Artist/90_account.sql
-- table:   public.artist
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Artist, staged in restage_stage.artist
-- body:    sha256:23000e46e3e354d2dd1cc6bcf4d6947a6dd800b9973bacb378f970d93a977759
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.artist', 'restage_keymap.artist') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.artist', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.artist') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.artist'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.artist', count(*)) AS rows
FROM restage_stage.artist AS s
JOIN restage_keymap.artist AS k
  ON k.source_artistid = s.artistid
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.artist'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/001_dbo.Artist/content.sql
-- table:   public.artist
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Artist
-- body:    sha256:c62d5123249de50c4bbfd76d5afe1fbc8e635eb3d71bfd4e1ad5164a8e341505
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
      s.artistid,
      s.name,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.artist'))
        AND r.table_name = 'public.artist'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.artist, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_artistid,
    t.name
  FROM public.artist AS t
  JOIN restage_keymap.artist AS k
    ON k.target_key = t.artistid
  LEFT JOIN noted AS n
    ON k.source_artistid = n.artistid
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.artistid,
    n.name
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/001_dbo.Artist/counts.sql
-- table:   public.artist
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Artist
-- body:    sha256:6944aaf83d0c5f9a19dfdd559cb7930d66fdc2097882e1a39043ef3682791d4d
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.artistid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.artist, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.artist'))
    AND r.table_name = 'public.artist'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.artist AS t
    JOIN restage_keymap.artist AS k
      ON k.target_key = t.artistid
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_artistid = r.artistid
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.artist'))
  AND g.table_name = 'public.artist';

-- file:    verify/001_dbo.Artist/keys.sql
-- table:   public.artist
-- purpose: known = present, when every key has its final row
-- source:  dbo.Artist
-- body:    sha256:613dc9116d778acce91889b4375cbc387f46dbc3594aa21e638131678e810292
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.artist AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.artist AS t
    JOIN restage_keymap.artist AS k
      ON k.target_key = t.artistid
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.artist AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/001_dbo.Artist/others.sql
-- table:   public.artist
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Artist
-- body:    sha256:1310e458ef261d385c3ae237e8cc8c3d8719f1341f84531945447d6d95988596
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.artist AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.artist AS k
  WHERE k.target_key = t.artistid
);

