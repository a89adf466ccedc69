-- file:    merge/002_dbo.Reading/10_stage.sql
-- table:   public.reading
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Reading, staged in restage_stage.reading
-- body:    sha256:6909542c678f5417238a1adea6f32394f341ef28f733931f7affb76b56c789ca
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.reading;

CREATE UNLOGGED TABLE restage_stage.reading (
  readingid bigint,
  deviceid uuid,
  value double precision
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Reading/15_check.sql
-- table:   public.reading
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Reading, staged in restage_stage.reading
-- body:    sha256:2dc2e780c0286c7821b5c00644eebc017609e7ade66be3eb052abb01c5faa72f
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.reading ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.reading (readingid, deviceid);

SELECT restage.count_staged('public.reading', count(*)) AS staged
FROM restage_stage.reading AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.readingid
  FROM restage_stage.reading AS s
  WHERE s.readingid IS NOT NULL
  GROUP BY
    s.readingid
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.reading AS s
  WHERE s.readingid IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.reading AS s
    ON s.readingid = r.readingid
),
refused AS (
  DELETE FROM restage_stage.reading AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('ReadingId', s.readingid) AS source_key,
    jsonb_build_object('ReadingId', s.readingid) AS value,
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
    'public.reading',
    r.source_key,
    'source key',
    ARRAY['readingid'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.reading', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/002_dbo.Reading/20_match.sql
-- table:   public.reading
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Reading, staged in restage_stage.reading
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Reading/30_allocate.sql
-- table:   public.reading
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Reading, staged in restage_stage.reading
-- body:    sha256:5939aaad086da2ddfdedd76aa61ac0bbb26dd4075075798c25d1edb9f3456cec
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.reading', 'restage_keymap.reading') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.reading (
    source_readingid,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.readingid,
    nextval('public.reading_readingid_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.readingid,
      restage.row_hash(
        ROW(
          s.readingid,
          s.deviceid,
          s.value
        )::text,
        (NULL::restage_keymap.reading).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.reading AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.reading AS k
      WHERE k.source_readingid = s.readingid
    )
    ORDER BY
      s.readingid
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.reading', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.reading'::regclass
  ) THEN
    ALTER TABLE restage_keymap.reading
      ADD PRIMARY KEY (source_readingid),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.reading'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.reading'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.reading;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.reading'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Reading/35_orphans.sql
-- table:   public.reading
-- step:    35 orphans
-- purpose: no row to be rejected or loaded without its parent: step 40 checks all foreign keys
-- source:  dbo.Reading, staged in restage_stage.reading
-- body:    sha256:6a3c187c37a109bf774d939926c415792d1ca82646c861623dbfa3b724823b7e
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.reading'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Reading/40_insert.sql
-- table:   public.reading
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Reading, staged in restage_stage.reading
-- body:    sha256:db65b1efa7f4b27af9dc8ccbac4456a1e7e42118d7e41e2d64c9477fcb6c1703
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.reading', 'restage_keymap.reading') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.reading (
    readingid,
    deviceid,
    value
  )
  SELECT
    k.target_key,
    p1.target_key,
    s.value
  FROM restage_stage.reading AS s
  JOIN restage_keymap.reading AS k
    ON k.source_readingid = s.readingid
    AND k.first_run = (SELECT restage.run_id())
  JOIN restage_keymap.device AS p1
    ON p1.source_deviceid = s.deviceid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.reading'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.reading', 'inserted', inserted_rows);
END
$restage$;

-- reading_deviceid_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.reading',
  'reading_deviceid_fkey',
  count(*),
  min(jsonb_build_object(
    'ReadingId', s.readingid,
    'DeviceId', s.deviceid
  )::text)
)
FROM restage_stage.reading AS s
WHERE s.deviceid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.device AS k
    WHERE k.source_deviceid = s.deviceid
  )
  AND NOT EXISTS (
    -- Where every row that got a key was inserted, each had its parents.
    SELECT
    FROM restage.row_count AS a
    JOIN restage.row_count AS c
      ON c.run_id = a.run_id
      AND c.table_name = a.table_name
    WHERE a.run_id = (SELECT restage.run_id())
      AND a.table_name = 'public.reading'
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
  AND c.table_name = 'public.reading'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Reading/50_update.sql
-- table:   public.reading
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Reading, staged in restage_stage.reading
-- body:    sha256:ceb353ee5259a255731735463966f710d72889602539a764d8b9626dfc89a602
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.reading', 'restage_keymap.reading') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.readingid,
    s.deviceid,
    s.value,
    restage.row_hash(
      ROW(
        s.readingid,
        s.deviceid,
        s.value
      )::text,
      (NULL::restage_keymap.reading).row_hash
    ) AS row_hash
  FROM restage_stage.reading AS s
  JOIN restage_keymap.reading AS k
    ON k.source_readingid = s.readingid
  WHERE NOT (SELECT restage.is_all_new('public.reading'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.readingid,
        s.deviceid,
        s.value
      )::text,
      (NULL::restage_keymap.reading).row_hash
    )
),
orphaned_1 AS MATERIALIZED (
  -- reading_deviceid_fkey: on_orphan: fail
  SELECT restage.fail_orphans(
    'public.reading',
    'reading_deviceid_fkey',
    count(*),
    min(jsonb_build_object(
      'ReadingId', s.readingid,
      'DeviceId', s.deviceid
    )::text)
  )
  FROM changed AS s
  WHERE s.deviceid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.device AS k
      WHERE k.source_deviceid = s.deviceid
    )
  HAVING count(*) > 0
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_readingid,
    row_to_json(t.*) AS row_data
  FROM public.reading AS t
  LEFT JOIN restage_keymap.device AS p1
    ON p1.target_key = t.deviceid
  JOIN restage_keymap.reading AS k
    ON k.target_key = t.readingid
  JOIN changed AS c
    ON k.source_readingid = c.readingid
  WHERE restage.row_hash(
      ROW(
        k.source_readingid,
        p1.source_deviceid,
        t.value
      )::text,
      (NULL::restage_keymap.reading).row_hash
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
    'public.reading',
    jsonb_build_object('source_readingid', d.source_readingid),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.reading AS t
  SET
    deviceid = p1.target_key,
    value = c.value
  FROM changed AS c
  JOIN restage_keymap.reading AS k
    ON k.source_readingid = c.readingid
  JOIN restage_keymap.device AS p1
    ON p1.source_deviceid = c.deviceid
  WHERE t.readingid = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.reading AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_readingid = c.readingid
)
SELECT
  restage.count_rows('public.reading', 'updated', count(*)) AS rows,
  (SELECT count(*) FROM orphaned_1) AS orphaned_1,
  restage.count_rows('public.reading', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.Reading/60_vanished.sql
-- table:   public.reading
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Reading, staged in restage_stage.reading
-- body:    sha256:a1524b870a2a5ad409ab5c613dcff18509dee821c6ebd6553fd2fc996f527ef3
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.reading', 'restage_keymap.reading') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_readingid,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.reading AS s
  JOIN restage_keymap.reading AS k
    ON k.source_readingid = s.readingid
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.reading AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_readingid = m.source_readingid
)
SELECT restage.fail_skipped('public.reading', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.reading'
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
    s.readingid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.reading, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.reading'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.reading AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.reading'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.reading'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.reading AS s
      WHERE k.source_readingid = s.readingid
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_readingid = r.readingid
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_readingid,
    k.vanished_run
  FROM restage_keymap.reading AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.reading'))
),
back AS MATERIALIZED (
  SELECT
    k.source_readingid,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.reading AS s
    ON k.source_readingid = s.readingid
  UNION
  SELECT
    k.source_readingid,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_readingid = r.readingid
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
    'public.reading',
    'returned',
    ARRAY[b.source_readingid::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.reading AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_readingid = b.source_readingid
  RETURNING 1
)
SELECT
  restage.count_rows('public.reading', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.reading', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Reading/70_reset.sql
-- table:   public.reading
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Reading, staged in restage_stage.reading
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Reading/90_account.sql
-- table:   public.reading
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Reading, staged in restage_stage.reading
-- body:    sha256:7f31dfe7b974eaf319ab702b9e216a4da55e094d27b673a682bf65011552c5d2
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.reading', 'restage_keymap.reading') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.reading', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.reading') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.reading'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.reading', count(*)) AS rows
FROM restage_stage.reading AS s
JOIN restage_keymap.reading AS k
  ON k.source_readingid = s.readingid
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.reading'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Reading/content.sql
-- table:   public.reading
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Reading
-- body:    sha256:b5b750efe6001dc94f30f7b06204eb99dd071e315ec873be9bf456d0d894b110
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
      s.readingid,
      s.deviceid,
      s.value,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.reading'))
        AND r.table_name = 'public.reading'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.reading, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_readingid,
    p1.source_deviceid,
    t.value
  FROM public.reading AS t
  LEFT JOIN restage_keymap.device AS p1
    ON p1.target_key = t.deviceid
  JOIN restage_keymap.reading AS k
    ON k.target_key = t.readingid
  LEFT JOIN noted AS n
    ON k.source_readingid = n.readingid
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.readingid,
    n.deviceid,
    n.value
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Reading/counts.sql
-- table:   public.reading
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Reading
-- body:    sha256:2f080a74983c949efd754850aeb02a3d2190e7473b24d6449e23a27da88da1e9
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.readingid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.reading, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.reading'))
    AND r.table_name = 'public.reading'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.reading AS t
    JOIN restage_keymap.reading AS k
      ON k.target_key = t.readingid
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_readingid = r.readingid
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.reading'))
  AND g.table_name = 'public.reading';

-- file:    verify/002_dbo.Reading/keys.sql
-- table:   public.reading
-- purpose: known = present, when every key has its final row
-- source:  dbo.Reading
-- body:    sha256:c4aba46efbcf00b934f83b64c53b1e6f68192694d8f94bd144248a04c0672ddb
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.reading AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.reading AS t
    JOIN restage_keymap.reading AS k
      ON k.target_key = t.readingid
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.reading AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Reading/others.sql
-- table:   public.reading
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Reading
-- body:    sha256:a35ff8f850c5af89b35749099db6815c57963da0bb0d602b1468cbad5cc2727e
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.reading AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.reading AS k
  WHERE k.target_key = t.readingid
);

-- file:    verify/002_dbo.Reading/orphans.sql
-- table:   public.reading
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Reading
-- body:    sha256:7a73fe57cc5c122dc26703dc01414e0e6ddb5c7ab7e8c1f37ce6d590529c0542
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- reading_deviceid_fkey
SELECT count(*) AS orphans
FROM public.reading AS t
WHERE t.deviceid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.device AS p
    WHERE p.deviceid = t.deviceid
  );

