-- file:    merge/001_dbo.Genre/10_stage.sql
-- table:   public.genre
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Genre, staged in restage_stage.genre
-- body:    sha256:fb8ab28a785476ab0a12b3ca5113aec3d6260a6d460dcf4b1b09c43a295ca950
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.genre;

CREATE UNLOGGED TABLE restage_stage.genre (
  id integer,
  name varchar(20) COLLATE public.ignoring_case,
  note varchar(20),
  parentid integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.Genre/15_check.sql
-- table:   public.genre
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Genre, staged in restage_stage.genre
-- body:    sha256:d67cdeff8a48079277f7c2d74573f25584e48c5c65c5449d87e1c0636fd7e563
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.genre (id, name, parentid);

SELECT restage.count_staged('public.genre', count(*)) AS staged
FROM restage_stage.genre AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.id
  FROM restage_stage.genre AS s
  WHERE s.id IS NOT NULL
  GROUP BY
    s.id
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.genre AS s
  WHERE s.id IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.genre AS s
    ON s.id = r.id
),
refused AS (
  DELETE FROM restage_stage.genre AS s
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
    'public.genre',
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
SELECT restage.count_rows('public.genre', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- Each value of the natural key stands on one row.
SELECT restage.fail_natural_key(
  'public.genre',
  'staged rows',
  count(*),
  array_to_string((array_agg(DISTINCT r.value))[1:10], ', ')
)
FROM (
  SELECT min(jsonb_build_object('Name', s.name)::text) AS value
  FROM restage_stage.genre AS s
  GROUP BY
    rtrim(s.name)
  HAVING count(*) > 1
) AS r
HAVING count(*) > 0;

-- file:    merge/001_dbo.Genre/20_match.sql
-- table:   public.genre
-- step:    20 match
-- purpose: recognise unseen rows that are in the target already by their natural key
-- source:  dbo.Genre, staged in restage_stage.genre
-- body:    sha256:4c2e16e570498569a3c821c41e33db6927a9ac2a22236f8a2ee6675ec20defad
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
  CROSS JOIN LATERAL json_populate_record(NULL::public.genre, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.genre'
    AND NOT r.is_loaded
),
candidate AS MATERIALIZED (
  SELECT
    k.source_id AS old_key,
    s.id AS new_key,
    jsonb_build_object('Name', s.name)::text AS natural_key,
    row_to_json(s.*) AS row_data,
    row_number() OVER (PARTITION BY s.id ORDER BY k.vanished_run IS NOT NULL) AS number,
    count(*) OVER (PARTITION BY s.id, k.vanished_run IS NOT NULL) AS row_count
  FROM restage_stage.genre AS s
  JOIN public.genre AS t
    ON ARRAY[rtrim(t.name) COLLATE public.ignoring_case] = ARRAY[rtrim(s.name)]
  JOIN restage_keymap.genre AS k
    ON k.target_key = t.id
  WHERE NOT EXISTS (
    SELECT
    FROM restage_keymap.genre AS k
    WHERE k.source_id = s.id
  )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.genre AS o
      WHERE o.id = k.source_id
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE r.id = k.source_id
    )
),
ambiguous AS MATERIALIZED (
  SELECT restage.fail_natural_key(
    'public.genre',
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
  UPDATE restage_keymap.genre AS k
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
            b.name,
            b.note,
            b.parentid
          )::text,
          (NULL::restage_keymap.genre).row_hash
        ) THEN restage.row_hash(
          ROW(
            coalesce(r1.new_key, b.id),
            b.name,
            b.note,
            coalesce(r2.new_key, b.parentid)
          )::text,
          (NULL::restage_keymap.genre).row_hash
        )
        ELSE k.row_hash
      END AS row_hash,
      CASE
        WHEN k.matched_row IS NOT NULL THEN row_to_json(
          json_populate_record(
            json_populate_record(NULL::public.genre, k.matched_row),
            json_build_object('id', coalesce(r1.new_key, b.id), 'parentid', coalesce(r2.new_key, b.parentid))
          )
        )
      END AS matched_row
    FROM public.genre AS t
    LEFT JOIN restage_keymap.genre AS p1
      ON p1.target_key = t.parentid
    JOIN restage_keymap.genre AS k
      ON k.target_key = t.id
    LEFT JOIN LATERAL json_populate_record(NULL::public.genre, k.matched_row) AS m
      ON k.matched_row IS NOT NULL
    CROSS JOIN LATERAL (
      SELECT
        CASE WHEN k.matched_row IS NULL THEN k.source_id ELSE m.id END AS id,
        CASE WHEN k.matched_row IS NULL THEN t.name ELSE m.name END AS name,
        CASE WHEN k.matched_row IS NULL THEN t.note ELSE m.note END AS note,
        CASE WHEN k.matched_row IS NULL THEN p1.source_id ELSE m.parentid END AS parentid
    ) AS b
    LEFT JOIN rekeyed AS r1
      ON r1.old_key = b.id
    LEFT JOIN rekeyed AS r2
      ON r2.old_key = b.parentid
    WHERE EXISTS (SELECT FROM rekeyed)
      AND (r1.old_key IS NOT NULL OR r2.old_key IS NOT NULL)
  ) AS n
  WHERE k.source_id = n.old_1
),
followed_2 AS (
  UPDATE restage_keymap.track AS k
  SET
    row_hash = n.row_hash,
    matched_row = n.matched_row
  FROM (
    SELECT
      k.source_id AS old_1,
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
            b.id,
            coalesce(r1.new_key, b.genreid),
            b.title,
            coalesce(r2.new_key, b.otherid)
          )::text,
          (NULL::restage_keymap.track).row_hash
        )
        ELSE k.row_hash
      END AS row_hash,
      CASE
        WHEN k.matched_row IS NOT NULL THEN row_to_json(
          json_populate_record(
            json_populate_record(NULL::public.track, k.matched_row),
            json_build_object('genreid', coalesce(r1.new_key, b.genreid), 'otherid', coalesce(r2.new_key, b.otherid))
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
      ON r1.old_key = b.genreid
    LEFT JOIN rekeyed AS r2
      ON r2.old_key = b.otherid
    WHERE EXISTS (SELECT FROM rekeyed)
      AND (r1.old_key IS NOT NULL OR r2.old_key IS NOT NULL)
  ) AS n
  WHERE k.source_id = n.old_1
),
followed_3 AS (
  UPDATE restage_keymap.tag AS k
  SET
    source_genreid = n.new_1,
    row_hash = n.row_hash
  FROM (
    SELECT
      k.source_genreid AS old_1,
      k.source_no AS old_2,
      coalesce(r1.new_key, b.genreid) AS new_1,
      CASE
        WHEN k.row_hash = restage.row_hash(
          ROW(
            b.genreid,
            b.no,
            b.text
          )::text,
          (NULL::restage_keymap.tag).row_hash
        ) THEN restage.row_hash(
          ROW(
            coalesce(r1.new_key, b.genreid),
            b.no,
            b.text
          )::text,
          (NULL::restage_keymap.tag).row_hash
        )
        ELSE k.row_hash
      END AS row_hash
    FROM public.tag AS t
    LEFT JOIN restage_keymap.genre AS p1
      ON p1.target_key = t.genreid
    JOIN restage_keymap.tag AS k
      ON k.source_genreid = p1.source_id
      AND k.source_no = t.no
    CROSS JOIN LATERAL (
      SELECT
        p1.source_id AS genreid,
        t.no AS no,
        t.text AS text
    ) AS b
    LEFT JOIN rekeyed AS r1
      ON r1.old_key = b.genreid
    WHERE EXISTS (SELECT FROM rekeyed)
      AND r1.old_key IS NOT NULL
  ) AS n
  WHERE k.source_genreid = n.old_1
    AND k.source_no = n.old_2
),
followed_4 AS (
  UPDATE restage_keymap.line AS k
  SET
    source_row_hash = n.new_hash,
    row_hash = n.new_hash
  FROM (
    SELECT DISTINCT
      md5(ROW(
        b.genreid,
        b.text
      )::text)::uuid AS old_hash,
      md5(ROW(
        coalesce(r1.new_key::smallint, b.genreid),
        b.text
      )::text)::uuid AS new_hash
    FROM public.line AS t
    LEFT JOIN restage_keymap.genre AS p1
      ON p1.target_key = t.genreid
    CROSS JOIN LATERAL (
      SELECT
        p1.source_id::smallint AS genreid,
        t.text AS text
    ) AS b
    LEFT JOIN rekeyed AS r1
      ON r1.old_key = b.genreid
    WHERE EXISTS (SELECT FROM rekeyed)
      AND r1.old_key IS NOT NULL
  ) AS n
  WHERE k.source_row_hash = n.old_hash
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
    'public.genre',
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
        s.name,
        s.note,
        s.parentid
      )::text,
      (NULL::restage_keymap.genre).row_hash
    ) AS row_hash,
    row_to_json(s.*) AS row_data,
    jsonb_build_object('Name', s.name)::text AS value,
    count(*) OVER (PARTITION BY s.id) AS row_count
  FROM restage_stage.genre AS s
  JOIN public.genre AS t
    ON ARRAY[rtrim(t.name) COLLATE public.ignoring_case] = ARRAY[rtrim(s.name)]
  WHERE NOT EXISTS (
    SELECT
    FROM restage_keymap.genre AS k
    WHERE k.source_id = s.id
  )
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.genre AS k
      WHERE k.target_key = t.id
    )
),
ambiguous AS MATERIALIZED (
  SELECT restage.fail_natural_key(
    'public.genre',
    'final rows',
    count(*),
    array_to_string((array_agg(DISTINCT c.value))[1:10], ', ')
  )
  FROM candidate AS c
  WHERE c.row_count > 1
  HAVING count(*) > 0
),
matched AS (
  INSERT INTO restage_keymap.genre (
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

-- file:    merge/001_dbo.Genre/30_allocate.sql
-- table:   public.genre
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Genre, staged in restage_stage.genre
-- body:    sha256:b5857d61fdac6e34319b2533ba296a15254482b56922356ea20188160a375616
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.genre', 'restage_keymap.genre') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.genre (
    source_id,
    target_key,
    row_hash,
    first_run,
    last_run
  )
  SELECT
    s.id,
    nextval('public.genre_id_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id())
  FROM (
    SELECT
      s.id,
      restage.row_hash(
        ROW(
          s.id,
          s.name,
          s.note,
          s.parentid
        )::text,
        (NULL::restage_keymap.genre).row_hash
      ) AS row_hash
    FROM restage_stage.genre AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.genre AS k
      WHERE k.source_id = s.id
    )
    ORDER BY
      s.id
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.genre', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.genre'::regclass
  ) THEN
    ALTER TABLE restage_keymap.genre
      ADD PRIMARY KEY (source_id),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.genre'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.genre'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.genre;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.genre'
  AND c.kind = 'allocated';

-- file:    merge/001_dbo.Genre/35_orphans.sql
-- table:   public.genre
-- step:    35 orphans
-- purpose: no row to be rejected or loaded without its parent: step 40 checks all foreign keys
-- source:  dbo.Genre, staged in restage_stage.genre
-- body:    sha256:e55095dc0fb434e20d4402ebf2d813f571813ae5587102111fced5f36954c44b
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.genre'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/001_dbo.Genre/40_insert.sql
-- table:   public.genre
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Genre, staged in restage_stage.genre
-- body:    sha256:b67c19ce0638510c065016e0ceed58a34b5e952139e571fa19cf92f3a9be0475
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.genre', 'restage_keymap.genre') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.genre (
    id,
    name,
    note,
    parentid
  )
  SELECT
    k.target_key,
    s.name,
    s.note,
    p1.target_key
  FROM restage_stage.genre AS s
  JOIN restage_keymap.genre AS k
    ON k.source_id = s.id
    AND k.first_run = (SELECT restage.run_id())
    AND k.matched_run IS NULL
  LEFT JOIN restage_keymap.genre AS p1
    ON p1.source_id = s.parentid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.genre'
      AND c.kind = 'inserted'
  )
    AND (s.parentid IS NULL OR p1.target_key IS NOT NULL);
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.genre', 'inserted', inserted_rows);
END
$restage$;

-- genre_parentid_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.genre',
  'genre_parentid_fkey',
  count(*),
  min(jsonb_build_object(
    'Id', s.id,
    'ParentId', s.parentid
  )::text)
)
FROM restage_stage.genre AS s
WHERE s.parentid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.genre AS k
    WHERE k.source_id = s.parentid
  )
  AND NOT EXISTS (
    -- Where every row that got a key was inserted, each had its parents.
    SELECT
    FROM restage.row_count AS a
    JOIN restage.row_count AS c
      ON c.run_id = a.run_id
      AND c.table_name = a.table_name
    WHERE a.run_id = (SELECT restage.run_id())
      AND a.table_name = 'public.genre'
      AND a.kind = 'allocated'
      AND c.kind = 'inserted'
      AND c.rows = a.rows
  )
HAVING count(*) > 0;

SELECT restage.count_rows('public.genre', 'matched', count(*)) AS matched
FROM restage_stage.genre AS s
JOIN restage_keymap.genre AS k
  ON k.source_id = s.id
WHERE k.matched_run = (SELECT restage.run_id())
  AND k.first_run = k.matched_run
  AND NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.genre'
      AND c.kind = 'matched'
  );

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.genre'
  AND c.kind = 'inserted';

-- file:    merge/001_dbo.Genre/50_update.sql
-- table:   public.genre
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Genre, staged in restage_stage.genre
-- body:    sha256:4319fb3ef86f5a593d1c47086a2473cfef214aa5ed2a76101e35bb3ca9458181
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.genre', 'restage_keymap.genre') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.id,
    s.name,
    s.note,
    s.parentid,
    restage.row_hash(
      ROW(
        s.id,
        s.name,
        s.note,
        s.parentid
      )::text,
      (NULL::restage_keymap.genre).row_hash
    ) AS row_hash
  FROM restage_stage.genre AS s
  JOIN restage_keymap.genre AS k
    ON k.source_id = s.id
  WHERE NOT (SELECT restage.is_all_new('public.genre'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.id,
        s.name,
        s.note,
        s.parentid
      )::text,
      (NULL::restage_keymap.genre).row_hash
    )
),
orphaned_1 AS MATERIALIZED (
  -- genre_parentid_fkey: on_orphan: fail
  SELECT restage.fail_orphans(
    'public.genre',
    'genre_parentid_fkey',
    count(*),
    min(jsonb_build_object(
      'Id', s.id,
      'ParentId', s.parentid
    )::text)
  )
  FROM changed AS s
  WHERE s.parentid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.genre AS k
      WHERE k.source_id = s.parentid
    )
  HAVING count(*) > 0
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_id,
    row_to_json(t.*) AS row_data
  FROM public.genre AS t
  LEFT JOIN restage_keymap.genre AS p1
    ON p1.target_key = t.parentid
  JOIN restage_keymap.genre AS k
    ON k.target_key = t.id
  JOIN changed AS c
    ON k.source_id = c.id
  WHERE restage.row_hash(
      ROW(
        k.source_id,
        t.name,
        t.note,
        coalesce(p1.source_id::text, 'final ' || t.parentid)
      )::text,
      (NULL::restage_keymap.genre).row_hash
    ) NOT IN (k.row_hash, c.row_hash)
),
noted AS MATERIALIZED (
  SELECT restage.fail_edited(
    'public.genre',
    count(*),
    min(jsonb_build_object('Id', e.source_id)::text)
  )
  FROM edited AS e
  HAVING count(*) > 0
),
updated AS (
  UPDATE public.genre AS t
  SET
    name = c.name,
    note = c.note,
    parentid = p1.target_key
  FROM changed AS c
  JOIN restage_keymap.genre AS k
    ON k.source_id = c.id
  LEFT JOIN restage_keymap.genre AS p1
    ON p1.source_id = c.parentid
  WHERE t.id = k.target_key
    AND (c.parentid IS NULL OR p1.target_key IS NOT NULL)
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.genre AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id()),
    matched_row = NULL
  FROM changed AS c
  WHERE k.source_id = c.id
)
SELECT
  restage.count_rows('public.genre', 'updated', count(*)) AS rows,
  (SELECT count(*) FROM orphaned_1) AS orphaned_1,
  (SELECT count(*) FROM noted) AS edited
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/001_dbo.Genre/60_vanished.sql
-- table:   public.genre
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Genre, staged in restage_stage.genre
-- body:    sha256:c2b69e1eff35a19314f81256fef0306237003618cf37979f016b309ca31ab8b4
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.genre, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.genre'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.genre AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.genre AS s
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
  FROM restage_keymap.genre AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.genre AS s
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
    'public.genre',
    'returned',
    ARRAY[b.source_id::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.genre AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_id = b.source_id
  RETURNING 1
)
SELECT
  restage.count_rows('public.genre', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.genre', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/001_dbo.Genre/70_reset.sql
-- table:   public.genre
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Genre, staged in restage_stage.genre
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Genre/90_account.sql
-- table:   public.genre
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Genre, staged in restage_stage.genre
-- body:    sha256:2e583badc41161f7071df936a8983a99330a54913ac744ddbace8354a1da748d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.genre', 'restage_keymap.genre') AS joins;

SELECT restage.close_account('public.genre', count(*)) AS rows
FROM restage_stage.genre AS s
JOIN restage_keymap.genre AS k
  ON k.source_id = s.id
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.genre'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/001_dbo.Genre/content.sql
-- table:   public.genre
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Genre
-- body:    sha256:d611ae0402d604f2dffb51dc6b3b9b2b9059dc46576b35ad4f176d68e9abe7f3
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
      s.name,
      s.note,
      s.parentid,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.genre'))
        AND r.table_name = 'public.genre'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.genre, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    CASE WHEN k.matched_row IS NULL THEN k.source_id ELSE m.id END,
    CASE WHEN k.matched_row IS NULL THEN t.name ELSE m.name END,
    CASE WHEN k.matched_row IS NULL THEN t.note ELSE m.note END,
    CASE WHEN k.matched_row IS NULL THEN coalesce(p1.source_id::text, 'final ' || t.parentid) ELSE m.parentid::text END
  FROM public.genre AS t
  LEFT JOIN restage_keymap.genre AS p1
    ON p1.target_key = t.parentid
  JOIN restage_keymap.genre AS k
    ON k.target_key = t.id
  LEFT JOIN noted AS n
    ON k.source_id = n.id
  LEFT JOIN LATERAL json_populate_record(NULL::public.genre, k.matched_row) AS m
    ON k.matched_row IS NOT NULL
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.id,
    n.name,
    n.note,
    n.parentid::text
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/001_dbo.Genre/counts.sql
-- table:   public.genre
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Genre
-- body:    sha256:929b5cf2b9214eb882314204dffc589397a16fefbb7cfbec0a4f22f19433fad1
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.genre, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.genre'))
    AND r.table_name = 'public.genre'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.genre AS t
    JOIN restage_keymap.genre AS k
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.genre'))
  AND g.table_name = 'public.genre';

-- file:    verify/001_dbo.Genre/keys.sql
-- table:   public.genre
-- purpose: known = present, when every key has its final row
-- source:  dbo.Genre
-- body:    sha256:01e25b30717c6b48be5d9ec673c034c21113eb44f25d2cf01ae2ac82e5efe25a
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.genre AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.genre AS t
    JOIN restage_keymap.genre AS k
      ON k.target_key = t.id
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.genre AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/001_dbo.Genre/others.sql
-- table:   public.genre
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Genre
-- body:    sha256:6bfaf9740219d33add47bfdbe3330506883ebbd5f250dd745c9fefcd65e265d3
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.genre AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.genre AS k
  WHERE k.target_key = t.id
);

-- file:    verify/001_dbo.Genre/orphans.sql
-- table:   public.genre
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Genre
-- body:    sha256:537e5128f0fba2c6fa2aad75e9740e8f784f55c55d122a2e080e3b97b7dfbe3f
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- genre_parentid_fkey
SELECT count(*) AS orphans
FROM public.genre AS t
WHERE t.parentid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.genre AS p
    WHERE p.id = t.parentid
  );

