-- file:    merge/002_dbo.Log/10_stage.sql
-- table:   public.log
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Log, staged in restage_stage.log
-- body:    sha256:41c24efc947f58ac5e59de4c18a95f2df416bda509538137ec85e470d3283c17
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.log;

CREATE UNLOGGED TABLE restage_stage.log (
  hostid integer,
  line varchar(20)
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Log/15_check.sql
-- table:   public.log
-- step:    15 check
-- purpose: gather statistics and count; without a key there is nothing to check
-- source:  dbo.Log, staged in restage_stage.log
-- body:    sha256:075efb0d2129df393bf5faf7056d76dfb97aae1567e5bc497c6c284ffc882f2d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.log (hostid);

SELECT restage.count_staged('public.log', count(*)) AS staged
FROM restage_stage.log AS s;

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Log/20_match.sql
-- table:   public.log
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Log, staged in restage_stage.log
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Log/30_allocate.sql
-- table:   public.log
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Log, staged in restage_stage.log
-- body:    sha256:7c154693d9e5ba81062c4cdd79b04ac59d851b4c793e57fda5573942467b08d4
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.log', 'restage_keymap.log') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.log (
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
            s.hostid,
            s.line
          )::text)::uuid AS row_hash
        FROM restage_stage.log AS s
      ) AS h
    ) AS s
    WHERE NOT EXISTS (
        SELECT
        FROM restage_keymap.log AS k
        WHERE k.source_row_hash = s.row_hash
          AND k.source_occurrence = s.occurrence
      )
    ORDER BY
      s.row_hash,
      s.occurrence
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.log', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.log'::regclass
  ) THEN
    ALTER TABLE restage_keymap.log
      ADD PRIMARY KEY (source_row_hash, source_occurrence);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.log'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.log'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.log;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.log'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Log/35_orphans.sql
-- table:   public.log
-- step:    35 orphans
-- purpose: no row to be rejected or loaded without its parent: step 40 checks all foreign keys
-- source:  dbo.Log, staged in restage_stage.log
-- body:    sha256:73ee3867f338b8fd5b175a167e72c33658522f6178374231e2c53edf31373691
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.log'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Log/40_insert.sql
-- table:   public.log
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Log, staged in restage_stage.log
-- body:    sha256:d49121e654ca252e997a288940f34cb3cc8a71d964cd5b7cd42714ecc1f098aa
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.log', 'restage_keymap.log') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.log (
    hostid,
    line
  )
  SELECT
    p1.target_key,
    s.line
  FROM (
    SELECT
      h.hostid,
      h.line,
      h.row_hash,
      row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
    FROM (
      SELECT
        s.hostid,
        s.line,
        md5(ROW(
          s.hostid,
          s.line
        )::text)::uuid AS row_hash
      FROM restage_stage.log AS s
    ) AS h
  ) AS s
  JOIN restage_keymap.log AS k
    ON k.source_row_hash = s.row_hash
    AND k.source_occurrence = s.occurrence
    AND k.first_run = (SELECT restage.run_id())
  LEFT JOIN restage_keymap.host AS p1
    ON p1.source_id = s.hostid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.log'
      AND c.kind = 'inserted'
  )
    AND (s.hostid IS NULL OR p1.target_key IS NOT NULL);
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.log', 'inserted', inserted_rows);
END
$restage$;

-- log_hostid_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.log',
  'log_hostid_fkey',
  count(*),
  min(jsonb_build_object('HostId', s.hostid)::text)
)
FROM restage_stage.log AS s
WHERE s.hostid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.host AS k
    WHERE k.source_id = s.hostid
  )
  AND NOT EXISTS (
    -- Where every staged row was inserted, each had its parents.
    SELECT
    FROM restage.staged AS g
    JOIN restage.row_count AS c
      ON c.run_id = g.run_id
      AND c.table_name = g.table_name
    WHERE g.run_id = (SELECT restage.run_id())
      AND g.table_name = 'public.log'
      AND c.kind = 'inserted'
      AND c.rows = g.staged_rows
  )
HAVING count(*) > 0;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.log'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Log/50_update.sql
-- table:   public.log
-- step:    50 update
-- purpose: nothing: without a key a changed row is an unseen row
-- source:  dbo.Log, staged in restage_stage.log
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Log/60_vanished.sql
-- table:   public.log
-- step:    60 vanished
-- purpose: note rows that vanished from the source, and delete them
-- source:  dbo.Log, staged in restage_stage.log
-- body:    sha256:7074c22be82a8b75a17236af7bc258e111222c6cf0c6c0e723cdb64576334301
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
      s.hostid,
      s.line
    )::text)::uuid AS row_hash
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.log, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.log'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.log AS k
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
              s.hostid,
              s.line
            )::text)::uuid AS row_hash
          FROM restage_stage.log AS s
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
  FROM restage_keymap.log AS k
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
          s.hostid,
          s.line
        )::text)::uuid AS row_hash
      FROM restage_stage.log AS s
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
    'public.log',
    'returned',
    ARRAY[b.source_row_hash::text, b.source_occurrence::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.log AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_row_hash = b.source_row_hash
    AND k.source_occurrence = b.source_occurrence
  RETURNING 1
)
SELECT
  restage.count_rows('public.log', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.log', 'returned', (SELECT count(*) FROM returned)) AS returned;

SELECT restage.guard_vanished(
  table_name => 'public.log',
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
              coalesce(p1.source_id::text, 'final ' || t.hostid),
              t.line
            )::text)::uuid AS row_hash
          FROM public.log AS t
          LEFT JOIN restage_keymap.host AS p1
            ON p1.target_key = t.hostid
        ) AS h
      ) AS s
      JOIN restage_keymap.log AS k
        ON k.source_row_hash = s.row_hash
        AND k.source_occurrence = s.occurrence
      JOIN public.log AS t
        ON t.ctid = s.row_id
      WHERE k.vanished_run IS NOT NULL
        AND k.matched_run IS NULL
        AND NOT EXISTS (
          SELECT
          FROM restage.staged AS g
          WHERE g.run_id = (SELECT restage.run_id())
            AND g.table_name = 'public.log'
            AND g.export_rejects > 0
        )
        AND NOT EXISTS (
          SELECT
          FROM restage.table_map AS m
          WHERE m.source_name <> 'stride'
            AND m.target_schema = 'public'
            AND m.target_table = 'log'
        )
    ),
    held AS MATERIALIZED (
      SELECT h.row_id
      FROM restage.held_rows(
        table_name => 'public.log',
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
    FROM restage_keymap.log AS k
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
          coalesce(p1.source_id::text, 'final ' || t.hostid),
          t.line
        )::text)::uuid AS row_hash
      FROM public.log AS t
      LEFT JOIN restage_keymap.host AS p1
        ON p1.target_key = t.hostid
    ) AS h
  ) AS s
  JOIN restage_keymap.log AS k
    ON k.source_row_hash = s.row_hash
    AND k.source_occurrence = s.occurrence
  JOIN public.log AS t
    ON t.ctid = s.row_id
  WHERE k.vanished_run IS NOT NULL
    AND k.matched_run IS NULL
    AND NOT EXISTS (
      SELECT
      FROM restage.staged AS g
      WHERE g.run_id = (SELECT restage.run_id())
        AND g.table_name = 'public.log'
        AND g.export_rejects > 0
    )
    AND NOT EXISTS (
      SELECT
      FROM restage.table_map AS m
      WHERE m.source_name <> 'stride'
        AND m.target_schema = 'public'
        AND m.target_table = 'log'
    )
),
held AS MATERIALIZED (
  SELECT h.row_id
  FROM restage.held_rows(
    table_name => 'public.log',
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
  DELETE FROM public.log AS t
  USING gone AS g
  WHERE t.ctid = g.row_id
  RETURNING
    g.source_row_hash,
    g.source_occurrence,
    row_to_json(t.*) AS row_data
),
forgotten AS (
  DELETE FROM restage_keymap.log AS k
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
    'public.log',
    jsonb_build_object('source_row_hash', d.source_row_hash, 'source_occurrence', d.source_occurrence),
    'vanished',
    'deleted',
    d.row_data
  FROM deleted AS d
  RETURNING 1
)
SELECT restage.count_rows('public.log', 'deleted', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Log/70_reset.sql
-- table:   public.log
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Log, staged in restage_stage.log
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Log/90_account.sql
-- table:   public.log
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Log, staged in restage_stage.log
-- body:    sha256:e725bfbff32fa9a4d1432e236866d2353ca87475a9145d185a723e485f7d3f52
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.log', 'restage_keymap.log') AS joins;

SELECT restage.close_account('public.log', count(*)) AS rows
FROM (
  SELECT
    h.row_hash,
    row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
  FROM (
    SELECT
      md5(ROW(
        s.hostid,
        s.line
      )::text)::uuid AS row_hash
    FROM restage_stage.log AS s
  ) AS h
) AS s
JOIN restage_keymap.log AS k
  ON k.source_row_hash = s.row_hash
  AND k.source_occurrence = s.occurrence
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.log'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Log/content.sql
-- table:   public.log
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Log
-- body:    sha256:19588fc4cecadd98117c74511b99fc0b23abcda4d1c7217da0c50be4e1f5b314
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
      s.hostid,
      s.line,
      md5(ROW(
        s.hostid,
        s.line
      )::text)::uuid AS row_hash
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.log'))
        AND r.table_name = 'public.log'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.log, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    s.hostid,
    s.line
  FROM (
    SELECT
      h.hostid,
      h.line,
      h.row_hash,
      row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
    FROM (
      SELECT
        p1.source_id AS hostid,
        t.line AS line,
        md5(ROW(
          coalesce(p1.source_id::text, 'final ' || t.hostid),
          t.line
        )::text)::uuid AS row_hash
      FROM public.log AS t
      LEFT JOIN restage_keymap.host AS p1
        ON p1.target_key = t.hostid
    ) AS h
  ) AS s
  JOIN restage_keymap.log AS k
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
    n.hostid,
    n.line
  FROM noted AS n
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Log/counts.sql
-- table:   public.log
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Log
-- body:    sha256:0c080192f77871e3b10c377a488d00cd61d2c7be7f092d4106211a2f834d1c91
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

WITH refused AS MATERIALIZED (
  SELECT
    md5(ROW(
      s.hostid,
      s.line
    )::text)::uuid AS row_hash
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.log, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.log'))
    AND r.table_name = 'public.log'
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
            coalesce(p1.source_id::text, 'final ' || t.hostid),
            t.line
          )::text)::uuid AS row_hash
        FROM public.log AS t
        LEFT JOIN restage_keymap.host AS p1
          ON p1.target_key = t.hostid
      ) AS h
    ) AS s
    JOIN restage_keymap.log AS k
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.log'))
  AND g.table_name = 'public.log';

-- file:    verify/002_dbo.Log/keys.sql
-- table:   public.log
-- purpose: known = present, when every key has its final row
-- source:  dbo.Log
-- body:    sha256:7c92be42e1b6036152bdfec7e1f1ebf3caa846b92e64db57d06c314856d42122
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.log AS k
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
            coalesce(p1.source_id::text, 'final ' || t.hostid),
            t.line
          )::text)::uuid AS row_hash
        FROM public.log AS t
        LEFT JOIN restage_keymap.host AS p1
          ON p1.target_key = t.hostid
      ) AS h
    ) AS s
    JOIN restage_keymap.log AS k
      ON k.source_row_hash = s.row_hash
      AND k.source_occurrence = s.occurrence
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.log AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Log/others.sql
-- table:   public.log
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Log
-- body:    sha256:a7a4beedcc7408027814cb49e1bc087470811c32a4da3db98a4172c55b0f9873
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
            coalesce(p1.source_id::text, 'final ' || t.hostid),
            t.line
          )::text)::uuid AS row_hash
        FROM public.log AS t
        LEFT JOIN restage_keymap.host AS p1
          ON p1.target_key = t.hostid
      ) AS h
    ) AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.log AS k
      WHERE k.source_row_hash = s.row_hash
        AND k.source_occurrence = s.occurrence
    )
  )
) AS others;

-- file:    verify/002_dbo.Log/orphans.sql
-- table:   public.log
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Log
-- body:    sha256:560961515dca1016430ad49d1ad3f326df85c5161cd5ea9390cf37252a06ffcc
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- log_hostid_fkey
SELECT count(*) AS orphans
FROM public.log AS t
WHERE t.hostid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.host AS p
    WHERE p.id = t.hostid
  );

