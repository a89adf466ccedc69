-- file:    merge/003_dbo.Employee/10_stage.sql
-- table:   public.employee
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:913224b87cb2f65e40567d7383f90771e18bc1aeb03ea5e8da3b3a16f773ff59
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.employee;

CREATE UNLOGGED TABLE restage_stage.employee (
  code varchar(6),
  regionid integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/003_dbo.Employee/15_check.sql
-- table:   public.employee
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:987b5925ea4dc0780f39f507c065bd8f6ccb8aa0afcd15b53606a0bc1d6d6b76
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.employee (code, regionid);

SELECT restage.count_staged('public.employee', count(*)) AS staged
FROM restage_stage.employee AS s;

WITH repeated AS MATERIALIZED (
  SELECT
    rtrim(s.code) AS code
  FROM restage_stage.employee AS s
  WHERE s.code IS NOT NULL
  GROUP BY
    rtrim(s.code)
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.employee AS s
  WHERE s.code IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.employee AS s
    ON rtrim(s.code) = r.code
),
refused AS (
  DELETE FROM restage_stage.employee AS s
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
    'public.employee',
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
SELECT restage.count_rows('public.employee', 'rejected', count(*)) AS rows
FROM recorded;

-- file:    merge/003_dbo.Employee/20_match.sql
-- table:   public.employee
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Employee/30_allocate.sql
-- table:   public.employee
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:d1e67a381ff6febccd9aa9bdc46614e57e307e118e54a96fa52f8def569d3b1e
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- employee_regionid_fkey: on_orphan: reject
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS (
  DELETE FROM restage_stage.employee AS s
  WHERE s.regionid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.region AS k
      WHERE k.source_id = s.regionid
    )
  RETURNING
    jsonb_build_object('Code', s.code) AS source_key,
    jsonb_build_object('RegionId', s.regionid) AS value,
    jsonb_build_object('Id', s.regionid) AS parent_key,
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
    'public.employee',
    r.source_key,
    'foreign key employee_regionid_fkey',
    ARRAY['regionid'],
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
SELECT restage.count_rows('public.employee', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.employee', 'restage_keymap.employee') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.employee (
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
          s.regionid
        )::text,
        (NULL::restage_keymap.employee).row_hash
      ) AS row_hash
    FROM restage_stage.employee AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.employee AS k
      WHERE rtrim(k.source_code) = rtrim(s.code)
    )
    ORDER BY
      s.code
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.employee', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.employee'::regclass
  ) THEN
    ALTER TABLE restage_keymap.employee
      ADD PRIMARY KEY (source_code),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.employee'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.employee'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.employee;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.employee'
  AND c.kind = 'allocated';

-- file:    merge/003_dbo.Employee/35_orphans.sql
-- table:   public.employee
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:1774e9a9eea871e8ed9101b7bab4f2121d88451df5cce382cbf3886434dfabfa
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- employee_code_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.employee',
  'employee_code_fkey',
  count(*),
  min(jsonb_build_object('Code', s.code)::text)
)
FROM restage_stage.employee AS s
WHERE s.code IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.person AS k
    WHERE rtrim(k.source_code) = rtrim(s.code)
  )
HAVING count(*) > 0;

-- Tables of the ring that this run does not load have no staged rows.
DO $restage$
BEGIN
  IF NOT EXISTS (
    SELECT
    FROM restage.staged AS g
    WHERE g.run_id = restage.run_id()
      AND g.table_name = 'public.person'
  ) THEN
    DROP TABLE IF EXISTS restage_stage.person;

    CREATE UNLOGGED TABLE restage_stage.person (
      code varchar(6),
      bosscode varchar(6)
    )
    WITH (autovacuum_enabled = false);
  END IF;
END
$restage$;

-- Keys that differ from those of the key map in case or trailing blanks.
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

UPDATE restage_keymap.person AS k
SET
  source_code = s.code,
  target_key = CASE
    WHEN k.first_run = (SELECT restage.run_id()) THEN s.code
    ELSE k.target_key
  END
FROM restage_stage.person AS s
WHERE rtrim(k.source_code) = rtrim(s.code)
  AND k.source_code COLLATE "C" <> s.code COLLATE "C";

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- employee_code_fkey: where it differs in trailing blanks, the parent's spelling
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
  FROM restage_stage.employee AS s
  JOIN restage_keymap.person AS k
    ON rtrim(k.source_code) = rtrim(s.code)
  WHERE NOT EXISTS (
    SELECT
    FROM restage_keymap.person AS k
    WHERE k.source_code = s.code
  )
  ORDER BY
    s.ctid,
    k.vanished_run NULLS FIRST,
    k.source_code
),
respelled AS (
  UPDATE restage_stage.employee AS s
  SET
    code = c.source_code
  FROM spelling AS c
  WHERE s.ctid = c.row_id
  RETURNING
    s.code,
    restage.row_hash(
      ROW(
        s.code,
        s.regionid
      )::text,
      (NULL::restage_keymap.employee).row_hash
    ) AS row_hash
),
rehashed AS (
  UPDATE restage_keymap.employee AS k
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
    'public.employee',
    r.source_key,
    'spelling employee_code_fkey',
    ARRAY['code'],
    r.value::text,
    'differs from the parent''s key in trailing blanks; loaded as the parent has it',
    true,
    r.row_data
  FROM spelling AS r
  RETURNING 1
)
SELECT restage.count_rows('public.employee', 'respelled', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- Keys that differ from those of the key map in case or trailing blanks.
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

UPDATE restage_keymap.employee AS k
SET
  source_code = s.code,
  target_key = CASE
    WHEN k.first_run = (SELECT restage.run_id()) THEN s.code
    ELSE k.target_key
  END
FROM restage_stage.employee AS s
WHERE rtrim(k.source_code) = rtrim(s.code)
  AND k.source_code COLLATE "C" <> s.code COLLATE "C";

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.employee'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/003_dbo.Employee/40_insert.sql
-- table:   public.employee
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:f248ef5e76560b8c0181267f1c1aa1cdcfda51eb232337df4f962ffeccee2a17
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.employee', 'restage_keymap.employee') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.employee (
    code,
    regionid
  )
  SELECT
    s.code,
    p1.target_key
  FROM restage_stage.employee AS s
  JOIN restage_keymap.employee AS k
    ON rtrim(k.source_code) = rtrim(s.code)
    AND k.first_run = (SELECT restage.run_id())
  LEFT JOIN restage_keymap.region AS p1
    ON p1.source_id = s.regionid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.employee'
      AND c.kind = 'inserted'
  )
    AND (s.regionid IS NULL OR p1.target_key IS NOT NULL);
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.employee', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.employee'
  AND c.kind = 'inserted';

-- file:    merge/003_dbo.Employee/50_update.sql
-- table:   public.employee
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:b1ab1b974916ab596d8a6d2cc12e569329e5f4e2b28a7d9a0e8187db53377fc8
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.employee', 'restage_keymap.employee') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.code,
    s.regionid,
    restage.row_hash(
      ROW(
        s.code,
        s.regionid
      )::text,
      (NULL::restage_keymap.employee).row_hash
    ) AS row_hash
  FROM restage_stage.employee AS s
  JOIN restage_keymap.employee AS k
    ON rtrim(k.source_code) = rtrim(s.code)
  WHERE NOT (SELECT restage.is_all_new('public.employee'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.code,
        s.regionid
      )::text,
      (NULL::restage_keymap.employee).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_code,
    row_to_json(t.*) AS row_data
  FROM public.employee AS t
  LEFT JOIN restage_keymap.region AS p1
    ON p1.target_key = t.regionid
  JOIN restage_keymap.employee AS k
    ON k.target_key = t.code
  JOIN changed AS c
    ON rtrim(k.source_code) = rtrim(c.code)
  WHERE restage.row_hash(
      ROW(
        t.code,
        coalesce(p1.source_id::text, 'final ' || t.regionid)
      )::text,
      (NULL::restage_keymap.employee).row_hash
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
    'public.employee',
    jsonb_build_object('source_code', d.source_code),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.employee AS t
  SET
    code = c.code,
    regionid = p1.target_key
  FROM changed AS c
  JOIN restage_keymap.employee AS k
    ON rtrim(k.source_code) = rtrim(c.code)
  LEFT JOIN restage_keymap.region AS p1
    ON p1.source_id = c.regionid
  WHERE t.code = k.target_key
    AND (c.regionid IS NULL OR p1.target_key IS NOT NULL)
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.employee AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id()),
    target_key = c.code
  FROM changed AS c
  WHERE rtrim(k.source_code) = rtrim(c.code)
)
SELECT
  restage.count_rows('public.employee', 'updated', count(*)) AS rows,
  restage.count_rows('public.employee', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/003_dbo.Employee/60_vanished.sql
-- table:   public.employee
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:90d602505addcf2be34fb898fc16aa7640fcd615a8ba005758085009ce560e55
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    s.code
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.employee, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.employee'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.employee AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.employee AS s
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
  FROM restage_keymap.employee AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_code,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.employee AS s
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
    'public.employee',
    'returned',
    ARRAY[b.source_code::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.employee AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_code = b.source_code
  RETURNING 1
)
SELECT
  restage.count_rows('public.employee', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.employee', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/003_dbo.Employee/70_reset.sql
-- table:   public.employee
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Employee/90_account.sql
-- table:   public.employee
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:1f2e4049850bddbe90d337131ec2c8a2b471fa2412ac1619d5f38ea9684bde81
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.employee', 'restage_keymap.employee') AS joins;

SELECT restage.close_account('public.employee', count(*)) AS rows
FROM restage_stage.employee AS s
JOIN restage_keymap.employee AS k
  ON rtrim(k.source_code) = rtrim(s.code)
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.employee'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/003_dbo.Employee/content.sql
-- table:   public.employee
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Employee
-- body:    sha256:802f85e8f757ddc57e37dfdbbb0fa6128c683c6ef73a5b477fab54109e521121
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
      s.regionid,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY rtrim(r.source_key ->> 'Code') ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.employee'))
        AND r.table_name = 'public.employee'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.employee, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    CASE WHEN rtrim(n.code) = rtrim(t.code) THEN n.code ELSE t.code END,
    coalesce(p1.source_id::text, 'final ' || t.regionid)
  FROM public.employee AS t
  LEFT JOIN restage_keymap.region AS p1
    ON p1.target_key = t.regionid
  JOIN restage_keymap.employee AS k
    ON k.target_key = t.code
  LEFT JOIN noted AS n
    ON rtrim(k.source_code) = rtrim(n.code)
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.code,
    n.regionid::text
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/003_dbo.Employee/counts.sql
-- table:   public.employee
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Employee
-- body:    sha256:0b94babc6b8f38d71c623c0d67e93f61e927a9e2a5d29df9f2de321a6d73a744
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.code
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.employee, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.employee'))
    AND r.table_name = 'public.employee'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.employee AS t
    JOIN restage_keymap.employee AS k
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.employee'))
  AND g.table_name = 'public.employee';

-- file:    verify/003_dbo.Employee/keys.sql
-- table:   public.employee
-- purpose: known = present, when every key has its final row
-- source:  dbo.Employee
-- body:    sha256:3a72c6e6652a52317da2402812545abe5b98b9f5e25782a0fa23ecd063481591
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.employee AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.employee AS t
    JOIN restage_keymap.employee AS k
      ON k.target_key = t.code
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.employee AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/003_dbo.Employee/others.sql
-- table:   public.employee
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Employee
-- body:    sha256:1c5b6c536232c0cc2797030d710f7d77d49db49f4c2e8a6a6227dc693b7ce983
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.employee AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.employee AS k
  WHERE k.target_key = t.code
);

-- file:    verify/003_dbo.Employee/orphans.sql
-- table:   public.employee
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Employee
-- body:    sha256:843ac6e4bb0dd05c8ded2ac0b059a51d817f60efb6ff77c3b9dea524b1c3a04d
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- employee_code_fkey
SELECT count(*) AS orphans
FROM public.employee AS t
WHERE t.code IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.person AS p
    WHERE p.code = t.code
  );

-- employee_regionid_fkey
SELECT count(*) AS orphans
FROM public.employee AS t
WHERE t.regionid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.region AS p
    WHERE p.id = t.regionid
  );

-- file:    verify/003_dbo.Employee/unique.sql
-- table:   public.employee
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Employee
-- body:    sha256:a2789efdbe1e611a1c078904d9941f27fe256b1b8b53b0d09960f1f276e01261
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- employee_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.employee
),
held AS (
  SELECT
    t.code AS code,
    k.first_run IS NOT NULL AS is_known
  FROM public.employee AS t
  LEFT JOIN restage_keymap.employee AS k
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
LEFT JOIN restage_stage.employee AS o
  ON o.code = t.code
WHERE NOT (t.is_known AND ROW(s.code) IS NOT DISTINCT FROM ROW(t.code))
LIMIT 20;

