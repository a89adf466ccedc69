-- file:    merge/002_dbo.Region/10_stage.sql
-- table:   public.region
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:52f423cad05826e3539e6d4ecdec47a793f80b5b17dd353abc9c1ee1ba3b9dda
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.region;

CREATE UNLOGGED TABLE restage_stage.region (
  regionid integer,
  name varchar(20)
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Region/15_check.sql
-- table:   public.region
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:7259b7a684822789f5eea03e3f5236e83a0527d34a25245d3c343db86468f06f
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.region ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.region (regionid);

SELECT restage.count_staged('public.region', count(*)) AS staged
FROM restage_stage.region AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.regionid
  FROM restage_stage.region AS s
  WHERE s.regionid IS NOT NULL
  GROUP BY
    s.regionid
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.region AS s
  WHERE s.regionid IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.region AS s
    ON s.regionid = r.regionid
),
refused AS (
  DELETE FROM restage_stage.region AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('RegionId', s.regionid) AS source_key,
    jsonb_build_object('RegionId', s.regionid) AS value,
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
    ARRAY['regionid'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.region', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/002_dbo.Region/20_match.sql
-- table:   public.region
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Region/30_allocate.sql
-- table:   public.region
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:0f59646b8194a3b5fb43696dc7fc734cbf8cc7db0ae64684ba38490f1cee761d
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
    source_regionid,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.regionid,
    nextval('public.region_regionid_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.regionid,
      restage.row_hash(
        ROW(
          s.regionid,
          s.name
        )::text,
        (NULL::restage_keymap.region).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.region AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.region AS k
      WHERE k.source_regionid = s.regionid
    )
    ORDER BY
      s.regionid
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
      ADD PRIMARY KEY (source_regionid),
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

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.region'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Region/35_orphans.sql
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

-- file:    merge/002_dbo.Region/40_insert.sql
-- table:   public.region
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:7e3862ddee3ff21164cd640f3e8977712ecec1dc2352f697c055c3cc1b5c5418
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.region', 'restage_keymap.region') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.region (
    regionid,
    name
  )
  SELECT
    k.target_key,
    s.name
  FROM restage_stage.region AS s
  JOIN restage_keymap.region AS k
    ON k.source_regionid = s.regionid
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

-- file:    merge/002_dbo.Region/50_update.sql
-- table:   public.region
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:6b1eb80f339bc0f45cad75740d0596d2574647010a8744aa7e1ef3e2b5552447
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.region', 'restage_keymap.region') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.regionid,
    s.name,
    restage.row_hash(
      ROW(
        s.regionid,
        s.name
      )::text,
      (NULL::restage_keymap.region).row_hash
    ) AS row_hash
  FROM restage_stage.region AS s
  JOIN restage_keymap.region AS k
    ON k.source_regionid = s.regionid
  WHERE NOT (SELECT restage.is_all_new('public.region'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.regionid,
        s.name
      )::text,
      (NULL::restage_keymap.region).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_regionid,
    row_to_json(t.*) AS row_data
  FROM public.region AS t
  JOIN restage_keymap.region AS k
    ON k.target_key = t.regionid
  JOIN changed AS c
    ON k.source_regionid = c.regionid
  WHERE restage.row_hash(
      ROW(
        k.source_regionid,
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
    jsonb_build_object('source_regionid', d.source_regionid),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.region AS t
  SET
    name = c.name
  FROM changed AS c
  JOIN restage_keymap.region AS k
    ON k.source_regionid = c.regionid
  WHERE t.regionid = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.region AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_regionid = c.regionid
)
SELECT
  restage.count_rows('public.region', 'updated', count(*)) AS rows,
  restage.count_rows('public.region', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.Region/60_vanished.sql
-- table:   public.region
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:c7ee7387206bf466f2a339ebdaf3903fdbf2ade0a5f17384749b2c043b982458
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.region', 'restage_keymap.region') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_regionid,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.region AS s
  JOIN restage_keymap.region AS k
    ON k.source_regionid = s.regionid
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.region AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_regionid = m.source_regionid
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
    s.regionid
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
      WHERE k.source_regionid = s.regionid
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_regionid = r.regionid
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_regionid,
    k.vanished_run
  FROM restage_keymap.region AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.region'))
),
back AS MATERIALIZED (
  SELECT
    k.source_regionid,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.region AS s
    ON k.source_regionid = s.regionid
  UNION
  SELECT
    k.source_regionid,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_regionid = r.regionid
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
    ARRAY[b.source_regionid::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.region AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_regionid = b.source_regionid
  RETURNING 1
)
SELECT
  restage.count_rows('public.region', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.region', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Region/70_reset.sql
-- table:   public.region
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Region/90_account.sql
-- table:   public.region
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:673c5c4a6be30675b15f700578fe99787f9e0cb2b8974b8c5d7302450d9dad9f
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
  ON k.source_regionid = s.regionid
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.region'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Region/content.sql
-- table:   public.region
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Region
-- body:    sha256:9e1831025474bdbcf245d994620f1bcfe14f95f1c629994b70a846977ebf7002
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
      s.regionid,
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
    k.source_regionid,
    t.name
  FROM public.region AS t
  JOIN restage_keymap.region AS k
    ON k.target_key = t.regionid
  LEFT JOIN noted AS n
    ON k.source_regionid = n.regionid
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.regionid,
    n.name
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Region/counts.sql
-- table:   public.region
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Region
-- body:    sha256:68cc6711eb472de1925cd31a73222e8054c8a2b8d5d3d2b48af3037a3b9c7108
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.regionid
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
      ON k.target_key = t.regionid
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_regionid = r.regionid
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.region'))
  AND g.table_name = 'public.region';

-- file:    verify/002_dbo.Region/keys.sql
-- table:   public.region
-- purpose: known = present, when every key has its final row
-- source:  dbo.Region
-- body:    sha256:9361e24efbd0f734f6c3ee9a4f802e5edf6584d114358812cc2376be9ba23a02
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
      ON k.target_key = t.regionid
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.region AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Region/others.sql
-- table:   public.region
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Region
-- body:    sha256:ecc65b10da47f4393fb84f1ac22b71076289e8ce14858c0a24a3cd323b745036
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.region AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.region AS k
  WHERE k.target_key = t.regionid
);

