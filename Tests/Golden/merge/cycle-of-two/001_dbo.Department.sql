-- file:    merge/001_dbo.Department/10_stage.sql
-- table:   public.department
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Department, staged in restage_stage.department
-- body:    sha256:cb38b8d611fef67ac0ab11964e91a3f03121b506ffc1489c2540d99708d30c94
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.department;

CREATE UNLOGGED TABLE restage_stage.department (
  id integer,
  name varchar(20),
  headid integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.Department/15_check.sql
-- table:   public.department
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Department, staged in restage_stage.department
-- body:    sha256:3c34d5e71ede00e2b7a165ef6ac6c05da2ca04f6e73e0a3049334b26baabde97
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.department ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.department (id, headid);

SELECT restage.count_staged('public.department', count(*)) AS staged
FROM restage_stage.department AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.id
  FROM restage_stage.department AS s
  WHERE s.id IS NOT NULL
  GROUP BY
    s.id
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.department AS s
  WHERE s.id IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.department AS s
    ON s.id = r.id
),
refused AS (
  DELETE FROM restage_stage.department AS s
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
    'public.department',
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
SELECT restage.count_rows('public.department', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/001_dbo.Department/20_match.sql
-- table:   public.department
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Department, staged in restage_stage.department
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Department/30_allocate.sql
-- table:   public.department
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Department, staged in restage_stage.department
-- body:    sha256:372b4adbabdea62261ac49818cb09047bb26ce58526790ff8acce79a0fcc7514
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.department', 'restage_keymap.department') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.department (
    source_id,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.id,
    nextval('public.department_id_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.id,
      restage.row_hash(
        ROW(
          s.id,
          s.name,
          s.headid
        )::text,
        (NULL::restage_keymap.department).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.department AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.department AS k
      WHERE k.source_id = s.id
    )
    ORDER BY
      s.id
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.department', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.department'::regclass
  ) THEN
    ALTER TABLE restage_keymap.department
      ADD PRIMARY KEY (source_id),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.department'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.department'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.department;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.department'
  AND c.kind = 'allocated';

-- file:    merge/001_dbo.Department/35_orphans.sql
-- table:   public.department
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Department, staged in restage_stage.department
-- body:    sha256:70e660cadbcd259a07906949fc11baf380b3843e0ade69cc1fbf206374564187
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- department_headid_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.department',
  'department_headid_fkey',
  count(*),
  min(jsonb_build_object(
    'Id', s.id,
    'HeadId', s.headid
  )::text)
)
FROM restage_stage.department AS s
WHERE s.headid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.worker AS k
    WHERE k.source_id = s.headid
  )
HAVING count(*) > 0;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.department'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/001_dbo.Department/40_insert.sql
-- table:   public.department
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Department, staged in restage_stage.department
-- body:    sha256:3fe872bedb65fd4e3ece8a895d7c480d843c9813bae66f55fd5b46395e37ee1b
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.department', 'restage_keymap.department') AS joins;

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
      AND c.conrelid = 'public.department'::regclass
      AND c.confrelid IN ('public.worker'::regclass)
  )
  INSERT INTO public.department (
    id,
    name,
    headid
  )
  SELECT
    k.target_key,
    s.name,
    CASE WHEN 'headid' NOT IN (SELECT w.column_name FROM waiting AS w) THEN p1.target_key END
  FROM restage_stage.department AS s
  JOIN restage_keymap.department AS k
    ON k.source_id = s.id
    AND k.first_run = (SELECT restage.run_id())
  LEFT JOIN restage_keymap.worker AS p1
    ON p1.source_id = s.headid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.department'
      AND c.kind = 'inserted'
  )
    AND (s.headid IS NULL OR p1.target_key IS NOT NULL);
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.department', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.department'
  AND c.kind = 'inserted';

-- file:    merge/001_dbo.Department/50_update.sql
-- table:   public.department
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Department, staged in restage_stage.department
-- body:    sha256:06351dec9e3682c15a7c964d4dd42011c6110a2b62f823b60889c62cb276a499
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.department', 'restage_keymap.department') AS joins;

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
    AND c.conrelid = 'public.department'::regclass
    AND c.confrelid IN ('public.worker'::regclass)
),
filled AS (
  UPDATE public.department AS t
  SET
    headid = CASE
      WHEN 'headid' IN (SELECT w.column_name FROM waiting AS w) THEN p1.target_key
      ELSE t.headid
    END
  FROM restage_stage.department AS s
  JOIN restage_keymap.department AS k
    ON k.source_id = s.id
  LEFT JOIN restage_keymap.worker AS p1
    ON p1.source_id = s.headid
  WHERE EXISTS (SELECT FROM waiting)
    AND k.first_run = (SELECT restage.run_id())
    AND k.matched_run IS NULL
    AND t.id = k.target_key
    AND t.headid IS NULL AND p1.target_key IS NOT NULL
  RETURNING 1
)
SELECT count(*) AS filled
FROM filled;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.id,
    s.name,
    s.headid,
    restage.row_hash(
      ROW(
        s.id,
        s.name,
        s.headid
      )::text,
      (NULL::restage_keymap.department).row_hash
    ) AS row_hash
  FROM restage_stage.department AS s
  JOIN restage_keymap.department AS k
    ON k.source_id = s.id
  WHERE NOT (SELECT restage.is_all_new('public.department'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.id,
        s.name,
        s.headid
      )::text,
      (NULL::restage_keymap.department).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_id,
    row_to_json(t.*) AS row_data
  FROM public.department AS t
  LEFT JOIN restage_keymap.worker AS p1
    ON p1.target_key = t.headid
  JOIN restage_keymap.department AS k
    ON k.target_key = t.id
  JOIN changed AS c
    ON k.source_id = c.id
  WHERE restage.row_hash(
      ROW(
        k.source_id,
        t.name,
        coalesce(p1.source_id::text, 'final ' || t.headid)
      )::text,
      (NULL::restage_keymap.department).row_hash
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
    'public.department',
    jsonb_build_object('source_id', d.source_id),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.department AS t
  SET
    name = c.name,
    headid = p1.target_key
  FROM changed AS c
  JOIN restage_keymap.department AS k
    ON k.source_id = c.id
  LEFT JOIN restage_keymap.worker AS p1
    ON p1.source_id = c.headid
  WHERE t.id = k.target_key
    AND (c.headid IS NULL OR p1.target_key IS NOT NULL)
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.department AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_id = c.id
)
SELECT
  restage.count_rows('public.department', 'updated', count(*)) AS rows,
  restage.count_rows('public.department', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/001_dbo.Department/60_vanished.sql
-- table:   public.department
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Department, staged in restage_stage.department
-- body:    sha256:038c0c045affa71067cb304d9d8401aa472762d4086241a4b25d36115206badc
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.department', 'restage_keymap.department') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_id,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.department AS s
  JOIN restage_keymap.department AS k
    ON k.source_id = s.id
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.department AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_id = m.source_id
)
SELECT restage.fail_skipped('public.department', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.department'
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
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.department, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.department'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.department AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.department'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.department'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.department AS s
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
  FROM restage_keymap.department AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.department'))
),
back AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.department AS s
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
    'public.department',
    'returned',
    ARRAY[b.source_id::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.department AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_id = b.source_id
  RETURNING 1
)
SELECT
  restage.count_rows('public.department', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.department', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/001_dbo.Department/70_reset.sql
-- table:   public.department
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Department, staged in restage_stage.department
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Department/90_account.sql
-- table:   public.department
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Department, staged in restage_stage.department
-- body:    sha256:58a7270c457d82eb8d060424b827fcb10035246c95d1c41f179876b09788c0f3
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.department', 'restage_keymap.department') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.department', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.department') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.department'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.department', count(*)) AS rows
FROM restage_stage.department AS s
JOIN restage_keymap.department AS k
  ON k.source_id = s.id
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.department'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/001_dbo.Department/content.sql
-- table:   public.department
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Department
-- body:    sha256:4b5f15d09631fa127cb3a367178d859fd17c78d0117e3a0980c73a49977a462d
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
      s.headid,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.department'))
        AND r.table_name = 'public.department'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.department, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_id,
    t.name,
    coalesce(p1.source_id::text, 'final ' || t.headid)
  FROM public.department AS t
  LEFT JOIN restage_keymap.worker AS p1
    ON p1.target_key = t.headid
  JOIN restage_keymap.department AS k
    ON k.target_key = t.id
  LEFT JOIN noted AS n
    ON k.source_id = n.id
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.id,
    n.name,
    n.headid::text
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/001_dbo.Department/counts.sql
-- table:   public.department
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Department
-- body:    sha256:6947d001d97fa9cf5e2f7460192cfea8765b9e9a202386decd24d553be22610d
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.department, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.department'))
    AND r.table_name = 'public.department'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.department AS t
    JOIN restage_keymap.department AS k
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.department'))
  AND g.table_name = 'public.department';

-- file:    verify/001_dbo.Department/keys.sql
-- table:   public.department
-- purpose: known = present, when every key has its final row
-- source:  dbo.Department
-- body:    sha256:22fc0e909d31a361bd21712273bf923fb94e0ef0e0c217f2a0df1b527223ee4a
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.department AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.department AS t
    JOIN restage_keymap.department AS k
      ON k.target_key = t.id
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.department AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/001_dbo.Department/others.sql
-- table:   public.department
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Department
-- body:    sha256:ee83482539f0620084c9c07fbc585d75d73920db1806f132783e559f7bea6d77
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.department AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.department AS k
  WHERE k.target_key = t.id
);

-- file:    verify/001_dbo.Department/orphans.sql
-- table:   public.department
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Department
-- body:    sha256:dc366e2d356789006ed8482887222cbd0daa7fb23e1710ac7feb2905018a4a4e
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- department_headid_fkey
SELECT count(*) AS orphans
FROM public.department AS t
WHERE t.headid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.worker AS p
    WHERE p.id = t.headid
  );

