-- file:    merge/002_dbo.Measure/10_stage.sql
-- table:   public.measure
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Measure, staged in restage_stage.measure
-- body:    sha256:f2962ff8076396f27d5edbc706cca680d83f5a7974f5552a19b1ca1e25ad4672
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.measure;

CREATE UNLOGGED TABLE restage_stage.measure (
  id integer,
  code varchar(6)
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Measure/15_check.sql
-- table:   public.measure
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Measure, staged in restage_stage.measure
-- body:    sha256:c64ef1dae8e416f7a54a01ec3640892d6a14960d08a605fe157bd905a683dea7
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.measure (id, code);

SELECT restage.count_staged('public.measure', count(*)) AS staged
FROM restage_stage.measure AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.id
  FROM restage_stage.measure AS s
  WHERE s.id IS NOT NULL
  GROUP BY
    s.id
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.measure AS s
  WHERE s.id IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.measure AS s
    ON s.id = r.id
),
refused AS (
  DELETE FROM restage_stage.measure AS s
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
    'public.measure',
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
SELECT restage.count_rows('public.measure', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/002_dbo.Measure/20_match.sql
-- table:   public.measure
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Measure, staged in restage_stage.measure
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Measure/30_allocate.sql
-- table:   public.measure
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Measure, staged in restage_stage.measure
-- body:    sha256:f2cda9145fff1a8601f5b39ec930ce7800a9bd098a8df33013c7ad9d06371b14
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.measure', 'restage_keymap.measure') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.measure (
    source_id,
    target_key,
    row_hash,
    first_run,
    last_run
  )
  SELECT
    s.id,
    nextval('public.measure_id_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id())
  FROM (
    SELECT
      s.id,
      restage.row_hash(
        ROW(
          s.id,
          s.code
        )::text,
        (NULL::restage_keymap.measure).row_hash
      ) AS row_hash
    FROM restage_stage.measure AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.measure AS k
      WHERE k.source_id = s.id
    )
    ORDER BY
      s.id
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.measure', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.measure'::regclass
  ) THEN
    ALTER TABLE restage_keymap.measure
      ADD PRIMARY KEY (source_id),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.measure'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.measure'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.measure;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.measure'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Measure/35_orphans.sql
-- table:   public.measure
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Measure, staged in restage_stage.measure
-- body:    sha256:6abe4efda6c6011f8a1c52005779b7992c8a47d5726a928dc117824d7403d565
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- measure_code_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.measure',
  'measure_code_fkey',
  count(*),
  min(jsonb_build_object(
    'Id', s.id,
    'Code', s.code
  )::text)
)
FROM restage_stage.measure AS s
WHERE s.code IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.unit AS k
    WHERE rtrim(k.source_code) = rtrim(s.code)
  )
HAVING count(*) > 0;

-- measure_code_fkey: where it differs in trailing blanks, the parent's spelling
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH spelling AS MATERIALIZED (
  SELECT DISTINCT ON (s.ctid)
    s.ctid AS row_id,
    jsonb_build_object('Id', s.id) AS source_key,
    jsonb_build_object('Code', s.code) AS value,
    row_to_json(s.*) AS row_data,
    k.source_code
  FROM restage_stage.measure AS s
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
  UPDATE restage_stage.measure AS s
  SET
    code = c.source_code
  FROM spelling AS c
  WHERE s.ctid = c.row_id
  RETURNING
    s.id,
    restage.row_hash(
      ROW(
        s.id,
        s.code
      )::text,
      (NULL::restage_keymap.measure).row_hash
    ) AS row_hash
),
rehashed AS (
  UPDATE restage_keymap.measure AS k
  SET row_hash = n.row_hash
  FROM respelled AS n
  WHERE k.first_run = (SELECT restage.run_id())
    AND k.source_id = n.id
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
    'public.measure',
    r.source_key,
    'spelling measure_code_fkey',
    ARRAY['code'],
    r.value::text,
    'differs from the parent''s key in trailing blanks; loaded as the parent has it',
    true,
    r.row_data
  FROM spelling AS r
  RETURNING 1
)
SELECT restage.count_rows('public.measure', 'respelled', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.measure'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Measure/40_insert.sql
-- table:   public.measure
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Measure, staged in restage_stage.measure
-- body:    sha256:d74f9a482a4164ddb7e21063e9428d730f2154c15e9d8136c2accc0b9e3c085e
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.measure', 'restage_keymap.measure') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.measure (
    id,
    code
  )
  SELECT
    k.target_key,
    s.code
  FROM restage_stage.measure AS s
  JOIN restage_keymap.measure AS k
    ON k.source_id = s.id
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.measure'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.measure', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.measure'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Measure/50_update.sql
-- table:   public.measure
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Measure, staged in restage_stage.measure
-- body:    sha256:f9497f837e884b2c42f8e3e33198fc0d7bc71f65df168478c08e3349d15f14bf
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.measure', 'restage_keymap.measure') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.id,
    s.code,
    restage.row_hash(
      ROW(
        s.id,
        s.code
      )::text,
      (NULL::restage_keymap.measure).row_hash
    ) AS row_hash
  FROM restage_stage.measure AS s
  JOIN restage_keymap.measure AS k
    ON k.source_id = s.id
  WHERE NOT (SELECT restage.is_all_new('public.measure'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.id,
        s.code
      )::text,
      (NULL::restage_keymap.measure).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_id,
    row_to_json(t.*) AS row_data
  FROM public.measure AS t
  JOIN restage_keymap.measure AS k
    ON k.target_key = t.id
  JOIN changed AS c
    ON k.source_id = c.id
  WHERE restage.row_hash(
      ROW(
        k.source_id,
        t.code
      )::text,
      (NULL::restage_keymap.measure).row_hash
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
    'public.measure',
    jsonb_build_object('source_id', d.source_id),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.measure AS t
  SET
    code = c.code
  FROM changed AS c
  JOIN restage_keymap.measure AS k
    ON k.source_id = c.id
  WHERE t.id = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.measure AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_id = c.id
)
SELECT
  restage.count_rows('public.measure', 'updated', count(*)) AS rows,
  restage.count_rows('public.measure', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.Measure/60_vanished.sql
-- table:   public.measure
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Measure, staged in restage_stage.measure
-- body:    sha256:77fd8ed4e56367322d99d87accab59a55eaad27217b57f3464599b6e25e4fbcd
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.measure, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.measure'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.measure AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.measure AS s
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
  FROM restage_keymap.measure AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.measure AS s
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
    'public.measure',
    'returned',
    ARRAY[b.source_id::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.measure AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_id = b.source_id
  RETURNING 1
)
SELECT
  restage.count_rows('public.measure', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.measure', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Measure/70_reset.sql
-- table:   public.measure
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Measure, staged in restage_stage.measure
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Measure/90_account.sql
-- table:   public.measure
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Measure, staged in restage_stage.measure
-- body:    sha256:b7a890b89df65d827a62b2c659fcdfe1215fe4d5ad17d14984312c07381fc311
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.measure', 'restage_keymap.measure') AS joins;

SELECT restage.close_account('public.measure', count(*)) AS rows
FROM restage_stage.measure AS s
JOIN restage_keymap.measure AS k
  ON k.source_id = s.id
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.measure'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Measure/content.sql
-- table:   public.measure
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Measure
-- body:    sha256:2c43caf3e578fb9449caa744108edc23faec9f01773b97cc407e964173ab13b9
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
      s.code,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.measure'))
        AND r.table_name = 'public.measure'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.measure, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_id,
    CASE WHEN rtrim(n.code) = rtrim(t.code) THEN n.code ELSE t.code END
  FROM public.measure AS t
  JOIN restage_keymap.measure AS k
    ON k.target_key = t.id
  LEFT JOIN noted AS n
    ON k.source_id = n.id
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.id,
    n.code
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Measure/counts.sql
-- table:   public.measure
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Measure
-- body:    sha256:d0638acd8c92c23510c8fde29c0140404bbd6328fa5bfb49d8fe779d9cb07ea6
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.measure, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.measure'))
    AND r.table_name = 'public.measure'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.measure AS t
    JOIN restage_keymap.measure AS k
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.measure'))
  AND g.table_name = 'public.measure';

-- file:    verify/002_dbo.Measure/keys.sql
-- table:   public.measure
-- purpose: known = present, when every key has its final row
-- source:  dbo.Measure
-- body:    sha256:7b648a5c5687c0df9569e514a2009ff0f7a8c7f162885539d9a584fd22c67d16
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.measure AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.measure AS t
    JOIN restage_keymap.measure AS k
      ON k.target_key = t.id
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.measure AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Measure/others.sql
-- table:   public.measure
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Measure
-- body:    sha256:cad384f7b994962e251e75b40b5c87e7c2acefad9a6f71a998086bfbaa9674dd
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.measure AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.measure AS k
  WHERE k.target_key = t.id
);

-- file:    verify/002_dbo.Measure/orphans.sql
-- table:   public.measure
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Measure
-- body:    sha256:4ff083568417dae98720cb8bc1d14fb3fa519406e859dd0de39f726fb3407ee5
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- measure_code_fkey
SELECT count(*) AS orphans
FROM public.measure AS t
WHERE t.code IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.unit AS p
    WHERE p.code = t.code
  );

