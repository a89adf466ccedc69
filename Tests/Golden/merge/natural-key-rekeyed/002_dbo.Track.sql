-- file:    merge/002_dbo.Track/10_stage.sql
-- table:   public.track
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:ada4f09b2615561e9e8709cc28dd4498e73cf8f39ccafb91b9ae439167442afa
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.track;

CREATE UNLOGGED TABLE restage_stage.track (
  id integer,
  genreid integer,
  title varchar(20),
  otherid integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Track/15_check.sql
-- table:   public.track
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:91980c9435dd2c3d2a73b88b98fe9e59e3c574adbb6a2828ece173092c63678d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.track (id, genreid, title, otherid);

SELECT restage.count_staged('public.track', count(*)) AS staged
FROM restage_stage.track AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.id
  FROM restage_stage.track AS s
  WHERE s.id IS NOT NULL
  GROUP BY
    s.id
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.track AS s
  WHERE s.id IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.track AS s
    ON s.id = r.id
),
refused AS (
  DELETE FROM restage_stage.track AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('Id', s.id) AS source_key,
    jsonb_build_object('Id', s.id) AS value,
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
    'public.track',
    r.source_key,
    'source key',
    ARRAY['id'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.track', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- Each value of the natural key stands on one row.
SELECT restage.fail_natural_key(
  'public.track',
  'staged rows',
  count(*),
  array_to_string((array_agg(DISTINCT r.value))[1:10], ', ')
)
FROM (
  SELECT min(jsonb_build_object(
      'GenreId', s.genreid,
      'Title', s.title
    )::text) AS value
  FROM restage_stage.track AS s
  GROUP BY
    s.genreid,
    rtrim(s.title)
  HAVING count(*) > 1
) AS r
HAVING count(*) > 0;

-- file:    merge/002_dbo.Track/20_match.sql
-- table:   public.track
-- step:    20 match
-- purpose: recognise unseen rows that are in the target already by their natural key
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:f1cbfd972908572b0e7331d713c89af609aad520d182f030d41793d508506202
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

-- Rows that the source has under another key now. restage.reject names both keys.
WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.track, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.track'
    AND NOT r.is_loaded
),
candidate AS MATERIALIZED (
  SELECT
    k.source_id AS old_key,
    s.id AS new_key,
    jsonb_build_object(
      'GenreId', s.genreid,
      'Title', s.title
    )::text AS natural_key,
    row_to_json(s.*) AS row_data,
    row_number() OVER (PARTITION BY s.id ORDER BY k.vanished_run IS NOT NULL) AS number,
    count(*) OVER (PARTITION BY s.id, k.vanished_run IS NOT NULL) AS row_count
  FROM restage_stage.track AS s
  LEFT JOIN restage_keymap.genre AS p1
    ON p1.source_id = s.genreid
  JOIN public.track AS t
    ON ARRAY[t.genreid] = ARRAY[p1.target_key]
    AND rtrim(t.title) = rtrim(s.title)
  JOIN restage_keymap.track AS k
    ON k.target_key = t.id
  WHERE NOT EXISTS (
    SELECT
    FROM restage_keymap.track AS k
    WHERE k.source_id = s.id
  )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.track AS o
      WHERE o.id = k.source_id
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE r.id = k.source_id
    )
    AND (s.genreid IS NULL OR p1.target_key IS NOT NULL)
),
ambiguous AS MATERIALIZED (
  SELECT restage.fail_natural_key(
    'public.track',
    'final rows',
    count(*),
    array_to_string((array_agg(DISTINCT c.natural_key))[1:10], ', ')
  )
  FROM candidate AS c
  WHERE c.number = 1
    AND c.row_count > 1
  HAVING count(*) > 0
),
rekeyed AS MATERIALIZED (
  SELECT
    c.old_key,
    c.new_key,
    jsonb_build_object('Id', c.new_key) AS source_key,
    jsonb_build_object('Id', c.old_key) AS value,
    c.row_data
  FROM candidate AS c
  WHERE c.number = 1
),
followed_1 AS (
  UPDATE restage_keymap.track AS k
  SET
    source_id = n.new_1,
    row_hash = n.row_hash,
    matched_row = n.matched_row
  FROM (
    SELECT
      k.source_id AS old_1,
      coalesce(r1.new_key, b.id) AS new_1,
      CASE
        WHEN k.row_hash = restage.row_hash(
          ROW(
            b.id,
            b.genreid,
            b.title,
            b.otherid
          )::text,
          (NULL::restage_keymap.track).row_hash
        ) THEN restage.row_hash(
          ROW(
            coalesce(r1.new_key, b.id),
            b.genreid,
            b.title,
            b.otherid
          )::text,
          (NULL::restage_keymap.track).row_hash
        )
        ELSE k.row_hash
      END AS row_hash,
      CASE
        WHEN k.matched_row IS NOT NULL THEN row_to_json(
          json_populate_record(
            json_populate_record(NULL::public.track, k.matched_row),
            json_build_object('id', coalesce(r1.new_key, b.id))
          )
        )
      END AS matched_row
    FROM public.track AS t
    LEFT JOIN restage_keymap.genre AS p1
      ON p1.target_key = t.genreid
    LEFT JOIN restage_keymap.genre AS p2
      ON p2.target_key = t.otherid
    JOIN restage_keymap.track AS k
      ON k.target_key = t.id
    LEFT JOIN LATERAL json_populate_record(NULL::public.track, k.matched_row) AS m
      ON k.matched_row IS NOT NULL
    CROSS JOIN LATERAL (
      SELECT
        CASE WHEN k.matched_row IS NULL THEN k.source_id ELSE m.id END AS id,
        CASE WHEN k.matched_row IS NULL THEN p1.source_id ELSE m.genreid END AS genreid,
        CASE WHEN k.matched_row IS NULL THEN t.title ELSE m.title END AS title,
        CASE WHEN k.matched_row IS NULL THEN p2.source_id ELSE m.otherid END AS otherid
    ) AS b
    LEFT JOIN rekeyed AS r1
      ON r1.old_key = b.id
    WHERE EXISTS (SELECT FROM rekeyed)
      AND r1.old_key IS NOT NULL
  ) AS n
  WHERE k.source_id = n.old_1
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
    'public.track',
    r.source_key,
    'natural key',
    ARRAY['id'],
    r.value::text,
    'the source had this row under another key, see value; it is the same final row',
    true,
    r.row_data
  FROM rekeyed AS r
  RETURNING 1
)
SELECT
  count(*) AS rekeyed,
  (SELECT count(*) FROM ambiguous) AS ambiguous
FROM recorded;

WITH candidate AS MATERIALIZED (
  SELECT
    s.id,
    t.id AS target_key,
    restage.row_hash(
      ROW(
        s.id,
        s.genreid,
        s.title,
        s.otherid
      )::text,
      (NULL::restage_keymap.track).row_hash
    ) AS row_hash,
    row_to_json(s.*) AS row_data,
    jsonb_build_object(
      'GenreId', s.genreid,
      'Title', s.title
    )::text AS value,
    count(*) OVER (PARTITION BY s.id) AS row_count
  FROM restage_stage.track AS s
  LEFT JOIN restage_keymap.genre AS p1
    ON p1.source_id = s.genreid
  JOIN public.track AS t
    ON ARRAY[t.genreid] = ARRAY[p1.target_key]
    AND rtrim(t.title) = rtrim(s.title)
  WHERE NOT EXISTS (
    SELECT
    FROM restage_keymap.track AS k
    WHERE k.source_id = s.id
  )
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.track AS k
      WHERE k.target_key = t.id
    )
    AND (s.genreid IS NULL OR p1.target_key IS NOT NULL)
),
ambiguous AS MATERIALIZED (
  SELECT restage.fail_natural_key(
    'public.track',
    'final rows',
    count(*),
    array_to_string((array_agg(DISTINCT c.value))[1:10], ', ')
  )
  FROM candidate AS c
  WHERE c.row_count > 1
  HAVING count(*) > 0
),
matched AS (
  INSERT INTO restage_keymap.track (
    source_id,
    target_key,
    row_hash,
    first_run,
    last_run,
    matched_run,
    matched_row
  )
  SELECT
    c.id,
    c.target_key,
    c.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    c.row_data
  FROM candidate AS c
  WHERE c.row_count = 1
  RETURNING 1
)
SELECT
  count(*) AS rows,
  (SELECT count(*) FROM ambiguous) AS ambiguous
FROM matched;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Track/30_allocate.sql
-- table:   public.track
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:73f757714cd16a5fbaa64925a3bc1a6eddcf4e606bc8b607d29256bd38c7ad11
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.track', 'restage_keymap.track') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.track (
    source_id,
    target_key,
    row_hash,
    first_run,
    last_run
  )
  SELECT
    s.id,
    nextval('public.track_id_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id())
  FROM (
    SELECT
      s.id,
      restage.row_hash(
        ROW(
          s.id,
          s.genreid,
          s.title,
          s.otherid
        )::text,
        (NULL::restage_keymap.track).row_hash
      ) AS row_hash
    FROM restage_stage.track AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.track AS k
      WHERE k.source_id = s.id
    )
    ORDER BY
      s.id
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.track', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.track'::regclass
  ) THEN
    ALTER TABLE restage_keymap.track
      ADD PRIMARY KEY (source_id),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.track'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.track'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.track;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.track'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Track/35_orphans.sql
-- table:   public.track
-- step:    35 orphans
-- purpose: no row to be rejected or loaded without its parent: step 40 checks all foreign keys
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:de3cefb95d0fad2c32693580d071ec40166775dcaa6a12893f2e019fa56fad55
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.track'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Track/40_insert.sql
-- table:   public.track
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:f7d0ba155affecb6c921227d032aa74054f061ba421d55ee1571e1909ed53939
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.track', 'restage_keymap.track') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.track (
    id,
    genreid,
    title,
    otherid
  )
  SELECT
    k.target_key,
    p1.target_key,
    s.title,
    p2.target_key
  FROM restage_stage.track AS s
  JOIN restage_keymap.track AS k
    ON k.source_id = s.id
    AND k.first_run = (SELECT restage.run_id())
    AND k.matched_run IS NULL
  LEFT JOIN restage_keymap.genre AS p1
    ON p1.source_id = s.genreid
  LEFT JOIN restage_keymap.genre AS p2
    ON p2.source_id = s.otherid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.track'
      AND c.kind = 'inserted'
  )
    AND (s.genreid IS NULL OR p1.target_key IS NOT NULL)
    AND (s.otherid IS NULL OR p2.target_key IS NOT NULL);
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.track', 'inserted', inserted_rows);
END
$restage$;

-- track_genreid_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.track',
  'track_genreid_fkey',
  count(*),
  min(jsonb_build_object(
    'Id', s.id,
    'GenreId', s.genreid
  )::text)
)
FROM restage_stage.track AS s
WHERE s.genreid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.genre AS k
    WHERE k.source_id = s.genreid
  )
  AND NOT EXISTS (
    -- Where every row that got a key was inserted, each had its parents.
    SELECT
    FROM restage.row_count AS a
    JOIN restage.row_count AS c
      ON c.run_id = a.run_id
      AND c.table_name = a.table_name
    WHERE a.run_id = (SELECT restage.run_id())
      AND a.table_name = 'public.track'
      AND a.kind = 'allocated'
      AND c.kind = 'inserted'
      AND c.rows = a.rows
  )
HAVING count(*) > 0;

-- track_otherid_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.track',
  'track_otherid_fkey',
  count(*),
  min(jsonb_build_object(
    'Id', s.id,
    'OtherId', s.otherid
  )::text)
)
FROM restage_stage.track AS s
WHERE s.otherid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.genre AS k
    WHERE k.source_id = s.otherid
  )
  AND NOT EXISTS (
    -- Where every row that got a key was inserted, each had its parents.
    SELECT
    FROM restage.row_count AS a
    JOIN restage.row_count AS c
      ON c.run_id = a.run_id
      AND c.table_name = a.table_name
    WHERE a.run_id = (SELECT restage.run_id())
      AND a.table_name = 'public.track'
      AND a.kind = 'allocated'
      AND c.kind = 'inserted'
      AND c.rows = a.rows
  )
HAVING count(*) > 0;

SELECT restage.count_rows('public.track', 'matched', count(*)) AS matched
FROM restage_stage.track AS s
JOIN restage_keymap.track AS k
  ON k.source_id = s.id
WHERE k.matched_run = (SELECT restage.run_id())
  AND k.first_run = k.matched_run
  AND NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.track'
      AND c.kind = 'matched'
  );

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.track'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Track/50_update.sql
-- table:   public.track
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:a02fcf53dea097313a9d278aa51dd422100cab7c5eb522b6d3a987bd08f7ffdd
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.track', 'restage_keymap.track') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.id,
    s.genreid,
    s.title,
    s.otherid,
    restage.row_hash(
      ROW(
        s.id,
        s.genreid,
        s.title,
        s.otherid
      )::text,
      (NULL::restage_keymap.track).row_hash
    ) AS row_hash
  FROM restage_stage.track AS s
  JOIN restage_keymap.track AS k
    ON k.source_id = s.id
  WHERE NOT (SELECT restage.is_all_new('public.track'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.id,
        s.genreid,
        s.title,
        s.otherid
      )::text,
      (NULL::restage_keymap.track).row_hash
    )
),
orphaned_1 AS MATERIALIZED (
  -- track_genreid_fkey: on_orphan: fail
  SELECT restage.fail_orphans(
    'public.track',
    'track_genreid_fkey',
    count(*),
    min(jsonb_build_object(
      'Id', s.id,
      'GenreId', s.genreid
    )::text)
  )
  FROM changed AS s
  WHERE s.genreid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.genre AS k
      WHERE k.source_id = s.genreid
    )
  HAVING count(*) > 0
),
orphaned_2 AS MATERIALIZED (
  -- track_otherid_fkey: on_orphan: fail
  SELECT restage.fail_orphans(
    'public.track',
    'track_otherid_fkey',
    count(*),
    min(jsonb_build_object(
      'Id', s.id,
      'OtherId', s.otherid
    )::text)
  )
  FROM changed AS s
  WHERE s.otherid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.genre AS k
      WHERE k.source_id = s.otherid
    )
  HAVING count(*) > 0
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_id,
    row_to_json(t.*) AS row_data
  FROM public.track AS t
  LEFT JOIN restage_keymap.genre AS p1
    ON p1.target_key = t.genreid
  LEFT JOIN restage_keymap.genre AS p2
    ON p2.target_key = t.otherid
  JOIN restage_keymap.track AS k
    ON k.target_key = t.id
  JOIN changed AS c
    ON k.source_id = c.id
  WHERE restage.row_hash(
      ROW(
        k.source_id,
        coalesce(p1.source_id::text, 'final ' || t.genreid),
        t.title,
        coalesce(p2.source_id::text, 'final ' || t.otherid)
      )::text,
      (NULL::restage_keymap.track).row_hash
    ) NOT IN (k.row_hash, c.row_hash)
),
noted AS MATERIALIZED (
  SELECT restage.fail_edited(
    'public.track',
    count(*),
    min(jsonb_build_object('Id', e.source_id)::text)
  )
  FROM edited AS e
  HAVING count(*) > 0
),
updated AS (
  UPDATE public.track AS t
  SET
    genreid = p1.target_key,
    title = c.title,
    otherid = p2.target_key
  FROM changed AS c
  JOIN restage_keymap.track AS k
    ON k.source_id = c.id
  LEFT JOIN restage_keymap.genre AS p1
    ON p1.source_id = c.genreid
  LEFT JOIN restage_keymap.genre AS p2
    ON p2.source_id = c.otherid
  WHERE t.id = k.target_key
    AND (c.genreid IS NULL OR p1.target_key IS NOT NULL)
    AND (c.otherid IS NULL OR p2.target_key IS NOT NULL)
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.track AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id()),
    matched_row = NULL
  FROM changed AS c
  WHERE k.source_id = c.id
)
SELECT
  restage.count_rows('public.track', 'updated', count(*)) AS rows,
  (SELECT count(*) FROM orphaned_1) AS orphaned_1,
  (SELECT count(*) FROM orphaned_2) AS orphaned_2,
  (SELECT count(*) FROM noted) AS edited
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.Track/60_vanished.sql
-- table:   public.track
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:2b7d2e969d5e0d9bb8c4eb2e873b2c03b87912f8b3d7f1796d440bc13ce7d05c
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.track, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.track'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.track AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.track AS s
      WHERE k.source_id = s.id
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_id = r.id
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM restage_keymap.track AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.track AS s
    ON k.source_id = s.id
  UNION
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_id = r.id
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
    'public.track',
    'returned',
    ARRAY[b.source_id::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.track AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_id = b.source_id
  RETURNING 1
)
SELECT
  restage.count_rows('public.track', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.track', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Track/70_reset.sql
-- table:   public.track
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Track/90_account.sql
-- table:   public.track
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:877952ae16dbc14b4dc881bffb50474b1319285058b585bbbdb000d50686a6dc
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.track', 'restage_keymap.track') AS joins;

SELECT restage.close_account('public.track', count(*)) AS rows
FROM restage_stage.track AS s
JOIN restage_keymap.track AS k
  ON k.source_id = s.id
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.track'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Track/content.sql
-- table:   public.track
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Track
-- body:    sha256:f6d938699564859c5e8f4e784e9ef6add70b5712e3bf4d1bd77d0d413e1659f0
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
      s.id,
      s.genreid,
      s.title,
      s.otherid,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.track'))
        AND r.table_name = 'public.track'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.track, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    CASE WHEN k.matched_row IS NULL THEN k.source_id ELSE m.id END,
    CASE WHEN k.matched_row IS NULL THEN coalesce(p1.source_id::text, 'final ' || t.genreid) ELSE m.genreid::text END,
    CASE WHEN k.matched_row IS NULL THEN t.title ELSE m.title END,
    CASE WHEN k.matched_row IS NULL THEN coalesce(p2.source_id::text, 'final ' || t.otherid) ELSE m.otherid::text END
  FROM public.track AS t
  LEFT JOIN restage_keymap.genre AS p1
    ON p1.target_key = t.genreid
  LEFT JOIN restage_keymap.genre AS p2
    ON p2.target_key = t.otherid
  JOIN restage_keymap.track AS k
    ON k.target_key = t.id
  LEFT JOIN noted AS n
    ON k.source_id = n.id
  LEFT JOIN LATERAL json_populate_record(NULL::public.track, k.matched_row) AS m
    ON k.matched_row IS NOT NULL
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.id,
    n.genreid::text,
    n.title,
    n.otherid::text
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Track/counts.sql
-- table:   public.track
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Track
-- body:    sha256:de768c398bd5d0450e04d38b642299073c23742a5e2db4c34249524f97ea17a0
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.track, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.track'))
    AND r.table_name = 'public.track'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.track AS t
    JOIN restage_keymap.track AS k
      ON k.target_key = t.id
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_id = r.id
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.track'))
  AND g.table_name = 'public.track';

-- file:    verify/002_dbo.Track/keys.sql
-- table:   public.track
-- purpose: known = present, when every key has its final row
-- source:  dbo.Track
-- body:    sha256:c95559a21a847d5c0068797ffa6078489070721bc4e241b907ef11f1eaff12f0
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.track AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.track AS t
    JOIN restage_keymap.track AS k
      ON k.target_key = t.id
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.track AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Track/others.sql
-- table:   public.track
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Track
-- body:    sha256:8a8a08167c9b0eb1e4400549fcf05833bbb4d9a50d5fd4f7a3f06dce69b80b96
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.track AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.track AS k
  WHERE k.target_key = t.id
);

-- file:    verify/002_dbo.Track/orphans.sql
-- table:   public.track
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Track
-- body:    sha256:da79d7d27e009294d5e9a7927fbcb2c7428bb69e57fbc899c9ac62f38093887b
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- track_genreid_fkey
SELECT count(*) AS orphans
FROM public.track AS t
WHERE t.genreid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.genre AS p
    WHERE p.id = t.genreid
  );

-- track_otherid_fkey
SELECT count(*) AS orphans
FROM public.track AS t
WHERE t.otherid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.genre AS p
    WHERE p.id = t.otherid
  );

