-- file:    merge/001_dbo.Tenant/10_stage.sql
-- table:   public.tenant
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Tenant, staged in restage_stage.tenant
-- body:    sha256:74049acdc5370c97b028d4a36619bec8e38ebbcde4a2d5eef3f8f34fc3513739
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.tenant;

CREATE UNLOGGED TABLE restage_stage.tenant (
  tenantid integer,
  name varchar(20)
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.Tenant/15_check.sql
-- table:   public.tenant
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Tenant, staged in restage_stage.tenant
-- body:    sha256:fb0e9f815fbc339c553eb807f7b01aef1e000210ff53f3b6937fd158d8f069a5
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.tenant ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.tenant (tenantid);

SELECT restage.count_staged('public.tenant', count(*)) AS staged
FROM restage_stage.tenant AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.tenantid
  FROM restage_stage.tenant AS s
  WHERE s.tenantid IS NOT NULL
  GROUP BY
    s.tenantid
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.tenant AS s
  WHERE s.tenantid IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.tenant AS s
    ON s.tenantid = r.tenantid
),
refused AS (
  DELETE FROM restage_stage.tenant AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('TenantId', s.tenantid) AS source_key,
    jsonb_build_object('TenantId', s.tenantid) AS value,
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
    'public.tenant',
    r.source_key,
    'source key',
    ARRAY['tenantid'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.tenant', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/001_dbo.Tenant/20_match.sql
-- table:   public.tenant
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Tenant, staged in restage_stage.tenant
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Tenant/30_allocate.sql
-- table:   public.tenant
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Tenant, staged in restage_stage.tenant
-- body:    sha256:5ca989fcb105f3d1bb527a6184e7dfa0b3f516b98e557c6ea895b7e504a2a915
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.tenant', 'restage_keymap.tenant') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.tenant (
    source_tenantid,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.tenantid,
    nextval('public.tenant_tenantid_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.tenantid,
      restage.row_hash(
        ROW(
          s.tenantid,
          s.name
        )::text,
        (NULL::restage_keymap.tenant).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.tenant AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.tenant AS k
      WHERE k.source_tenantid = s.tenantid
    )
    ORDER BY
      s.tenantid
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.tenant', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.tenant'::regclass
  ) THEN
    ALTER TABLE restage_keymap.tenant
      ADD PRIMARY KEY (source_tenantid),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.tenant'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.tenant'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.tenant;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.tenant'
  AND c.kind = 'allocated';

-- file:    merge/001_dbo.Tenant/35_orphans.sql
-- table:   public.tenant
-- step:    35 orphans
-- purpose: no foreign key to check
-- source:  dbo.Tenant, staged in restage_stage.tenant
-- body:    sha256:1967d8fa6b5e213e90b242d69a47415eddc0f86ffeb5218fc859e3d6d17add1b
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.tenant'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/001_dbo.Tenant/40_insert.sql
-- table:   public.tenant
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Tenant, staged in restage_stage.tenant
-- body:    sha256:364a8ad1800fcc9bcaf6aa21029e42b40bb4fed9ba404143f5112af4e8de4d8d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.tenant', 'restage_keymap.tenant') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.tenant (
    tenantid,
    name
  )
  SELECT
    k.target_key,
    s.name
  FROM restage_stage.tenant AS s
  JOIN restage_keymap.tenant AS k
    ON k.source_tenantid = s.tenantid
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.tenant'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.tenant', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.tenant'
  AND c.kind = 'inserted';

-- file:    merge/001_dbo.Tenant/50_update.sql
-- table:   public.tenant
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Tenant, staged in restage_stage.tenant
-- body:    sha256:089e4f5be8f44d1d41a8212c4e4d7eecd71cd67ad1466bba743da018fd355523
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.tenant', 'restage_keymap.tenant') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.tenantid,
    s.name,
    restage.row_hash(
      ROW(
        s.tenantid,
        s.name
      )::text,
      (NULL::restage_keymap.tenant).row_hash
    ) AS row_hash
  FROM restage_stage.tenant AS s
  JOIN restage_keymap.tenant AS k
    ON k.source_tenantid = s.tenantid
  WHERE NOT (SELECT restage.is_all_new('public.tenant'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.tenantid,
        s.name
      )::text,
      (NULL::restage_keymap.tenant).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_tenantid,
    row_to_json(t.*) AS row_data
  FROM public.tenant AS t
  JOIN restage_keymap.tenant AS k
    ON k.target_key = t.tenantid
  JOIN changed AS c
    ON k.source_tenantid = c.tenantid
  WHERE restage.row_hash(
      ROW(
        k.source_tenantid,
        t.name
      )::text,
      (NULL::restage_keymap.tenant).row_hash
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
    'public.tenant',
    jsonb_build_object('source_tenantid', d.source_tenantid),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.tenant AS t
  SET
    name = c.name
  FROM changed AS c
  JOIN restage_keymap.tenant AS k
    ON k.source_tenantid = c.tenantid
  WHERE t.tenantid = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.tenant AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_tenantid = c.tenantid
)
SELECT
  restage.count_rows('public.tenant', 'updated', count(*)) AS rows,
  restage.count_rows('public.tenant', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/001_dbo.Tenant/60_vanished.sql
-- table:   public.tenant
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Tenant, staged in restage_stage.tenant
-- body:    sha256:1e738d3bfa5281f6c1b28af82e5d4718bc3602a1d1f7e38a7041ce769fb3481c
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.tenant', 'restage_keymap.tenant') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_tenantid,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.tenant AS s
  JOIN restage_keymap.tenant AS k
    ON k.source_tenantid = s.tenantid
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.tenant AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_tenantid = m.source_tenantid
)
SELECT restage.fail_skipped('public.tenant', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.tenant'
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
    s.tenantid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.tenant, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.tenant'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.tenant AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.tenant'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.tenant'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.tenant AS s
      WHERE k.source_tenantid = s.tenantid
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_tenantid = r.tenantid
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_tenantid,
    k.vanished_run
  FROM restage_keymap.tenant AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.tenant'))
),
back AS MATERIALIZED (
  SELECT
    k.source_tenantid,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.tenant AS s
    ON k.source_tenantid = s.tenantid
  UNION
  SELECT
    k.source_tenantid,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_tenantid = r.tenantid
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
    'public.tenant',
    'returned',
    ARRAY[b.source_tenantid::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.tenant AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_tenantid = b.source_tenantid
  RETURNING 1
)
SELECT
  restage.count_rows('public.tenant', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.tenant', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/001_dbo.Tenant/70_reset.sql
-- table:   public.tenant
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Tenant, staged in restage_stage.tenant
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Tenant/90_account.sql
-- table:   public.tenant
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Tenant, staged in restage_stage.tenant
-- body:    sha256:70c57380ef322aa07f10c7564b1002ed25dc49c95e762efd4e3a68e69322feed
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.tenant', 'restage_keymap.tenant') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.tenant', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.tenant') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.tenant'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.tenant', count(*)) AS rows
FROM restage_stage.tenant AS s
JOIN restage_keymap.tenant AS k
  ON k.source_tenantid = s.tenantid
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.tenant'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/001_dbo.Tenant/content.sql
-- table:   public.tenant
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Tenant
-- body:    sha256:8a4c487080ca95c6cb87bd949f63e47b4acd322d936b8c6d92cfc7a5bd8c9903
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
      s.name,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.tenant'))
        AND r.table_name = 'public.tenant'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.tenant, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_tenantid,
    t.name
  FROM public.tenant AS t
  JOIN restage_keymap.tenant AS k
    ON k.target_key = t.tenantid
  LEFT JOIN noted AS n
    ON k.source_tenantid = n.tenantid
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.tenantid,
    n.name
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/001_dbo.Tenant/counts.sql
-- table:   public.tenant
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Tenant
-- body:    sha256:6ac557c141ff4bb859775cf5c71d7e25da4283678a8ca2966375785372b2e1cd
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.tenantid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.tenant, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.tenant'))
    AND r.table_name = 'public.tenant'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.tenant AS t
    JOIN restage_keymap.tenant AS k
      ON k.target_key = t.tenantid
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_tenantid = r.tenantid
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.tenant'))
  AND g.table_name = 'public.tenant';

-- file:    verify/001_dbo.Tenant/keys.sql
-- table:   public.tenant
-- purpose: known = present, when every key has its final row
-- source:  dbo.Tenant
-- body:    sha256:18b769bb9d41f122dd68b90186b8a4a04fe2bc9d01947427a98ec566168ffa7d
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.tenant AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.tenant AS t
    JOIN restage_keymap.tenant AS k
      ON k.target_key = t.tenantid
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.tenant AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/001_dbo.Tenant/others.sql
-- table:   public.tenant
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Tenant
-- body:    sha256:5f02c868a38901c30d68297163ba66c3d86c364ab353fa6c8e9e37ce6b6564a4
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.tenant AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.tenant AS k
  WHERE k.target_key = t.tenantid
);

