-- file:    merge/002_dbo.Worker/10_stage.sql
-- table:   public.worker
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Worker, staged in restage_stage.worker
-- body:    sha256:4f161fc36e885d19cedfa97a1b72b154a5f275df8ff62379502803ae5700c9a8
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.worker;

CREATE UNLOGGED TABLE restage_stage.worker (
  id integer,
  name varchar(20),
  departmentid integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Worker/15_check.sql
-- table:   public.worker
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Worker, staged in restage_stage.worker
-- body:    sha256:f6787c1cd6e96a3b7c810ec587bd682a45f3e1af64f549084a5a0d018b02e33d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.worker ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.worker (id, departmentid);

SELECT restage.count_staged('public.worker', count(*)) AS staged
FROM restage_stage.worker AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.id
  FROM restage_stage.worker AS s
  WHERE s.id IS NOT NULL
  GROUP BY
    s.id
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.worker AS s
  WHERE s.id IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.worker AS s
    ON s.id = r.id
),
refused AS (
  DELETE FROM restage_stage.worker AS s
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
    'public.worker',
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
SELECT restage.count_rows('public.worker', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/002_dbo.Worker/20_match.sql
-- table:   public.worker
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Worker, staged in restage_stage.worker
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Worker/30_allocate.sql
-- table:   public.worker
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Worker, staged in restage_stage.worker
-- body:    sha256:9526a291b42d0e29da917315e6acd69bed3bfa566020ef523e45936c54511ce4
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.worker', 'restage_keymap.worker') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.worker (
    source_id,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.id,
    nextval('public.worker_id_seq'),
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
          s.departmentid
        )::text,
        (NULL::restage_keymap.worker).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.worker AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.worker AS k
      WHERE k.source_id = s.id
    )
    ORDER BY
      s.id
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.worker', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.worker'::regclass
  ) THEN
    ALTER TABLE restage_keymap.worker
      ADD PRIMARY KEY (source_id),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.worker'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.worker'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.worker;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.worker'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Worker/35_orphans.sql
-- table:   public.worker
-- step:    35 orphans
-- purpose: no row to be rejected or loaded without its parent: step 40 checks all foreign keys
-- source:  dbo.Worker, staged in restage_stage.worker
-- body:    sha256:e264ff52bcc2efaee12642882ccdb06572bc1e6cc010e0a08b78af0eb0dd2000
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.worker'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Worker/40_insert.sql
-- table:   public.worker
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Worker, staged in restage_stage.worker
-- body:    sha256:268f0c90f18f8b07023382d0af4de21064d0d8a3848c528146d5bc626d235736
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.worker', 'restage_keymap.worker') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.worker (
    id,
    name,
    departmentid
  )
  SELECT
    k.target_key,
    s.name,
    p1.target_key
  FROM restage_stage.worker AS s
  JOIN restage_keymap.worker AS k
    ON k.source_id = s.id
    AND k.first_run = (SELECT restage.run_id())
  JOIN restage_keymap.department AS p1
    ON p1.source_id = s.departmentid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.worker'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.worker', 'inserted', inserted_rows);
END
$restage$;

-- worker_departmentid_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.worker',
  'worker_departmentid_fkey',
  count(*),
  min(jsonb_build_object(
    'Id', s.id,
    'DepartmentId', s.departmentid
  )::text)
)
FROM restage_stage.worker AS s
WHERE s.departmentid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.department AS k
    WHERE k.source_id = s.departmentid
  )
  AND NOT EXISTS (
    -- Where every row that got a key was inserted, each had its parents.
    SELECT
    FROM restage.row_count AS a
    JOIN restage.row_count AS c
      ON c.run_id = a.run_id
      AND c.table_name = a.table_name
    WHERE a.run_id = (SELECT restage.run_id())
      AND a.table_name = 'public.worker'
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
  AND c.table_name = 'public.worker'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Worker/50_update.sql
-- table:   public.worker
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Worker, staged in restage_stage.worker
-- body:    sha256:e13adcf3ac02737bc3681264c8ce4effc2c0e680ce9cf7e249b62d22b4157809
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.worker', 'restage_keymap.worker') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.id,
    s.name,
    s.departmentid,
    restage.row_hash(
      ROW(
        s.id,
        s.name,
        s.departmentid
      )::text,
      (NULL::restage_keymap.worker).row_hash
    ) AS row_hash
  FROM restage_stage.worker AS s
  JOIN restage_keymap.worker AS k
    ON k.source_id = s.id
  WHERE NOT (SELECT restage.is_all_new('public.worker'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.id,
        s.name,
        s.departmentid
      )::text,
      (NULL::restage_keymap.worker).row_hash
    )
),
orphaned_1 AS MATERIALIZED (
  -- worker_departmentid_fkey: on_orphan: fail
  SELECT restage.fail_orphans(
    'public.worker',
    'worker_departmentid_fkey',
    count(*),
    min(jsonb_build_object(
      'Id', s.id,
      'DepartmentId', s.departmentid
    )::text)
  )
  FROM changed AS s
  WHERE s.departmentid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.department AS k
      WHERE k.source_id = s.departmentid
    )
  HAVING count(*) > 0
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_id,
    row_to_json(t.*) AS row_data
  FROM public.worker AS t
  LEFT JOIN restage_keymap.department AS p1
    ON p1.target_key = t.departmentid
  JOIN restage_keymap.worker AS k
    ON k.target_key = t.id
  JOIN changed AS c
    ON k.source_id = c.id
  WHERE restage.row_hash(
      ROW(
        k.source_id,
        t.name,
        p1.source_id
      )::text,
      (NULL::restage_keymap.worker).row_hash
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
    'public.worker',
    jsonb_build_object('source_id', d.source_id),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.worker AS t
  SET
    name = c.name,
    departmentid = p1.target_key
  FROM changed AS c
  JOIN restage_keymap.worker AS k
    ON k.source_id = c.id
  JOIN restage_keymap.department AS p1
    ON p1.source_id = c.departmentid
  WHERE t.id = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.worker AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_id = c.id
)
SELECT
  restage.count_rows('public.worker', 'updated', count(*)) AS rows,
  (SELECT count(*) FROM orphaned_1) AS orphaned_1,
  restage.count_rows('public.worker', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.Worker/60_vanished.sql
-- table:   public.worker
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Worker, staged in restage_stage.worker
-- body:    sha256:0965ba551557c241b12285d4f4aa00d8f550f11288c277abd5698e3e8f97ace0
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.worker', 'restage_keymap.worker') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_id,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.worker AS s
  JOIN restage_keymap.worker AS k
    ON k.source_id = s.id
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.worker AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_id = m.source_id
)
SELECT restage.fail_skipped('public.worker', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.worker'
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
  CROSS JOIN LATERAL json_populate_record(NULL::public.worker, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.worker'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.worker AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.worker'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.worker'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.worker AS s
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
  FROM restage_keymap.worker AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.worker'))
),
back AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.worker AS s
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
    'public.worker',
    'returned',
    ARRAY[b.source_id::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.worker AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_id = b.source_id
  RETURNING 1
)
SELECT
  restage.count_rows('public.worker', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.worker', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Worker/70_reset.sql
-- table:   public.worker
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Worker, staged in restage_stage.worker
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Worker/90_account.sql
-- table:   public.worker
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Worker, staged in restage_stage.worker
-- body:    sha256:d46325e15502aed0e6e744bbd24bda84e37398d212953b1c3da5ac8df54f49ef
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.worker', 'restage_keymap.worker') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.worker', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.worker') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.worker'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.worker', count(*)) AS rows
FROM restage_stage.worker AS s
JOIN restage_keymap.worker AS k
  ON k.source_id = s.id
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.worker'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Worker/content.sql
-- table:   public.worker
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Worker
-- body:    sha256:640fac8445b514650a84cdca26e7d84c1adaa924fabc84aadbbd93294851e5dc
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
      s.departmentid,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.worker'))
        AND r.table_name = 'public.worker'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.worker, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_id,
    t.name,
    p1.source_id
  FROM public.worker AS t
  LEFT JOIN restage_keymap.department AS p1
    ON p1.target_key = t.departmentid
  JOIN restage_keymap.worker AS k
    ON k.target_key = t.id
  LEFT JOIN noted AS n
    ON k.source_id = n.id
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.id,
    n.name,
    n.departmentid
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Worker/counts.sql
-- table:   public.worker
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Worker
-- body:    sha256:71d241b387ba0259d162a4a8dcc4ec52eb89335f749f1b9596f8bab6879fa240
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.worker, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.worker'))
    AND r.table_name = 'public.worker'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.worker AS t
    JOIN restage_keymap.worker AS k
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.worker'))
  AND g.table_name = 'public.worker';

-- file:    verify/002_dbo.Worker/keys.sql
-- table:   public.worker
-- purpose: known = present, when every key has its final row
-- source:  dbo.Worker
-- body:    sha256:0d455cf530464599e0a89ca8a5ac11a5ae0ceedda3563a65e3b1fe3aca7a92da
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.worker AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.worker AS t
    JOIN restage_keymap.worker AS k
      ON k.target_key = t.id
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.worker AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Worker/others.sql
-- table:   public.worker
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Worker
-- body:    sha256:d4fd0bf18d68a374deaa3eb8c96698c661e1e70c0024eed991e18aae52c83c5b
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.worker AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.worker AS k
  WHERE k.target_key = t.id
);

-- file:    verify/002_dbo.Worker/orphans.sql
-- table:   public.worker
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Worker
-- body:    sha256:cad9a0a09daf2ff44b3eb43c75d7c103fe097b8f44bb0e5b7af01251d38c4d0c
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- worker_departmentid_fkey
SELECT count(*) AS orphans
FROM public.worker AS t
WHERE t.departmentid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.department AS p
    WHERE p.id = t.departmentid
  );

