-- file:    merge/002_dbo.Person/10_stage.sql
-- table:   public.person
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Person, staged in restage_stage.person
-- body:    sha256:8c854165fb9c879f043b3904df9528fb2f41fa4d6ab34ca389dfff715c36744f
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.person;

CREATE UNLOGGED TABLE restage_stage.person (
  code varchar(6),
  bosscode varchar(6)
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Person/15_check.sql
-- table:   public.person
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Person, staged in restage_stage.person
-- body:    sha256:026b22ebae9f6457ddace686b149ba86cb8cbfb8eee6c4e6c6033ab793a8ab58
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.person (code, bosscode);

SELECT restage.count_staged('public.person', count(*)) AS staged
FROM restage_stage.person AS s;

WITH repeated AS MATERIALIZED (
  SELECT
    rtrim(s.code) AS code
  FROM restage_stage.person AS s
  WHERE s.code IS NOT NULL
  GROUP BY
    rtrim(s.code)
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.person AS s
  WHERE s.code IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.person AS s
    ON rtrim(s.code) = r.code
),
refused AS (
  DELETE FROM restage_stage.person AS s
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
    'public.person',
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
SELECT restage.count_rows('public.person', 'rejected', count(*)) AS rows
FROM recorded;

-- file:    merge/002_dbo.Person/20_match.sql
-- table:   public.person
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Person, staged in restage_stage.person
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Person/30_allocate.sql
-- table:   public.person
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Person, staged in restage_stage.person
-- body:    sha256:4d0226e5dd9d8387c53cbb2eac39cc62b2392b4f77eb35a3fa879946fa1c0348
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.person', 'restage_keymap.person') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.person (
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
          s.bosscode
        )::text,
        (NULL::restage_keymap.person).row_hash
      ) AS row_hash
    FROM restage_stage.person AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.person AS k
      WHERE rtrim(k.source_code) = rtrim(s.code)
    )
    ORDER BY
      s.code
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.person', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.person'::regclass
  ) THEN
    ALTER TABLE restage_keymap.person
      ADD PRIMARY KEY (source_code),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.person'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.person'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.person;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.person'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Person/35_orphans.sql
-- table:   public.person
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Person, staged in restage_stage.person
-- body:    sha256:3e587373fc6f3adff55788551a6da509ab68fe36536aad3d4754b92852209fca
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- person_bosscode_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.person',
  'person_bosscode_fkey',
  count(*),
  min(jsonb_build_object(
    'Code', s.code,
    'BossCode', s.bosscode
  )::text)
)
FROM restage_stage.person AS s
WHERE s.bosscode IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.employee AS k
    WHERE rtrim(k.source_code) = rtrim(s.bosscode)
  )
HAVING count(*) > 0;

-- Tables of the ring that this run does not load have no staged rows.
DO $restage$
BEGIN
  IF NOT EXISTS (
    SELECT
    FROM restage.staged AS g
    WHERE g.run_id = restage.run_id()
      AND g.table_name = 'public.employee'
  ) THEN
    DROP TABLE IF EXISTS restage_stage.employee;

    CREATE UNLOGGED TABLE restage_stage.employee (
      code varchar(6),
      regionid integer
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

-- person_bosscode_fkey: where it differs in trailing blanks, the parent's spelling
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH spelling AS MATERIALIZED (
  SELECT DISTINCT ON (s.ctid)
    s.ctid AS row_id,
    jsonb_build_object('Code', s.code) AS source_key,
    jsonb_build_object('BossCode', s.bosscode) AS value,
    row_to_json(s.*) AS row_data,
    k.source_code
  FROM restage_stage.person AS s
  JOIN restage_keymap.employee AS k
    ON rtrim(k.source_code) = rtrim(s.bosscode)
  WHERE NOT EXISTS (
    SELECT
    FROM restage_keymap.employee AS k
    WHERE k.source_code = s.bosscode
  )
  ORDER BY
    s.ctid,
    k.vanished_run NULLS FIRST,
    k.source_code
),
respelled AS (
  UPDATE restage_stage.person AS s
  SET
    bosscode = c.source_code
  FROM spelling AS c
  WHERE s.ctid = c.row_id
  RETURNING
    s.code,
    restage.row_hash(
      ROW(
        s.code,
        s.bosscode
      )::text,
      (NULL::restage_keymap.person).row_hash
    ) AS row_hash
),
rehashed AS (
  UPDATE restage_keymap.person AS k
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
    'public.person',
    r.source_key,
    'spelling person_bosscode_fkey',
    ARRAY['bosscode'],
    r.value::text,
    'differs from the parent''s key in trailing blanks; loaded as the parent has it',
    true,
    r.row_data
  FROM spelling AS r
  RETURNING 1
)
SELECT restage.count_rows('public.person', 'respelled', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.person'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Person/40_insert.sql
-- table:   public.person
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Person, staged in restage_stage.person
-- body:    sha256:43c52a7fab03883ab43a3b5d02333e2419f51cd09de67b9b18870e88570d7ee4
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.person', 'restage_keymap.person') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  WITH waiting AS MATERIALIZED (
    -- Columns whose foreign key the target checks at once: empty in step 40, filled in step 50.
    SELECT a.attname AS column_name
    FROM pg_catalog.pg_constraint AS c
    JOIN pg_catalog.pg_attribute AS a
      ON a.attrelid = c.conrelid
      AND a.attnum = ANY (c.conkey)
    WHERE c.contype = 'f'
      AND NOT c.condeferrable
      AND c.conrelid = 'public.person'::regclass
      AND c.confrelid IN ('public.employee'::regclass)
  )
  INSERT INTO public.person (
    code,
    bosscode
  )
  SELECT
    s.code,
    CASE WHEN 'bosscode' NOT IN (SELECT w.column_name FROM waiting AS w) THEN s.bosscode END
  FROM restage_stage.person AS s
  JOIN restage_keymap.person AS k
    ON rtrim(k.source_code) = rtrim(s.code)
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.person'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.person', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.person'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Person/50_update.sql
-- table:   public.person
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Person, staged in restage_stage.person
-- body:    sha256:aba0b6a94e6028e42a9d5e69fcbd1f76d53e3344c6fb2ded0e522c2094f16e7c
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.person', 'restage_keymap.person') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH waiting AS MATERIALIZED (
  -- Columns whose foreign key the target checks at once: empty in step 40, filled in step 50.
  SELECT a.attname AS column_name
  FROM pg_catalog.pg_constraint AS c
  JOIN pg_catalog.pg_attribute AS a
    ON a.attrelid = c.conrelid
    AND a.attnum = ANY (c.conkey)
  WHERE c.contype = 'f'
    AND NOT c.condeferrable
    AND c.conrelid = 'public.person'::regclass
    AND c.confrelid IN ('public.employee'::regclass)
),
filled AS (
  UPDATE public.person AS t
  SET
    bosscode = CASE
      WHEN 'bosscode' IN (SELECT w.column_name FROM waiting AS w) THEN s.bosscode
      ELSE t.bosscode
    END
  FROM restage_stage.person AS s
  JOIN restage_keymap.person AS k
    ON rtrim(k.source_code) = rtrim(s.code)
  WHERE EXISTS (SELECT FROM waiting)
    AND k.first_run = (SELECT restage.run_id())
    AND k.matched_run IS NULL
    AND t.code = k.target_key
    AND t.bosscode IS NULL AND s.bosscode IS NOT NULL
  RETURNING 1
)
SELECT count(*) AS filled
FROM filled;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.code,
    s.bosscode,
    restage.row_hash(
      ROW(
        s.code,
        s.bosscode
      )::text,
      (NULL::restage_keymap.person).row_hash
    ) AS row_hash
  FROM restage_stage.person AS s
  JOIN restage_keymap.person AS k
    ON rtrim(k.source_code) = rtrim(s.code)
  WHERE NOT (SELECT restage.is_all_new('public.person'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.code,
        s.bosscode
      )::text,
      (NULL::restage_keymap.person).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_code,
    row_to_json(t.*) AS row_data
  FROM public.person AS t
  JOIN restage_keymap.person AS k
    ON k.target_key = t.code
  JOIN changed AS c
    ON rtrim(k.source_code) = rtrim(c.code)
  WHERE restage.row_hash(
      ROW(
        t.code,
        t.bosscode
      )::text,
      (NULL::restage_keymap.person).row_hash
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
    'public.person',
    jsonb_build_object('source_code', d.source_code),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.person AS t
  SET
    code = c.code,
    bosscode = c.bosscode
  FROM changed AS c
  JOIN restage_keymap.person AS k
    ON rtrim(k.source_code) = rtrim(c.code)
  WHERE t.code = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.person AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id()),
    target_key = c.code
  FROM changed AS c
  WHERE rtrim(k.source_code) = rtrim(c.code)
)
SELECT
  restage.count_rows('public.person', 'updated', count(*)) AS rows,
  restage.count_rows('public.person', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.Person/60_vanished.sql
-- table:   public.person
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Person, staged in restage_stage.person
-- body:    sha256:b75ba91f30cff625a47ae008d9bdf09740bc85ef511849120013e642a62f7880
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    s.code
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.person, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.person'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.person AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.person AS s
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
  FROM restage_keymap.person AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_code,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.person AS s
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
    'public.person',
    'returned',
    ARRAY[b.source_code::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.person AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_code = b.source_code
  RETURNING 1
)
SELECT
  restage.count_rows('public.person', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.person', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Person/70_reset.sql
-- table:   public.person
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Person, staged in restage_stage.person
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Person/90_account.sql
-- table:   public.person
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Person, staged in restage_stage.person
-- body:    sha256:962284fb6ef363830083dec3cdea158c7fafbf61c42f66e4ce72cbb9f42e74f0
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.person', 'restage_keymap.person') AS joins;

SELECT restage.close_account('public.person', count(*)) AS rows
FROM restage_stage.person AS s
JOIN restage_keymap.person AS k
  ON rtrim(k.source_code) = rtrim(s.code)
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.person'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Person/content.sql
-- table:   public.person
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Person
-- body:    sha256:536c7b87f2e0cb5cea4ec425f5dbc403880752bb301d165f67fb3a39ea0a46ce
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
      s.bosscode,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY rtrim(r.source_key ->> 'Code') ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.person'))
        AND r.table_name = 'public.person'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.person, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    t.code,
    CASE WHEN rtrim(n.bosscode) = rtrim(t.bosscode) THEN n.bosscode ELSE t.bosscode END
  FROM public.person AS t
  JOIN restage_keymap.person AS k
    ON k.target_key = t.code
  LEFT JOIN noted AS n
    ON rtrim(k.source_code) = rtrim(n.code)
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.code,
    n.bosscode
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Person/counts.sql
-- table:   public.person
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Person
-- body:    sha256:fa2af4750be0b6538fdeb159d72e9e60cda5d072fac928e7ec030253dc280045
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.code
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.person, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.person'))
    AND r.table_name = 'public.person'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.person AS t
    JOIN restage_keymap.person AS k
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.person'))
  AND g.table_name = 'public.person';

-- file:    verify/002_dbo.Person/keys.sql
-- table:   public.person
-- purpose: known = present, when every key has its final row
-- source:  dbo.Person
-- body:    sha256:a1880079e99dcc4d25a7feea1357bf1f897edb0a973fe61cb5eefbb0c5aa51bb
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.person AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.person AS t
    JOIN restage_keymap.person AS k
      ON k.target_key = t.code
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.person AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Person/others.sql
-- table:   public.person
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Person
-- body:    sha256:386f62732aeaa5db27d1fcbec64e8a26b633f37cea954b96641ab44eecea9646
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.person AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.person AS k
  WHERE k.target_key = t.code
);

-- file:    verify/002_dbo.Person/orphans.sql
-- table:   public.person
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Person
-- body:    sha256:3d8ec35aa43e387b4f16b6b42d49cb885d7f0097644d47d554988b5be9d6958d
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- person_bosscode_fkey
SELECT count(*) AS orphans
FROM public.person AS t
WHERE t.bosscode IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.employee AS p
    WHERE p.code = t.bosscode
  );

-- file:    verify/002_dbo.Person/unique.sql
-- table:   public.person
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Person
-- body:    sha256:2099727acaba3601d5dbcd10523406f2d1058c3829114c02ace1941496100576
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- person_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.person
),
held AS (
  SELECT
    t.code AS code,
    k.first_run IS NOT NULL AS is_known
  FROM public.person AS t
  LEFT JOIN restage_keymap.person AS k
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
LEFT JOIN restage_stage.person AS o
  ON o.code = t.code
WHERE NOT (t.is_known AND ROW(s.code) IS NOT DISTINCT FROM ROW(t.code))
LIMIT 20;

