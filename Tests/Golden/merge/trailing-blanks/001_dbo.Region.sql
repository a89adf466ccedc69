-- file:    merge/001_dbo.Region/10_stage.sql
-- table:   public.region
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:5d012a7646a4d7832ccbc452c79a6ef8be0c95d67e2c0721f440b9f57a68d4dd
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.region;

CREATE UNLOGGED TABLE restage_stage.region (
  code varchar(6) COLLATE public.ignoring_case,
  name varchar(20)
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.Region/15_check.sql
-- table:   public.region
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:c065525032d1856fefb1218723fc36173f09864a6556f5bbb33bda5e6a996c57
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.region ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.region (code);

SELECT restage.count_staged('public.region', count(*)) AS staged
FROM restage_stage.region AS s;

WITH repeated AS MATERIALIZED (
  SELECT
    rtrim(s.code) AS code
  FROM restage_stage.region AS s
  WHERE s.code IS NOT NULL
  GROUP BY
    rtrim(s.code)
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.region AS s
  WHERE s.code IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.region AS s
    ON rtrim(s.code) = r.code
),
refused AS (
  DELETE FROM restage_stage.region AS s
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
    'public.region',
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
SELECT restage.count_rows('public.region', 'rejected', count(*)) AS rows
FROM recorded;

-- file:    merge/001_dbo.Region/20_match.sql
-- table:   public.region
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Region/30_allocate.sql
-- table:   public.region
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:3788266cc709fd6edb81466d46f122082310368afd2719e48f2c87be614e1de5
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.region', 'restage_keymap.region') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.region (
    source_code,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.code,
    s.code,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.code,
      restage.row_hash(
        ROW(
          s.code,
          s.name
        )::text,
        (NULL::restage_keymap.region).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.region AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.region AS k
      WHERE rtrim(k.source_code) = rtrim(s.code)
    )
    ORDER BY
      s.code
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.region', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.region'::regclass
  ) THEN
    ALTER TABLE restage_keymap.region
      ADD PRIMARY KEY (source_code),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.region'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.region'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.region;
  END IF;
END
$restage$;

-- Keys that differ from those of the key map in case or trailing blanks.
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

UPDATE restage_keymap.region AS k
SET
  source_code = s.code,
  target_key = CASE
    WHEN k.first_run = (SELECT restage.run_id()) THEN s.code
    ELSE k.target_key
  END
FROM restage_stage.region AS s
WHERE rtrim(k.source_code) = rtrim(s.code)
  AND k.source_code COLLATE "C" <> s.code COLLATE "C";

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.region'
  AND c.kind = 'allocated';

-- file:    merge/001_dbo.Region/35_orphans.sql
-- table:   public.region
-- step:    35 orphans
-- purpose: no foreign key to check
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:bd56452f2d2fa822eb1583e330e674b4c62eaaadfebdcc1e268655d8ac938ea4
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.region'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/001_dbo.Region/40_insert.sql
-- table:   public.region
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:5fabdc23c61463f18eaf355ce3db109478280826e3a28345acab4de465196f8d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.region', 'restage_keymap.region') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.region (
    code,
    name
  )
  SELECT
    s.code,
    s.name
  FROM restage_stage.region AS s
  JOIN restage_keymap.region AS k
    ON rtrim(k.source_code) = rtrim(s.code)
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.region'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.region', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.region'
  AND c.kind = 'inserted';

-- file:    merge/001_dbo.Region/50_update.sql
-- table:   public.region
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:a668b97c8a39d7957c63ef747d6c9f647d2b1ef9b690eaf5a856aed847420bbf
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.region', 'restage_keymap.region') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.code,
    s.name,
    restage.row_hash(
      ROW(
        s.code,
        s.name
      )::text,
      (NULL::restage_keymap.region).row_hash
    ) AS row_hash
  FROM restage_stage.region AS s
  JOIN restage_keymap.region AS k
    ON rtrim(k.source_code) = rtrim(s.code)
  WHERE NOT (SELECT restage.is_all_new('public.region'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.code,
        s.name
      )::text,
      (NULL::restage_keymap.region).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_code,
    row_to_json(t.*) AS row_data
  FROM public.region AS t
  JOIN restage_keymap.region AS k
    ON k.target_key = t.code
  JOIN changed AS c
    ON rtrim(k.source_code) = rtrim(c.code)
  WHERE restage.row_hash(
      ROW(
        t.code,
        t.name
      )::text,
      (NULL::restage_keymap.region).row_hash
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
    'public.region',
    jsonb_build_object('source_code', d.source_code),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.region AS t
  SET
    code = c.code,
    name = c.name
  FROM changed AS c
  JOIN restage_keymap.region AS k
    ON rtrim(k.source_code) = rtrim(c.code)
  WHERE t.code = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.region AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id()),
    target_key = c.code
  FROM changed AS c
  WHERE rtrim(k.source_code) = rtrim(c.code)
)
SELECT
  restage.count_rows('public.region', 'updated', count(*)) AS rows,
  restage.count_rows('public.region', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/001_dbo.Region/60_vanished.sql
-- table:   public.region
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:0c5b20e2aeb9769433ed033dde4b425eb4d9b354cebe693752b501f2626da975
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.region', 'restage_keymap.region') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_code,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.region AS s
  JOIN restage_keymap.region AS k
    ON rtrim(k.source_code) = rtrim(s.code)
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.region AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_code = m.source_code
)
SELECT restage.fail_skipped('public.region', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.region'
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
    s.code
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.region, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.region'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.region AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.region'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.region'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.region AS s
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
  FROM restage_keymap.region AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.region'))
),
back AS MATERIALIZED (
  SELECT
    k.source_code,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.region AS s
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
    'public.region',
    'returned',
    ARRAY[b.source_code::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.region AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_code = b.source_code
  RETURNING 1
)
SELECT
  restage.count_rows('public.region', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.region', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/001_dbo.Region/70_reset.sql
-- table:   public.region
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Region/90_account.sql
-- table:   public.region
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:f2286a6aa3c1e37c06e7cd32272664ad8ed540ee6c4445b29e9e61025d5f930d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.region', 'restage_keymap.region') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.region', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.region') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.region'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.region', count(*)) AS rows
FROM restage_stage.region AS s
JOIN restage_keymap.region AS k
  ON rtrim(k.source_code) = rtrim(s.code)
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.region'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/001_dbo.Region/content.sql
-- table:   public.region
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Region
-- body:    sha256:fac4f466f00d2a8129478f4d65bc60cbd766a396a1c8116edf76e22859f4e99d
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
      s.name,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.region'))
        AND r.table_name = 'public.region'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.region, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    t.code,
    t.name
  FROM public.region AS t
  JOIN restage_keymap.region AS k
    ON k.target_key = t.code
  LEFT JOIN noted AS n
    ON rtrim(k.source_code) = rtrim(n.code)
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.code,
    n.name
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/001_dbo.Region/counts.sql
-- table:   public.region
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Region
-- body:    sha256:6fbb7bd758cf53214af3be00653db60ffda47a5c144f844bf8bb53a44be883aa
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.code
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.region, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.region'))
    AND r.table_name = 'public.region'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.region AS t
    JOIN restage_keymap.region AS k
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.region'))
  AND g.table_name = 'public.region';

-- file:    verify/001_dbo.Region/keys.sql
-- table:   public.region
-- purpose: known = present, when every key has its final row
-- source:  dbo.Region
-- body:    sha256:5d4d638344870765d5549ba14a935b196ebd0abe332fc93488d1f33811b88fd0
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.region AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.region AS t
    JOIN restage_keymap.region AS k
      ON k.target_key = t.code
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.region AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/001_dbo.Region/others.sql
-- table:   public.region
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Region
-- body:    sha256:02484f2b6fa9f4c5db24f5e03c7b405d5431767c83a8e7920341f5f07c7b5ace
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.region AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.region AS k
  WHERE k.target_key = t.code
);

-- file:    verify/001_dbo.Region/unique.sql
-- table:   public.region
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Region
-- body:    sha256:887562e78d7a0462220757942f0a4d56198f93fd7493f332f47cc5b27b6c0589
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- region_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.region
),
held AS (
  SELECT
    t.code AS code,
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
            AND g.table_name = 'public.region'
          ORDER BY r.started_at DESC
          LIMIT 1
        )
        AND c.table_name = 'public.region'
        AND c.is_skipped
        AND c.chunk_id = k.chunk
    ) AS is_skipped
  FROM public.region AS t
  LEFT JOIN restage_keymap.region AS k
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
    WHEN t.is_skipped THEN 'staged'
    WHEN o.code IS NULL THEN 'vanished'
    WHEN ROW(o.code) IS DISTINCT FROM ROW(t.code) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.code = s.code
LEFT JOIN restage_stage.region AS o
  ON o.code = t.code
WHERE NOT (t.is_known AND ROW(s.code) IS NOT DISTINCT FROM ROW(t.code))
LIMIT 20;

