-- file:    merge/004_dbo.Desk/10_stage.sql
-- table:   public.desk
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Desk, staged in restage_stage.desk
-- body:    sha256:445c6f2480858651bcce866fb4508de29fc2ed9b1600e1b0aa81861561bb34d5
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.desk;

CREATE UNLOGGED TABLE restage_stage.desk (
  deskid integer,
  tenantid integer,
  regionid integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/004_dbo.Desk/15_check.sql
-- table:   public.desk
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Desk, staged in restage_stage.desk
-- body:    sha256:f3bf65dce4922325e41d19f1c69b5bd678465f1dcba31ea71769ace4dafbe139
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.desk ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.desk (deskid, tenantid, regionid);

SELECT restage.count_staged('public.desk', count(*)) AS staged
FROM restage_stage.desk AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.deskid
  FROM restage_stage.desk AS s
  WHERE s.deskid IS NOT NULL
  GROUP BY
    s.deskid
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.desk AS s
  WHERE s.deskid IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.desk AS s
    ON s.deskid = r.deskid
),
refused AS (
  DELETE FROM restage_stage.desk AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('DeskId', s.deskid) AS source_key,
    jsonb_build_object('DeskId', s.deskid) AS value,
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
    'public.desk',
    r.source_key,
    'source key',
    ARRAY['deskid'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.desk', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/004_dbo.Desk/20_match.sql
-- table:   public.desk
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Desk, staged in restage_stage.desk
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/004_dbo.Desk/30_allocate.sql
-- table:   public.desk
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Desk, staged in restage_stage.desk
-- body:    sha256:dffa21e49d9232c197fc2eeb8a113ed2f54c066d711535e3aec1d70e797514f6
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.desk', 'restage_keymap.desk') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  WITH orphan AS (
    SELECT s.ctid AS row_id
    FROM restage_stage.desk AS s
    WHERE s.tenantid IS NOT NULL
      AND s.regionid IS NOT NULL
      AND NOT EXISTS (
        SELECT
        FROM restage_keymap.office AS k
        WHERE k.source_tenantid = s.tenantid
          AND k.source_regionid = s.regionid
      )
    UNION ALL
    SELECT s.ctid AS row_id
    FROM restage_stage.desk AS s
    WHERE s.tenantid IS NOT NULL
      AND NOT EXISTS (
        SELECT
        FROM restage_keymap.tenant AS k
        WHERE k.source_tenantid = s.tenantid
      )
    UNION ALL
    SELECT s.ctid AS row_id
    FROM restage_stage.desk AS s
    WHERE s.regionid IS NOT NULL
      AND NOT EXISTS (
        SELECT
        FROM restage_keymap.region AS k
        WHERE k.source_regionid = s.regionid
      )
  )
  INSERT INTO restage_keymap.desk (
    source_deskid,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.deskid,
    nextval('public.desk_deskid_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.deskid,
      restage.row_hash(
        ROW(
          s.deskid,
          s.tenantid,
          s.regionid
        )::text,
        (NULL::restage_keymap.desk).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.desk AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.desk AS k
      WHERE k.source_deskid = s.deskid
    )
      AND NOT EXISTS (
        SELECT
        FROM orphan AS o
        WHERE o.row_id = s.ctid
      )
    ORDER BY
      s.deskid
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.desk', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.desk'::regclass
  ) THEN
    ALTER TABLE restage_keymap.desk
      ADD PRIMARY KEY (source_deskid),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.desk'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.desk'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.desk;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.desk'
  AND c.kind = 'allocated';

-- file:    merge/004_dbo.Desk/35_orphans.sql
-- table:   public.desk
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Desk, staged in restage_stage.desk
-- body:    sha256:5c023c1870a08b0973cec4ac022a2c9971ff5f6b483f0f020dbb8f12831de6a2
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- desk_tenantid_regionid_fkey: on_orphan: reject
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS (
  DELETE FROM restage_stage.desk AS s
  WHERE s.tenantid IS NOT NULL
    AND s.regionid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.office AS k
      WHERE k.source_tenantid = s.tenantid
        AND k.source_regionid = s.regionid
    )
  RETURNING
    jsonb_build_object('DeskId', s.deskid) AS source_key,
    jsonb_build_object(
      'TenantId', s.tenantid,
      'RegionId', s.regionid
    ) AS value,
    jsonb_build_object(
      'TenantId', s.tenantid,
      'RegionId', s.regionid
    ) AS parent_key,
    row_to_json(s.*) AS row_data
),
refused_parent AS MATERIALIZED (
  SELECT DISTINCT ON (p.source_key)
    p.source_key,
    p.message
  FROM restage.reject AS p
  WHERE p.run_id = (SELECT restage.run_id())
    AND p.table_name = 'public.office'
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
    'public.desk',
    r.source_key,
    'foreign key desk_tenantid_regionid_fkey',
    ARRAY['tenantid', 'regionid'],
    r.value::text,
    'the parent public.office ' || r.parent_key::text || CASE
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
SELECT restage.count_rows('public.desk', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- desk_tenantid_regionid_fkey: on_orphan: reject
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS (
  DELETE FROM restage_stage.desk AS s
  WHERE s.tenantid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.tenant AS k
      WHERE k.source_tenantid = s.tenantid
    )
  RETURNING
    jsonb_build_object('DeskId', s.deskid) AS source_key,
    jsonb_build_object('TenantId', s.tenantid) AS value,
    jsonb_build_object('TenantId', s.tenantid) AS parent_key,
    row_to_json(s.*) AS row_data
),
refused_parent AS MATERIALIZED (
  SELECT DISTINCT ON (p.source_key)
    p.source_key,
    p.message
  FROM restage.reject AS p
  WHERE p.run_id = (SELECT restage.run_id())
    AND p.table_name = 'public.tenant'
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
    'public.desk',
    r.source_key,
    'foreign key desk_tenantid_regionid_fkey',
    ARRAY['tenantid'],
    r.value::text,
    'the parent public.tenant ' || r.parent_key::text || CASE
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
SELECT restage.count_rows('public.desk', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- desk_tenantid_regionid_fkey: on_orphan: reject
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS (
  DELETE FROM restage_stage.desk AS s
  WHERE s.regionid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.region AS k
      WHERE k.source_regionid = s.regionid
    )
  RETURNING
    jsonb_build_object('DeskId', s.deskid) AS source_key,
    jsonb_build_object('RegionId', s.regionid) AS value,
    jsonb_build_object('RegionId', s.regionid) AS parent_key,
    row_to_json(s.*) AS row_data
),
refused_parent AS MATERIALIZED (
  SELECT DISTINCT ON (p.source_key)
    p.source_key,
    p.message
  FROM restage.reject AS p
  WHERE p.run_id = (SELECT restage.run_id())
    AND p.table_name = 'public.region'
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
    'public.desk',
    r.source_key,
    'foreign key desk_tenantid_regionid_fkey',
    ARRAY['regionid'],
    r.value::text,
    'the parent public.region ' || r.parent_key::text || CASE
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
SELECT restage.count_rows('public.desk', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.desk'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/004_dbo.Desk/40_insert.sql
-- table:   public.desk
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Desk, staged in restage_stage.desk
-- body:    sha256:f04fd3f044277a39f78148a469acb33728f81f21573de9520ddde09c890055a5
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.desk', 'restage_keymap.desk') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.desk (
    deskid,
    tenantid,
    regionid
  )
  SELECT
    k.target_key,
    p1.target_key,
    p2.target_key
  FROM restage_stage.desk AS s
  JOIN restage_keymap.desk AS k
    ON k.source_deskid = s.deskid
    AND k.first_run = (SELECT restage.run_id())
  LEFT JOIN restage_keymap.tenant AS p1
    ON p1.source_tenantid = s.tenantid
  LEFT JOIN restage_keymap.region AS p2
    ON p2.source_regionid = s.regionid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.desk'
      AND c.kind = 'inserted'
  )
    AND (s.tenantid IS NULL OR p1.target_key IS NOT NULL)
    AND (s.regionid IS NULL OR p2.target_key IS NOT NULL);
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.desk', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.desk'
  AND c.kind = 'inserted';

-- file:    merge/004_dbo.Desk/50_update.sql
-- table:   public.desk
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Desk, staged in restage_stage.desk
-- body:    sha256:f3c494436f7bccea5cc884d83194fb11dc4b42dc8e914f8ea0a619eb103c6d13
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.desk', 'restage_keymap.desk') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.deskid,
    s.tenantid,
    s.regionid,
    restage.row_hash(
      ROW(
        s.deskid,
        s.tenantid,
        s.regionid
      )::text,
      (NULL::restage_keymap.desk).row_hash
    ) AS row_hash
  FROM restage_stage.desk AS s
  JOIN restage_keymap.desk AS k
    ON k.source_deskid = s.deskid
  WHERE NOT (SELECT restage.is_all_new('public.desk'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.deskid,
        s.tenantid,
        s.regionid
      )::text,
      (NULL::restage_keymap.desk).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_deskid,
    row_to_json(t.*) AS row_data
  FROM public.desk AS t
  LEFT JOIN restage_keymap.tenant AS p1
    ON p1.target_key = t.tenantid
  LEFT JOIN restage_keymap.region AS p2
    ON p2.target_key = t.regionid
  JOIN restage_keymap.desk AS k
    ON k.target_key = t.deskid
  JOIN changed AS c
    ON k.source_deskid = c.deskid
  WHERE restage.row_hash(
      ROW(
        k.source_deskid,
        coalesce(p1.source_tenantid::text, 'final ' || t.tenantid),
        coalesce(p2.source_regionid::text, 'final ' || t.regionid)
      )::text,
      (NULL::restage_keymap.desk).row_hash
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
    'public.desk',
    jsonb_build_object('source_deskid', d.source_deskid),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.desk AS t
  SET
    tenantid = p1.target_key,
    regionid = p2.target_key
  FROM changed AS c
  JOIN restage_keymap.desk AS k
    ON k.source_deskid = c.deskid
  LEFT JOIN restage_keymap.tenant AS p1
    ON p1.source_tenantid = c.tenantid
  LEFT JOIN restage_keymap.region AS p2
    ON p2.source_regionid = c.regionid
  WHERE t.deskid = k.target_key
    AND (c.tenantid IS NULL OR p1.target_key IS NOT NULL)
    AND (c.regionid IS NULL OR p2.target_key IS NOT NULL)
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.desk AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_deskid = c.deskid
)
SELECT
  restage.count_rows('public.desk', 'updated', count(*)) AS rows,
  restage.count_rows('public.desk', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/004_dbo.Desk/60_vanished.sql
-- table:   public.desk
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Desk, staged in restage_stage.desk
-- body:    sha256:f6a6212ce9cd767916909a6f7902ed14b7b93e023ec1f09dd4a41bf08959f133
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.desk', 'restage_keymap.desk') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_deskid,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.desk AS s
  JOIN restage_keymap.desk AS k
    ON k.source_deskid = s.deskid
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.desk AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_deskid = m.source_deskid
)
SELECT restage.fail_skipped('public.desk', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.desk'
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
    s.deskid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.desk, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.desk'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.desk AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.desk'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.desk'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.desk AS s
      WHERE k.source_deskid = s.deskid
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_deskid = r.deskid
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_deskid,
    k.vanished_run
  FROM restage_keymap.desk AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.desk'))
),
back AS MATERIALIZED (
  SELECT
    k.source_deskid,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.desk AS s
    ON k.source_deskid = s.deskid
  UNION
  SELECT
    k.source_deskid,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_deskid = r.deskid
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
    'public.desk',
    'returned',
    ARRAY[b.source_deskid::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.desk AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_deskid = b.source_deskid
  RETURNING 1
)
SELECT
  restage.count_rows('public.desk', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.desk', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/004_dbo.Desk/70_reset.sql
-- table:   public.desk
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Desk, staged in restage_stage.desk
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/004_dbo.Desk/90_account.sql
-- table:   public.desk
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Desk, staged in restage_stage.desk
-- body:    sha256:f65f90cf3e8420d4285244859e2cb461f93dacb287b7ee53ea66528d42b5aa0e
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.desk', 'restage_keymap.desk') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.desk', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.desk') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.desk'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.desk', count(*)) AS rows
FROM restage_stage.desk AS s
JOIN restage_keymap.desk AS k
  ON k.source_deskid = s.deskid
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.desk'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/004_dbo.Desk/content.sql
-- table:   public.desk
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Desk
-- body:    sha256:f27ad05379ddefeeb01461959e927aa82e66103cb0714ffcae0d1877e8632d6b
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
      s.deskid,
      s.tenantid,
      s.regionid,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.desk'))
        AND r.table_name = 'public.desk'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.desk, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_deskid,
    coalesce(p1.source_tenantid::text, 'final ' || t.tenantid),
    coalesce(p2.source_regionid::text, 'final ' || t.regionid)
  FROM public.desk AS t
  LEFT JOIN restage_keymap.tenant AS p1
    ON p1.target_key = t.tenantid
  LEFT JOIN restage_keymap.region AS p2
    ON p2.target_key = t.regionid
  JOIN restage_keymap.desk AS k
    ON k.target_key = t.deskid
  LEFT JOIN noted AS n
    ON k.source_deskid = n.deskid
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.deskid,
    n.tenantid::text,
    n.regionid::text
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/004_dbo.Desk/counts.sql
-- table:   public.desk
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Desk
-- body:    sha256:f90d1ef8d8268661f7b72cc9f94a21e877e74476feee4aeeb1e188274e6fd634
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.deskid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.desk, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.desk'))
    AND r.table_name = 'public.desk'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.desk AS t
    JOIN restage_keymap.desk AS k
      ON k.target_key = t.deskid
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_deskid = r.deskid
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.desk'))
  AND g.table_name = 'public.desk';

-- file:    verify/004_dbo.Desk/keys.sql
-- table:   public.desk
-- purpose: known = present, when every key has its final row
-- source:  dbo.Desk
-- body:    sha256:e671d6d084add16c96970590b315c7b1e7a3815fa242db5a01072ab72b062393
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.desk AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.desk AS t
    JOIN restage_keymap.desk AS k
      ON k.target_key = t.deskid
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.desk AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/004_dbo.Desk/others.sql
-- table:   public.desk
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Desk
-- body:    sha256:440f63c68231631eb689b645318f3cba6139fc15bad8b16dde8b53682344bc9d
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.desk AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.desk AS k
  WHERE k.target_key = t.deskid
);

-- file:    verify/004_dbo.Desk/orphans.sql
-- table:   public.desk
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Desk
-- body:    sha256:f3b6acdc911f40635aacab0b371f2343d2525776956eccc598ae7d53d742b342
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- desk_tenantid_regionid_fkey
SELECT count(*) AS orphans
FROM public.desk AS t
WHERE t.tenantid IS NOT NULL
  AND t.regionid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.office AS p
    WHERE p.tenantid = t.tenantid
      AND p.regionid = t.regionid
  );

