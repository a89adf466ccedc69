-- file:    merge/002_dbo.Nulled/10_stage.sql
-- table:   public.nulled
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Nulled, staged in restage_stage.nulled
-- body:    sha256:ba0aea61c130e4430e504916cb7340c082ddd4d79ea6c1224e3f5a99618f2386
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.nulled;

CREATE UNLOGGED TABLE restage_stage.nulled (
  parentid integer,
  otherid integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Nulled/15_check.sql
-- table:   public.nulled
-- step:    15 check
-- purpose: gather statistics and count; without a key there is nothing to check
-- source:  dbo.Nulled, staged in restage_stage.nulled
-- body:    sha256:13c27dabe3bfab7035b531c6f92a6a82cfd0c608f80fbbe203d5a3d2997f0d84
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.nulled (parentid, otherid);

SELECT restage.count_staged('public.nulled', count(*)) AS staged
FROM restage_stage.nulled AS s;

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Nulled/20_match.sql
-- table:   public.nulled
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Nulled, staged in restage_stage.nulled
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Nulled/30_allocate.sql
-- table:   public.nulled
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Nulled, staged in restage_stage.nulled
-- body:    sha256:836c969ce3632eb283105bc4147d434fb0700325ce002edac2cd865cc3feaa13
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.nulled', 'restage_keymap.nulled') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.nulled (
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
            s.parentid,
            s.otherid
          )::text)::uuid AS row_hash
        FROM restage_stage.nulled AS s
      ) AS h
    ) AS s
    WHERE NOT EXISTS (
        SELECT
        FROM restage_keymap.nulled AS k
        WHERE k.source_row_hash = s.row_hash
          AND k.source_occurrence = s.occurrence
      )
    ORDER BY
      s.row_hash,
      s.occurrence
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.nulled', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.nulled'::regclass
  ) THEN
    ALTER TABLE restage_keymap.nulled
      ADD PRIMARY KEY (source_row_hash, source_occurrence);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.nulled'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.nulled'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.nulled;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.nulled'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Nulled/35_orphans.sql
-- table:   public.nulled
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Nulled, staged in restage_stage.nulled
-- body:    sha256:5da61ceb87b30c6d9674f5e2fd0a096f9241e40798265acc09e956e2221747ad
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- nulled_parentid_fkey: on_orphan: null
WITH orphan AS (
  SELECT
    jsonb_build_object(
      'row_hash', md5(ROW(
        s.parentid,
        s.otherid
      )::text)::uuid
    ) AS source_key,
    jsonb_build_object('ParentId', s.parentid) AS value,
    jsonb_build_object('Id', s.parentid) AS parent_key,
    row_to_json(s.*) AS row_data
  FROM restage_stage.nulled AS s
  WHERE s.parentid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.parent AS k
      WHERE k.source_id = s.parentid
    )
),
refused_parent AS MATERIALIZED (
  SELECT DISTINCT ON (p.source_key)
    p.source_key,
    p.message
  FROM restage.reject AS p
  WHERE p.run_id = (SELECT restage.run_id())
    AND p.table_name = 'public.parent'
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
    'public.nulled',
    r.source_key,
    'foreign key nulled_parentid_fkey',
    ARRAY['parentid'],
    r.value::text,
    'the parent public.parent ' || r.parent_key::text || CASE
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
SELECT restage.count_rows('public.nulled', 'nulled', count(*)) AS rows
FROM recorded;

-- nulled_otherid_fkey: on_orphan: null
WITH orphan AS (
  SELECT
    jsonb_build_object(
      'row_hash', md5(ROW(
        s.parentid,
        s.otherid
      )::text)::uuid
    ) AS source_key,
    jsonb_build_object('OtherId', s.otherid) AS value,
    jsonb_build_object('Id', s.otherid) AS parent_key,
    row_to_json(s.*) AS row_data
  FROM restage_stage.nulled AS s
  WHERE s.otherid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.parent AS k
      WHERE k.source_id = s.otherid
    )
),
refused_parent AS MATERIALIZED (
  SELECT DISTINCT ON (p.source_key)
    p.source_key,
    p.message
  FROM restage.reject AS p
  WHERE p.run_id = (SELECT restage.run_id())
    AND p.table_name = 'public.parent'
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
    'public.nulled',
    r.source_key,
    'foreign key nulled_otherid_fkey',
    ARRAY['otherid'],
    r.value::text,
    'the parent public.parent ' || r.parent_key::text || CASE
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
SELECT restage.count_rows('public.nulled', 'nulled', count(*)) AS rows
FROM recorded;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.nulled'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Nulled/40_insert.sql
-- table:   public.nulled
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Nulled, staged in restage_stage.nulled
-- body:    sha256:1510e63f63bee83a14653c5111a7cf0c2a93e34720cf9e503748a55b17dab560
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.nulled', 'restage_keymap.nulled') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.nulled (
    parentid,
    otherid
  )
  SELECT
    p1.target_key,
    p2.target_key
  FROM (
    SELECT
      h.parentid,
      h.otherid,
      h.row_hash,
      row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
    FROM (
      SELECT
        s.parentid,
        s.otherid,
        md5(ROW(
          s.parentid,
          s.otherid
        )::text)::uuid AS row_hash
      FROM restage_stage.nulled AS s
    ) AS h
  ) AS s
  JOIN restage_keymap.nulled AS k
    ON k.source_row_hash = s.row_hash
    AND k.source_occurrence = s.occurrence
    AND k.first_run = (SELECT restage.run_id())
  LEFT JOIN restage_keymap.parent AS p1
    ON p1.source_id = s.parentid
  LEFT JOIN restage_keymap.parent AS p2
    ON p2.source_id = s.otherid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.nulled'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.nulled', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.nulled'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Nulled/50_update.sql
-- table:   public.nulled
-- step:    50 update
-- purpose: nothing: without a key a changed row is an unseen row
-- source:  dbo.Nulled, staged in restage_stage.nulled
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Nulled/60_vanished.sql
-- table:   public.nulled
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Nulled, staged in restage_stage.nulled
-- body:    sha256:b69031732e2f2781ab883960327f9585b4aa71200f59e133d0c917d55416329a
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
      s.parentid,
      s.otherid
    )::text)::uuid AS row_hash
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.nulled, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.nulled'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.nulled AS k
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
              s.parentid,
              s.otherid
            )::text)::uuid AS row_hash
          FROM restage_stage.nulled AS s
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
  FROM restage_keymap.nulled AS k
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
          s.parentid,
          s.otherid
        )::text)::uuid AS row_hash
      FROM restage_stage.nulled AS s
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
    'public.nulled',
    'returned',
    ARRAY[b.source_row_hash::text, b.source_occurrence::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.nulled AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_row_hash = b.source_row_hash
    AND k.source_occurrence = b.source_occurrence
  RETURNING 1
)
SELECT
  restage.count_rows('public.nulled', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.nulled', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Nulled/70_reset.sql
-- table:   public.nulled
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Nulled, staged in restage_stage.nulled
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Nulled/90_account.sql
-- table:   public.nulled
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Nulled, staged in restage_stage.nulled
-- body:    sha256:228b9d0dda2db9274971be9ec0707ebcd3d562476bc83d78fdeb6d53942e5cb0
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.nulled', 'restage_keymap.nulled') AS joins;

SELECT restage.close_account('public.nulled', count(*)) AS rows
FROM (
  SELECT
    h.row_hash,
    row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
  FROM (
    SELECT
      md5(ROW(
        s.parentid,
        s.otherid
      )::text)::uuid AS row_hash
    FROM restage_stage.nulled AS s
  ) AS h
) AS s
JOIN restage_keymap.nulled AS k
  ON k.source_row_hash = s.row_hash
  AND k.source_occurrence = s.occurrence
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.nulled'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Nulled/content.sql
-- table:   public.nulled
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Nulled
-- body:    sha256:4b7a31b9e1a8755aa1ceb6fc5b4a1a81156f053821d1cd7d6d75947980fa7fa1
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
      s.parentid,
      s.otherid,
      md5(ROW(
        s.parentid,
        s.otherid
      )::text)::uuid AS row_hash
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.nulled'))
        AND r.table_name = 'public.nulled'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.nulled, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    s.parentid,
    s.otherid
  FROM (
    SELECT
      h.parentid,
      h.otherid,
      h.row_hash,
      row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
    FROM (
      SELECT
        p1.source_id AS parentid,
        p2.source_id AS otherid,
        md5(ROW(
          coalesce(p1.source_id::text, 'final ' || t.parentid),
          coalesce(p2.source_id::text, 'final ' || t.otherid)
        )::text)::uuid AS row_hash
      FROM public.nulled AS t
      LEFT JOIN restage_keymap.parent AS p1
        ON p1.target_key = t.parentid
      LEFT JOIN restage_keymap.parent AS p2
        ON p2.target_key = t.otherid
    ) AS h
  ) AS s
  JOIN restage_keymap.nulled AS k
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
    n.parentid,
    n.otherid
  FROM noted AS n
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Nulled/counts.sql
-- table:   public.nulled
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Nulled
-- body:    sha256:cb79ad7ce59a7b91a33dd1393dc8268d48df46ad536cb2951a0a97f0070f4ec4
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

WITH refused AS MATERIALIZED (
  SELECT
    md5(ROW(
      s.parentid,
      s.otherid
    )::text)::uuid AS row_hash
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.nulled, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.nulled'))
    AND r.table_name = 'public.nulled'
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
            coalesce(p1.source_id::text, 'final ' || t.parentid),
            coalesce(p2.source_id::text, 'final ' || t.otherid)
          )::text)::uuid AS row_hash
        FROM public.nulled AS t
        LEFT JOIN restage_keymap.parent AS p1
          ON p1.target_key = t.parentid
        LEFT JOIN restage_keymap.parent AS p2
          ON p2.target_key = t.otherid
      ) AS h
    ) AS s
    JOIN restage_keymap.nulled AS k
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
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.nulled'))
        AND r.table_name = 'public.nulled'
        AND r.is_loaded
    ) AS r
    WHERE r.rule = r.first_rule
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.nulled'))
  AND g.table_name = 'public.nulled';

-- file:    verify/002_dbo.Nulled/keys.sql
-- table:   public.nulled
-- purpose: known = present, when every key has its final row
-- source:  dbo.Nulled
-- body:    sha256:6a95b019dbe325f146f113651444e29f8bd986ee98a2f5c27ddb1efed479b15a
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.nulled AS k
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
            coalesce(p1.source_id::text, 'final ' || t.parentid),
            coalesce(p2.source_id::text, 'final ' || t.otherid)
          )::text)::uuid AS row_hash
        FROM public.nulled AS t
        LEFT JOIN restage_keymap.parent AS p1
          ON p1.target_key = t.parentid
        LEFT JOIN restage_keymap.parent AS p2
          ON p2.target_key = t.otherid
      ) AS h
    ) AS s
    JOIN restage_keymap.nulled AS k
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
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.nulled'))
        AND r.table_name = 'public.nulled'
        AND r.is_loaded
    ) AS r
    WHERE r.rule = r.first_rule
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.nulled AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Nulled/others.sql
-- table:   public.nulled
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Nulled
-- body:    sha256:f705f354dd7b10d74364ddd4acc4bf7db614bd30da0be81b3640f03c11c38eeb
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
            coalesce(p1.source_id::text, 'final ' || t.parentid),
            coalesce(p2.source_id::text, 'final ' || t.otherid)
          )::text)::uuid AS row_hash
        FROM public.nulled AS t
        LEFT JOIN restage_keymap.parent AS p1
          ON p1.target_key = t.parentid
        LEFT JOIN restage_keymap.parent AS p2
          ON p2.target_key = t.otherid
      ) AS h
    ) AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.nulled AS k
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
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.nulled'))
        AND r.table_name = 'public.nulled'
        AND r.is_loaded
    ) AS r
    WHERE r.rule = r.first_rule
  )
) AS others;

-- file:    verify/002_dbo.Nulled/orphans.sql
-- table:   public.nulled
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Nulled
-- body:    sha256:cd232eb7f6621e28cef90a4d1bda7747df124293ddee14cb10bbe7ed60a65651
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- nulled_parentid_fkey
SELECT count(*) AS orphans
FROM public.nulled AS t
WHERE t.parentid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.parent AS p
    WHERE p.id = t.parentid
  );

-- nulled_otherid_fkey
SELECT count(*) AS orphans
FROM public.nulled AS t
WHERE t.otherid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.parent AS p
    WHERE p.id = t.otherid
  );

