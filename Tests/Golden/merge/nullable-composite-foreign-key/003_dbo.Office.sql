-- file:    merge/003_dbo.Office/10_stage.sql
-- table:   public.office
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Office, staged in restage_stage.office
-- body:    sha256:e00cea1f5b4b2c4db2191c0fd75b859b0e284dad114fcb1175a9baa90c784b49
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.office;

CREATE UNLOGGED TABLE restage_stage.office (
  tenantid integer,
  regionid integer,
  city varchar(20)
)
WITH (autovacuum_enabled = false);

-- file:    merge/003_dbo.Office/15_check.sql
-- table:   public.office
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Office, staged in restage_stage.office
-- body:    sha256:86ccec8cb7f697a567181a76e339ad7bc3a5f0c8ca5560e76e5cb36354971b4a
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.office ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.office (tenantid, regionid);

SELECT restage.count_staged('public.office', count(*)) AS staged
FROM restage_stage.office AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.tenantid,
    s.regionid
  FROM restage_stage.office AS s
  WHERE s.tenantid IS NOT NULL
    AND s.regionid IS NOT NULL
  GROUP BY
    s.tenantid,
    s.regionid
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.office AS s
  WHERE s.tenantid IS NULL OR
    s.regionid IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.office AS s
    ON s.tenantid = r.tenantid
    AND s.regionid = r.regionid
),
refused AS (
  DELETE FROM restage_stage.office AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object(
      'TenantId', s.tenantid,
      'RegionId', s.regionid
    ) AS source_key,
    jsonb_build_object(
      'TenantId', s.tenantid,
      'RegionId', s.regionid
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
    'public.office',
    r.source_key,
    'source key',
    ARRAY['tenantid', 'regionid'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.office', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/003_dbo.Office/20_match.sql
-- table:   public.office
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Office, staged in restage_stage.office
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Office/30_allocate.sql
-- table:   public.office
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Office, staged in restage_stage.office
-- body:    sha256:7882dd3d92b41159eb4086132ae4a1f9a1ca09d968e6b34e35cddd5778c480f9
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.office', 'restage_keymap.office') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.office (
    source_tenantid,
    source_regionid,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.tenantid,
    s.regionid,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.tenantid,
      s.regionid,
      restage.row_hash(
        ROW(
          s.tenantid,
          s.regionid,
          s.city
        )::text,
        (NULL::restage_keymap.office).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.office AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.office AS k
      WHERE k.source_tenantid = s.tenantid
        AND k.source_regionid = s.regionid
    )
    ORDER BY
      s.tenantid,
      s.regionid
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.office', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.office'::regclass
  ) THEN
    ALTER TABLE restage_keymap.office
      ADD PRIMARY KEY (source_tenantid, source_regionid);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.office'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.office'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.office;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.office'
  AND c.kind = 'allocated';

-- file:    merge/003_dbo.Office/35_orphans.sql
-- table:   public.office
-- step:    35 orphans
-- purpose: no row to be rejected or loaded without its parent: step 40 checks all foreign keys
-- source:  dbo.Office, staged in restage_stage.office
-- body:    sha256:75eb14d06f1e560c4b121ed8c1f1002a35ad2d9cf216e537d0e6d1484c9a51e0
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.office'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/003_dbo.Office/40_insert.sql
-- table:   public.office
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Office, staged in restage_stage.office
-- body:    sha256:e70c61048e2f1a7b2bcb13ad08b406b91af84f4a5043535e68ce080df542979b
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.office', 'restage_keymap.office') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.office (
    tenantid,
    regionid,
    city
  )
  SELECT
    p1.target_key,
    p2.target_key,
    s.city
  FROM restage_stage.office AS s
  JOIN restage_keymap.office AS k
    ON k.source_tenantid = s.tenantid
    AND k.source_regionid = s.regionid
    AND k.first_run = (SELECT restage.run_id())
  JOIN restage_keymap.tenant AS p1
    ON p1.source_tenantid = s.tenantid
  JOIN restage_keymap.region AS p2
    ON p2.source_regionid = s.regionid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.office'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.office', 'inserted', inserted_rows);
END
$restage$;

-- office_tenantid_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.office',
  'office_tenantid_fkey',
  count(*),
  min(jsonb_build_object(
    'RegionId', s.regionid,
    'TenantId', s.tenantid
  )::text)
)
FROM restage_stage.office AS s
WHERE s.tenantid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.tenant AS k
    WHERE k.source_tenantid = s.tenantid
  )
  AND NOT EXISTS (
    -- Where every row that got a key was inserted, each had its parents.
    SELECT
    FROM restage.row_count AS a
    JOIN restage.row_count AS c
      ON c.run_id = a.run_id
      AND c.table_name = a.table_name
    WHERE a.run_id = (SELECT restage.run_id())
      AND a.table_name = 'public.office'
      AND a.kind = 'allocated'
      AND c.kind = 'inserted'
      AND c.rows = a.rows
  )
HAVING count(*) > 0;

-- office_regionid_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.office',
  'office_regionid_fkey',
  count(*),
  min(jsonb_build_object(
    'TenantId', s.tenantid,
    'RegionId', s.regionid
  )::text)
)
FROM restage_stage.office AS s
WHERE s.regionid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.region AS k
    WHERE k.source_regionid = s.regionid
  )
  AND NOT EXISTS (
    -- Where every row that got a key was inserted, each had its parents.
    SELECT
    FROM restage.row_count AS a
    JOIN restage.row_count AS c
      ON c.run_id = a.run_id
      AND c.table_name = a.table_name
    WHERE a.run_id = (SELECT restage.run_id())
      AND a.table_name = 'public.office'
      AND a.kind = 'allocated'
      AND c.kind = 'inserted'
      AND c.rows = a.rows
  )
HAVING count(*) > 0;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.office'
  AND c.kind = 'inserted';

-- file:    merge/003_dbo.Office/50_update.sql
-- table:   public.office
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Office, staged in restage_stage.office
-- body:    sha256:8e17d6c5977568275534ba3d14bc87a62f58cdf8811e590759204382fdf9dbf2
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.office', 'restage_keymap.office') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.tenantid,
    s.regionid,
    s.city,
    restage.row_hash(
      ROW(
        s.tenantid,
        s.regionid,
        s.city
      )::text,
      (NULL::restage_keymap.office).row_hash
    ) AS row_hash
  FROM restage_stage.office AS s
  JOIN restage_keymap.office AS k
    ON k.source_tenantid = s.tenantid
    AND k.source_regionid = s.regionid
  WHERE NOT (SELECT restage.is_all_new('public.office'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.tenantid,
        s.regionid,
        s.city
      )::text,
      (NULL::restage_keymap.office).row_hash
    )
),
orphaned_1 AS MATERIALIZED (
  -- office_tenantid_fkey: on_orphan: fail
  SELECT restage.fail_orphans(
    'public.office',
    'office_tenantid_fkey',
    count(*),
    min(jsonb_build_object(
      'RegionId', s.regionid,
      'TenantId', s.tenantid
    )::text)
  )
  FROM changed AS s
  WHERE s.tenantid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.tenant AS k
      WHERE k.source_tenantid = s.tenantid
    )
  HAVING count(*) > 0
),
orphaned_2 AS MATERIALIZED (
  -- office_regionid_fkey: on_orphan: fail
  SELECT restage.fail_orphans(
    'public.office',
    'office_regionid_fkey',
    count(*),
    min(jsonb_build_object(
      'TenantId', s.tenantid,
      'RegionId', s.regionid
    )::text)
  )
  FROM changed AS s
  WHERE s.regionid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.region AS k
      WHERE k.source_regionid = s.regionid
    )
  HAVING count(*) > 0
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_tenantid,
    k.source_regionid,
    row_to_json(t.*) AS row_data
  FROM public.office AS t
  LEFT JOIN restage_keymap.tenant AS p1
    ON p1.target_key = t.tenantid
  LEFT JOIN restage_keymap.region AS p2
    ON p2.target_key = t.regionid
  JOIN restage_keymap.office AS k
    ON k.source_tenantid = p1.source_tenantid
    AND k.source_regionid = p2.source_regionid
  JOIN changed AS c
    ON k.source_tenantid = c.tenantid
    AND k.source_regionid = c.regionid
  WHERE restage.row_hash(
      ROW(
        p1.source_tenantid,
        p2.source_regionid,
        t.city
      )::text,
      (NULL::restage_keymap.office).row_hash
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
    'public.office',
    jsonb_build_object('source_tenantid', d.source_tenantid, 'source_regionid', d.source_regionid),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.office AS t
  SET
    city = c.city
  FROM changed AS c
  JOIN restage_keymap.office AS k
    ON k.source_tenantid = c.tenantid
    AND k.source_regionid = c.regionid
  JOIN restage_keymap.tenant AS p1
    ON p1.source_tenantid = c.tenantid
  JOIN restage_keymap.region AS p2
    ON p2.source_regionid = c.regionid
  WHERE t.tenantid = p1.target_key
    AND t.regionid = p2.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.office AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_tenantid = c.tenantid
    AND k.source_regionid = c.regionid
)
SELECT
  restage.count_rows('public.office', 'updated', count(*)) AS rows,
  (SELECT count(*) FROM orphaned_1) AS orphaned_1,
  (SELECT count(*) FROM orphaned_2) AS orphaned_2,
  restage.count_rows('public.office', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/003_dbo.Office/60_vanished.sql
-- table:   public.office
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Office, staged in restage_stage.office
-- body:    sha256:0f7859ec7be0ed61f14455e3a5d06b06124e58aac9d4a4ec967a61b1f0865fb1
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.office', 'restage_keymap.office') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_tenantid,
    k.source_regionid,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.office AS s
  JOIN restage_keymap.office AS k
    ON k.source_tenantid = s.tenantid
    AND k.source_regionid = s.regionid
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.office AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_tenantid = m.source_tenantid
    AND k.source_regionid = m.source_regionid
)
SELECT restage.fail_skipped('public.office', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.office'
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
    s.tenantid,
    s.regionid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.office, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.office'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.office AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.office'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.office'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.office AS s
      WHERE k.source_tenantid = s.tenantid
        AND k.source_regionid = s.regionid
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_tenantid = r.tenantid
        AND k.source_regionid = r.regionid
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_tenantid,
    k.source_regionid,
    k.vanished_run
  FROM restage_keymap.office AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.office'))
),
back AS MATERIALIZED (
  SELECT
    k.source_tenantid,
    k.source_regionid,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.office AS s
    ON k.source_tenantid = s.tenantid
    AND k.source_regionid = s.regionid
  UNION
  SELECT
    k.source_tenantid,
    k.source_regionid,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_tenantid = r.tenantid
    AND k.source_regionid = r.regionid
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
    'public.office',
    'returned',
    ARRAY[b.source_tenantid::text, b.source_regionid::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.office AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_tenantid = b.source_tenantid
    AND k.source_regionid = b.source_regionid
  RETURNING 1
)
SELECT
  restage.count_rows('public.office', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.office', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/003_dbo.Office/70_reset.sql
-- table:   public.office
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Office, staged in restage_stage.office
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Office/90_account.sql
-- table:   public.office
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Office, staged in restage_stage.office
-- body:    sha256:805307e11fd0392b4975a1d234451d0b8cee418e30f97d7c1f8bd0f89698f748
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.office', 'restage_keymap.office') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.office', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.office') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.office'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.office', count(*)) AS rows
FROM restage_stage.office AS s
JOIN restage_keymap.office AS k
  ON k.source_tenantid = s.tenantid
  AND k.source_regionid = s.regionid
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.office'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/003_dbo.Office/content.sql
-- table:   public.office
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Office
-- body:    sha256:5fa2f4ff3e015063b43cc709594ee74cbf164afacc8f3da51eb8d3edb6f73ce2
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
      s.tenantid,
      s.regionid,
      s.city,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.office'))
        AND r.table_name = 'public.office'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.office, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    p1.source_tenantid,
    p2.source_regionid,
    t.city
  FROM public.office AS t
  LEFT JOIN restage_keymap.tenant AS p1
    ON p1.target_key = t.tenantid
  LEFT JOIN restage_keymap.region AS p2
    ON p2.target_key = t.regionid
  JOIN restage_keymap.office AS k
    ON k.source_tenantid = p1.source_tenantid
    AND k.source_regionid = p2.source_regionid
  LEFT JOIN noted AS n
    ON k.source_tenantid = n.tenantid
    AND k.source_regionid = n.regionid
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.tenantid,
    n.regionid,
    n.city
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/003_dbo.Office/counts.sql
-- table:   public.office
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Office
-- body:    sha256:8c5cd7b33d11ba7f5eff698885c78fe00d6401c74599a4fa49af9050ab9d3d85
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.tenantid,
    s.regionid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.office, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.office'))
    AND r.table_name = 'public.office'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.office AS t
    LEFT JOIN restage_keymap.tenant AS p1
      ON p1.target_key = t.tenantid
    LEFT JOIN restage_keymap.region AS p2
      ON p2.target_key = t.regionid
    JOIN restage_keymap.office AS k
      ON k.source_tenantid = p1.source_tenantid
      AND k.source_regionid = p2.source_regionid
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_tenantid = r.tenantid
          AND k.source_regionid = r.regionid
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.office'))
  AND g.table_name = 'public.office';

-- file:    verify/003_dbo.Office/keys.sql
-- table:   public.office
-- purpose: known = present, when every key has its final row
-- source:  dbo.Office
-- body:    sha256:02bbf2a343e481490f4cab673ffeac370b2969cdce0df761a16ebac821a4547e
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.office AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.office AS t
    LEFT JOIN restage_keymap.tenant AS p1
      ON p1.target_key = t.tenantid
    LEFT JOIN restage_keymap.region AS p2
      ON p2.target_key = t.regionid
    JOIN restage_keymap.office AS k
      ON k.source_tenantid = p1.source_tenantid
      AND k.source_regionid = p2.source_regionid
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.office AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/003_dbo.Office/others.sql
-- table:   public.office
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Office
-- body:    sha256:29e1d86f459ad86654a1966c644ef99cff8b0a600af31f9374c34a9d40602e1e
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.office AS t
LEFT JOIN restage_keymap.tenant AS p1
  ON p1.target_key = t.tenantid
LEFT JOIN restage_keymap.region AS p2
  ON p2.target_key = t.regionid
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.office AS k
  WHERE k.source_tenantid = p1.source_tenantid
    AND k.source_regionid = p2.source_regionid
);

-- file:    verify/003_dbo.Office/orphans.sql
-- table:   public.office
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Office
-- body:    sha256:523cf484ae95251061812a9b491e8e96281fbe2fa1f40799297eff0d7e46ad58
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- office_tenantid_fkey
SELECT count(*) AS orphans
FROM public.office AS t
WHERE t.tenantid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.tenant AS p
    WHERE p.tenantid = t.tenantid
  );

-- office_regionid_fkey
SELECT count(*) AS orphans
FROM public.office AS t
WHERE t.regionid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.region AS p
    WHERE p.regionid = t.regionid
  );

-- file:    verify/003_dbo.Office/unique.sql
-- table:   public.office
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Office
-- body:    sha256:7db9e3ec76982d1bf192a5edbeb415beb07428a7f2573aff7025b1e9396792c5
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- office_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.office
),
held AS (
  SELECT
    p1.source_tenantid AS tenantid,
    p2.source_regionid AS regionid,
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
            AND g.table_name = 'public.office'
          ORDER BY r.started_at DESC
          LIMIT 1
        )
        AND c.table_name = 'public.office'
        AND c.is_skipped
        AND c.chunk_id = k.chunk
    ) AS is_skipped
  FROM public.office AS t
  LEFT JOIN restage_keymap.tenant AS p1
    ON p1.target_key = t.tenantid
  LEFT JOIN restage_keymap.region AS p2
    ON p2.target_key = t.regionid
  LEFT JOIN restage_keymap.office AS k
    ON k.source_tenantid = p1.source_tenantid
    AND k.source_regionid = p2.source_regionid
)
SELECT
  jsonb_build_object(
    'TenantId', s.tenantid,
    'RegionId', s.regionid
  ) AS value,
  jsonb_build_object(
    'TenantId', s.tenantid,
    'RegionId', s.regionid
  ) AS staged_row,
  jsonb_build_object(
    'TenantId', o.tenantid,
    'RegionId', o.regionid
  ) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.tenantid = s.tenantid
  AND o.regionid = s.regionid
  AND ROW(s.tenantid, s.regionid) < ROW(o.tenantid, o.regionid)
UNION ALL
SELECT
  jsonb_build_object(
    'TenantId', s.tenantid,
    'RegionId', s.regionid
  ) AS value,
  jsonb_build_object(
    'TenantId', s.tenantid,
    'RegionId', s.regionid
  ) AS staged_row,
  jsonb_build_object(
    'TenantId', t.tenantid,
    'RegionId', t.regionid
  ) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN t.is_skipped THEN 'staged'
    WHEN o.tenantid IS NULL THEN 'vanished'
    WHEN ROW(o.tenantid, o.regionid) IS DISTINCT FROM ROW(t.tenantid, t.regionid) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.tenantid = s.tenantid
  AND t.regionid = s.regionid
LEFT JOIN restage_stage.office AS o
  ON o.tenantid = t.tenantid
  AND o.regionid = t.regionid
WHERE NOT (t.is_known AND ROW(s.tenantid, s.regionid) IS NOT DISTINCT FROM ROW(t.tenantid, t.regionid))
LIMIT 20;

