-- file:    merge/004_dbo.Line/10_stage.sql
-- table:   public.line
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:45224d649f4807ce02e0731dcc67d3a9435941d9201f8aa85a68919ac764a2d7
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.line;

CREATE UNLOGGED TABLE restage_stage.line (
  code varchar(10)
)
WITH (autovacuum_enabled = false);

-- file:    merge/004_dbo.Line/15_check.sql
-- table:   public.line
-- step:    15 check
-- purpose: gather statistics and count; without a key there is nothing to check
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:e98b1dbf3aeeb823a23d8cef29f3bf25e5d22dd92fa9f997f66cef743bd720bc
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.line (code);

SELECT restage.count_staged('public.line', count(*)) AS staged
FROM restage_stage.line AS s;

SELECT 0::bigint AS rows;

-- file:    merge/004_dbo.Line/20_match.sql
-- table:   public.line
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/004_dbo.Line/30_allocate.sql
-- table:   public.line
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:9616040d29b8399001fee53affee65ea10c442a9a8604ad049a68a7d3dd0a293
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
SELECT restage.choose_joins('public.line', 'restage_keymap.line') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.line (
    source_row_hash,
    source_occurrence,
    row_hash,
    first_run,
    last_run
  )
  SELECT
    s.row_hash,
    s.occurrence,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id())
  FROM (
    SELECT
      s.row_hash,
      s.occurrence
    FROM (
      SELECT
        h.row_hash,
        row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
      FROM (
        SELECT
          md5(ROW(
            s.code
          )::text)::uuid AS row_hash
        FROM restage_stage.line AS s
      ) AS h
    ) AS s
    WHERE NOT EXISTS (
        SELECT
        FROM restage_keymap.line AS k
        WHERE k.source_row_hash = s.row_hash
          AND k.source_occurrence = s.occurrence
      )
    ORDER BY
      s.row_hash,
      s.occurrence
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.line', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.line'::regclass
  ) THEN
    ALTER TABLE restage_keymap.line
      ADD PRIMARY KEY (source_row_hash, source_occurrence);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.line'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.line'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.line;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.line'
  AND c.kind = 'allocated';

-- file:    merge/004_dbo.Line/35_orphans.sql
-- table:   public.line
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:594262b5582dcb1293671f595a02a5bb55373ae09dec44003645f11eb9798a18
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- line_code_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.line',
  'line_code_fkey',
  count(*),
  min(jsonb_build_object('Code', s.code)::text)
)
FROM restage_stage.line AS s
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
  AND r.table_name = 'public.line'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/004_dbo.Line/40_insert.sql
-- table:   public.line
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:ca3800ab4b22aebeb5d7736e1b218e5286dc3b0e0ed8f5489e905bf07217f226
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.line', 'restage_keymap.line') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.line (
    code
  )
  SELECT
    s.code
  FROM (
    SELECT
      h.code,
      h.row_hash,
      row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
    FROM (
      SELECT
        s.code,
        md5(ROW(
          s.code
        )::text)::uuid AS row_hash
      FROM restage_stage.line AS s
    ) AS h
  ) AS s
  JOIN restage_keymap.line AS k
    ON k.source_row_hash = s.row_hash
    AND k.source_occurrence = s.occurrence
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.line'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.line', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.line'
  AND c.kind = 'inserted';

-- file:    merge/004_dbo.Line/50_update.sql
-- table:   public.line
-- step:    50 update
-- purpose: nothing: without a key a changed row is an unseen row
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

SELECT 0::bigint AS rows;

-- file:    merge/004_dbo.Line/60_vanished.sql
-- table:   public.line
-- step:    60 vanished
-- purpose: note rows that vanished from the source, and delete them
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:4cccb8e7727d1f6459d528d824a9fa016148340501b031af4c855f56e72d4756
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    md5(ROW(
      s.code
    )::text)::uuid AS row_hash
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.line, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.line'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.line AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND NOT EXISTS (
      SELECT
      FROM (
        SELECT
          h.row_hash,
          row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
        FROM (
          SELECT
            md5(ROW(
              s.code
            )::text)::uuid AS row_hash
          FROM restage_stage.line AS s
        ) AS h
      ) AS s
      WHERE k.source_row_hash = s.row_hash
        AND k.source_occurrence = s.occurrence
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_row_hash = r.row_hash
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_row_hash,
    k.source_occurrence,
    k.vanished_run
  FROM restage_keymap.line AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_row_hash,
    k.source_occurrence,
    k.vanished_run
  FROM gone AS k
  JOIN (
    SELECT
      h.row_hash,
      row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
    FROM (
      SELECT
        md5(ROW(
          s.code
        )::text)::uuid AS row_hash
      FROM restage_stage.line AS s
    ) AS h
  ) AS s
    ON k.source_row_hash = s.row_hash
    AND k.source_occurrence = s.occurrence
  UNION
  SELECT
    k.source_row_hash,
    k.source_occurrence,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_row_hash = r.row_hash
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
    'public.line',
    'returned',
    ARRAY[b.source_row_hash::text, b.source_occurrence::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.line AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_row_hash = b.source_row_hash
    AND k.source_occurrence = b.source_occurrence
  RETURNING 1
)
SELECT
  restage.count_rows('public.line', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.line', 'returned', (SELECT count(*) FROM returned)) AS returned;

SELECT restage.guard_vanished(
  table_name => 'public.line',
  going => (
    WITH candidates AS MATERIALIZED (
      SELECT t.ctid AS row_id
      FROM (
        SELECT
          h.row_id,
          h.row_hash,
          row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
        FROM (
          SELECT
            t.ctid AS row_id,
            md5(ROW(
              t.code
            )::text)::uuid AS row_hash
          FROM public.line AS t
        ) AS h
      ) AS s
      JOIN restage_keymap.line AS k
        ON k.source_row_hash = s.row_hash
        AND k.source_occurrence = s.occurrence
      JOIN public.line AS t
        ON t.ctid = s.row_id
      WHERE k.vanished_run IS NOT NULL
        AND k.matched_run IS NULL
        AND NOT EXISTS (
          SELECT
          FROM restage.staged AS g
          WHERE g.run_id = (SELECT restage.run_id())
            AND g.table_name = 'public.line'
            AND g.export_rejects > 0
        )
        AND NOT EXISTS (
          SELECT
          FROM restage.table_map AS m
          WHERE m.source_name <> 'stride'
            AND m.target_schema = 'public'
            AND m.target_table = 'line'
        )
    ),
    held AS MATERIALIZED (
      SELECT h.row_id
      FROM restage.held_rows(
        table_name => 'public.line',
        row_ids => ARRAY(SELECT c.row_id FROM candidates AS c),
        self_included => false
      ) AS h (row_id)
    )
    SELECT count(*)
    FROM candidates AS c
    WHERE NOT EXISTS (
      SELECT
      FROM held AS h
      WHERE h.row_id = c.row_id
    )
  ),
  known => (
    SELECT count(*)
    FROM restage_keymap.line AS k
  ),
  max_percent => 100
);

WITH candidates AS MATERIALIZED (
  SELECT
    t.ctid AS row_id,
    k.source_row_hash,
    k.source_occurrence
  FROM (
    SELECT
      h.row_id,
      h.row_hash,
      row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
    FROM (
      SELECT
        t.ctid AS row_id,
        md5(ROW(
          t.code
        )::text)::uuid AS row_hash
      FROM public.line AS t
    ) AS h
  ) AS s
  JOIN restage_keymap.line AS k
    ON k.source_row_hash = s.row_hash
    AND k.source_occurrence = s.occurrence
  JOIN public.line AS t
    ON t.ctid = s.row_id
  WHERE k.vanished_run IS NOT NULL
    AND k.matched_run IS NULL
    AND NOT EXISTS (
      SELECT
      FROM restage.staged AS g
      WHERE g.run_id = (SELECT restage.run_id())
        AND g.table_name = 'public.line'
        AND g.export_rejects > 0
    )
    AND NOT EXISTS (
      SELECT
      FROM restage.table_map AS m
      WHERE m.source_name <> 'stride'
        AND m.target_schema = 'public'
        AND m.target_table = 'line'
    )
),
held AS MATERIALIZED (
  SELECT h.row_id
  FROM restage.held_rows(
    table_name => 'public.line',
    row_ids => ARRAY(SELECT c.row_id FROM candidates AS c),
    self_included => true
  ) AS h (row_id)
),
gone AS (
  SELECT c.*
  FROM candidates AS c
  WHERE NOT EXISTS (
    SELECT
    FROM held AS h
    WHERE h.row_id = c.row_id
  )
),
deleted AS (
  DELETE FROM public.line AS t
  USING gone AS g
  WHERE t.ctid = g.row_id
  RETURNING
    g.source_row_hash,
    g.source_occurrence,
    row_to_json(t.*) AS row_data
),
forgotten AS (
  DELETE FROM restage_keymap.line AS k
  USING deleted AS d
  WHERE k.source_row_hash = d.source_row_hash
    AND k.source_occurrence = d.source_occurrence
),
recorded AS (
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
    'public.line',
    jsonb_build_object('source_row_hash', d.source_row_hash, 'source_occurrence', d.source_occurrence),
    'vanished',
    'deleted',
    d.row_data
  FROM deleted AS d
  RETURNING 1
)
SELECT restage.count_rows('public.line', 'deleted', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/004_dbo.Line/70_reset.sql
-- table:   public.line
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/004_dbo.Line/90_account.sql
-- table:   public.line
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:617e72fb6c2f72f4ec61186f7138c5fc6cf1086ffb1573f4df0d814406b68d0f
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.line', 'restage_keymap.line') AS joins;

SELECT restage.close_account('public.line', count(*)) AS rows
FROM (
  SELECT
    h.row_hash,
    row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
  FROM (
    SELECT
      md5(ROW(
        s.code
      )::text)::uuid AS row_hash
    FROM restage_stage.line AS s
  ) AS h
) AS s
JOIN restage_keymap.line AS k
  ON k.source_row_hash = s.row_hash
  AND k.source_occurrence = s.occurrence
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.line'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/004_dbo.Line/content.sql
-- table:   public.line
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Line
-- body:    sha256:bee6a0f34d89fc19484cd5a8c368ac732e4ac34865852eb5517b107352428582
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
      md5(ROW(
        s.code
      )::text)::uuid AS row_hash
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.line'))
        AND r.table_name = 'public.line'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.line, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    s.code
  FROM (
    SELECT
      h.code,
      h.row_hash,
      row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
    FROM (
      SELECT
        t.code AS code,
        md5(ROW(
          t.code
        )::text)::uuid AS row_hash
      FROM public.line AS t
    ) AS h
  ) AS s
  JOIN restage_keymap.line AS k
    ON k.source_row_hash = s.row_hash
    AND k.source_occurrence = s.occurrence
  WHERE k.vanished_run IS NULL
    AND NOT EXISTS (
      SELECT
      FROM noted AS n
      WHERE k.source_row_hash = n.row_hash
    )
  UNION ALL
  SELECT
    n.code
  FROM noted AS n
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/004_dbo.Line/counts.sql
-- table:   public.line
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Line
-- body:    sha256:17a18c7767c73b3d99911172b4095b820734da0e8899b4b0cd257c97a6df8d89
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

WITH refused AS MATERIALIZED (
  SELECT
    md5(ROW(
      s.code
    )::text)::uuid AS row_hash
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.line, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.line'))
    AND r.table_name = 'public.line'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM (
      SELECT
        h.row_hash,
        row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
      FROM (
        SELECT
          md5(ROW(
            t.code
          )::text)::uuid AS row_hash
        FROM public.line AS t
      ) AS h
    ) AS s
    JOIN restage_keymap.line AS k
      ON k.source_row_hash = s.row_hash
      AND k.source_occurrence = s.occurrence
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_row_hash = r.row_hash
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.line'))
  AND g.table_name = 'public.line';

-- file:    verify/004_dbo.Line/keys.sql
-- table:   public.line
-- purpose: known = present, when every key has its final row
-- source:  dbo.Line
-- body:    sha256:944aff023ef1fa1fd221bb0f2414e3c35a9fd09d2510659cf9ae4a2a9f19491e
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.line AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM (
      SELECT
        h.row_hash,
        row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
      FROM (
        SELECT
          md5(ROW(
            t.code
          )::text)::uuid AS row_hash
        FROM public.line AS t
      ) AS h
    ) AS s
    JOIN restage_keymap.line AS k
      ON k.source_row_hash = s.row_hash
      AND k.source_occurrence = s.occurrence
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.line AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/004_dbo.Line/others.sql
-- table:   public.line
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Line
-- body:    sha256:c5d88c1642154e2a43c35956058135b377788f6ebb493b573b879699f6757e88
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

SELECT greatest(
  0,
  (
    SELECT count(*)
    FROM (
      SELECT
        h.row_hash,
        row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
      FROM (
        SELECT
          md5(ROW(
            t.code
          )::text)::uuid AS row_hash
        FROM public.line AS t
      ) AS h
    ) AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.line AS k
      WHERE k.source_row_hash = s.row_hash
        AND k.source_occurrence = s.occurrence
    )
  )
) AS others;

-- file:    verify/004_dbo.Line/orphans.sql
-- table:   public.line
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Line
-- body:    sha256:21d19a1dc562974cd8938ed28a4fda045c35c27a899da2d8c45019cb3b4dae8a
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- line_code_fkey
SELECT count(*) AS orphans
FROM public.line AS t
WHERE t.code IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.country AS p
    WHERE p.code = t.code
  );

