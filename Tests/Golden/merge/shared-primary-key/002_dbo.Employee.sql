-- file:    merge/002_dbo.Employee/10_stage.sql
-- table:   public.employee
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:79f197573f59733b89591effc80c4206e485ab0cd6826185cf254f65c62c14d6
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.employee;

CREATE UNLOGGED TABLE restage_stage.employee (
  personid integer,
  badge varchar(10)
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Employee/15_check.sql
-- table:   public.employee
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:140c0196e1697faec0ae7ce7500e5ecdd583ffa4078f85b21408d5dcde708181
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.employee ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.employee (personid);

SELECT restage.count_staged('public.employee', count(*)) AS staged
FROM restage_stage.employee AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.personid
  FROM restage_stage.employee AS s
  WHERE s.personid IS NOT NULL
  GROUP BY
    s.personid
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.employee AS s
  WHERE s.personid IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.employee AS s
    ON s.personid = r.personid
),
refused AS (
  DELETE FROM restage_stage.employee AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('PersonId', s.personid) AS source_key,
    jsonb_build_object('PersonId', s.personid) AS value,
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
    ARRAY['personid'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.employee', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/002_dbo.Employee/20_match.sql
-- table:   public.employee
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Employee/30_allocate.sql
-- table:   public.employee
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:d0dedb221e701f0ab2b710226dde435ff68dde05e7d9dff6995d294af07d25c4
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.employee', 'restage_keymap.employee') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.employee (
    source_personid,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.personid,
    p1.target_key,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.personid,
      restage.row_hash(
        ROW(
          s.personid,
          s.badge
        )::text,
        (NULL::restage_keymap.employee).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.employee AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.employee AS k
      WHERE k.source_personid = s.personid
    )
    ORDER BY
      s.personid
  ) AS s
    JOIN restage_keymap.person AS p1
      ON p1.source_personid = s.personid;
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
      ADD PRIMARY KEY (source_personid),
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

-- file:    merge/002_dbo.Employee/35_orphans.sql
-- table:   public.employee
-- step:    35 orphans
-- purpose: no row to be rejected or loaded without its parent: step 40 checks all foreign keys
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:a01d330f825adea8d8c80f66d9fc05a277a3ab0190fb7de887892bdb7306864a
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.employee'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Employee/40_insert.sql
-- table:   public.employee
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:276abae300217c9cf6dfba80048cd4ccaa6e60b5b3f4c42edd6da3bf8e79f93f
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.employee', 'restage_keymap.employee') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.employee (
    personid,
    badge
  )
  SELECT
    p1.target_key,
    s.badge
  FROM restage_stage.employee AS s
  JOIN restage_keymap.employee AS k
    ON k.source_personid = s.personid
    AND k.first_run = (SELECT restage.run_id())
  JOIN restage_keymap.person AS p1
    ON p1.source_personid = s.personid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.employee'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.employee', 'inserted', inserted_rows);
END
$restage$;

-- employee_personid_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.employee',
  'employee_personid_fkey',
  count(*),
  min(jsonb_build_object('PersonId', s.personid)::text)
)
FROM restage_stage.employee AS s
WHERE s.personid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.person AS k
    WHERE k.source_personid = s.personid
  )
  AND NOT EXISTS (
    -- Where every row that got a key was inserted, each had its parents.
    SELECT
    FROM restage.row_count AS a
    JOIN restage.row_count AS c
      ON c.run_id = a.run_id
      AND c.table_name = a.table_name
    WHERE a.run_id = (SELECT restage.run_id())
      AND a.table_name = 'public.employee'
      AND a.kind = 'allocated'
      AND c.kind = 'inserted'
      AND c.rows = a.rows
  )
HAVING count(*) > 0;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.employee'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Employee/50_update.sql
-- table:   public.employee
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:a72ffbd020718ae1ade8f4df08a5ab8197854322f83fd428bae12711b38e05e1
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.employee', 'restage_keymap.employee') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.personid,
    s.badge,
    restage.row_hash(
      ROW(
        s.personid,
        s.badge
      )::text,
      (NULL::restage_keymap.employee).row_hash
    ) AS row_hash
  FROM restage_stage.employee AS s
  JOIN restage_keymap.employee AS k
    ON k.source_personid = s.personid
  WHERE NOT (SELECT restage.is_all_new('public.employee'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.personid,
        s.badge
      )::text,
      (NULL::restage_keymap.employee).row_hash
    )
),
orphaned_1 AS MATERIALIZED (
  -- employee_personid_fkey: on_orphan: fail
  SELECT restage.fail_orphans(
    'public.employee',
    'employee_personid_fkey',
    count(*),
    min(jsonb_build_object('PersonId', s.personid)::text)
  )
  FROM changed AS s
  WHERE s.personid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.person AS k
      WHERE k.source_personid = s.personid
    )
  HAVING count(*) > 0
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_personid,
    row_to_json(t.*) AS row_data
  FROM public.employee AS t
  LEFT JOIN restage_keymap.person AS p1
    ON p1.target_key = t.personid
  JOIN restage_keymap.employee AS k
    ON k.source_personid = p1.source_personid
  JOIN changed AS c
    ON k.source_personid = c.personid
  WHERE restage.row_hash(
      ROW(
        p1.source_personid,
        t.badge
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
    jsonb_build_object('source_personid', d.source_personid),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.employee AS t
  SET
    badge = c.badge
  FROM changed AS c
  JOIN restage_keymap.employee AS k
    ON k.source_personid = c.personid
  JOIN restage_keymap.person AS p1
    ON p1.source_personid = c.personid
  WHERE t.personid = p1.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.employee AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_personid = c.personid
)
SELECT
  restage.count_rows('public.employee', 'updated', count(*)) AS rows,
  (SELECT count(*) FROM orphaned_1) AS orphaned_1,
  restage.count_rows('public.employee', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.Employee/60_vanished.sql
-- table:   public.employee
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:8b726ed23d9fed81d630a596fccc6102b85e9ce70f9bd602c9fdfa2c2df6682a
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.employee', 'restage_keymap.employee') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_personid,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.employee AS s
  JOIN restage_keymap.employee AS k
    ON k.source_personid = s.personid
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.employee AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_personid = m.source_personid
)
SELECT restage.fail_skipped('public.employee', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.employee'
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
    s.personid
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
    AND (SELECT restage.may_have_vanished('public.employee'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.employee'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.employee AS s
      WHERE k.source_personid = s.personid
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_personid = r.personid
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_personid,
    k.vanished_run
  FROM restage_keymap.employee AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.employee'))
),
back AS MATERIALIZED (
  SELECT
    k.source_personid,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.employee AS s
    ON k.source_personid = s.personid
  UNION
  SELECT
    k.source_personid,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_personid = r.personid
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
    ARRAY[b.source_personid::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.employee AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_personid = b.source_personid
  RETURNING 1
)
SELECT
  restage.count_rows('public.employee', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.employee', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Employee/70_reset.sql
-- table:   public.employee
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Employee/90_account.sql
-- table:   public.employee
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:053f9b4974997510de484acb5ca864ad3e6e0c7512097f965974a59c9c57592c
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.employee', 'restage_keymap.employee') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.employee', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.employee') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.employee'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.employee', count(*)) AS rows
FROM restage_stage.employee AS s
JOIN restage_keymap.employee AS k
  ON k.source_personid = s.personid
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.employee'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Employee/content.sql
-- table:   public.employee
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Employee
-- body:    sha256:e3ea8a2b7eaeb5d91c2f49b20824ee13f8505229c034ed6ed6493a952ff50e27
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
      s.personid,
      s.badge,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.employee'))
        AND r.table_name = 'public.employee'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.employee, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    p1.source_personid,
    t.badge
  FROM public.employee AS t
  LEFT JOIN restage_keymap.person AS p1
    ON p1.target_key = t.personid
  JOIN restage_keymap.employee AS k
    ON k.source_personid = p1.source_personid
  LEFT JOIN noted AS n
    ON k.source_personid = n.personid
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.personid,
    n.badge
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Employee/counts.sql
-- table:   public.employee
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Employee
-- body:    sha256:8244e0d6bbb2b047850fe98734efd88e3961d6c17eb55fb3e1ec6f65026b9c50
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.personid
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
    LEFT JOIN restage_keymap.person AS p1
      ON p1.target_key = t.personid
    JOIN restage_keymap.employee AS k
      ON k.source_personid = p1.source_personid
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_personid = r.personid
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.employee'))
  AND g.table_name = 'public.employee';

-- file:    verify/002_dbo.Employee/keys.sql
-- table:   public.employee
-- purpose: known = present, when every key has its final row
-- source:  dbo.Employee
-- body:    sha256:8606106812e3d626f6d11faa7e353625bbbe21a13e55d9847caac96688b513a9
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
    LEFT JOIN restage_keymap.person AS p1
      ON p1.target_key = t.personid
    JOIN restage_keymap.employee AS k
      ON k.source_personid = p1.source_personid
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.employee AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Employee/others.sql
-- table:   public.employee
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Employee
-- body:    sha256:2f0932bbba8a117f190e1bcb5baabb3e9d39674dd822b7df4058c419b8658964
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.employee AS t
LEFT JOIN restage_keymap.person AS p1
  ON p1.target_key = t.personid
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.employee AS k
  WHERE k.source_personid = p1.source_personid
);

-- file:    verify/002_dbo.Employee/orphans.sql
-- table:   public.employee
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Employee
-- body:    sha256:a964ff0b50980ebd7a94d256b7c5eef48015bea6e0ac52e4d95f53b550650467
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- employee_personid_fkey
SELECT count(*) AS orphans
FROM public.employee AS t
WHERE t.personid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.person AS p
    WHERE p.personid = t.personid
  );

-- file:    verify/002_dbo.Employee/unique.sql
-- table:   public.employee
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Employee
-- body:    sha256:8565aca75bc66d3b98c9a31d3e28834714753f240cc6e5a47d19272ab3491842
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- employee_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.employee
),
held AS (
  SELECT
    p1.source_personid AS personid,
    k.first_run IS NOT NULL AS is_known,
    EXISTS (
      SELECT
      FROM restage.chunk AS c
      WHERE c.run_id = (
          SELECT r.id
          FROM restage.staged AS g
          JOIN restage.run AS r
            ON r.id = g.run_id
          WHERE r.source_name = 'stride'
            AND g.table_name = 'public.employee'
          ORDER BY r.started_at DESC
          LIMIT 1
        )
        AND c.table_name = 'public.employee'
        AND c.is_skipped
        AND c.chunk_id = k.chunk
    ) AS is_skipped
  FROM public.employee AS t
  LEFT JOIN restage_keymap.person AS p1
    ON p1.target_key = t.personid
  LEFT JOIN restage_keymap.employee AS k
    ON k.source_personid = p1.source_personid
)
SELECT
  jsonb_build_object('PersonId', s.personid) AS value,
  jsonb_build_object('PersonId', s.personid) AS staged_row,
  jsonb_build_object('PersonId', o.personid) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.personid = s.personid
  AND ROW(s.personid) < ROW(o.personid)
UNION ALL
SELECT
  jsonb_build_object('PersonId', s.personid) AS value,
  jsonb_build_object('PersonId', s.personid) AS staged_row,
  jsonb_build_object('PersonId', t.personid) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN t.is_skipped THEN 'staged'
    WHEN o.personid IS NULL THEN 'vanished'
    WHEN ROW(o.personid) IS DISTINCT FROM ROW(t.personid) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.personid = s.personid
LEFT JOIN restage_stage.employee AS o
  ON o.personid = t.personid
WHERE NOT (t.is_known AND ROW(s.personid) IS NOT DISTINCT FROM ROW(t.personid))
LIMIT 20;

