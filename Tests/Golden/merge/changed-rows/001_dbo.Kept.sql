-- file:    merge/001_dbo.Kept/10_stage.sql
-- table:   public.kept
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Kept, staged in restage_stage.kept
-- body:    sha256:a3167ba471b86373e8840cba8ac18460872d17eb2ffc9d1bd1419828d641bdbe
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.kept;

CREATE UNLOGGED TABLE restage_stage.kept (
  id integer,
  version bigint
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.Kept/15_check.sql
-- table:   public.kept
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Kept, staged in restage_stage.kept
-- body:    sha256:8e77e2581cf7e5142ddc596211c7a2deb9952345da173baf716f41dd5d14d9ec
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.kept ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.kept (id);

SELECT restage.count_staged('public.kept', count(*)) AS staged
FROM restage_stage.kept AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.id
  FROM restage_stage.kept AS s
  WHERE s.id IS NOT NULL
  GROUP BY
    s.id
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.kept AS s
  WHERE s.id IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.kept AS s
    ON s.id = r.id
),
refused AS (
  DELETE FROM restage_stage.kept AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('Id', s.id) AS source_key,
    jsonb_build_object('Id', s.id) AS value,
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
    'public.kept',
    r.source_key,
    'source key',
    ARRAY['id'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.kept', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/001_dbo.Kept/20_match.sql
-- table:   public.kept
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Kept, staged in restage_stage.kept
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Kept/30_allocate.sql
-- table:   public.kept
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Kept, staged in restage_stage.kept
-- body:    sha256:eccd3c42545834e5974dad70ee5d03c72bd99a641292fdd11e31f45fd5f6bb7a
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.kept', 'restage_keymap.kept') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.kept (
    source_id,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.id,
    nextval('public.kept_id_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.id,
      restage.row_hash(
        ROW(
          s.id,
          s.version
        )::text,
        (NULL::restage_keymap.kept).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.kept AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.kept AS k
      WHERE k.source_id = s.id
    )
    ORDER BY
      s.id
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.kept', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.kept'::regclass
  ) THEN
    ALTER TABLE restage_keymap.kept
      ADD PRIMARY KEY (source_id),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.kept'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.kept'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.kept;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.kept'
  AND c.kind = 'allocated';

-- file:    merge/001_dbo.Kept/35_orphans.sql
-- table:   public.kept
-- step:    35 orphans
-- purpose: no foreign key to check
-- source:  dbo.Kept, staged in restage_stage.kept
-- body:    sha256:1bb02e41333d02724d4dd8b30c70a120e84ee5baab731c1b09563cffe242a041
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.kept'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/001_dbo.Kept/40_insert.sql
-- table:   public.kept
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Kept, staged in restage_stage.kept
-- body:    sha256:c2c71c1997ef3e244766a3be1994a4355459f539d13851a1a3d1c6fb3456a319
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.kept', 'restage_keymap.kept') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.kept (
    id,
    version
  )
  SELECT
    k.target_key,
    s.version
  FROM restage_stage.kept AS s
  JOIN restage_keymap.kept AS k
    ON k.source_id = s.id
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.kept'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.kept', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.kept'
  AND c.kind = 'inserted';

-- file:    merge/001_dbo.Kept/50_update.sql
-- table:   public.kept
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Kept, staged in restage_stage.kept
-- body:    sha256:04be0f13701711d84963c8f0d7730003089602df11701dcd636a247ca4b8b799
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.kept', 'restage_keymap.kept') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.id,
    s.version,
    restage.row_hash(
      ROW(
        s.id,
        s.version
      )::text,
      (NULL::restage_keymap.kept).row_hash
    ) AS row_hash
  FROM restage_stage.kept AS s
  JOIN restage_keymap.kept AS k
    ON k.source_id = s.id
  WHERE NOT (SELECT restage.is_all_new('public.kept'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.id,
        s.version
      )::text,
      (NULL::restage_keymap.kept).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_id,
    row_to_json(t.*) AS row_data
  FROM public.kept AS t
  JOIN restage_keymap.kept AS k
    ON k.target_key = t.id
  JOIN changed AS c
    ON k.source_id = c.id
  WHERE restage.row_hash(
      ROW(
        k.source_id,
        t.version
      )::text,
      (NULL::restage_keymap.kept).row_hash
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
    'public.kept',
    jsonb_build_object('source_id', d.source_id),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.kept AS t
  SET
    version = c.version
  FROM changed AS c
  JOIN restage_keymap.kept AS k
    ON k.source_id = c.id
  WHERE t.id = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.kept AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_id = c.id
)
SELECT
  restage.count_rows('public.kept', 'updated', count(*)) AS rows,
  restage.count_rows('public.kept', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/001_dbo.Kept/60_vanished.sql
-- table:   public.kept
-- step:    60 vanished
-- purpose: note rows that vanished from the source, and delete them
-- source:  dbo.Kept, staged in restage_stage.kept
-- body:    sha256:f959299e8812e2216ddb035227fce00f94c103a62ac1f4ce4c60a4b37c452306
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.kept', 'restage_keymap.kept') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_id,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.kept AS s
  JOIN restage_keymap.kept AS k
    ON k.source_id = s.id
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.kept AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_id = m.source_id
)
SELECT restage.fail_skipped('public.kept', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.kept'
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
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.kept, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.kept'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.kept AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.kept'))
    AND NOT EXISTS (
      SELECT
      FROM restage.staged AS g
      WHERE g.run_id = (SELECT restage.run_id())
        AND g.table_name = 'public.kept'
        AND g.since IS NOT NULL
    )
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.kept'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.kept AS s
      WHERE k.source_id = s.id
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_id = r.id
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM restage_keymap.kept AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.kept'))
),
back AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.kept AS s
    ON k.source_id = s.id
  UNION
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_id = r.id
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
    'public.kept',
    'returned',
    ARRAY[b.source_id::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.kept AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_id = b.source_id
  RETURNING 1
)
SELECT
  restage.count_rows('public.kept', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.kept', 'returned', (SELECT count(*) FROM returned)) AS returned;

SELECT restage.guard_vanished(
  table_name => 'public.kept',
  going => (
    WITH candidates AS MATERIALIZED (
      SELECT t.ctid AS row_id
      FROM public.kept AS t
      JOIN restage_keymap.kept AS k
        ON k.target_key = t.id
      WHERE k.vanished_run IS NOT NULL
        AND k.matched_run IS NULL
        AND NOT EXISTS (
          SELECT
          FROM restage.staged AS g
          WHERE g.run_id = (SELECT restage.run_id())
            AND g.table_name = 'public.kept'
            AND g.export_rejects > 0
        )
        AND NOT EXISTS (
          SELECT
          FROM restage.shared_keys('stride', 'public', 'kept') AS o (target_key)
          WHERE o.target_key = k.target_key::text
        )
    ),
    held AS MATERIALIZED (
      SELECT h.row_id
      FROM restage.held_rows(
        table_name => 'public.kept',
        row_ids => ARRAY(SELECT c.row_id FROM candidates AS c),
        self_included => false
      ) AS h (row_id)
    )
    SELECT count(*)
    FROM candidates AS c
    WHERE NOT EXISTS (
      SELECT
      FROM held AS h
      WHERE h.row_id = c.row_id
    )
  ),
  known => (
    SELECT count(*)
    FROM restage_keymap.kept AS k
  ),
  max_percent => 100
);

WITH candidates AS MATERIALIZED (
  SELECT
    t.ctid AS row_id,
    k.source_id
  FROM public.kept AS t
  JOIN restage_keymap.kept AS k
    ON k.target_key = t.id
  WHERE k.vanished_run IS NOT NULL
    AND k.matched_run IS NULL
    AND NOT EXISTS (
      SELECT
      FROM restage.staged AS g
      WHERE g.run_id = (SELECT restage.run_id())
        AND g.table_name = 'public.kept'
        AND g.export_rejects > 0
    )
    AND NOT EXISTS (
      SELECT
      FROM restage.shared_keys('stride', 'public', 'kept') AS o (target_key)
      WHERE o.target_key = k.target_key::text
    )
),
held AS MATERIALIZED (
  SELECT h.row_id
  FROM restage.held_rows(
    table_name => 'public.kept',
    row_ids => ARRAY(SELECT c.row_id FROM candidates AS c),
    self_included => true
  ) AS h (row_id)
),
gone AS (
  SELECT c.*
  FROM candidates AS c
  WHERE NOT EXISTS (
    SELECT
    FROM held AS h
    WHERE h.row_id = c.row_id
  )
),
deleted AS (
  DELETE FROM public.kept AS t
  USING gone AS g
  WHERE t.ctid = g.row_id
  RETURNING
    g.source_id,
    row_to_json(t.*) AS row_data
),
forgotten AS (
  DELETE FROM restage_keymap.kept AS k
  USING deleted AS d
  WHERE k.source_id = d.source_id
),
recorded AS (
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
    'public.kept',
    jsonb_build_object('source_id', d.source_id),
    'vanished',
    'deleted',
    d.row_data
  FROM deleted AS d
  RETURNING 1
)
SELECT restage.count_rows('public.kept', 'deleted', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/001_dbo.Kept/70_reset.sql
-- table:   public.kept
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Kept, staged in restage_stage.kept
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Kept/90_account.sql
-- table:   public.kept
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Kept, staged in restage_stage.kept
-- body:    sha256:381598fb1387582e303a787449f00049dbc62d46d86911ffe1e6500254f2323b
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.kept', 'restage_keymap.kept') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.kept', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.kept') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.kept'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.kept', count(*)) AS rows
FROM restage_stage.kept AS s
JOIN restage_keymap.kept AS k
  ON k.source_id = s.id
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.kept'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/001_dbo.Kept/content.sql
-- table:   public.kept
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Kept
-- body:    sha256:1e25e69768bfec0cb875d475c511fdb2a7f22c6b2fbc0702180402462a2f6ea8
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
      s.id,
      s.version,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.kept'))
        AND r.table_name = 'public.kept'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.kept, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_id,
    t.version
  FROM public.kept AS t
  JOIN restage_keymap.kept AS k
    ON k.target_key = t.id
  LEFT JOIN noted AS n
    ON k.source_id = n.id
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.id,
    n.version
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/001_dbo.Kept/counts.sql
-- table:   public.kept
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Kept
-- body:    sha256:f4a84eedb917635d35bf63b64e979e4afea0b2332526da618cc7cb4952deb6bb
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.kept, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.kept'))
    AND r.table_name = 'public.kept'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.kept AS t
    JOIN restage_keymap.kept AS k
      ON k.target_key = t.id
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_id = r.id
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.kept'))
  AND g.table_name = 'public.kept';

-- file:    verify/001_dbo.Kept/keys.sql
-- table:   public.kept
-- purpose: known = present, when every key has its final row
-- source:  dbo.Kept
-- body:    sha256:2eeea7c183acc461d33da14c20c2fe75f0bd87e9f1fd192e5b747ec047e96b3f
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.kept AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.kept AS t
    JOIN restage_keymap.kept AS k
      ON k.target_key = t.id
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.kept AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/001_dbo.Kept/others.sql
-- table:   public.kept
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Kept
-- body:    sha256:60b77d54a40d8515ac1165fa5471266a21c550caef9819e06d3fae721e83d1b8
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.kept AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.kept AS k
  WHERE k.target_key = t.id
);

