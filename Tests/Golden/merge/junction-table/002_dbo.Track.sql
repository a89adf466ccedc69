-- file:    merge/002_dbo.Track/10_stage.sql
-- table:   public.track
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:5a7b2775bf43acd828f9947e38ac404e028cdb50264bacb977ff5c26f3a40ecb
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.track;

CREATE UNLOGGED TABLE restage_stage.track (
  trackid integer,
  name varchar(40)
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Track/15_check.sql
-- table:   public.track
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:5f533328151585c1b1a27b4264bc93f2f64aa4b7e0d6064fe2d2381cc586bcbb
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.track ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.track (trackid);

SELECT restage.count_staged('public.track', count(*)) AS staged
FROM restage_stage.track AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.trackid
  FROM restage_stage.track AS s
  WHERE s.trackid IS NOT NULL
  GROUP BY
    s.trackid
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.track AS s
  WHERE s.trackid IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.track AS s
    ON s.trackid = r.trackid
),
refused AS (
  DELETE FROM restage_stage.track AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('TrackId', s.trackid) AS source_key,
    jsonb_build_object('TrackId', s.trackid) AS value,
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
    'public.track',
    r.source_key,
    'source key',
    ARRAY['trackid'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.track', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/002_dbo.Track/20_match.sql
-- table:   public.track
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Track/30_allocate.sql
-- table:   public.track
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:90b61f8eec6d246d53d2c2bc9838dd14ed44ab7b7919a2f70d938c1d197c25fc
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.track', 'restage_keymap.track') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.track (
    source_trackid,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.trackid,
    nextval('public.track_trackid_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.trackid,
      restage.row_hash(
        ROW(
          s.trackid,
          s.name
        )::text,
        (NULL::restage_keymap.track).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.track AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.track AS k
      WHERE k.source_trackid = s.trackid
    )
    ORDER BY
      s.trackid
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.track', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.track'::regclass
  ) THEN
    ALTER TABLE restage_keymap.track
      ADD PRIMARY KEY (source_trackid),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.track'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.track'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.track;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.track'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Track/35_orphans.sql
-- table:   public.track
-- step:    35 orphans
-- purpose: no foreign key to check
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:de3cefb95d0fad2c32693580d071ec40166775dcaa6a12893f2e019fa56fad55
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.track'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Track/40_insert.sql
-- table:   public.track
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:15e65dad7cee15300f33527b2ebdb548cb9c2115d92f687820acdfa935604db5
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.track', 'restage_keymap.track') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.track (
    trackid,
    name
  )
  SELECT
    k.target_key,
    s.name
  FROM restage_stage.track AS s
  JOIN restage_keymap.track AS k
    ON k.source_trackid = s.trackid
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.track'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.track', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.track'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Track/50_update.sql
-- table:   public.track
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:c13d556948a165013b24ea619771ea9ceb3adc3122c600dd5d03afb78544c4d5
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.track', 'restage_keymap.track') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.trackid,
    s.name,
    restage.row_hash(
      ROW(
        s.trackid,
        s.name
      )::text,
      (NULL::restage_keymap.track).row_hash
    ) AS row_hash
  FROM restage_stage.track AS s
  JOIN restage_keymap.track AS k
    ON k.source_trackid = s.trackid
  WHERE NOT (SELECT restage.is_all_new('public.track'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.trackid,
        s.name
      )::text,
      (NULL::restage_keymap.track).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_trackid,
    row_to_json(t.*) AS row_data
  FROM public.track AS t
  JOIN restage_keymap.track AS k
    ON k.target_key = t.trackid
  JOIN changed AS c
    ON k.source_trackid = c.trackid
  WHERE restage.row_hash(
      ROW(
        k.source_trackid,
        t.name
      )::text,
      (NULL::restage_keymap.track).row_hash
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
    'public.track',
    jsonb_build_object('source_trackid', d.source_trackid),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.track AS t
  SET
    name = c.name
  FROM changed AS c
  JOIN restage_keymap.track AS k
    ON k.source_trackid = c.trackid
  WHERE t.trackid = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.track AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_trackid = c.trackid
)
SELECT
  restage.count_rows('public.track', 'updated', count(*)) AS rows,
  restage.count_rows('public.track', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.Track/60_vanished.sql
-- table:   public.track
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:20fbe54b00183c2349340fc1cb9b81e384b08df37873fd5daebd8f7c25237b3e
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.track', 'restage_keymap.track') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_trackid,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.track AS s
  JOIN restage_keymap.track AS k
    ON k.source_trackid = s.trackid
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.track AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_trackid = m.source_trackid
)
SELECT restage.fail_skipped('public.track', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.track'
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
    s.trackid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.track, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.track'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.track AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.track'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.track'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.track AS s
      WHERE k.source_trackid = s.trackid
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_trackid = r.trackid
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_trackid,
    k.vanished_run
  FROM restage_keymap.track AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.track'))
),
back AS MATERIALIZED (
  SELECT
    k.source_trackid,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.track AS s
    ON k.source_trackid = s.trackid
  UNION
  SELECT
    k.source_trackid,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_trackid = r.trackid
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
    'public.track',
    'returned',
    ARRAY[b.source_trackid::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.track AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_trackid = b.source_trackid
  RETURNING 1
)
SELECT
  restage.count_rows('public.track', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.track', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Track/70_reset.sql
-- table:   public.track
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Track/90_account.sql
-- table:   public.track
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:954a58deced9e83c17b0fc4024ee382bf2c3d5492fbc42380764aa3547b0ff4e
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.track', 'restage_keymap.track') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.track', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.track') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.track'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.track', count(*)) AS rows
FROM restage_stage.track AS s
JOIN restage_keymap.track AS k
  ON k.source_trackid = s.trackid
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.track'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Track/content.sql
-- table:   public.track
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Track
-- body:    sha256:8d384b7883c14577b7446ffd010d1d0e6d182314dbc9f38fb9b0404b8ab53fce
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
      s.trackid,
      s.name,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.track'))
        AND r.table_name = 'public.track'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.track, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_trackid,
    t.name
  FROM public.track AS t
  JOIN restage_keymap.track AS k
    ON k.target_key = t.trackid
  LEFT JOIN noted AS n
    ON k.source_trackid = n.trackid
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.trackid,
    n.name
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Track/counts.sql
-- table:   public.track
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Track
-- body:    sha256:50cf6a3885e00c9f29f3773989ee9614dc533aed31e0ec22260cab7aab739e26
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.trackid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.track, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.track'))
    AND r.table_name = 'public.track'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.track AS t
    JOIN restage_keymap.track AS k
      ON k.target_key = t.trackid
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_trackid = r.trackid
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.track'))
  AND g.table_name = 'public.track';

-- file:    verify/002_dbo.Track/keys.sql
-- table:   public.track
-- purpose: known = present, when every key has its final row
-- source:  dbo.Track
-- body:    sha256:5b4c1264e16b6ce1813a34f604b4ddc44afecc1b8f3ed3313558468688dd8a38
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.track AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.track AS t
    JOIN restage_keymap.track AS k
      ON k.target_key = t.trackid
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.track AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Track/others.sql
-- table:   public.track
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Track
-- body:    sha256:3f4b5d426f40abffd823002efd60607e5db14bdf6d48c3d76554d45bd734a8a4
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.track AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.track AS k
  WHERE k.target_key = t.trackid
);

