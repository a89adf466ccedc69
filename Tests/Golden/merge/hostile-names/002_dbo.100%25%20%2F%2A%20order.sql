-- file:    merge/002_dbo.100%25%20%2F%2A%20order/10_stage.sql
-- table:   public."100% /* order"
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.100% /* order, staged in restage_stage."100% /* order"
-- body:    sha256:07594bda865ace19712ada553252ce2e498733773e6fbfc609598065434bdea7
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage."100% /* order";

CREATE UNLOGGED TABLE restage_stage."100% /* order" (
  r integer,
  k integer,
  n integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.100%25%20%2F%2A%20order/15_check.sql
-- table:   public."100% /* order"
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.100% /* order, staged in restage_stage."100% /* order"
-- body:    sha256:0e85fdb633937a09fd0a5f7b58850ec11026438f70c18f3dab41c30eca274a06
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage."100% /* order" ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage."100% /* order" (r, k, n);

SELECT restage.count_staged('public."100% /* order"', count(*)) AS staged
FROM restage_stage."100% /* order" AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.r,
    s.k
  FROM restage_stage."100% /* order" AS s
  WHERE s.r IS NOT NULL
    AND s.k IS NOT NULL
  GROUP BY
    s.r,
    s.k
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage."100% /* order" AS s
  WHERE s.r IS NULL OR
    s.k IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage."100% /* order" AS s
    ON s.r = r.r
    AND s.k = r.k
),
refused AS (
  DELETE FROM restage_stage."100% /* order" AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object(
      'r', s.r,
      'k', s.k
    ) AS source_key,
    jsonb_build_object(
      'r', s.r,
      'k', s.k
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
    'public."100% /* order"',
    r.source_key,
    'source key',
    ARRAY['r', 'k'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public."100% /* order"', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/002_dbo.100%25%20%2F%2A%20order/20_match.sql
-- table:   public."100% /* order"
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.100% /* order, staged in restage_stage."100% /* order"
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.100%25%20%2F%2A%20order/30_allocate.sql
-- table:   public."100% /* order"
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.100% /* order, staged in restage_stage."100% /* order"
-- body:    sha256:5a5e43f4ec5bd2b5f5e48edb66f037daf6480f3d57e80c1ed1e9f2d4504dfb15
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public."100% /* order"', 'restage_keymap."100% /* order"') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  WITH orphan AS (
    SELECT s.ctid AS row_id
    FROM restage_stage."100% /* order" AS s
    WHERE s.n IS NOT NULL
      AND NOT EXISTS (
        SELECT
        FROM restage_keymap."Customer""; DROP TABLE x; --" AS k
        WHERE k."source_Customer""ID" = s.n
      )
  )
  INSERT INTO restage_keymap."100% /* order" (
    source_r,
    source_k,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.r,
    s.k,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.r,
      s.k,
      restage.row_hash(
        ROW(
          s.r,
          s.k,
          s.n
        )::text,
        (NULL::restage_keymap."100% /* order").row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage."100% /* order" AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap."100% /* order" AS k
      WHERE k.source_r = s.r
        AND k.source_k = s.k
    )
      AND NOT EXISTS (
        SELECT
        FROM orphan AS o
        WHERE o.row_id = s.ctid
      )
    ORDER BY
      s.r,
      s.k
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public."100% /* order"', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap."100% /* order"'::regclass
  ) THEN
    ALTER TABLE restage_keymap."100% /* order"
      ADD PRIMARY KEY (source_r, source_k);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap."100% /* order"'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public."100% /* order"'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap."100% /* order";
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public."100% /* order"'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.100%25%20%2F%2A%20order/35_orphans.sql
-- table:   public."100% /* order"
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.100% /* order, staged in restage_stage."100% /* order"
-- body:    sha256:dd2267365a99a4df52f7eebbb7570cdfe8f837544bfab8d8f93abc93155e3430
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- 100% /* order_n_fkey: on_orphan: reject
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS (
  DELETE FROM restage_stage."100% /* order" AS s
  WHERE s.n IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap."Customer""; DROP TABLE x; --" AS k
      WHERE k."source_Customer""ID" = s.n
    )
  RETURNING
    jsonb_build_object(
      'r', s.r,
      'k', s.k
    ) AS source_key,
    jsonb_build_object('n', s.n) AS value,
    jsonb_build_object('Customer"ID', s.n) AS parent_key,
    row_to_json(s.*) AS row_data
),
refused_parent AS MATERIALIZED (
  SELECT DISTINCT ON (p.source_key)
    p.source_key,
    p.message
  FROM restage.reject AS p
  WHERE p.run_id = (SELECT restage.run_id())
    AND p.table_name = 'public."Customer""; DROP TABLE x; --"'
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
    'public."100% /* order"',
    r.source_key,
    'foreign key 100% /* order_n_fkey',
    ARRAY['n'],
    r.value::text,
    'the parent public."Customer""; DROP TABLE x; --" ' || r.parent_key::text || CASE
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
SELECT restage.count_rows('public."100% /* order"', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public."100% /* order"'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.100%25%20%2F%2A%20order/40_insert.sql
-- table:   public."100% /* order"
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.100% /* order, staged in restage_stage."100% /* order"
-- body:    sha256:4f9aa686620b90838047a9cbd52b9624526168db08076a975271e3a769887797
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public."100% /* order"', 'restage_keymap."100% /* order"') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public."100% /* order" (
    r,
    k,
    n
  )
  SELECT
    s.r,
    s.k,
    p1.target_key
  FROM restage_stage."100% /* order" AS s
  JOIN restage_keymap."100% /* order" AS k
    ON k.source_r = s.r
    AND k.source_k = s.k
    AND k.first_run = (SELECT restage.run_id())
  LEFT JOIN restage_keymap."Customer""; DROP TABLE x; --" AS p1
    ON p1."source_Customer""ID" = s.n
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public."100% /* order"'
      AND c.kind = 'inserted'
  )
    AND (s.n IS NULL OR p1.target_key IS NOT NULL);
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public."100% /* order"', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public."100% /* order"'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.100%25%20%2F%2A%20order/50_update.sql
-- table:   public."100% /* order"
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.100% /* order, staged in restage_stage."100% /* order"
-- body:    sha256:97912c5d4a711f51ba64051b8358c067e163a67a550717327c7ab04bb7419afc
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public."100% /* order"', 'restage_keymap."100% /* order"') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.r,
    s.k,
    s.n,
    restage.row_hash(
      ROW(
        s.r,
        s.k,
        s.n
      )::text,
      (NULL::restage_keymap."100% /* order").row_hash
    ) AS row_hash
  FROM restage_stage."100% /* order" AS s
  JOIN restage_keymap."100% /* order" AS k
    ON k.source_r = s.r
    AND k.source_k = s.k
  WHERE NOT (SELECT restage.is_all_new('public."100% /* order"'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.r,
        s.k,
        s.n
      )::text,
      (NULL::restage_keymap."100% /* order").row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_r,
    k.source_k,
    row_to_json(t.*) AS row_data
  FROM public."100% /* order" AS t
  LEFT JOIN restage_keymap."Customer""; DROP TABLE x; --" AS p1
    ON p1.target_key = t.n
  JOIN restage_keymap."100% /* order" AS k
    ON k.source_r = t.r
    AND k.source_k = t.k
  JOIN changed AS c
    ON k.source_r = c.r
    AND k.source_k = c.k
  WHERE restage.row_hash(
      ROW(
        t.r,
        t.k,
        coalesce(p1."source_Customer""ID"::text, 'final ' || t.n)
      )::text,
      (NULL::restage_keymap."100% /* order").row_hash
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
    'public."100% /* order"',
    jsonb_build_object('source_r', d.source_r, 'source_k', d.source_k),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public."100% /* order" AS t
  SET
    n = p1.target_key
  FROM changed AS c
  JOIN restage_keymap."100% /* order" AS k
    ON k.source_r = c.r
    AND k.source_k = c.k
  LEFT JOIN restage_keymap."Customer""; DROP TABLE x; --" AS p1
    ON p1."source_Customer""ID" = c.n
  WHERE t.r = c.r
    AND t.k = c.k
    AND (c.n IS NULL OR p1.target_key IS NOT NULL)
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap."100% /* order" AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_r = c.r
    AND k.source_k = c.k
)
SELECT
  restage.count_rows('public."100% /* order"', 'updated', count(*)) AS rows,
  restage.count_rows('public."100% /* order"', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.100%25%20%2F%2A%20order/60_vanished.sql
-- table:   public."100% /* order"
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.100% /* order, staged in restage_stage."100% /* order"
-- body:    sha256:546a62924d136dc6ec49de1b065a0aebc23011d4dc4112d199c6a871d43d1221
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public."100% /* order"', 'restage_keymap."100% /* order"') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_r,
    k.source_k,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage."100% /* order" AS s
  JOIN restage_keymap."100% /* order" AS k
    ON k.source_r = s.r
    AND k.source_k = s.k
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap."100% /* order" AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_r = m.source_r
    AND k.source_k = m.source_k
)
SELECT restage.fail_skipped('public."100% /* order"', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public."100% /* order"'
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
    s.r,
    s.k
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public."100% /* order", r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public."100% /* order"'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap."100% /* order" AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public."100% /* order"'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public."100% /* order"'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage."100% /* order" AS s
      WHERE k.source_r = s.r
        AND k.source_k = s.k
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_r = r.r
        AND k.source_k = r.k
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_r,
    k.source_k,
    k.vanished_run
  FROM restage_keymap."100% /* order" AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public."100% /* order"'))
),
back AS MATERIALIZED (
  SELECT
    k.source_r,
    k.source_k,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage."100% /* order" AS s
    ON k.source_r = s.r
    AND k.source_k = s.k
  UNION
  SELECT
    k.source_r,
    k.source_k,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_r = r.r
    AND k.source_k = r.k
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
    'public."100% /* order"',
    'returned',
    ARRAY[b.source_r::text, b.source_k::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap."100% /* order" AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_r = b.source_r
    AND k.source_k = b.source_k
  RETURNING 1
)
SELECT
  restage.count_rows('public."100% /* order"', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public."100% /* order"', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.100%25%20%2F%2A%20order/70_reset.sql
-- table:   public."100% /* order"
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.100% /* order, staged in restage_stage."100% /* order"
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.100%25%20%2F%2A%20order/90_account.sql
-- table:   public."100% /* order"
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.100% /* order, staged in restage_stage."100% /* order"
-- body:    sha256:cf234ba6bb7d1f9da70009955e2c8dea6602736caad7703c41ed1a0f82034db4
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public."100% /* order"', 'restage_keymap."100% /* order"') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public."100% /* order"', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap."100% /* order"') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public."100% /* order"'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public."100% /* order"', count(*)) AS rows
FROM restage_stage."100% /* order" AS s
JOIN restage_keymap."100% /* order" AS k
  ON k.source_r = s.r
  AND k.source_k = s.k
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public."100% /* order"'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.100%25%20%2F%2A%20order/content.sql
-- table:   public."100% /* order"
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.100% /* order
-- body:    sha256:7a8cbd321b1ee6931cc1ee1397d1cce23258c7db9b618ff596cc8b7dcf90cb6f
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
      s.r,
      s.k,
      s.n,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public."100% /* order"'))
        AND r.table_name = 'public."100% /* order"'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public."100% /* order", r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    t.r,
    t.k,
    coalesce(p1."source_Customer""ID"::text, 'final ' || t.n)
  FROM public."100% /* order" AS t
  LEFT JOIN restage_keymap."Customer""; DROP TABLE x; --" AS p1
    ON p1.target_key = t.n
  JOIN restage_keymap."100% /* order" AS k
    ON k.source_r = t.r
    AND k.source_k = t.k
  LEFT JOIN noted AS n
    ON k.source_r = n.r
    AND k.source_k = n.k
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.r,
    n.k,
    n.n::text
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.100%25%20%2F%2A%20order/counts.sql
-- table:   public."100% /* order"
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.100% /* order
-- body:    sha256:570ec3cec2be13e1981f6d2fdb6827404622523796654c1b15a76bc02766b9ff
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.r,
    s.k
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public."100% /* order", r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public."100% /* order"'))
    AND r.table_name = 'public."100% /* order"'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public."100% /* order" AS t
    JOIN restage_keymap."100% /* order" AS k
      ON k.source_r = t.r
      AND k.source_k = t.k
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_r = r.r
          AND k.source_k = r.k
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public."100% /* order"'))
  AND g.table_name = 'public."100% /* order"';

-- file:    verify/002_dbo.100%25%20%2F%2A%20order/keys.sql
-- table:   public."100% /* order"
-- purpose: known = present, when every key has its final row
-- source:  dbo.100% /* order
-- body:    sha256:b58c1e0fc020ec1685feb816703da42b85b5516783eac10eb9330cf8efb72b1c
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap."100% /* order" AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public."100% /* order" AS t
    JOIN restage_keymap."100% /* order" AS k
      ON k.source_r = t.r
      AND k.source_k = t.k
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap."100% /* order" AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.100%25%20%2F%2A%20order/others.sql
-- table:   public."100% /* order"
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.100% /* order
-- body:    sha256:3ad79d636a902a069dc1ee3d8611961afd84f25e830d01ac9ef6cb7125bffb7c
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public."100% /* order" AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap."100% /* order" AS k
  WHERE k.source_r = t.r
    AND k.source_k = t.k
);

-- file:    verify/002_dbo.100%25%20%2F%2A%20order/orphans.sql
-- table:   public."100% /* order"
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.100% /* order
-- body:    sha256:f10409d4e01205863f23820d48c8c20f967d8da413b2ace58f977d6316c5ee6f
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- 100% /* order_n_fkey
SELECT count(*) AS orphans
FROM public."100% /* order" AS t
WHERE t.n IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public."Customer""; DROP TABLE x; --" AS p
    WHERE p."Customer""ID" = t.n
  );

-- file:    verify/002_dbo.100%25%20%2F%2A%20order/unique.sql
-- table:   public."100% /* order"
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.100% /* order
-- body:    sha256:55b4aa5f2c297f6fa5890b849c7d51bbd07de8ab38f58478b7117cf95d297cc7
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- 100% /* order_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage."100% /* order"
),
held AS (
  SELECT
    t.r AS r,
    t.k AS k,
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
            AND g.table_name = 'public."100% /* order"'
          ORDER BY r.started_at DESC
          LIMIT 1
        )
        AND c.table_name = 'public."100% /* order"'
        AND c.is_skipped
        AND c.chunk_id = k.chunk
    ) AS is_skipped
  FROM public."100% /* order" AS t
  LEFT JOIN restage_keymap."100% /* order" AS k
    ON k.source_r = t.r
    AND k.source_k = t.k
)
SELECT
  jsonb_build_object(
    'r', s.r,
    'k', s.k
  ) AS value,
  jsonb_build_object(
    'r', s.r,
    'k', s.k
  ) AS staged_row,
  jsonb_build_object(
    'r', o.r,
    'k', o.k
  ) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.r = s.r
  AND o.k = s.k
  AND ROW(s.r, s.k) < ROW(o.r, o.k)
UNION ALL
SELECT
  jsonb_build_object(
    'r', s.r,
    'k', s.k
  ) AS value,
  jsonb_build_object(
    'r', s.r,
    'k', s.k
  ) AS staged_row,
  jsonb_build_object(
    'r', t.r,
    'k', t.k
  ) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN t.is_skipped THEN 'staged'
    WHEN o.r IS NULL THEN 'vanished'
    WHEN ROW(o.r, o.k) IS DISTINCT FROM ROW(t.r, t.k) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.r = s.r
  AND t.k = s.k
LEFT JOIN restage_stage."100% /* order" AS o
  ON o.r = t.r
  AND o.k = t.k
WHERE NOT (t.is_known AND ROW(s.r, s.k) IS NOT DISTINCT FROM ROW(t.r, t.k))
LIMIT 20;

