-- file:    merge/002_dbo.Place/10_stage.sql
-- table:   public.place
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Place, staged in restage_stage.place
-- body:    sha256:10f43d4ee0d1408e39e0f4342950c4847940232c65ff9aff81bde7692dad1766
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.place;

CREATE UNLOGGED TABLE restage_stage.place (
  placeid integer,
  code varchar(6) COLLATE public.ignoring_case,
  othercode text
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Place/15_check.sql
-- table:   public.place
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Place, staged in restage_stage.place
-- body:    sha256:0b61d43adacd13bff2c02fc06c93b87fb3a7a18c139e144582878064504938c9
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.place (placeid, code, othercode);

SELECT restage.count_staged('public.place', count(*)) AS staged
FROM restage_stage.place AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.placeid
  FROM restage_stage.place AS s
  WHERE s.placeid IS NOT NULL
  GROUP BY
    s.placeid
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.place AS s
  WHERE s.placeid IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.place AS s
    ON s.placeid = r.placeid
),
refused AS (
  DELETE FROM restage_stage.place AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('PlaceId', s.placeid) AS source_key,
    jsonb_build_object('PlaceId', s.placeid) AS value,
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
    'public.place',
    r.source_key,
    'source key',
    ARRAY['placeid'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.place', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/002_dbo.Place/20_match.sql
-- table:   public.place
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Place, staged in restage_stage.place
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Place/30_allocate.sql
-- table:   public.place
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Place, staged in restage_stage.place
-- body:    sha256:0fdbf68a61ec061682acd994fa56c8c79d932ccc3b8d4c8ec187445c75583800
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.place', 'restage_keymap.place') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  WITH orphan AS (
    SELECT s.ctid AS row_id
    FROM restage_stage.place AS s
    WHERE s.code IS NOT NULL
      AND NOT EXISTS (
        SELECT
        FROM restage_keymap.region AS k
        WHERE rtrim(k.source_code) = rtrim(s.code)
      )
  )
  INSERT INTO restage_keymap.place (
    source_placeid,
    target_key,
    row_hash,
    first_run,
    last_run
  )
  SELECT
    s.placeid,
    nextval('public.place_placeid_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id())
  FROM (
    SELECT
      s.placeid,
      restage.row_hash(
        ROW(
          s.placeid,
          s.code,
          s.othercode
        )::text,
        (NULL::restage_keymap.place).row_hash
      ) AS row_hash
    FROM restage_stage.place AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.place AS k
      WHERE k.source_placeid = s.placeid
    )
      AND NOT EXISTS (
        SELECT
        FROM orphan AS o
        WHERE o.row_id = s.ctid
      )
    ORDER BY
      s.placeid
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.place', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.place'::regclass
  ) THEN
    ALTER TABLE restage_keymap.place
      ADD PRIMARY KEY (source_placeid),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.place'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.place'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.place;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.place'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Place/35_orphans.sql
-- table:   public.place
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Place, staged in restage_stage.place
-- body:    sha256:b079de2c76269d488ce7317d1832f015bf35e59583f89ba3c061fbb168be8861
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- place_code_fkey: on_orphan: reject
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS (
  DELETE FROM restage_stage.place AS s
  WHERE s.code IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.region AS k
      WHERE rtrim(k.source_code) = rtrim(s.code)
    )
  RETURNING
    jsonb_build_object('PlaceId', s.placeid) AS source_key,
    jsonb_build_object('Code', s.code) AS value,
    jsonb_build_object('Code', s.code) AS parent_key,
    row_to_json(s.*) AS row_data
),
refused_parent AS MATERIALIZED (
  SELECT DISTINCT ON (p.source_key)
    p.source_key,
    p.message
  FROM restage.reject AS p
  WHERE p.run_id = (SELECT restage.run_id())
    AND p.table_name = 'public.region'
    AND NOT p.is_loaded
  ORDER BY
    p.source_key,
    p.id
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
    'public.place',
    r.source_key,
    'foreign key place_code_fkey',
    ARRAY['code'],
    r.value::text,
    'the parent public.region ' || r.parent_key::text || CASE
      WHEN p.source_key IS NULL THEN ' is in no key map'
      WHEN length(p.message) > 1000 THEN ' was refused: … ' || right(p.message, 500)
      ELSE ' was refused: ' || p.message
    END,
    false,
    r.row_data
  FROM refused AS r
  LEFT JOIN refused_parent AS p
    ON p.source_key = r.parent_key
  RETURNING 1
)
SELECT restage.count_rows('public.place', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- place_code_fkey: where it differs in trailing blanks, the parent's spelling
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH spelling AS MATERIALIZED (
  SELECT DISTINCT ON (s.ctid)
    s.ctid AS row_id,
    jsonb_build_object('PlaceId', s.placeid) AS source_key,
    jsonb_build_object('Code', s.code) AS value,
    row_to_json(s.*) AS row_data,
    k.source_code
  FROM restage_stage.place AS s
  JOIN restage_keymap.region AS k
    ON rtrim(k.source_code) = rtrim(s.code)
  WHERE NOT EXISTS (
    SELECT
    FROM restage_keymap.region AS k
    WHERE k.source_code = s.code
  )
  ORDER BY
    s.ctid,
    k.vanished_run NULLS FIRST,
    k.source_code
),
respelled AS (
  UPDATE restage_stage.place AS s
  SET
    code = c.source_code
  FROM spelling AS c
  WHERE s.ctid = c.row_id
  RETURNING
    s.placeid,
    restage.row_hash(
      ROW(
        s.placeid,
        s.code,
        s.othercode
      )::text,
      (NULL::restage_keymap.place).row_hash
    ) AS row_hash
),
rehashed AS (
  UPDATE restage_keymap.place AS k
  SET row_hash = n.row_hash
  FROM respelled AS n
  WHERE k.first_run = (SELECT restage.run_id())
    AND k.source_placeid = n.placeid
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
    'public.place',
    r.source_key,
    'spelling place_code_fkey',
    ARRAY['code'],
    r.value::text,
    'differs from the parent''s key in trailing blanks; loaded as the parent has it',
    true,
    r.row_data
  FROM spelling AS r
  RETURNING 1
)
SELECT restage.count_rows('public.place', 'respelled', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- place_othercode_fkey: where it differs in trailing blanks, the parent's spelling
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH spelling AS MATERIALIZED (
  SELECT DISTINCT ON (s.ctid)
    s.ctid AS row_id,
    jsonb_build_object('PlaceId', s.placeid) AS source_key,
    jsonb_build_object('OtherCode', s.othercode) AS value,
    row_to_json(s.*) AS row_data,
    k.source_code
  FROM restage_stage.place AS s
  JOIN restage_keymap.region AS k
    ON rtrim(k.source_code) = rtrim(s.othercode) COLLATE public.ignoring_case
  WHERE NOT EXISTS (
    SELECT
    FROM restage_keymap.region AS k
    WHERE k.source_code = s.othercode COLLATE public.ignoring_case
  )
  ORDER BY
    s.ctid,
    k.vanished_run NULLS FIRST,
    k.source_code
),
respelled AS (
  UPDATE restage_stage.place AS s
  SET
    othercode = c.source_code
  FROM spelling AS c
  WHERE s.ctid = c.row_id
  RETURNING
    s.placeid,
    restage.row_hash(
      ROW(
        s.placeid,
        s.code,
        s.othercode
      )::text,
      (NULL::restage_keymap.place).row_hash
    ) AS row_hash
),
rehashed AS (
  UPDATE restage_keymap.place AS k
  SET row_hash = n.row_hash
  FROM respelled AS n
  WHERE k.first_run = (SELECT restage.run_id())
    AND k.source_placeid = n.placeid
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
    'public.place',
    r.source_key,
    'spelling place_othercode_fkey',
    ARRAY['othercode'],
    r.value::text,
    'differs from the parent''s key in trailing blanks; loaded as the parent has it',
    true,
    r.row_data
  FROM spelling AS r
  RETURNING 1
)
SELECT restage.count_rows('public.place', 'respelled', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- place_othercode_fkey: on_orphan: null
WITH orphan AS (
  SELECT
    s.ctid AS row_id,
    jsonb_build_object('PlaceId', s.placeid) AS source_key,
    jsonb_build_object('OtherCode', s.othercode) AS value,
    jsonb_build_object('Code', s.othercode) AS parent_key,
    row_to_json(s.*) AS row_data
  FROM restage_stage.place AS s
  WHERE s.othercode IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.region AS k
      WHERE rtrim(k.source_code) = rtrim(s.othercode) COLLATE public.ignoring_case
    )
),
nulled AS (
  UPDATE restage_stage.place AS s
  SET
    othercode = NULL
  FROM orphan AS o
  WHERE s.ctid = o.row_id
  RETURNING
    s.placeid,
    restage.row_hash(
      ROW(
        s.placeid,
        s.code,
        s.othercode
      )::text,
      (NULL::restage_keymap.place).row_hash
    ) AS row_hash
),
rehashed AS (
  UPDATE restage_keymap.place AS k
  SET row_hash = n.row_hash
  FROM nulled AS n
  WHERE k.first_run = (SELECT restage.run_id())
    AND k.source_placeid = n.placeid
),
refused_parent AS MATERIALIZED (
  SELECT DISTINCT ON (p.source_key)
    p.source_key,
    p.message
  FROM restage.reject AS p
  WHERE p.run_id = (SELECT restage.run_id())
    AND p.table_name = 'public.region'
    AND NOT p.is_loaded
  ORDER BY
    p.source_key,
    p.id
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
    'public.place',
    r.source_key,
    'foreign key place_othercode_fkey',
    ARRAY['othercode'],
    r.value::text,
    'the parent public.region ' || r.parent_key::text || CASE
      WHEN p.source_key IS NULL THEN ' is in no key map; loaded with NULL'
      WHEN length(p.message) > 1000 THEN ' was refused; loaded with NULL: … ' || right(p.message, 500)
      ELSE ' was refused; loaded with NULL: ' || p.message
    END,
    true,
    r.row_data
  FROM orphan AS r
  LEFT JOIN refused_parent AS p
    ON p.source_key = r.parent_key
  RETURNING 1
)
SELECT restage.count_rows('public.place', 'nulled', count(*)) AS rows
FROM recorded;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.place'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Place/40_insert.sql
-- table:   public.place
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Place, staged in restage_stage.place
-- body:    sha256:7970bb9e6c0fc12914732ca77350e79970c61821541d5124f923cc0b82fe9ece
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.place', 'restage_keymap.place') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.place (
    placeid,
    code,
    othercode
  )
  SELECT
    k.target_key,
    s.code,
    s.othercode
  FROM restage_stage.place AS s
  JOIN restage_keymap.place AS k
    ON k.source_placeid = s.placeid
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.place'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.place', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.place'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Place/50_update.sql
-- table:   public.place
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Place, staged in restage_stage.place
-- body:    sha256:e198b747cd3bd344ef3142718b623cd2c16b577a8c8008a4be1db780298595b9
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.place', 'restage_keymap.place') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.placeid,
    s.code,
    s.othercode,
    restage.row_hash(
      ROW(
        s.placeid,
        s.code,
        s.othercode
      )::text,
      (NULL::restage_keymap.place).row_hash
    ) AS row_hash
  FROM restage_stage.place AS s
  JOIN restage_keymap.place AS k
    ON k.source_placeid = s.placeid
  WHERE NOT (SELECT restage.is_all_new('public.place'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.placeid,
        s.code,
        s.othercode
      )::text,
      (NULL::restage_keymap.place).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_placeid,
    row_to_json(t.*) AS row_data
  FROM public.place AS t
  JOIN restage_keymap.place AS k
    ON k.target_key = t.placeid
  JOIN changed AS c
    ON k.source_placeid = c.placeid
  WHERE restage.row_hash(
      ROW(
        k.source_placeid,
        t.code,
        t.othercode
      )::text,
      (NULL::restage_keymap.place).row_hash
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
    'public.place',
    jsonb_build_object('source_placeid', d.source_placeid),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.place AS t
  SET
    code = c.code,
    othercode = c.othercode
  FROM changed AS c
  JOIN restage_keymap.place AS k
    ON k.source_placeid = c.placeid
  WHERE t.placeid = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.place AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_placeid = c.placeid
)
SELECT
  restage.count_rows('public.place', 'updated', count(*)) AS rows,
  restage.count_rows('public.place', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.Place/60_vanished.sql
-- table:   public.place
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Place, staged in restage_stage.place
-- body:    sha256:601f963bd0656dee5a9d333059d6e5fbf39fc7d631b8bec8197de508b60ff731
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    s.placeid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.place, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.place'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.place AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.place AS s
      WHERE k.source_placeid = s.placeid
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_placeid = r.placeid
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_placeid,
    k.vanished_run
  FROM restage_keymap.place AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_placeid,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.place AS s
    ON k.source_placeid = s.placeid
  UNION
  SELECT
    k.source_placeid,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_placeid = r.placeid
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
    'public.place',
    'returned',
    ARRAY[b.source_placeid::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.place AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_placeid = b.source_placeid
  RETURNING 1
)
SELECT
  restage.count_rows('public.place', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.place', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Place/70_reset.sql
-- table:   public.place
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Place, staged in restage_stage.place
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Place/90_account.sql
-- table:   public.place
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Place, staged in restage_stage.place
-- body:    sha256:608d0d0866d3279a0c0eb27ba2bea376a47f5251a0b97b220760cca0fb714519
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.place', 'restage_keymap.place') AS joins;

SELECT restage.close_account('public.place', count(*)) AS rows
FROM restage_stage.place AS s
JOIN restage_keymap.place AS k
  ON k.source_placeid = s.placeid
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.place'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Place/content.sql
-- table:   public.place
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Place
-- body:    sha256:6509c3e96a6d27207cfc9e9558ed83c1062ea9976597fb55eccd9be6264e78c7
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
      s.placeid,
      s.code,
      s.othercode,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.place'))
        AND r.table_name = 'public.place'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.place, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_placeid,
    CASE WHEN rtrim(n.code) = rtrim(t.code) THEN n.code ELSE t.code END,
    CASE WHEN rtrim(n.othercode) = rtrim(coalesce(t.othercode, n.othercode)) COLLATE public.ignoring_case THEN n.othercode ELSE coalesce(t.othercode, n.othercode) END
  FROM public.place AS t
  JOIN restage_keymap.place AS k
    ON k.target_key = t.placeid
  LEFT JOIN noted AS n
    ON k.source_placeid = n.placeid
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.placeid,
    n.code,
    n.othercode
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Place/counts.sql
-- table:   public.place
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Place
-- body:    sha256:0c622d50ba207d6673c71a14b1ff21bc99a248c6ec009108ee28be5ab85b15c3
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.placeid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.place, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.place'))
    AND r.table_name = 'public.place'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.place AS t
    JOIN restage_keymap.place AS k
      ON k.target_key = t.placeid
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_placeid = r.placeid
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.place'))
  AND g.table_name = 'public.place';

-- file:    verify/002_dbo.Place/keys.sql
-- table:   public.place
-- purpose: known = present, when every key has its final row
-- source:  dbo.Place
-- body:    sha256:5b0ef22286ab8f014687eac9f3802d721c6abe3f9878f10b0579f05af09344fe
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.place AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.place AS t
    JOIN restage_keymap.place AS k
      ON k.target_key = t.placeid
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.place AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Place/others.sql
-- table:   public.place
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Place
-- body:    sha256:627db16bbe9e486d20871d3a22457d3dff4ef708714811639f5fddd88600dc93
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.place AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.place AS k
  WHERE k.target_key = t.placeid
);

-- file:    verify/002_dbo.Place/orphans.sql
-- table:   public.place
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Place
-- body:    sha256:912f8780a55be7c296a30240315c180b09f2429b39c7b094b92cf55c459c4ce1
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- place_code_fkey
SELECT count(*) AS orphans
FROM public.place AS t
WHERE t.code IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.region AS p
    WHERE p.code = t.code
  );

-- place_othercode_fkey
SELECT count(*) AS orphans
FROM public.place AS t
WHERE t.othercode IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.region AS p
    WHERE p.code = t.othercode COLLATE public.ignoring_case
  );

