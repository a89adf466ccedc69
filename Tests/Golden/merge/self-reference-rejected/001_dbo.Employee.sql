-- file:    merge/001_dbo.Employee/10_stage.sql
-- table:   public.employee
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:dc9ed17c9c850c954535e07b0053d1a4a22e30bcae97d5c697c0366fbdb55e88
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.employee;

CREATE UNLOGGED TABLE restage_stage.employee (
  id integer,
  name varchar(20),
  managerid integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.Employee/15_check.sql
-- table:   public.employee
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:64d3c345c4534f5214777e8a8b74d7d40b24e155c799ee4ef30151122877b0e7
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.employee ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.employee (id, managerid);

SELECT restage.count_staged('public.employee', count(*)) AS staged
FROM restage_stage.employee AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.id
  FROM restage_stage.employee AS s
  WHERE s.id IS NOT NULL
  GROUP BY
    s.id
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.employee AS s
  WHERE s.id IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.employee AS s
    ON s.id = r.id
),
refused AS (
  DELETE FROM restage_stage.employee AS s
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
    'public.employee',
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
SELECT restage.count_rows('public.employee', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/001_dbo.Employee/20_match.sql
-- table:   public.employee
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Employee/30_allocate.sql
-- table:   public.employee
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:5cf590e01dd4a9fe55a279fc9831b8193d76c2d5cebc80d736b79b147d8a09f6
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Refuse rows without a parent, and the rows that hang on them.
DO $restage$
DECLARE
  refused_rows bigint;
  lost_rows bigint;
BEGIN
  LOOP
    lost_rows := 0;
    -- public.employee, employee_managerid_fkey: on_orphan: reject
    WITH refused AS (
      DELETE FROM restage_stage.employee AS s
      WHERE s.managerid IS NOT NULL
        AND NOT EXISTS (
          SELECT
          FROM restage_keymap.employee AS k
          WHERE k.source_id = s.managerid
        )
        AND NOT EXISTS (
          SELECT
          FROM restage_stage.employee AS p
          WHERE p.id = s.managerid
        )
      RETURNING
        jsonb_build_object('Id', s.id) AS source_key,
        jsonb_build_object('ManagerId', s.managerid) AS value,
        jsonb_build_object('Id', s.managerid) AS parent_key,
        row_to_json(s.*) AS row_data
    ),
    refused_parent AS MATERIALIZED (
      SELECT DISTINCT ON (p.source_key)
        p.source_key,
        p.message
      FROM restage.reject AS p
      WHERE p.run_id = (SELECT restage.run_id())
        AND p.table_name = 'public.employee'
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
        'foreign key employee_managerid_fkey',
        ARRAY['managerid'],
        r.value::text,
        'the parent public.employee ' || r.parent_key::text || CASE
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
    INTO refused_rows
    FROM recorded;
    lost_rows := lost_rows + refused_rows;
    EXIT WHEN lost_rows = 0;
  END LOOP;
END
$restage$;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.employee', 'restage_keymap.employee') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.employee (
    source_id,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.id,
    nextval('public.employee_id_seq'),
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
          s.managerid
        )::text,
        (NULL::restage_keymap.employee).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.employee AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.employee AS k
      WHERE k.source_id = s.id
    )
    ORDER BY
      s.id
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
      ADD PRIMARY KEY (source_id),
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

-- file:    merge/001_dbo.Employee/35_orphans.sql
-- table:   public.employee
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:a01d330f825adea8d8c80f66d9fc05a277a3ab0190fb7de887892bdb7306864a
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.employee'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/001_dbo.Employee/40_insert.sql
-- table:   public.employee
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:0309ebb6bbbd7e95c9e533c488e0027e5620df91ab4dd139aef36516606736d2
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.employee', 'restage_keymap.employee') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.employee (
    id,
    name,
    managerid
  )
  SELECT
    k.target_key,
    s.name,
    p1.target_key
  FROM restage_stage.employee AS s
  JOIN restage_keymap.employee AS k
    ON k.source_id = s.id
    AND k.first_run = (SELECT restage.run_id())
  LEFT JOIN restage_keymap.employee AS p1
    ON p1.source_id = s.managerid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.employee'
      AND c.kind = 'inserted'
  )
    AND (s.managerid IS NULL OR p1.target_key IS NOT NULL);
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

-- file:    merge/001_dbo.Employee/50_update.sql
-- table:   public.employee
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:e8bbcc0f7c26d381ac1e637f63664fab85d939715d4c0a08085eb6ee4f54a741
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
    s.id,
    s.name,
    s.managerid,
    restage.row_hash(
      ROW(
        s.id,
        s.name,
        s.managerid
      )::text,
      (NULL::restage_keymap.employee).row_hash
    ) AS row_hash
  FROM restage_stage.employee AS s
  JOIN restage_keymap.employee AS k
    ON k.source_id = s.id
  WHERE NOT (SELECT restage.is_all_new('public.employee'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.id,
        s.name,
        s.managerid
      )::text,
      (NULL::restage_keymap.employee).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_id,
    row_to_json(t.*) AS row_data
  FROM public.employee AS t
  LEFT JOIN restage_keymap.employee AS p1
    ON p1.target_key = t.managerid
  JOIN restage_keymap.employee AS k
    ON k.target_key = t.id
  JOIN changed AS c
    ON k.source_id = c.id
  WHERE restage.row_hash(
      ROW(
        k.source_id,
        t.name,
        coalesce(p1.source_id::text, 'final ' || t.managerid)
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
    jsonb_build_object('source_id', d.source_id),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.employee AS t
  SET
    name = c.name,
    managerid = p1.target_key
  FROM changed AS c
  JOIN restage_keymap.employee AS k
    ON k.source_id = c.id
  LEFT JOIN restage_keymap.employee AS p1
    ON p1.source_id = c.managerid
  WHERE t.id = k.target_key
    AND (c.managerid IS NULL OR p1.target_key IS NOT NULL)
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.employee AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_id = c.id
)
SELECT
  restage.count_rows('public.employee', 'updated', count(*)) AS rows,
  restage.count_rows('public.employee', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/001_dbo.Employee/60_vanished.sql
-- table:   public.employee
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:dbfe13233243a4fd5e3726119e231b82299a11e5c435d0a7a1303b8ad36232be
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.employee', 'restage_keymap.employee') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_id,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.employee AS s
  JOIN restage_keymap.employee AS k
    ON k.source_id = s.id
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.employee AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_id = m.source_id
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
    s.id
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
  FROM restage_keymap.employee AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.employee'))
),
back AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.employee AS s
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
    'public.employee',
    'returned',
    ARRAY[b.source_id::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.employee AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_id = b.source_id
  RETURNING 1
)
SELECT
  restage.count_rows('public.employee', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.employee', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/001_dbo.Employee/70_reset.sql
-- table:   public.employee
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Employee/90_account.sql
-- table:   public.employee
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Employee, staged in restage_stage.employee
-- body:    sha256:939a9d820efca85192d010ad7fefffb3703f5c49ec2639e2ffd14657e12e08d5
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
  ON k.source_id = s.id
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.employee'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/001_dbo.Employee/content.sql
-- table:   public.employee
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Employee
-- body:    sha256:36e605a25579ecd0d70c769d70467998efcc3db628570d702b7a409f471f3eb2
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
      s.managerid,
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
    k.source_id,
    t.name,
    coalesce(p1.source_id::text, 'final ' || t.managerid)
  FROM public.employee AS t
  LEFT JOIN restage_keymap.employee AS p1
    ON p1.target_key = t.managerid
  JOIN restage_keymap.employee AS k
    ON k.target_key = t.id
  LEFT JOIN noted AS n
    ON k.source_id = n.id
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.id,
    n.name,
    n.managerid::text
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/001_dbo.Employee/counts.sql
-- table:   public.employee
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Employee
-- body:    sha256:c6599ba997e351320729b50be7553612798b3244b38ad487c102f09a178f3394
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.id
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.employee'))
  AND g.table_name = 'public.employee';

-- file:    verify/001_dbo.Employee/keys.sql
-- table:   public.employee
-- purpose: known = present, when every key has its final row
-- source:  dbo.Employee
-- body:    sha256:d7dc01e6aa2df583d62f850f4e1bf3785aed1e0ed2b928b6e3f35539e53d253f
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
      ON k.target_key = t.id
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.employee AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/001_dbo.Employee/others.sql
-- table:   public.employee
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Employee
-- body:    sha256:3f91709ddf17ebc5fd342da4f14125234748eac694228231dbb5f1bd68cf9b8f
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.employee AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.employee AS k
  WHERE k.target_key = t.id
);

-- file:    verify/001_dbo.Employee/orphans.sql
-- table:   public.employee
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Employee
-- body:    sha256:55c6545bc421b83df761971b09cfad3b5828ddf9ebcb6203329e50f4aa2cc335
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- employee_managerid_fkey
SELECT count(*) AS orphans
FROM public.employee AS t
WHERE t.managerid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.employee AS p
    WHERE p.id = t.managerid
  );

