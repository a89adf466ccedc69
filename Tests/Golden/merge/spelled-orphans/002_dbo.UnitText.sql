-- file:    merge/002_dbo.UnitText/10_stage.sql
-- table:   public.unittext
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.UnitText, staged in restage_stage.unittext
-- body:    sha256:e25d081c2976ff4d265bd54b651e86e94c11457d1d88b3e169c1f4c31e547156
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.unittext;

CREATE UNLOGGED TABLE restage_stage.unittext (
  code varchar(6) COLLATE public.ignoring_case,
  othercode varchar(6) COLLATE public.ignoring_case,
  basecode varchar(6) COLLATE public.ignoring_case,
  nextcode varchar(6) COLLATE public.ignoring_case
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.UnitText/15_check.sql
-- table:   public.unittext
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.UnitText, staged in restage_stage.unittext
-- body:    sha256:f12c1990784ee5e1938bff2ef98dbef063f66a1fd9de80f5a4934c1bb95303b0
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.unittext (code, othercode, basecode, nextcode);

SELECT restage.count_staged('public.unittext', count(*)) AS staged
FROM restage_stage.unittext AS s;

WITH repeated AS MATERIALIZED (
  SELECT
    rtrim(s.code) AS code
  FROM restage_stage.unittext AS s
  WHERE s.code IS NOT NULL
  GROUP BY
    rtrim(s.code)
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.unittext AS s
  WHERE s.code IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.unittext AS s
    ON rtrim(s.code) = r.code
),
refused AS (
  DELETE FROM restage_stage.unittext AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('Code', s.code) AS source_key,
    jsonb_build_object('Code', s.code) AS value,
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
    'public.unittext',
    r.source_key,
    'source key',
    ARRAY['code'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.unittext', 'rejected', count(*)) AS rows
FROM recorded;

-- file:    merge/002_dbo.UnitText/20_match.sql
-- table:   public.unittext
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.UnitText, staged in restage_stage.unittext
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.UnitText/30_allocate.sql
-- table:   public.unittext
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.UnitText, staged in restage_stage.unittext
-- body:    sha256:8e4b268c7c00c528351740b9396b84be15acf98f8e6a5a69cbc9ca3c7d0ebd7d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.unittext', 'restage_keymap.unittext') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.unittext (
    source_code,
    target_key,
    row_hash,
    first_run,
    last_run
  )
  SELECT
    s.code,
    s.code,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id())
  FROM (
    SELECT
      s.code,
      restage.row_hash(
        ROW(
          s.code,
          s.othercode,
          s.basecode,
          s.nextcode
        )::text,
        (NULL::restage_keymap.unittext).row_hash
      ) AS row_hash
    FROM restage_stage.unittext AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.unittext AS k
      WHERE rtrim(k.source_code) = rtrim(s.code)
    )
    ORDER BY
      s.code
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.unittext', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.unittext'::regclass
  ) THEN
    ALTER TABLE restage_keymap.unittext
      ADD PRIMARY KEY (source_code),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.unittext'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.unittext'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.unittext;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.unittext'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.UnitText/35_orphans.sql
-- table:   public.unittext
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.UnitText, staged in restage_stage.unittext
-- body:    sha256:b143a05289755cf87813fc32e2773dde0ce70f0123442b0b1837467cc9ca113b
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- unittext_nextcode_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.unittext',
  'unittext_nextcode_fkey',
  count(*),
  min(jsonb_build_object(
    'Code', s.code,
    'NextCode', s.nextcode
  )::text)
)
FROM restage_stage.unittext AS s
WHERE s.nextcode IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.unittext AS k
    WHERE rtrim(k.source_code) = rtrim(s.nextcode)
  )
HAVING count(*) > 0;

-- unittext_code_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.unittext',
  'unittext_code_fkey',
  count(*),
  min(jsonb_build_object('Code', s.code)::text)
)
FROM restage_stage.unittext AS s
WHERE s.code IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.unit AS k
    WHERE rtrim(k.source_code) = rtrim(s.code)
  )
HAVING count(*) > 0;

-- unittext_othercode_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.unittext',
  'unittext_othercode_fkey',
  count(*),
  min(jsonb_build_object(
    'Code', s.code,
    'OtherCode', s.othercode
  )::text)
)
FROM restage_stage.unittext AS s
WHERE s.othercode IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.unit AS k
    WHERE rtrim(k.source_code) = rtrim(s.othercode)
  )
HAVING count(*) > 0;

-- unittext_code_fkey: where it differs in trailing blanks, the parent's spelling
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH spelling AS MATERIALIZED (
  SELECT DISTINCT ON (s.ctid)
    s.ctid AS row_id,
    jsonb_build_object('Code', s.code) AS source_key,
    jsonb_build_object('Code', s.code) AS value,
    row_to_json(s.*) AS row_data,
    k.source_code
  FROM restage_stage.unittext AS s
  JOIN restage_keymap.unit AS k
    ON rtrim(k.source_code) = rtrim(s.code)
  WHERE NOT EXISTS (
    SELECT
    FROM restage_keymap.unit AS k
    WHERE k.source_code = s.code
  )
  ORDER BY
    s.ctid,
    k.vanished_run NULLS FIRST,
    k.source_code
),
respelled AS (
  UPDATE restage_stage.unittext AS s
  SET
    code = c.source_code
  FROM spelling AS c
  WHERE s.ctid = c.row_id
  RETURNING
    s.code,
    restage.row_hash(
      ROW(
        s.code,
        s.othercode,
        s.basecode,
        s.nextcode
      )::text,
      (NULL::restage_keymap.unittext).row_hash
    ) AS row_hash
),
rehashed AS (
  UPDATE restage_keymap.unittext AS k
  SET row_hash = n.row_hash
  FROM respelled AS n
  WHERE k.first_run = (SELECT restage.run_id())
    AND rtrim(k.source_code) = rtrim(n.code)
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
    'public.unittext',
    r.source_key,
    'spelling unittext_code_fkey',
    ARRAY['code'],
    r.value::text,
    'differs from the parent''s key in trailing blanks; loaded as the parent has it',
    true,
    r.row_data
  FROM spelling AS r
  RETURNING 1
)
SELECT restage.count_rows('public.unittext', 'respelled', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- Keys that differ from those of the key map in case or trailing blanks.
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

UPDATE restage_keymap.unittext AS k
SET
  source_code = s.code,
  target_key = CASE
    WHEN k.first_run = (SELECT restage.run_id()) THEN s.code
    ELSE k.target_key
  END
FROM restage_stage.unittext AS s
WHERE rtrim(k.source_code) = rtrim(s.code)
  AND k.source_code COLLATE "C" <> s.code COLLATE "C";

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- unittext_nextcode_fkey: where it differs in trailing blanks, the parent's spelling
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH spelling AS MATERIALIZED (
  SELECT DISTINCT ON (s.ctid)
    s.ctid AS row_id,
    jsonb_build_object('Code', s.code) AS source_key,
    jsonb_build_object('NextCode', s.nextcode) AS value,
    row_to_json(s.*) AS row_data,
    k.source_code
  FROM restage_stage.unittext AS s
  JOIN restage_keymap.unittext AS k
    ON rtrim(k.source_code) = rtrim(s.nextcode)
  WHERE NOT EXISTS (
    SELECT
    FROM restage_keymap.unittext AS k
    WHERE k.source_code = s.nextcode
  )
  ORDER BY
    s.ctid,
    k.vanished_run NULLS FIRST,
    k.source_code
),
respelled AS (
  UPDATE restage_stage.unittext AS s
  SET
    nextcode = c.source_code
  FROM spelling AS c
  WHERE s.ctid = c.row_id
  RETURNING
    s.code,
    restage.row_hash(
      ROW(
        s.code,
        s.othercode,
        s.basecode,
        s.nextcode
      )::text,
      (NULL::restage_keymap.unittext).row_hash
    ) AS row_hash
),
rehashed AS (
  UPDATE restage_keymap.unittext AS k
  SET row_hash = n.row_hash
  FROM respelled AS n
  WHERE k.first_run = (SELECT restage.run_id())
    AND rtrim(k.source_code) = rtrim(n.code)
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
    'public.unittext',
    r.source_key,
    'spelling unittext_nextcode_fkey',
    ARRAY['nextcode'],
    r.value::text,
    'differs from the parent''s key in trailing blanks; loaded as the parent has it',
    true,
    r.row_data
  FROM spelling AS r
  RETURNING 1
)
SELECT restage.count_rows('public.unittext', 'respelled', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- unittext_othercode_fkey: where it differs in trailing blanks, the parent's spelling
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH spelling AS MATERIALIZED (
  SELECT DISTINCT ON (s.ctid)
    s.ctid AS row_id,
    jsonb_build_object('Code', s.code) AS source_key,
    jsonb_build_object('OtherCode', s.othercode) AS value,
    row_to_json(s.*) AS row_data,
    k.source_code
  FROM restage_stage.unittext AS s
  JOIN restage_keymap.unit AS k
    ON rtrim(k.source_code) = rtrim(s.othercode)
  WHERE NOT EXISTS (
    SELECT
    FROM restage_keymap.unit AS k
    WHERE k.source_code = s.othercode
  )
  ORDER BY
    s.ctid,
    k.vanished_run NULLS FIRST,
    k.source_code
),
respelled AS (
  UPDATE restage_stage.unittext AS s
  SET
    othercode = c.source_code
  FROM spelling AS c
  WHERE s.ctid = c.row_id
  RETURNING
    s.code,
    restage.row_hash(
      ROW(
        s.code,
        s.othercode,
        s.basecode,
        s.nextcode
      )::text,
      (NULL::restage_keymap.unittext).row_hash
    ) AS row_hash
),
rehashed AS (
  UPDATE restage_keymap.unittext AS k
  SET row_hash = n.row_hash
  FROM respelled AS n
  WHERE k.first_run = (SELECT restage.run_id())
    AND rtrim(k.source_code) = rtrim(n.code)
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
    'public.unittext',
    r.source_key,
    'spelling unittext_othercode_fkey',
    ARRAY['othercode'],
    r.value::text,
    'differs from the parent''s key in trailing blanks; loaded as the parent has it',
    true,
    r.row_data
  FROM spelling AS r
  RETURNING 1
)
SELECT restage.count_rows('public.unittext', 'respelled', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- unittext_basecode_fkey: where it differs in trailing blanks, the parent's spelling
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH spelling AS MATERIALIZED (
  SELECT DISTINCT ON (s.ctid)
    s.ctid AS row_id,
    jsonb_build_object('Code', s.code) AS source_key,
    jsonb_build_object('BaseCode', s.basecode) AS value,
    row_to_json(s.*) AS row_data,
    k.source_code
  FROM restage_stage.unittext AS s
  JOIN restage_keymap.unit AS k
    ON rtrim(k.source_code) = rtrim(s.basecode)
  WHERE NOT EXISTS (
    SELECT
    FROM restage_keymap.unit AS k
    WHERE k.source_code = s.basecode
  )
  ORDER BY
    s.ctid,
    k.vanished_run NULLS FIRST,
    k.source_code
),
respelled AS (
  UPDATE restage_stage.unittext AS s
  SET
    basecode = c.source_code
  FROM spelling AS c
  WHERE s.ctid = c.row_id
  RETURNING
    s.code,
    restage.row_hash(
      ROW(
        s.code,
        s.othercode,
        s.basecode,
        s.nextcode
      )::text,
      (NULL::restage_keymap.unittext).row_hash
    ) AS row_hash
),
rehashed AS (
  UPDATE restage_keymap.unittext AS k
  SET row_hash = n.row_hash
  FROM respelled AS n
  WHERE k.first_run = (SELECT restage.run_id())
    AND rtrim(k.source_code) = rtrim(n.code)
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
    'public.unittext',
    r.source_key,
    'spelling unittext_basecode_fkey',
    ARRAY['basecode'],
    r.value::text,
    'differs from the parent''s key in trailing blanks; loaded as the parent has it',
    true,
    r.row_data
  FROM spelling AS r
  RETURNING 1
)
SELECT restage.count_rows('public.unittext', 'respelled', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- unittext_basecode_fkey: on_orphan: null
WITH orphan AS (
  SELECT
    s.ctid AS row_id,
    jsonb_build_object('Code', s.code) AS source_key,
    jsonb_build_object('BaseCode', s.basecode) AS value,
    jsonb_build_object('Code', s.basecode) AS parent_key,
    row_to_json(s.*) AS row_data
  FROM restage_stage.unittext AS s
  WHERE s.basecode IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.unit AS k
      WHERE rtrim(k.source_code) = rtrim(s.basecode)
    )
),
nulled AS (
  UPDATE restage_stage.unittext AS s
  SET
    basecode = NULL
  FROM orphan AS o
  WHERE s.ctid = o.row_id
  RETURNING
    s.code,
    restage.row_hash(
      ROW(
        s.code,
        s.othercode,
        s.basecode,
        s.nextcode
      )::text,
      (NULL::restage_keymap.unittext).row_hash
    ) AS row_hash
),
rehashed AS (
  UPDATE restage_keymap.unittext AS k
  SET row_hash = n.row_hash
  FROM nulled AS n
  WHERE k.first_run = (SELECT restage.run_id())
    AND rtrim(k.source_code) = rtrim(n.code)
),
refused_parent AS MATERIALIZED (
  SELECT DISTINCT ON (p.source_key)
    p.source_key,
    p.message
  FROM restage.reject AS p
  WHERE p.run_id = (SELECT restage.run_id())
    AND p.table_name = 'public.unit'
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
    'public.unittext',
    r.source_key,
    'foreign key unittext_basecode_fkey',
    ARRAY['basecode'],
    r.value::text,
    'the parent public.unit ' || r.parent_key::text || CASE
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
SELECT restage.count_rows('public.unittext', 'nulled', count(*)) AS rows
FROM recorded;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.unittext'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.UnitText/40_insert.sql
-- table:   public.unittext
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.UnitText, staged in restage_stage.unittext
-- body:    sha256:6844afdd8cb054468da41d4cb6d6dd64eceefc8a7a994bf447fc8365beb1ab7b
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.unittext', 'restage_keymap.unittext') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.unittext (
    code,
    othercode,
    basecode,
    nextcode
  )
  SELECT
    s.code,
    s.othercode,
    s.basecode,
    s.nextcode
  FROM restage_stage.unittext AS s
  JOIN restage_keymap.unittext AS k
    ON rtrim(k.source_code) = rtrim(s.code)
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.unittext'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.unittext', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.unittext'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.UnitText/50_update.sql
-- table:   public.unittext
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.UnitText, staged in restage_stage.unittext
-- body:    sha256:774a9bc0c9d504ed8167d00e79e9c25fb4dd22adb16cd7a79d79a78d168cf79b
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.unittext', 'restage_keymap.unittext') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.code,
    s.othercode,
    s.basecode,
    s.nextcode,
    restage.row_hash(
      ROW(
        s.code,
        s.othercode,
        s.basecode,
        s.nextcode
      )::text,
      (NULL::restage_keymap.unittext).row_hash
    ) AS row_hash
  FROM restage_stage.unittext AS s
  JOIN restage_keymap.unittext AS k
    ON rtrim(k.source_code) = rtrim(s.code)
  WHERE NOT (SELECT restage.is_all_new('public.unittext'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.code,
        s.othercode,
        s.basecode,
        s.nextcode
      )::text,
      (NULL::restage_keymap.unittext).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_code,
    row_to_json(t.*) AS row_data
  FROM public.unittext AS t
  JOIN restage_keymap.unittext AS k
    ON k.target_key = t.code
  JOIN changed AS c
    ON rtrim(k.source_code) = rtrim(c.code)
  WHERE restage.row_hash(
      ROW(
        t.code,
        t.othercode,
        t.basecode,
        t.nextcode
      )::text,
      (NULL::restage_keymap.unittext).row_hash
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
    'public.unittext',
    jsonb_build_object('source_code', d.source_code),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.unittext AS t
  SET
    code = c.code,
    othercode = c.othercode,
    basecode = c.basecode,
    nextcode = c.nextcode
  FROM changed AS c
  JOIN restage_keymap.unittext AS k
    ON rtrim(k.source_code) = rtrim(c.code)
  WHERE t.code = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.unittext AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id()),
    target_key = c.code
  FROM changed AS c
  WHERE rtrim(k.source_code) = rtrim(c.code)
)
SELECT
  restage.count_rows('public.unittext', 'updated', count(*)) AS rows,
  restage.count_rows('public.unittext', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.UnitText/60_vanished.sql
-- table:   public.unittext
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.UnitText, staged in restage_stage.unittext
-- body:    sha256:ea4f43c9489b83b839d7c44057041b4918efd6f73cda440591ec09fb9c2b8a74
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    s.code
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.unittext, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.unittext'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.unittext AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.unittext AS s
      WHERE rtrim(k.source_code) = rtrim(s.code)
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE rtrim(k.source_code) = rtrim(r.code)
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_code,
    k.vanished_run
  FROM restage_keymap.unittext AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_code,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.unittext AS s
    ON rtrim(k.source_code) = rtrim(s.code)
  UNION
  SELECT
    k.source_code,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON rtrim(k.source_code) = rtrim(r.code)
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
    'public.unittext',
    'returned',
    ARRAY[b.source_code::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.unittext AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_code = b.source_code
  RETURNING 1
)
SELECT
  restage.count_rows('public.unittext', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.unittext', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.UnitText/70_reset.sql
-- table:   public.unittext
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.UnitText, staged in restage_stage.unittext
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.UnitText/90_account.sql
-- table:   public.unittext
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.UnitText, staged in restage_stage.unittext
-- body:    sha256:aa0f8edd41323dafea728d3e4a545bbd9f662f97f6da5fda2576e1a11d0ff573
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.unittext', 'restage_keymap.unittext') AS joins;

SELECT restage.close_account('public.unittext', count(*)) AS rows
FROM restage_stage.unittext AS s
JOIN restage_keymap.unittext AS k
  ON rtrim(k.source_code) = rtrim(s.code)
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.unittext'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.UnitText/content.sql
-- table:   public.unittext
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.UnitText
-- body:    sha256:13e2908c2ab636e483256c18496c8714a97bdc278395ae993be328e72acf2add
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
      s.code,
      s.othercode,
      s.basecode,
      s.nextcode,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY rtrim(r.source_key ->> 'Code') COLLATE public.ignoring_case ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.unittext'))
        AND r.table_name = 'public.unittext'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.unittext, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    CASE WHEN rtrim(n.code) = rtrim(t.code) THEN n.code ELSE t.code END,
    CASE WHEN rtrim(n.othercode) = rtrim(t.othercode) THEN n.othercode ELSE t.othercode END,
    CASE WHEN rtrim(n.basecode) = rtrim(coalesce(t.basecode, n.basecode)) THEN n.basecode ELSE coalesce(t.basecode, n.basecode) END,
    CASE WHEN rtrim(n.nextcode) = rtrim(t.nextcode) THEN n.nextcode ELSE t.nextcode END
  FROM public.unittext AS t
  JOIN restage_keymap.unittext AS k
    ON k.target_key = t.code
  LEFT JOIN noted AS n
    ON rtrim(k.source_code) = rtrim(n.code)
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.code,
    n.othercode,
    n.basecode,
    n.nextcode
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.UnitText/counts.sql
-- table:   public.unittext
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.UnitText
-- body:    sha256:d491dbd429c9469c7c24e6feb49504554d5267c45044593d9328a57beeca1af6
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.code
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.unittext, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.unittext'))
    AND r.table_name = 'public.unittext'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.unittext AS t
    JOIN restage_keymap.unittext AS k
      ON k.target_key = t.code
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE rtrim(k.source_code) = rtrim(r.code)
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.unittext'))
  AND g.table_name = 'public.unittext';

-- file:    verify/002_dbo.UnitText/keys.sql
-- table:   public.unittext
-- purpose: known = present, when every key has its final row
-- source:  dbo.UnitText
-- body:    sha256:4306e970b0765b3d31393876f4068de21ec0ac83b6527162beb4bf21db63e4cf
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.unittext AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.unittext AS t
    JOIN restage_keymap.unittext AS k
      ON k.target_key = t.code
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.unittext AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.UnitText/others.sql
-- table:   public.unittext
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.UnitText
-- body:    sha256:46392c55fde3dce820025f592cb81b6acc3acf9b22044351c55613d8c121cd12
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.unittext AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.unittext AS k
  WHERE k.target_key = t.code
);

-- file:    verify/002_dbo.UnitText/orphans.sql
-- table:   public.unittext
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.UnitText
-- body:    sha256:bc89eed47b1e0445dc8769e65f73c492260360fce3507928b94079b172fe7935
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- unittext_nextcode_fkey
SELECT count(*) AS orphans
FROM public.unittext AS t
WHERE t.nextcode IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.unittext AS p
    WHERE p.code = t.nextcode
  );

-- unittext_code_fkey
SELECT count(*) AS orphans
FROM public.unittext AS t
WHERE t.code IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.unit AS p
    WHERE p.code = t.code
  );

-- unittext_othercode_fkey
SELECT count(*) AS orphans
FROM public.unittext AS t
WHERE t.othercode IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.unit AS p
    WHERE p.code = t.othercode
  );

-- unittext_basecode_fkey
SELECT count(*) AS orphans
FROM public.unittext AS t
WHERE t.basecode IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.unit AS p
    WHERE p.code = t.basecode
  );

-- file:    verify/002_dbo.UnitText/unique.sql
-- table:   public.unittext
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.UnitText
-- body:    sha256:c654d987205e8141efb1e16eef9a030ea746e900046405dd0b97963b33ebd7a9
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- unittext_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.unittext
),
held AS (
  SELECT
    t.code AS code,
    k.first_run IS NOT NULL AS is_known
  FROM public.unittext AS t
  LEFT JOIN restage_keymap.unittext AS k
    ON k.target_key = t.code
)
SELECT
  jsonb_build_object('Code', s.code) AS value,
  jsonb_build_object('Code', s.code) AS staged_row,
  jsonb_build_object('Code', o.code) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.code = s.code
  AND ROW(s.code) < ROW(o.code)
UNION ALL
SELECT
  jsonb_build_object('Code', s.code) AS value,
  jsonb_build_object('Code', s.code) AS staged_row,
  jsonb_build_object('Code', t.code) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN o.code IS NULL THEN 'vanished'
    WHEN ROW(o.code) IS DISTINCT FROM ROW(t.code) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.code = s.code
LEFT JOIN restage_stage.unittext AS o
  ON o.code = t.code
WHERE NOT (t.is_known AND ROW(s.code) IS NOT DISTINCT FROM ROW(t.code))
LIMIT 20;

