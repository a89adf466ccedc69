-- file:    merge/001_dbo.Country/10_stage.sql
-- table:   public.country
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:cfbde34cbfd4b4910649d00449d916d81c3eff51dd284acb146b8dfb4b97b979
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.country;

CREATE UNLOGGED TABLE restage_stage.country (
  code char(2) COLLATE public.ignoring_case,
  name varchar(20)
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.Country/15_check.sql
-- table:   public.country
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:6ae7b057c7db10909d978227250cdf8f3493e2f2f9e344bb4c37bbbf9ad52491
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.country (code);

SELECT restage.count_staged('public.country', count(*)) AS staged
FROM restage_stage.country AS s;

WITH repeated AS MATERIALIZED (
  SELECT
    s.code
  FROM restage_stage.country AS s
  WHERE s.code IS NOT NULL
  GROUP BY
    s.code
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.country AS s
  WHERE s.code IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.country AS s
    ON s.code = r.code
),
refused AS (
  DELETE FROM restage_stage.country AS s
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
    'public.country',
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
SELECT restage.count_rows('public.country', 'rejected', count(*)) AS rows
FROM recorded;

-- Each value of the natural key stands on one row.
SELECT restage.fail_natural_key(
  'public.country',
  'staged rows',
  count(*),
  array_to_string((array_agg(DISTINCT r.value))[1:10], ', ')
)
FROM (
  SELECT min(jsonb_build_object('Code', s.code)::text) AS value
  FROM restage_stage.country AS s
  GROUP BY
    rtrim(s.code)
  HAVING count(*) > 1
) AS r
HAVING count(*) > 0;

-- file:    merge/001_dbo.Country/20_match.sql
-- table:   public.country
-- step:    20 match
-- purpose: recognise unseen rows that are in the target already by their natural key
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:077d4b745c1c8ec8e861e9cebc0500a1d33dd9a4e2ef85b19a2d44c54d1d7813
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH candidate AS MATERIALIZED (
  SELECT
    s.code,
    t.code AS target_key,
    restage.row_hash(
      ROW(
        s.code,
        s.name
      )::text,
      (NULL::restage_keymap.country).row_hash
    ) AS row_hash,
    row_to_json(s.*) AS row_data,
    jsonb_build_object('Code', s.code)::text AS value,
    count(*) OVER (PARTITION BY s.code) AS row_count
  FROM restage_stage.country AS s
  JOIN public.country AS t
    ON rtrim(t.code) COLLATE public.ignoring_case = rtrim(s.code)
  WHERE NOT EXISTS (
    SELECT
    FROM restage_keymap.country AS k
    WHERE k.source_code = s.code
  )
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.country AS k
      WHERE k.target_key = t.code
    )
),
ambiguous AS MATERIALIZED (
  SELECT restage.fail_natural_key(
    'public.country',
    'final rows',
    count(*),
    array_to_string((array_agg(DISTINCT c.value))[1:10], ', ')
  )
  FROM candidate AS c
  WHERE c.row_count > 1
  HAVING count(*) > 0
),
matched AS (
  INSERT INTO restage_keymap.country (
    source_code,
    target_key,
    row_hash,
    first_run,
    last_run,
    matched_run,
    matched_row
  )
  SELECT
    c.code,
    c.target_key,
    c.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    c.row_data
  FROM candidate AS c
  WHERE c.row_count = 1
  RETURNING 1
)
SELECT
  count(*) AS rows,
  (SELECT count(*) FROM ambiguous) AS ambiguous
FROM matched;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/001_dbo.Country/30_allocate.sql
-- table:   public.country
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:364c0a768167dfcccc593dd384249b12c6ca2608750e1a6415794c024b429a1a
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.country', 'restage_keymap.country') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.country (
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
          s.name
        )::text,
        (NULL::restage_keymap.country).row_hash
      ) AS row_hash
    FROM restage_stage.country AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.country AS k
      WHERE k.source_code = s.code
    )
    ORDER BY
      s.code
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.country', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.country'::regclass
  ) THEN
    ALTER TABLE restage_keymap.country
      ADD PRIMARY KEY (source_code),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.country'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.country'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.country;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.country'
  AND c.kind = 'allocated';

-- file:    merge/001_dbo.Country/35_orphans.sql
-- table:   public.country
-- step:    35 orphans
-- purpose: no foreign key to check
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:86208f471055c3540a0ca832c1d5fe81a7d0137693955263b1952c85b5c65f51
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.country'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/001_dbo.Country/40_insert.sql
-- table:   public.country
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:98cb5dcf2373889feb4d8ac4879ac98172124df76d3f72a32f3f51bd5aa7fe10
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.country', 'restage_keymap.country') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.country (
    code,
    name
  )
  SELECT
    s.code,
    s.name
  FROM restage_stage.country AS s
  JOIN restage_keymap.country AS k
    ON k.source_code = s.code
    AND k.first_run = (SELECT restage.run_id())
    AND k.matched_run IS NULL
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.country'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.country', 'inserted', inserted_rows);
END
$restage$;

SELECT restage.count_rows('public.country', 'matched', count(*)) AS matched
FROM restage_stage.country AS s
JOIN restage_keymap.country AS k
  ON k.source_code = s.code
WHERE k.matched_run = (SELECT restage.run_id())
  AND k.first_run = k.matched_run
  AND NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.country'
      AND c.kind = 'matched'
  );

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.country'
  AND c.kind = 'inserted';

-- file:    merge/001_dbo.Country/50_update.sql
-- table:   public.country
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:f5d63d7861fef6337805d96dacb080385a846a521f809583bc27b90a559cf930
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.country', 'restage_keymap.country') AS joins;

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
      (NULL::restage_keymap.country).row_hash
    ) AS row_hash
  FROM restage_stage.country AS s
  JOIN restage_keymap.country AS k
    ON k.source_code = s.code
  WHERE NOT (SELECT restage.is_all_new('public.country'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.code,
        s.name
      )::text,
      (NULL::restage_keymap.country).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_code,
    row_to_json(t.*) AS row_data
  FROM public.country AS t
  JOIN restage_keymap.country AS k
    ON k.target_key = t.code
  JOIN changed AS c
    ON k.source_code = c.code
  WHERE restage.row_hash(
      ROW(
        t.code,
        t.name
      )::text,
      (NULL::restage_keymap.country).row_hash
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
    'public.country',
    jsonb_build_object('source_code', d.source_code),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.country AS t
  SET
    code = c.code,
    name = c.name
  FROM changed AS c
  JOIN restage_keymap.country AS k
    ON k.source_code = c.code
  WHERE t.code = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.country AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id()),
    matched_row = NULL
  FROM changed AS c
  WHERE k.source_code = c.code
)
SELECT
  restage.count_rows('public.country', 'updated', count(*)) AS rows,
  restage.count_rows('public.country', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/001_dbo.Country/60_vanished.sql
-- table:   public.country
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:b2f76a2e8a3a3ffa5f91c170dd80b82cd22a37db627d5d4e143aa52974fde5f6
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    s.code
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.country, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.country'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.country AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.country AS s
      WHERE k.source_code = s.code
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_code = r.code
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_code,
    k.vanished_run
  FROM restage_keymap.country AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_code,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.country AS s
    ON k.source_code = s.code
  UNION
  SELECT
    k.source_code,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_code = r.code
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
    'public.country',
    'returned',
    ARRAY[b.source_code::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.country AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_code = b.source_code
  RETURNING 1
)
SELECT
  restage.count_rows('public.country', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.country', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/001_dbo.Country/70_reset.sql
-- table:   public.country
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Country/90_account.sql
-- table:   public.country
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:c19bfcd0c2fbb669c001a053ac15df5e0fdef0735c463d1fc172133c4d276c6f
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.country', 'restage_keymap.country') AS joins;

SELECT restage.close_account('public.country', count(*)) AS rows
FROM restage_stage.country AS s
JOIN restage_keymap.country AS k
  ON k.source_code = s.code
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.country'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/001_dbo.Country/content.sql
-- table:   public.country
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Country
-- body:    sha256:84f359fc668134269728e0ed4bfaba0113449e4df0c7775955d3d4aa1cabbeea
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
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.country'))
        AND r.table_name = 'public.country'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.country, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    CASE WHEN k.matched_row IS NULL THEN t.code ELSE m.code END,
    CASE WHEN k.matched_row IS NULL THEN t.name ELSE m.name END
  FROM public.country AS t
  JOIN restage_keymap.country AS k
    ON k.target_key = t.code
  LEFT JOIN noted AS n
    ON k.source_code = n.code
  LEFT JOIN LATERAL json_populate_record(NULL::public.country, k.matched_row) AS m
    ON k.matched_row IS NOT NULL
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.code,
    n.name
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/001_dbo.Country/counts.sql
-- table:   public.country
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Country
-- body:    sha256:3270e1784faf19407c76f41f1528ef300f54d32c363080d11d29a036314304c0
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.code
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.country, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.country'))
    AND r.table_name = 'public.country'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.country AS t
    JOIN restage_keymap.country AS k
      ON k.target_key = t.code
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_code = r.code
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.country'))
  AND g.table_name = 'public.country';

-- file:    verify/001_dbo.Country/keys.sql
-- table:   public.country
-- purpose: known = present, when every key has its final row
-- source:  dbo.Country
-- body:    sha256:54574d6b7b72fe327df28c91bd245d8726fd1e5a6ed3864e4174c0085d289c76
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.country AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.country AS t
    JOIN restage_keymap.country AS k
      ON k.target_key = t.code
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.country AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/001_dbo.Country/others.sql
-- table:   public.country
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Country
-- body:    sha256:90f1dd51263edb39731340de8a75eed961e40e9ca2b7eb924cece1cd301d58c4
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.country AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.country AS k
  WHERE k.target_key = t.code
);

-- file:    verify/001_dbo.Country/unique.sql
-- table:   public.country
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Country
-- body:    sha256:ed0830db05e064ce0c90914ca6a27f4d1ccdec3efa7e32f54ef7b44e169db3a9
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- country_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.country
),
held AS (
  SELECT
    t.code AS code,
    k.first_run IS NOT NULL AS is_known
  FROM public.country AS t
  LEFT JOIN restage_keymap.country AS k
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
LEFT JOIN restage_stage.country AS o
  ON o.code = t.code
WHERE NOT (t.is_known AND ROW(s.code) IS NOT DISTINCT FROM ROW(t.code))
LIMIT 20;

