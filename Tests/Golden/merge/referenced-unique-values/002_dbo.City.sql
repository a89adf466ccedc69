-- file:    merge/002_dbo.City/10_stage.sql
-- table:   public.city
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.City, staged in restage_stage.city
-- body:    sha256:d8a66e5cc010f0d7070829d1b3ada2fc20e135184fece435b2c398120b4ea484
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.city;

CREATE UNLOGGED TABLE restage_stage.city (
  id integer,
  code varchar(10)
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.City/15_check.sql
-- table:   public.city
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.City, staged in restage_stage.city
-- body:    sha256:ddb4e0c52d2d4d9eae36947989bf99c3dad0c4f076bef8974bd00c8b0db20379
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.city (id, code);

SELECT restage.count_staged('public.city', count(*)) AS staged
FROM restage_stage.city AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.id
  FROM restage_stage.city AS s
  WHERE s.id IS NOT NULL
  GROUP BY
    s.id
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.city AS s
  WHERE s.id IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.city AS s
    ON s.id = r.id
),
refused AS (
  DELETE FROM restage_stage.city AS s
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
    'public.city',
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
SELECT restage.count_rows('public.city', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/002_dbo.City/20_match.sql
-- table:   public.city
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.City, staged in restage_stage.city
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.City/30_allocate.sql
-- table:   public.city
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.City, staged in restage_stage.city
-- body:    sha256:3aba9b8412d6287797b4c113dc96bfc9bc164ca7dbc8bda6d814a2ef91db5750
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Parents that this run does not load have no staged rows.
DO $restage$
BEGIN
  IF NOT EXISTS (
    SELECT
    FROM restage.staged AS g
    WHERE g.run_id = restage.run_id()
      AND g.table_name = 'public.country'
  ) THEN
    DROP TABLE IF EXISTS restage_stage.country;

    CREATE UNLOGGED TABLE restage_stage.country (
      id integer,
      code varchar(10),
      headcode varchar(10)
    )
    WITH (autovacuum_enabled = false);
  END IF;
END
$restage$;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.city', 'restage_keymap.city') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.city (
    source_id,
    target_key,
    row_hash,
    first_run,
    last_run
  )
  SELECT
    s.id,
    nextval('public.city_id_seq'),
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
        (NULL::restage_keymap.city).row_hash
      ) AS row_hash
    FROM restage_stage.city AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.city AS k
      WHERE k.source_id = s.id
    )
    ORDER BY
      s.id
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.city', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.city'::regclass
  ) THEN
    ALTER TABLE restage_keymap.city
      ADD PRIMARY KEY (source_id),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.city'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.city'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.city;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.city'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.City/35_orphans.sql
-- table:   public.city
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.City, staged in restage_stage.city
-- body:    sha256:1a700341a3208d161d48ad5e9a86608e63a68b786fa4516a9366ff7c12f3fd6a
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- city_code_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.city',
  'city_code_fkey',
  count(*),
  min(jsonb_build_object(
    'Id', s.id,
    'Code', s.code
  )::text)
)
FROM restage_stage.city AS s
WHERE s.code IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_stage.country AS p
    WHERE p.code = s.code
  )
  AND NOT EXISTS (
    SELECT
    FROM public.country AS t
    WHERE t.code = s.code
  )
HAVING count(*) > 0;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.city'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.City/40_insert.sql
-- table:   public.city
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.City, staged in restage_stage.city
-- body:    sha256:d0410404f7270c22a887277290345d6f260471ea4e3c01d345e3e15dac12be46
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.city', 'restage_keymap.city') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.city (
    id,
    code
  )
  SELECT
    k.target_key,
    s.code
  FROM restage_stage.city AS s
  JOIN restage_keymap.city AS k
    ON k.source_id = s.id
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.city'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.city', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.city'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.City/50_update.sql
-- table:   public.city
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.City, staged in restage_stage.city
-- body:    sha256:c24bcbe8bd457621a0b4cb73e3d54268be2956fd0caae73c5ba15a897afca1ef
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.city', 'restage_keymap.city') AS joins;

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
      (NULL::restage_keymap.city).row_hash
    ) AS row_hash
  FROM restage_stage.city AS s
  JOIN restage_keymap.city AS k
    ON k.source_id = s.id
  WHERE NOT (SELECT restage.is_all_new('public.city'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.id,
        s.code
      )::text,
      (NULL::restage_keymap.city).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_id,
    row_to_json(t.*) AS row_data
  FROM public.city AS t
  JOIN restage_keymap.city AS k
    ON k.target_key = t.id
  JOIN changed AS c
    ON k.source_id = c.id
  WHERE restage.row_hash(
      ROW(
        k.source_id,
        t.code
      )::text,
      (NULL::restage_keymap.city).row_hash
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
    'public.city',
    jsonb_build_object('source_id', d.source_id),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.city AS t
  SET
    code = c.code
  FROM changed AS c
  JOIN restage_keymap.city AS k
    ON k.source_id = c.id
  WHERE t.id = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.city AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_id = c.id
)
SELECT
  restage.count_rows('public.city', 'updated', count(*)) AS rows,
  restage.count_rows('public.city', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.City/60_vanished.sql
-- table:   public.city
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.City, staged in restage_stage.city
-- body:    sha256:6582bcba08bfca4116c580d6e24c098b47db6947d207c8d95b01012450c64462
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.city, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.city'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.city AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.city AS s
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
  FROM restage_keymap.city AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.city AS s
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
    'public.city',
    'returned',
    ARRAY[b.source_id::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.city AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_id = b.source_id
  RETURNING 1
)
SELECT
  restage.count_rows('public.city', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.city', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.City/70_reset.sql
-- table:   public.city
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.City, staged in restage_stage.city
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.City/90_account.sql
-- table:   public.city
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.City, staged in restage_stage.city
-- body:    sha256:055577f60a7b6398a74b60f381d64c07e5e5a2a42166d463d0071c5d66f65e2b
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.city', 'restage_keymap.city') AS joins;

SELECT restage.close_account('public.city', count(*)) AS rows
FROM restage_stage.city AS s
JOIN restage_keymap.city AS k
  ON k.source_id = s.id
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.city'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.City/content.sql
-- table:   public.city
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.City
-- body:    sha256:01a2370e867a4d3f9459239a7149eb6e6381c35c345899e1c37054d487c80241
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
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.city'))
        AND r.table_name = 'public.city'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.city, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_id,
    t.code
  FROM public.city AS t
  JOIN restage_keymap.city AS k
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

-- file:    verify/002_dbo.City/counts.sql
-- table:   public.city
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.City
-- body:    sha256:4e17fd4046088bdf5dadc993600398222bf319f94af6786c419035b67f70ecea
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.city, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.city'))
    AND r.table_name = 'public.city'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.city AS t
    JOIN restage_keymap.city AS k
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.city'))
  AND g.table_name = 'public.city';

-- file:    verify/002_dbo.City/keys.sql
-- table:   public.city
-- purpose: known = present, when every key has its final row
-- source:  dbo.City
-- body:    sha256:7d7d06ae990e3615eb92c43d5cdcbf4297355a5341afa661e756c44268a2dd94
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.city AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.city AS t
    JOIN restage_keymap.city AS k
      ON k.target_key = t.id
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.city AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.City/others.sql
-- table:   public.city
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.City
-- body:    sha256:8aefb8849ee08d2a2fbae7b0dfe0b0c4e9925b744024cac6a4940f71f503f758
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.city AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.city AS k
  WHERE k.target_key = t.id
);

-- file:    verify/002_dbo.City/orphans.sql
-- table:   public.city
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.City
-- body:    sha256:f25faad129bef9b8fcc24e5b4570b70540595702acdd58bb7a52df2295f7dcc3
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- city_code_fkey
SELECT count(*) AS orphans
FROM public.city AS t
WHERE t.code IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.country AS p
    WHERE p.code = t.code
  );

