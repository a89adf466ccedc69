-- file:    merge/005_dbo.Visit/10_stage.sql
-- table:   public.visit
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Visit, staged in restage_stage.visit
-- body:    sha256:13b7fa047985a1b77c17d1c72380ea6c93265342d1f778dfea1fc25405bdb357
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.visit;

CREATE UNLOGGED TABLE restage_stage.visit (
  code varchar(9),
  no integer,
  mark integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/005_dbo.Visit/15_check.sql
-- table:   public.visit
-- step:    15 check
-- purpose: gather statistics and count; without a key there is nothing to check
-- source:  dbo.Visit, staged in restage_stage.visit
-- body:    sha256:3da849a6d1c1dfc06c7bc6a47229f598377a1baa81077b98a5f9d653a9c06913
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.visit (code, no, mark);

SELECT restage.count_staged('public.visit', count(*)) AS staged
FROM restage_stage.visit AS s;

SELECT 0::bigint AS rows;

-- file:    merge/005_dbo.Visit/20_match.sql
-- table:   public.visit
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Visit, staged in restage_stage.visit
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/005_dbo.Visit/30_allocate.sql
-- table:   public.visit
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Visit, staged in restage_stage.visit
-- body:    sha256:8778bd6d8ff5fcfe338c6900e0b3e878c5d8128b98a1baf10172e2768430e5f1
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
      AND g.table_name = 'public.town'
  ) THEN
    DROP TABLE IF EXISTS restage_stage.town;

    CREATE UNLOGGED TABLE restage_stage.town (
      code varchar(9),
      no integer,
      mark integer
    )
    WITH (autovacuum_enabled = false);
  END IF;
END
$restage$;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.visit', 'restage_keymap.visit') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.visit (
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
            s.code,
            s.no,
            s.mark
          )::text)::uuid AS row_hash
        FROM restage_stage.visit AS s
      ) AS h
    ) AS s
    WHERE NOT EXISTS (
        SELECT
        FROM restage_keymap.visit AS k
        WHERE k.source_row_hash = s.row_hash
          AND k.source_occurrence = s.occurrence
      )
    ORDER BY
      s.row_hash,
      s.occurrence
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.visit', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.visit'::regclass
  ) THEN
    ALTER TABLE restage_keymap.visit
      ADD PRIMARY KEY (source_row_hash, source_occurrence);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.visit'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.visit'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.visit;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.visit'
  AND c.kind = 'allocated';

-- file:    merge/005_dbo.Visit/35_orphans.sql
-- table:   public.visit
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Visit, staged in restage_stage.visit
-- body:    sha256:fadf960bb0489a98df6c8520b9bf69ad26ab1f58fcaf8f957403cabf1b07740c
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- visit_code_no_fkey: on_orphan: null
WITH orphan AS (
  SELECT
    jsonb_build_object(
      'row_hash', md5(ROW(
        s.code,
        s.no,
        s.mark
      )::text)::uuid
    ) AS source_key,
    jsonb_build_object(
      'Code', s.code,
      'No', s.no
    ) AS value,
    jsonb_build_object(
      'Code', s.code,
      'No', s.no
    ) AS parent_key,
    row_to_json(s.*) AS row_data
  FROM restage_stage.visit AS s
  WHERE s.code IS NOT NULL
    AND s.no IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.town AS k
      WHERE k.source_code = s.code
        AND k.source_no = s.no
    )
),
refused_parent AS MATERIALIZED (
  SELECT DISTINCT ON (p.source_key)
    p.source_key,
    p.message
  FROM restage.reject AS p
  WHERE p.run_id = (SELECT restage.run_id())
    AND p.table_name = 'public.town'
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
    'public.visit',
    r.source_key,
    'foreign key visit_code_no_fkey',
    ARRAY['code', 'no'],
    r.value::text,
    'the parent public.town ' || r.parent_key::text || CASE
      WHEN p.source_key IS NULL THEN ' is in no key map; loaded with NULL'
      WHEN length(p.message) > 1000 THEN ' was refused; loaded with NULL: … ' || right(p.message, 500)
      ELSE ' was refused; loaded with NULL: ' || p.message
    END,
    true,
    r.row_data
  FROM orphan AS r
  LEFT JOIN refused_parent AS p
    ON p.source_key = r.parent_key
  RETURNING 1
)
SELECT restage.count_rows('public.visit', 'nulled', count(*)) AS rows
FROM recorded;

-- visit_mark_fkey: on_orphan: null
WITH orphan AS (
  SELECT
    jsonb_build_object(
      'row_hash', md5(ROW(
        s.code,
        s.no,
        s.mark
      )::text)::uuid
    ) AS source_key,
    jsonb_build_object('Mark', s.mark) AS value,
    jsonb_build_object('Mark', s.mark) AS parent_key,
    row_to_json(s.*) AS row_data
  FROM restage_stage.visit AS s
  WHERE s.mark IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.town AS p
      WHERE p.mark = s.mark
    )
    AND NOT EXISTS (
      SELECT
      FROM public.town AS t
      WHERE t.mark = s.mark
    )
),
refused_parent AS MATERIALIZED (
  SELECT DISTINCT ON (v.source_key)
    v.source_key,
    p.message
  FROM restage.reject AS p
  CROSS JOIN LATERAL jsonb_build_object('Mark', p.row_data -> 'mark') AS v (source_key)
  WHERE p.run_id = (SELECT restage.run_id())
    AND p.table_name = 'public.town'
    AND NOT p.is_loaded
  ORDER BY
    v.source_key,
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
    'public.visit',
    r.source_key,
    'foreign key visit_mark_fkey',
    ARRAY['mark'],
    r.value::text,
    'the parent public.town ' || r.parent_key::text || CASE
      WHEN p.source_key IS NULL THEN ' is neither staged nor there; loaded with NULL'
      WHEN length(p.message) > 1000 THEN ' was refused; loaded with NULL: … ' || right(p.message, 500)
      ELSE ' was refused; loaded with NULL: ' || p.message
    END,
    true,
    r.row_data
  FROM orphan AS r
  LEFT JOIN refused_parent AS p
    ON p.source_key = r.parent_key
  RETURNING 1
)
SELECT restage.count_rows('public.visit', 'nulled', count(*)) AS rows
FROM recorded;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.visit'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/005_dbo.Visit/40_insert.sql
-- table:   public.visit
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Visit, staged in restage_stage.visit
-- body:    sha256:cb2915217940d52f2959b85b60e4d5b750f29f70da0757d20dbbd42d5a2e9f2b
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.visit', 'restage_keymap.visit') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.visit (
    code,
    no,
    mark
  )
  SELECT
    CASE
      WHEN s.code IS NOT NULL
        AND s.no IS NOT NULL
        AND NOT EXISTS (
          SELECT
          FROM restage_keymap.town AS k
          WHERE k.source_code = s.code
            AND k.source_no = s.no
        ) THEN NULL
      ELSE s.code
    END,
    CASE
      WHEN s.code IS NOT NULL
        AND s.no IS NOT NULL
        AND NOT EXISTS (
          SELECT
          FROM restage_keymap.town AS k
          WHERE k.source_code = s.code
            AND k.source_no = s.no
        ) THEN NULL
      ELSE s.no
    END,
    CASE
      WHEN s.mark IS NOT NULL
        AND NOT EXISTS (
          SELECT
          FROM restage_stage.town AS p
          WHERE p.mark = s.mark
        )
        AND NOT EXISTS (
          SELECT
          FROM public.town AS t
          WHERE t.mark = s.mark
        ) THEN NULL
      ELSE s.mark
    END
  FROM (
    SELECT
      h.code,
      h.no,
      h.mark,
      h.row_hash,
      row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
    FROM (
      SELECT
        s.code,
        s.no,
        s.mark,
        md5(ROW(
          s.code,
          s.no,
          s.mark
        )::text)::uuid AS row_hash
      FROM restage_stage.visit AS s
    ) AS h
  ) AS s
  JOIN restage_keymap.visit AS k
    ON k.source_row_hash = s.row_hash
    AND k.source_occurrence = s.occurrence
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.visit'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.visit', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.visit'
  AND c.kind = 'inserted';

-- file:    merge/005_dbo.Visit/50_update.sql
-- table:   public.visit
-- step:    50 update
-- purpose: nothing: without a key a changed row is an unseen row
-- source:  dbo.Visit, staged in restage_stage.visit
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

SELECT 0::bigint AS rows;

-- file:    merge/005_dbo.Visit/60_vanished.sql
-- table:   public.visit
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Visit, staged in restage_stage.visit
-- body:    sha256:87c0e55800ee1e993a65ba3435e598be8a26b2c1b7937b6ef67692fd1fa22f34
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
      s.code,
      s.no,
      s.mark
    )::text)::uuid AS row_hash
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.visit, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.visit'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.visit AS k
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
              s.code,
              s.no,
              s.mark
            )::text)::uuid AS row_hash
          FROM restage_stage.visit AS s
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
  FROM restage_keymap.visit AS k
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
          s.code,
          s.no,
          s.mark
        )::text)::uuid AS row_hash
      FROM restage_stage.visit AS s
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
    'public.visit',
    'returned',
    ARRAY[b.source_row_hash::text, b.source_occurrence::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.visit AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_row_hash = b.source_row_hash
    AND k.source_occurrence = b.source_occurrence
  RETURNING 1
)
SELECT
  restage.count_rows('public.visit', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.visit', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/005_dbo.Visit/70_reset.sql
-- table:   public.visit
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Visit, staged in restage_stage.visit
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/005_dbo.Visit/90_account.sql
-- table:   public.visit
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Visit, staged in restage_stage.visit
-- body:    sha256:f8e16eac17da8789f1507485a543d06ac47b7ed770989cfda4d0d7ade9435b2b
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.visit', 'restage_keymap.visit') AS joins;

SELECT restage.close_account('public.visit', count(*)) AS rows
FROM (
  SELECT
    h.row_hash,
    row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
  FROM (
    SELECT
      md5(ROW(
        s.code,
        s.no,
        s.mark
      )::text)::uuid AS row_hash
    FROM restage_stage.visit AS s
  ) AS h
) AS s
JOIN restage_keymap.visit AS k
  ON k.source_row_hash = s.row_hash
  AND k.source_occurrence = s.occurrence
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.visit'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/005_dbo.Visit/content.sql
-- table:   public.visit
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Visit
-- body:    sha256:75edf26e2685d1b256015f663a5a4c7654c95395368e0ff1a558e0c90d5cdc0d
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
      s.mark,
      md5(ROW(
        s.code,
        s.no,
        s.mark
      )::text)::uuid AS row_hash
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.visit'))
        AND r.table_name = 'public.visit'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.visit, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    s.code,
    s.no,
    s.mark
  FROM (
    SELECT
      h.code,
      h.no,
      h.mark,
      h.row_hash,
      row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
    FROM (
      SELECT
        t.code AS code,
        t.no AS no,
        t.mark AS mark,
        md5(ROW(
          t.code,
          t.no,
          t.mark
        )::text)::uuid AS row_hash
      FROM public.visit AS t
    ) AS h
  ) AS s
  JOIN restage_keymap.visit AS k
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
    n.code,
    n.no,
    n.mark
  FROM noted AS n
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/005_dbo.Visit/counts.sql
-- table:   public.visit
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Visit
-- body:    sha256:c98135a44c4d6e06ee8d7fcb0b633dc0a4ea148c66a18e0c68f476893c5fd975
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

WITH refused AS MATERIALIZED (
  SELECT
    md5(ROW(
      s.code,
      s.no,
      s.mark
    )::text)::uuid AS row_hash
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.visit, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.visit'))
    AND r.table_name = 'public.visit'
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
            t.code,
            t.no,
            t.mark
          )::text)::uuid AS row_hash
        FROM public.visit AS t
      ) AS h
    ) AS s
    JOIN restage_keymap.visit AS k
      ON k.source_row_hash = s.row_hash
      AND k.source_occurrence = s.occurrence
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_row_hash = r.row_hash
      )
  ) + (
    SELECT count(*)
    FROM (
      SELECT
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.visit'))
        AND r.table_name = 'public.visit'
        AND r.is_loaded
    ) AS r
    WHERE r.rule = r.first_rule
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.visit'))
  AND g.table_name = 'public.visit';

-- file:    verify/005_dbo.Visit/keys.sql
-- table:   public.visit
-- purpose: known = present, when every key has its final row
-- source:  dbo.Visit
-- body:    sha256:d11893f67868951f3a16e4618c9071b5cd88337c5a3b02b8c09c96a3c4029b6e
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.visit AS k
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
            t.code,
            t.no,
            t.mark
          )::text)::uuid AS row_hash
        FROM public.visit AS t
      ) AS h
    ) AS s
    JOIN restage_keymap.visit AS k
      ON k.source_row_hash = s.row_hash
      AND k.source_occurrence = s.occurrence
    WHERE k.vanished_run IS NULL
  ) + (
    SELECT count(*)
    FROM (
      SELECT
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.visit'))
        AND r.table_name = 'public.visit'
        AND r.is_loaded
    ) AS r
    WHERE r.rule = r.first_rule
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.visit AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/005_dbo.Visit/others.sql
-- table:   public.visit
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Visit
-- body:    sha256:74c3dd3fa1886e37dac529692352d0fabc33243f79aa72ce47809b17948c28eb
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
            t.code,
            t.no,
            t.mark
          )::text)::uuid AS row_hash
        FROM public.visit AS t
      ) AS h
    ) AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.visit AS k
      WHERE k.source_row_hash = s.row_hash
        AND k.source_occurrence = s.occurrence
    )
  ) - (
    SELECT count(*)
    FROM (
      SELECT
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.visit'))
        AND r.table_name = 'public.visit'
        AND r.is_loaded
    ) AS r
    WHERE r.rule = r.first_rule
  )
) AS others;

-- file:    verify/005_dbo.Visit/orphans.sql
-- table:   public.visit
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Visit
-- body:    sha256:ce4a04eff984b63fd6371f7748f671d61d77cf4a405467947240136fa41e13a7
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- visit_code_no_fkey
SELECT count(*) AS orphans
FROM public.visit AS t
WHERE t.code IS NOT NULL
  AND t.no IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.town AS p
    WHERE p.code = t.code
      AND p.no = t.no
  );

-- visit_mark_fkey
SELECT count(*) AS orphans
FROM public.visit AS t
WHERE t.mark IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.town AS p
    WHERE p.mark = t.mark
  );

