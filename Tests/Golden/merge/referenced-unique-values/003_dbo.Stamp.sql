-- file:    merge/003_dbo.Stamp/10_stage.sql
-- table:   public.stamp
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Stamp, staged in restage_stage.stamp
-- body:    sha256:e6fb3211356733568bd9da9c273c741dfa0e81fd15360832d8e1c478b801feff
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.stamp;

CREATE UNLOGGED TABLE restage_stage.stamp (
  code varchar(10),
  no integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/003_dbo.Stamp/15_check.sql
-- table:   public.stamp
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Stamp, staged in restage_stage.stamp
-- body:    sha256:9b76288f0f25fdc8cd61ad8041402ac68a1e2bd5393125e60da206618ef83320
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.stamp (code, no);

SELECT restage.count_staged('public.stamp', count(*)) AS staged
FROM restage_stage.stamp AS s;

WITH repeated AS MATERIALIZED (
  SELECT
    rtrim(s.code) AS code,
    s.no
  FROM restage_stage.stamp AS s
  WHERE s.code IS NOT NULL
    AND s.no IS NOT NULL
  GROUP BY
    rtrim(s.code),
    s.no
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.stamp AS s
  WHERE s.code IS NULL OR
    s.no IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.stamp AS s
    ON rtrim(s.code) = r.code
    AND s.no = r.no
),
refused AS (
  DELETE FROM restage_stage.stamp AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object(
      'Code', s.code,
      'No', s.no
    ) AS source_key,
    jsonb_build_object(
      'Code', s.code,
      'No', s.no
    ) AS value,
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
    'public.stamp',
    r.source_key,
    'source key',
    ARRAY['code', 'no'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.stamp', 'rejected', count(*)) AS rows
FROM recorded;

-- file:    merge/003_dbo.Stamp/20_match.sql
-- table:   public.stamp
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Stamp, staged in restage_stage.stamp
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Stamp/30_allocate.sql
-- table:   public.stamp
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Stamp, staged in restage_stage.stamp
-- body:    sha256:370db696d5c98d357bc6f6accc9acb775c5e84ec7f21bdce11f84ac8e4921624
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
SELECT restage.choose_joins('public.stamp', 'restage_keymap.stamp') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.stamp (
    source_code,
    source_no,
    row_hash,
    first_run,
    last_run
  )
  SELECT
    s.code,
    s.no,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id())
  FROM (
    SELECT
      s.code,
      s.no,
      restage.row_hash(
        ROW(
          s.code,
          s.no
        )::text,
        (NULL::restage_keymap.stamp).row_hash
      ) AS row_hash
    FROM restage_stage.stamp AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.stamp AS k
      WHERE rtrim(k.source_code) = rtrim(s.code)
        AND k.source_no = s.no
    )
    ORDER BY
      s.code,
      s.no
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.stamp', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.stamp'::regclass
  ) THEN
    ALTER TABLE restage_keymap.stamp
      ADD PRIMARY KEY (source_code, source_no);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.stamp'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.stamp'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.stamp;
  END IF;
END
$restage$;

-- Keys that differ from those of the key map in case or trailing blanks.
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

UPDATE restage_keymap.stamp AS k
SET
  source_code = s.code
FROM restage_stage.stamp AS s
WHERE rtrim(k.source_code) = rtrim(s.code)
  AND k.source_no = s.no
  AND k.source_code COLLATE "C" <> s.code COLLATE "C";

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.stamp'
  AND c.kind = 'allocated';

-- file:    merge/003_dbo.Stamp/35_orphans.sql
-- table:   public.stamp
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Stamp, staged in restage_stage.stamp
-- body:    sha256:bf53b5687ad211c8c01cf64709686cf59874ef57e773e98b6c244d268b6707c8
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- stamp_code_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.stamp',
  'stamp_code_fkey',
  count(*),
  min(jsonb_build_object(
    'No', s.no,
    'Code', s.code
  )::text)
)
FROM restage_stage.stamp AS s
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
  AND r.table_name = 'public.stamp'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/003_dbo.Stamp/40_insert.sql
-- table:   public.stamp
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Stamp, staged in restage_stage.stamp
-- body:    sha256:8fee8e01ff9a3d8edb9b36159fc9a853c43536db8a784dd04fc9d288dad2b2a5
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.stamp', 'restage_keymap.stamp') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.stamp (
    code,
    no
  )
  SELECT
    s.code,
    s.no
  FROM restage_stage.stamp AS s
  JOIN restage_keymap.stamp AS k
    ON rtrim(k.source_code) = rtrim(s.code)
    AND k.source_no = s.no
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.stamp'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.stamp', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.stamp'
  AND c.kind = 'inserted';

-- file:    merge/003_dbo.Stamp/50_update.sql
-- table:   public.stamp
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Stamp, staged in restage_stage.stamp
-- body:    sha256:09dbd58355878086eac95627ec022fcb76cd05a7c9580517dd5f0d06457ae991
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.stamp', 'restage_keymap.stamp') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.code,
    s.no,
    restage.row_hash(
      ROW(
        s.code,
        s.no
      )::text,
      (NULL::restage_keymap.stamp).row_hash
    ) AS row_hash
  FROM restage_stage.stamp AS s
  JOIN restage_keymap.stamp AS k
    ON rtrim(k.source_code) = rtrim(s.code)
    AND k.source_no = s.no
  WHERE NOT (SELECT restage.is_all_new('public.stamp'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.code,
        s.no
      )::text,
      (NULL::restage_keymap.stamp).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_code,
    k.source_no,
    row_to_json(t.*) AS row_data
  FROM public.stamp AS t
  JOIN restage_keymap.stamp AS k
    ON rtrim(k.source_code) = rtrim(t.code)
    AND k.source_no = t.no
  JOIN changed AS c
    ON rtrim(k.source_code) = rtrim(c.code)
    AND k.source_no = c.no
  WHERE restage.row_hash(
      ROW(
        t.code,
        t.no
      )::text,
      (NULL::restage_keymap.stamp).row_hash
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
    'public.stamp',
    jsonb_build_object('source_code', d.source_code, 'source_no', d.source_no),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.stamp AS t
  SET
    code = c.code
  FROM changed AS c
  JOIN restage_keymap.stamp AS k
    ON rtrim(k.source_code) = rtrim(c.code)
    AND k.source_no = c.no
  WHERE rtrim(t.code) = rtrim(c.code)
    AND t.no = c.no
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.stamp AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE rtrim(k.source_code) = rtrim(c.code)
    AND k.source_no = c.no
)
SELECT
  restage.count_rows('public.stamp', 'updated', count(*)) AS rows,
  restage.count_rows('public.stamp', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/003_dbo.Stamp/60_vanished.sql
-- table:   public.stamp
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Stamp, staged in restage_stage.stamp
-- body:    sha256:bf77ee5824ba11da8a632c8841d751c969ed011d116948f9176fc878e8f75aef
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    s.code,
    s.no
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.stamp, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.stamp'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.stamp AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.stamp AS s
      WHERE rtrim(k.source_code) = rtrim(s.code)
        AND k.source_no = s.no
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE rtrim(k.source_code) = rtrim(r.code)
        AND k.source_no = r.no
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_code,
    k.source_no,
    k.vanished_run
  FROM restage_keymap.stamp AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_code,
    k.source_no,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.stamp AS s
    ON rtrim(k.source_code) = rtrim(s.code)
    AND k.source_no = s.no
  UNION
  SELECT
    k.source_code,
    k.source_no,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON rtrim(k.source_code) = rtrim(r.code)
    AND k.source_no = r.no
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
    'public.stamp',
    'returned',
    ARRAY[b.source_code::text, b.source_no::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.stamp AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_code = b.source_code
    AND k.source_no = b.source_no
  RETURNING 1
)
SELECT
  restage.count_rows('public.stamp', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.stamp', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/003_dbo.Stamp/70_reset.sql
-- table:   public.stamp
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Stamp, staged in restage_stage.stamp
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Stamp/90_account.sql
-- table:   public.stamp
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Stamp, staged in restage_stage.stamp
-- body:    sha256:3fd4ff6d67fb3b9b5713d8087e8a53aba3b1de41d4ce8712b2a219a7771e1d32
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.stamp', 'restage_keymap.stamp') AS joins;

SELECT restage.close_account('public.stamp', count(*)) AS rows
FROM restage_stage.stamp AS s
JOIN restage_keymap.stamp AS k
  ON rtrim(k.source_code) = rtrim(s.code)
  AND k.source_no = s.no
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.stamp'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/003_dbo.Stamp/content.sql
-- table:   public.stamp
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Stamp
-- body:    sha256:910e44087272e63eb31fc8bd92070cb148208a6e41d667fb41ea8ac83d7d3501
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
      s.no,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.stamp'))
        AND r.table_name = 'public.stamp'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.stamp, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    t.code,
    t.no
  FROM public.stamp AS t
  JOIN restage_keymap.stamp AS k
    ON rtrim(k.source_code) = rtrim(t.code)
    AND k.source_no = t.no
  LEFT JOIN noted AS n
    ON rtrim(k.source_code) = rtrim(n.code)
    AND k.source_no = n.no
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.code,
    n.no
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/003_dbo.Stamp/counts.sql
-- table:   public.stamp
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Stamp
-- body:    sha256:b4ca708e7ab5db06f2a92307fc18c1110a98071c16e2eef317cbe0307d12a8f0
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.code,
    s.no
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.stamp, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.stamp'))
    AND r.table_name = 'public.stamp'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.stamp AS t
    JOIN restage_keymap.stamp AS k
      ON rtrim(k.source_code) = rtrim(t.code)
      AND k.source_no = t.no
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE rtrim(k.source_code) = rtrim(r.code)
          AND k.source_no = r.no
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.stamp'))
  AND g.table_name = 'public.stamp';

-- file:    verify/003_dbo.Stamp/keys.sql
-- table:   public.stamp
-- purpose: known = present, when every key has its final row
-- source:  dbo.Stamp
-- body:    sha256:0798f2b08d9ba0c589fb6f113c25248e12d8d75745fc037708eaa24a78a2b8f5
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.stamp AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.stamp AS t
    JOIN restage_keymap.stamp AS k
      ON rtrim(k.source_code) = rtrim(t.code)
      AND k.source_no = t.no
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.stamp AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/003_dbo.Stamp/others.sql
-- table:   public.stamp
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Stamp
-- body:    sha256:c9325af860f612d07a49c213a58479c81025f5d7de0fef305aa06f720f7d4952
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.stamp AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.stamp AS k
  WHERE rtrim(k.source_code) = rtrim(t.code)
    AND k.source_no = t.no
);

-- file:    verify/003_dbo.Stamp/orphans.sql
-- table:   public.stamp
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Stamp
-- body:    sha256:c7993c7678ffea783e18c06d50bb70b88ee9934c6891e224a7277f56d196c26a
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- stamp_code_fkey
SELECT count(*) AS orphans
FROM public.stamp AS t
WHERE t.code IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.country AS p
    WHERE p.code = t.code
  );

-- file:    verify/003_dbo.Stamp/unique.sql
-- table:   public.stamp
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Stamp
-- body:    sha256:5bfa0bcd9a1a1f3b685aa21d5bbc5cae10bbc67bda52e697e78c006283061399
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- stamp_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.stamp
),
held AS (
  SELECT
    t.code AS code,
    t.no AS no,
    k.first_run IS NOT NULL AS is_known
  FROM public.stamp AS t
  LEFT JOIN restage_keymap.stamp AS k
    ON rtrim(k.source_code) = rtrim(t.code)
    AND k.source_no = t.no
)
SELECT
  jsonb_build_object(
    'Code', s.code,
    'No', s.no
  ) AS value,
  jsonb_build_object(
    'Code', s.code,
    'No', s.no
  ) AS staged_row,
  jsonb_build_object(
    'Code', o.code,
    'No', o.no
  ) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.code = s.code
  AND o.no = s.no
  AND ROW(s.code, s.no) < ROW(o.code, o.no)
UNION ALL
SELECT
  jsonb_build_object(
    'Code', s.code,
    'No', s.no
  ) AS value,
  jsonb_build_object(
    'Code', s.code,
    'No', s.no
  ) AS staged_row,
  jsonb_build_object(
    'Code', t.code,
    'No', t.no
  ) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN o.code IS NULL THEN 'vanished'
    WHEN ROW(o.code, o.no) IS DISTINCT FROM ROW(t.code, t.no) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.code = s.code
  AND t.no = s.no
LEFT JOIN restage_stage.stamp AS o
  ON o.code = t.code
  AND o.no = t.no
WHERE NOT (t.is_known AND ROW(s.code, s.no) IS NOT DISTINCT FROM ROW(t.code, t.no))
LIMIT 20;

