-- file:    merge/002_dbo.Pair/10_stage.sql
-- table:   public.pair
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Pair, staged in restage_stage.pair
-- body:    sha256:de8ef02ae761814e6fd1a59e7e6501ffc1e0d068d2e97924bd6a613b38e2c2fd
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.pair;

CREATE UNLOGGED TABLE restage_stage.pair (
  a integer,
  b integer,
  c integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Pair/15_check.sql
-- table:   public.pair
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Pair, staged in restage_stage.pair
-- body:    sha256:f1702f0e8b74a2e38b0ac20c0620c4040915806efe4e8777b645a91b6ac15e38
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.pair (a, b);

SELECT restage.count_staged('public.pair', count(*)) AS staged
FROM restage_stage.pair AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.a,
    s.b
  FROM restage_stage.pair AS s
  WHERE s.a IS NOT NULL
    AND s.b IS NOT NULL
  GROUP BY
    s.a,
    s.b
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.pair AS s
  WHERE s.a IS NULL OR
    s.b IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.pair AS s
    ON s.a = r.a
    AND s.b = r.b
),
refused AS (
  DELETE FROM restage_stage.pair AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object(
      'A', s.a,
      'B', s.b
    ) AS source_key,
    jsonb_build_object(
      'A', s.a,
      'B', s.b
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
    'public.pair',
    r.source_key,
    'source key',
    ARRAY['a', 'b'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.pair', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- Each value of the natural key stands on one row.
SELECT restage.fail_natural_key(
  'public.pair',
  'staged rows',
  count(*),
  array_to_string((array_agg(DISTINCT r.value))[1:10], ', ')
)
FROM (
  SELECT min(jsonb_build_object(
      'A', s.a,
      'B', s.b
    )::text) AS value
  FROM restage_stage.pair AS s
  GROUP BY
    s.a,
    s.b
  HAVING count(*) > 1
) AS r
HAVING count(*) > 0;

-- file:    merge/002_dbo.Pair/20_match.sql
-- table:   public.pair
-- step:    20 match
-- purpose: recognise unseen rows that are in the target already by their natural key
-- source:  dbo.Pair, staged in restage_stage.pair
-- body:    sha256:a96db98482b33c1ffe18db3ca4e13c6e935e063bf3a76d1e80aa24662bc56ba0
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
    s.a,
    s.b,
    restage.row_hash(
      ROW(
        s.a,
        s.b,
        s.c
      )::text,
      (NULL::restage_keymap.pair).row_hash
    ) AS row_hash,
    row_to_json(s.*) AS row_data,
    jsonb_build_object(
      'A', s.a,
      'B', s.b
    )::text AS value,
    count(*) OVER (PARTITION BY s.a, s.b) AS row_count
  FROM restage_stage.pair AS s
  JOIN public.pair AS t
    ON t.a = s.a
    AND t.b = s.b
  WHERE NOT EXISTS (
    SELECT
    FROM restage_keymap.pair AS k
    WHERE k.source_a = s.a
      AND k.source_b = s.b
  )
),
ambiguous AS MATERIALIZED (
  SELECT restage.fail_natural_key(
    'public.pair',
    'final rows',
    count(*),
    array_to_string((array_agg(DISTINCT c.value))[1:10], ', ')
  )
  FROM candidate AS c
  WHERE c.row_count > 1
  HAVING count(*) > 0
),
matched AS (
  INSERT INTO restage_keymap.pair (
    source_a,
    source_b,
    row_hash,
    first_run,
    last_run,
    matched_run,
    matched_row
  )
  SELECT
    c.a,
    c.b,
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

-- file:    merge/002_dbo.Pair/30_allocate.sql
-- table:   public.pair
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Pair, staged in restage_stage.pair
-- body:    sha256:a125b3b8018d5308ef7a2faaa1173dbe3cc117daf4b2719aeef46c4fd9f2a071
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.pair', 'restage_keymap.pair') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.pair (
    source_a,
    source_b,
    row_hash,
    first_run,
    last_run
  )
  SELECT
    s.a,
    s.b,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id())
  FROM (
    SELECT
      s.a,
      s.b,
      restage.row_hash(
        ROW(
          s.a,
          s.b,
          s.c
        )::text,
        (NULL::restage_keymap.pair).row_hash
      ) AS row_hash
    FROM restage_stage.pair AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.pair AS k
      WHERE k.source_a = s.a
        AND k.source_b = s.b
    )
    ORDER BY
      s.a,
      s.b
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.pair', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.pair'::regclass
  ) THEN
    ALTER TABLE restage_keymap.pair
      ADD PRIMARY KEY (source_a, source_b);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.pair'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.pair'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.pair;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.pair'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Pair/35_orphans.sql
-- table:   public.pair
-- step:    35 orphans
-- purpose: no foreign key to check
-- source:  dbo.Pair, staged in restage_stage.pair
-- body:    sha256:e9157632d982b9aeb856a817675bae2b79663a23253a41a65a7d80c3988280d7
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.pair'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Pair/40_insert.sql
-- table:   public.pair
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Pair, staged in restage_stage.pair
-- body:    sha256:963d39953b6b695c1a5adfa64a007e8f568890103d0412a593a136b697932377
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.pair', 'restage_keymap.pair') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.pair (
    a,
    b,
    c
  )
  SELECT
    s.a,
    s.b,
    s.c
  FROM restage_stage.pair AS s
  JOIN restage_keymap.pair AS k
    ON k.source_a = s.a
    AND k.source_b = s.b
    AND k.first_run = (SELECT restage.run_id())
    AND k.matched_run IS NULL
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.pair'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.pair', 'inserted', inserted_rows);
END
$restage$;

SELECT restage.count_rows('public.pair', 'matched', count(*)) AS matched
FROM restage_stage.pair AS s
JOIN restage_keymap.pair AS k
  ON k.source_a = s.a
  AND k.source_b = s.b
WHERE k.matched_run = (SELECT restage.run_id())
  AND k.first_run = k.matched_run
  AND NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.pair'
      AND c.kind = 'matched'
  );

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.pair'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Pair/50_update.sql
-- table:   public.pair
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Pair, staged in restage_stage.pair
-- body:    sha256:02119e9e10a664230d2cc53f32ade2b627fcc475399e8c082823ca3bce3a656d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.pair', 'restage_keymap.pair') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.a,
    s.b,
    s.c,
    restage.row_hash(
      ROW(
        s.a,
        s.b,
        s.c
      )::text,
      (NULL::restage_keymap.pair).row_hash
    ) AS row_hash
  FROM restage_stage.pair AS s
  JOIN restage_keymap.pair AS k
    ON k.source_a = s.a
    AND k.source_b = s.b
  WHERE NOT (SELECT restage.is_all_new('public.pair'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.a,
        s.b,
        s.c
      )::text,
      (NULL::restage_keymap.pair).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_a,
    k.source_b,
    row_to_json(t.*) AS row_data
  FROM public.pair AS t
  JOIN restage_keymap.pair AS k
    ON k.source_a = t.a
    AND k.source_b = t.b
  JOIN changed AS c
    ON k.source_a = c.a
    AND k.source_b = c.b
  WHERE restage.row_hash(
      ROW(
        t.a,
        t.b,
        t.c
      )::text,
      (NULL::restage_keymap.pair).row_hash
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
    'public.pair',
    jsonb_build_object('source_a', d.source_a, 'source_b', d.source_b),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.pair AS t
  SET
    c = c.c
  FROM changed AS c
  JOIN restage_keymap.pair AS k
    ON k.source_a = c.a
    AND k.source_b = c.b
  WHERE t.a = c.a
    AND t.b = c.b
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.pair AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id()),
    matched_row = NULL
  FROM changed AS c
  WHERE k.source_a = c.a
    AND k.source_b = c.b
)
SELECT
  restage.count_rows('public.pair', 'updated', count(*)) AS rows,
  restage.count_rows('public.pair', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.Pair/60_vanished.sql
-- table:   public.pair
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Pair, staged in restage_stage.pair
-- body:    sha256:8ecdc8c6dfaff8e682e0460ae14d1cb1ec03a2f4d1dde47f13b1456e87945b3c
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    s.a,
    s.b
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.pair, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.pair'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.pair AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.pair AS s
      WHERE k.source_a = s.a
        AND k.source_b = s.b
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_a = r.a
        AND k.source_b = r.b
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_a,
    k.source_b,
    k.vanished_run
  FROM restage_keymap.pair AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_a,
    k.source_b,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.pair AS s
    ON k.source_a = s.a
    AND k.source_b = s.b
  UNION
  SELECT
    k.source_a,
    k.source_b,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_a = r.a
    AND k.source_b = r.b
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
    'public.pair',
    'returned',
    ARRAY[b.source_a::text, b.source_b::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.pair AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_a = b.source_a
    AND k.source_b = b.source_b
  RETURNING 1
)
SELECT
  restage.count_rows('public.pair', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.pair', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Pair/70_reset.sql
-- table:   public.pair
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Pair, staged in restage_stage.pair
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Pair/90_account.sql
-- table:   public.pair
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Pair, staged in restage_stage.pair
-- body:    sha256:b4cbbea334c34e6327818494b82b617574247c2ae237e1f50bb0a9bc78355492
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.pair', 'restage_keymap.pair') AS joins;

SELECT restage.close_account('public.pair', count(*)) AS rows
FROM restage_stage.pair AS s
JOIN restage_keymap.pair AS k
  ON k.source_a = s.a
  AND k.source_b = s.b
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.pair'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Pair/content.sql
-- table:   public.pair
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Pair
-- body:    sha256:79aece96f93e3a50dc86b8e9b63a792c732c4fbe3792fa21ab6672c79d3347b0
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
      s.a,
      s.b,
      s.c,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.pair'))
        AND r.table_name = 'public.pair'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.pair, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    CASE WHEN k.matched_row IS NULL THEN t.a ELSE m.a END,
    CASE WHEN k.matched_row IS NULL THEN t.b ELSE m.b END,
    CASE WHEN k.matched_row IS NULL THEN t.c ELSE m.c END
  FROM public.pair AS t
  JOIN restage_keymap.pair AS k
    ON k.source_a = t.a
    AND k.source_b = t.b
  LEFT JOIN noted AS n
    ON k.source_a = n.a
    AND k.source_b = n.b
  LEFT JOIN LATERAL json_populate_record(NULL::public.pair, k.matched_row) AS m
    ON k.matched_row IS NOT NULL
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.a,
    n.b,
    n.c
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Pair/counts.sql
-- table:   public.pair
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Pair
-- body:    sha256:b34c1056796114e070d44a228418cb02bb1ad1f003353ec0b5d48967370672cc
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.a,
    s.b
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.pair, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.pair'))
    AND r.table_name = 'public.pair'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.pair AS t
    JOIN restage_keymap.pair AS k
      ON k.source_a = t.a
      AND k.source_b = t.b
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_a = r.a
          AND k.source_b = r.b
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.pair'))
  AND g.table_name = 'public.pair';

-- file:    verify/002_dbo.Pair/keys.sql
-- table:   public.pair
-- purpose: known = present, when every key has its final row
-- source:  dbo.Pair
-- body:    sha256:4f296edf23793a69d5b1ebd590b500526af905059f22906f0aa5b0602e33acdb
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.pair AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.pair AS t
    JOIN restage_keymap.pair AS k
      ON k.source_a = t.a
      AND k.source_b = t.b
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.pair AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Pair/others.sql
-- table:   public.pair
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Pair
-- body:    sha256:61174b9c338b279787e655f342681e9c81c49e9401e96e6f4185c9f3713acf2c
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.pair AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.pair AS k
  WHERE k.source_a = t.a
    AND k.source_b = t.b
);

-- file:    verify/002_dbo.Pair/unique.sql
-- table:   public.pair
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Pair
-- body:    sha256:5f624907adbcfd8e21ba3be6f770fe83c6751cdfabadab816c369c8c72315185
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- pair_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.pair
),
held AS (
  SELECT
    t.a AS a,
    t.b AS b,
    k.first_run IS NOT NULL AS is_known
  FROM public.pair AS t
  LEFT JOIN restage_keymap.pair AS k
    ON k.source_a = t.a
    AND k.source_b = t.b
)
SELECT
  jsonb_build_object(
    'A', s.a,
    'B', s.b
  ) AS value,
  jsonb_build_object(
    'A', s.a,
    'B', s.b
  ) AS staged_row,
  jsonb_build_object(
    'A', o.a,
    'B', o.b
  ) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.a = s.a
  AND o.b = s.b
  AND ROW(s.a, s.b) < ROW(o.a, o.b)
UNION ALL
SELECT
  jsonb_build_object(
    'A', s.a,
    'B', s.b
  ) AS value,
  jsonb_build_object(
    'A', s.a,
    'B', s.b
  ) AS staged_row,
  jsonb_build_object(
    'A', t.a,
    'B', t.b
  ) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN o.a IS NULL THEN 'vanished'
    WHEN ROW(o.a, o.b) IS DISTINCT FROM ROW(t.a, t.b) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.a = s.a
  AND t.b = s.b
LEFT JOIN restage_stage.pair AS o
  ON o.a = t.a
  AND o.b = t.b
WHERE NOT (t.is_known AND ROW(s.a, s.b) IS NOT DISTINCT FROM ROW(t.a, t.b))
LIMIT 20;

