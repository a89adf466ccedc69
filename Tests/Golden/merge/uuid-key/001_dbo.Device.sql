-- file:    merge/001_dbo.Device/10_stage.sql
-- table:   public.device
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Device, staged in restage_stage.device
-- body:    sha256:6278ba5a8a76ea462fbdd3d03cca2e78fa5eed1def51ec824925313edc0e6402
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.device;

CREATE UNLOGGED TABLE restage_stage.device (
  deviceid uuid,
  seen timestamp(6)
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.Device/15_check.sql
-- table:   public.device
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Device, staged in restage_stage.device
-- body:    sha256:4855d983fe71081475869c3562bab45e779dbb6a549619ca12a1ba98e88f7530
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.device ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.device (deviceid);

SELECT restage.count_staged('public.device', count(*)) AS staged
FROM restage_stage.device AS s;

WITH repeated AS MATERIALIZED (
  SELECT
    s.deviceid
  FROM restage_stage.device AS s
  WHERE s.deviceid IS NOT NULL
  GROUP BY
    s.deviceid
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.device AS s
  WHERE s.deviceid IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.device AS s
    ON s.deviceid = r.deviceid
),
refused AS (
  DELETE FROM restage_stage.device AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('DeviceId', s.deviceid) AS source_key,
    jsonb_build_object('DeviceId', s.deviceid) AS value,
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
    'public.device',
    r.source_key,
    'source key',
    ARRAY['deviceid'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.device', 'rejected', count(*)) AS rows
FROM recorded;

-- file:    merge/001_dbo.Device/20_match.sql
-- table:   public.device
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Device, staged in restage_stage.device
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Device/30_allocate.sql
-- table:   public.device
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Device, staged in restage_stage.device
-- body:    sha256:12ea5bd4c64a29e4cb1dcc601dca608427fa31e33e23d4093073dcc61fe96300
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.device', 'restage_keymap.device') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.device (
    source_deviceid,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.deviceid,
    gen_random_uuid(),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.deviceid,
      restage.row_hash(
        ROW(
          s.deviceid,
          s.seen
        )::text,
        (NULL::restage_keymap.device).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.device AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.device AS k
      WHERE k.source_deviceid = s.deviceid
    )
    ORDER BY
      s.deviceid
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.device', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.device'::regclass
  ) THEN
    ALTER TABLE restage_keymap.device
      ADD PRIMARY KEY (source_deviceid),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.device'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.device'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.device;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.device'
  AND c.kind = 'allocated';

-- file:    merge/001_dbo.Device/35_orphans.sql
-- table:   public.device
-- step:    35 orphans
-- purpose: no foreign key to check
-- source:  dbo.Device, staged in restage_stage.device
-- body:    sha256:098de44816e22556724095a40bc12655030869bbf9e2ccb6eb4985a203f64263
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.device'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/001_dbo.Device/40_insert.sql
-- table:   public.device
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Device, staged in restage_stage.device
-- body:    sha256:3483e82135e2f7a6d83133719c13e68b662999b03bab167a8fdc1eec2fffc2f1
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.device', 'restage_keymap.device') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.device (
    deviceid,
    seen
  )
  SELECT
    k.target_key,
    s.seen
  FROM restage_stage.device AS s
  JOIN restage_keymap.device AS k
    ON k.source_deviceid = s.deviceid
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.device'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.device', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.device'
  AND c.kind = 'inserted';

-- file:    merge/001_dbo.Device/50_update.sql
-- table:   public.device
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Device, staged in restage_stage.device
-- body:    sha256:321f56279da2f556a24d89d54a0a718a21cb2c77629955b703e2fd3880b5653e
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.device', 'restage_keymap.device') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.deviceid,
    s.seen,
    restage.row_hash(
      ROW(
        s.deviceid,
        s.seen
      )::text,
      (NULL::restage_keymap.device).row_hash
    ) AS row_hash
  FROM restage_stage.device AS s
  JOIN restage_keymap.device AS k
    ON k.source_deviceid = s.deviceid
  WHERE NOT (SELECT restage.is_all_new('public.device'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.deviceid,
        s.seen
      )::text,
      (NULL::restage_keymap.device).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_deviceid,
    row_to_json(t.*) AS row_data
  FROM public.device AS t
  JOIN restage_keymap.device AS k
    ON k.target_key = t.deviceid
  JOIN changed AS c
    ON k.source_deviceid = c.deviceid
  WHERE restage.row_hash(
      ROW(
        k.source_deviceid,
        t.seen
      )::text,
      (NULL::restage_keymap.device).row_hash
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
    'public.device',
    jsonb_build_object('source_deviceid', d.source_deviceid),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.device AS t
  SET
    seen = c.seen
  FROM changed AS c
  JOIN restage_keymap.device AS k
    ON k.source_deviceid = c.deviceid
  WHERE t.deviceid = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.device AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_deviceid = c.deviceid
)
SELECT
  restage.count_rows('public.device', 'updated', count(*)) AS rows,
  restage.count_rows('public.device', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/001_dbo.Device/60_vanished.sql
-- table:   public.device
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Device, staged in restage_stage.device
-- body:    sha256:d2adb699b750b8f54e61fafbfd506d490b62e9c12fcd054027cdb8d25450e87e
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.device', 'restage_keymap.device') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_deviceid,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.device AS s
  JOIN restage_keymap.device AS k
    ON k.source_deviceid = s.deviceid
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.device AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_deviceid = m.source_deviceid
)
SELECT restage.fail_skipped('public.device', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.device'
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
    s.deviceid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.device, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.device'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.device AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.device'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.device'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.device AS s
      WHERE k.source_deviceid = s.deviceid
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_deviceid = r.deviceid
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_deviceid,
    k.vanished_run
  FROM restage_keymap.device AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.device'))
),
back AS MATERIALIZED (
  SELECT
    k.source_deviceid,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.device AS s
    ON k.source_deviceid = s.deviceid
  UNION
  SELECT
    k.source_deviceid,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_deviceid = r.deviceid
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
    'public.device',
    'returned',
    ARRAY[b.source_deviceid::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.device AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_deviceid = b.source_deviceid
  RETURNING 1
)
SELECT
  restage.count_rows('public.device', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.device', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/001_dbo.Device/70_reset.sql
-- table:   public.device
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Device, staged in restage_stage.device
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Device/90_account.sql
-- table:   public.device
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Device, staged in restage_stage.device
-- body:    sha256:bbe4594d88cd5a1975f38df6bc82efde6c6ff72d51735098b0d61b86ff1b589f
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.device', 'restage_keymap.device') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.device', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.device') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.device'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.device', count(*)) AS rows
FROM restage_stage.device AS s
JOIN restage_keymap.device AS k
  ON k.source_deviceid = s.deviceid
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.device'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/001_dbo.Device/content.sql
-- table:   public.device
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Device
-- body:    sha256:1d80a6526754ff7e0330a07029e9dcf43b841493c3d1223e237a51ce408d157a
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
      s.deviceid,
      s.seen,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.device'))
        AND r.table_name = 'public.device'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.device, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_deviceid,
    t.seen
  FROM public.device AS t
  JOIN restage_keymap.device AS k
    ON k.target_key = t.deviceid
  LEFT JOIN noted AS n
    ON k.source_deviceid = n.deviceid
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.deviceid,
    n.seen
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/001_dbo.Device/counts.sql
-- table:   public.device
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Device
-- body:    sha256:7902c76040266ff20acd3ab410d3e3c6736e9ae11cd11e2ff579a6232cff64d0
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.deviceid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.device, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.device'))
    AND r.table_name = 'public.device'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.device AS t
    JOIN restage_keymap.device AS k
      ON k.target_key = t.deviceid
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_deviceid = r.deviceid
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.device'))
  AND g.table_name = 'public.device';

-- file:    verify/001_dbo.Device/keys.sql
-- table:   public.device
-- purpose: known = present, when every key has its final row
-- source:  dbo.Device
-- body:    sha256:64e90f8c4158f099d8e4db71da444c2f7ed92dc525e8f2ee1603f7f8ce4c4ef9
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.device AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.device AS t
    JOIN restage_keymap.device AS k
      ON k.target_key = t.deviceid
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.device AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/001_dbo.Device/others.sql
-- table:   public.device
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Device
-- body:    sha256:55a49dc46324ad1732e7aab9efd9ad9984dc9d1c38faf4ffb98b06e4ac1bbb96
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.device AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.device AS k
  WHERE k.target_key = t.deviceid
);

