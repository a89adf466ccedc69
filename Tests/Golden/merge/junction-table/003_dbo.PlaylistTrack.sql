-- file:    merge/003_dbo.PlaylistTrack/10_stage.sql
-- table:   public.playlisttrack
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.PlaylistTrack, staged in restage_stage.playlisttrack
-- body:    sha256:7d14fa4f0bef568e04927587ec916eeee8f341f11fde5c9c839d7d6beb822f84
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.playlisttrack;

CREATE UNLOGGED TABLE restage_stage.playlisttrack (
  playlistid integer,
  trackid integer,
  added timestamp(3)
)
WITH (autovacuum_enabled = false);

-- file:    merge/003_dbo.PlaylistTrack/15_check.sql
-- table:   public.playlisttrack
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.PlaylistTrack, staged in restage_stage.playlisttrack
-- body:    sha256:d73693a1f969340c690bb6f151ac20b8e17491e77f5e94a7ef5db73aa12daa08
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.playlisttrack ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.playlisttrack (playlistid, trackid);

SELECT restage.count_staged('public.playlisttrack', count(*)) AS staged
FROM restage_stage.playlisttrack AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.playlistid,
    s.trackid
  FROM restage_stage.playlisttrack AS s
  WHERE s.playlistid IS NOT NULL
    AND s.trackid IS NOT NULL
  GROUP BY
    s.playlistid,
    s.trackid
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.playlisttrack AS s
  WHERE s.playlistid IS NULL OR
    s.trackid IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.playlisttrack AS s
    ON s.playlistid = r.playlistid
    AND s.trackid = r.trackid
),
refused AS (
  DELETE FROM restage_stage.playlisttrack AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object(
      'PlaylistId', s.playlistid,
      'TrackId', s.trackid
    ) AS source_key,
    jsonb_build_object(
      'PlaylistId', s.playlistid,
      'TrackId', s.trackid
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
    'public.playlisttrack',
    r.source_key,
    'source key',
    ARRAY['playlistid', 'trackid'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.playlisttrack', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/003_dbo.PlaylistTrack/20_match.sql
-- table:   public.playlisttrack
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.PlaylistTrack, staged in restage_stage.playlisttrack
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.PlaylistTrack/30_allocate.sql
-- table:   public.playlisttrack
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.PlaylistTrack, staged in restage_stage.playlisttrack
-- body:    sha256:38e7b97d0a433d52b46db36136fe2df88dacf371d6ab80944ef7b4d4b886d12f
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.playlisttrack', 'restage_keymap.playlisttrack') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.playlisttrack (
    source_playlistid,
    source_trackid,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.playlistid,
    s.trackid,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.playlistid,
      s.trackid,
      restage.row_hash(
        ROW(
          s.playlistid,
          s.trackid,
          s.added
        )::text,
        (NULL::restage_keymap.playlisttrack).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.playlisttrack AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.playlisttrack AS k
      WHERE k.source_playlistid = s.playlistid
        AND k.source_trackid = s.trackid
    )
    ORDER BY
      s.playlistid,
      s.trackid
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.playlisttrack', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.playlisttrack'::regclass
  ) THEN
    ALTER TABLE restage_keymap.playlisttrack
      ADD PRIMARY KEY (source_playlistid, source_trackid);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.playlisttrack'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.playlisttrack'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.playlisttrack;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.playlisttrack'
  AND c.kind = 'allocated';

-- file:    merge/003_dbo.PlaylistTrack/35_orphans.sql
-- table:   public.playlisttrack
-- step:    35 orphans
-- purpose: no row to be rejected or loaded without its parent: step 40 checks all foreign keys
-- source:  dbo.PlaylistTrack, staged in restage_stage.playlisttrack
-- body:    sha256:034d2cbe2185bbe2080a68f2e96c844932a221d4367b9a81d148d68a911da89b
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.playlisttrack'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/003_dbo.PlaylistTrack/40_insert.sql
-- table:   public.playlisttrack
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.PlaylistTrack, staged in restage_stage.playlisttrack
-- body:    sha256:ee24d4d8713b0f1226495b82985c506dcb33ae45e2dba2c87d9b8cdb469b56bc
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.playlisttrack', 'restage_keymap.playlisttrack') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.playlisttrack (
    playlistid,
    trackid,
    added
  )
  SELECT
    p1.target_key,
    p2.target_key,
    s.added
  FROM restage_stage.playlisttrack AS s
  JOIN restage_keymap.playlisttrack AS k
    ON k.source_playlistid = s.playlistid
    AND k.source_trackid = s.trackid
    AND k.first_run = (SELECT restage.run_id())
  JOIN restage_keymap.playlist AS p1
    ON p1.source_playlistid = s.playlistid
  JOIN restage_keymap.track AS p2
    ON p2.source_trackid = s.trackid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.playlisttrack'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.playlisttrack', 'inserted', inserted_rows);
END
$restage$;

-- playlisttrack_playlistid_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.playlisttrack',
  'playlisttrack_playlistid_fkey',
  count(*),
  min(jsonb_build_object(
    'TrackId', s.trackid,
    'PlaylistId', s.playlistid
  )::text)
)
FROM restage_stage.playlisttrack AS s
WHERE s.playlistid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.playlist AS k
    WHERE k.source_playlistid = s.playlistid
  )
  AND NOT EXISTS (
    -- Where every row that got a key was inserted, each had its parents.
    SELECT
    FROM restage.row_count AS a
    JOIN restage.row_count AS c
      ON c.run_id = a.run_id
      AND c.table_name = a.table_name
    WHERE a.run_id = (SELECT restage.run_id())
      AND a.table_name = 'public.playlisttrack'
      AND a.kind = 'allocated'
      AND c.kind = 'inserted'
      AND c.rows = a.rows
  )
HAVING count(*) > 0;

-- playlisttrack_trackid_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.playlisttrack',
  'playlisttrack_trackid_fkey',
  count(*),
  min(jsonb_build_object(
    'PlaylistId', s.playlistid,
    'TrackId', s.trackid
  )::text)
)
FROM restage_stage.playlisttrack AS s
WHERE s.trackid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.track AS k
    WHERE k.source_trackid = s.trackid
  )
  AND NOT EXISTS (
    -- Where every row that got a key was inserted, each had its parents.
    SELECT
    FROM restage.row_count AS a
    JOIN restage.row_count AS c
      ON c.run_id = a.run_id
      AND c.table_name = a.table_name
    WHERE a.run_id = (SELECT restage.run_id())
      AND a.table_name = 'public.playlisttrack'
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
  AND c.table_name = 'public.playlisttrack'
  AND c.kind = 'inserted';

-- file:    merge/003_dbo.PlaylistTrack/50_update.sql
-- table:   public.playlisttrack
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.PlaylistTrack, staged in restage_stage.playlisttrack
-- body:    sha256:664053dc7fd51ebf24b4ce949cad251346f8b5094a13ecf128d951b98571bcb2
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.playlisttrack', 'restage_keymap.playlisttrack') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.playlistid,
    s.trackid,
    s.added,
    restage.row_hash(
      ROW(
        s.playlistid,
        s.trackid,
        s.added
      )::text,
      (NULL::restage_keymap.playlisttrack).row_hash
    ) AS row_hash
  FROM restage_stage.playlisttrack AS s
  JOIN restage_keymap.playlisttrack AS k
    ON k.source_playlistid = s.playlistid
    AND k.source_trackid = s.trackid
  WHERE NOT (SELECT restage.is_all_new('public.playlisttrack'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.playlistid,
        s.trackid,
        s.added
      )::text,
      (NULL::restage_keymap.playlisttrack).row_hash
    )
),
orphaned_1 AS MATERIALIZED (
  -- playlisttrack_playlistid_fkey: on_orphan: fail
  SELECT restage.fail_orphans(
    'public.playlisttrack',
    'playlisttrack_playlistid_fkey',
    count(*),
    min(jsonb_build_object(
      'TrackId', s.trackid,
      'PlaylistId', s.playlistid
    )::text)
  )
  FROM changed AS s
  WHERE s.playlistid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.playlist AS k
      WHERE k.source_playlistid = s.playlistid
    )
  HAVING count(*) > 0
),
orphaned_2 AS MATERIALIZED (
  -- playlisttrack_trackid_fkey: on_orphan: fail
  SELECT restage.fail_orphans(
    'public.playlisttrack',
    'playlisttrack_trackid_fkey',
    count(*),
    min(jsonb_build_object(
      'PlaylistId', s.playlistid,
      'TrackId', s.trackid
    )::text)
  )
  FROM changed AS s
  WHERE s.trackid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.track AS k
      WHERE k.source_trackid = s.trackid
    )
  HAVING count(*) > 0
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_playlistid,
    k.source_trackid,
    row_to_json(t.*) AS row_data
  FROM public.playlisttrack AS t
  LEFT JOIN restage_keymap.playlist AS p1
    ON p1.target_key = t.playlistid
  LEFT JOIN restage_keymap.track AS p2
    ON p2.target_key = t.trackid
  JOIN restage_keymap.playlisttrack AS k
    ON k.source_playlistid = p1.source_playlistid
    AND k.source_trackid = p2.source_trackid
  JOIN changed AS c
    ON k.source_playlistid = c.playlistid
    AND k.source_trackid = c.trackid
  WHERE restage.row_hash(
      ROW(
        p1.source_playlistid,
        p2.source_trackid,
        t.added
      )::text,
      (NULL::restage_keymap.playlisttrack).row_hash
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
    'public.playlisttrack',
    jsonb_build_object('source_playlistid', d.source_playlistid, 'source_trackid', d.source_trackid),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.playlisttrack AS t
  SET
    added = c.added
  FROM changed AS c
  JOIN restage_keymap.playlisttrack AS k
    ON k.source_playlistid = c.playlistid
    AND k.source_trackid = c.trackid
  JOIN restage_keymap.playlist AS p1
    ON p1.source_playlistid = c.playlistid
  JOIN restage_keymap.track AS p2
    ON p2.source_trackid = c.trackid
  WHERE t.playlistid = p1.target_key
    AND t.trackid = p2.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.playlisttrack AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_playlistid = c.playlistid
    AND k.source_trackid = c.trackid
)
SELECT
  restage.count_rows('public.playlisttrack', 'updated', count(*)) AS rows,
  (SELECT count(*) FROM orphaned_1) AS orphaned_1,
  (SELECT count(*) FROM orphaned_2) AS orphaned_2,
  restage.count_rows('public.playlisttrack', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/003_dbo.PlaylistTrack/60_vanished.sql
-- table:   public.playlisttrack
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.PlaylistTrack, staged in restage_stage.playlisttrack
-- body:    sha256:dfc01e2f18161673ee9d3132a60d34542ddfddb25643f458ebd9b3ba30635fa9
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.playlisttrack', 'restage_keymap.playlisttrack') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_playlistid,
    k.source_trackid,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.playlisttrack AS s
  JOIN restage_keymap.playlisttrack AS k
    ON k.source_playlistid = s.playlistid
    AND k.source_trackid = s.trackid
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.playlisttrack AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_playlistid = m.source_playlistid
    AND k.source_trackid = m.source_trackid
)
SELECT restage.fail_skipped('public.playlisttrack', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.playlisttrack'
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
    s.playlistid,
    s.trackid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.playlisttrack, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.playlisttrack'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.playlisttrack AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.playlisttrack'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.playlisttrack'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.playlisttrack AS s
      WHERE k.source_playlistid = s.playlistid
        AND k.source_trackid = s.trackid
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_playlistid = r.playlistid
        AND k.source_trackid = r.trackid
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_playlistid,
    k.source_trackid,
    k.vanished_run
  FROM restage_keymap.playlisttrack AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.playlisttrack'))
),
back AS MATERIALIZED (
  SELECT
    k.source_playlistid,
    k.source_trackid,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.playlisttrack AS s
    ON k.source_playlistid = s.playlistid
    AND k.source_trackid = s.trackid
  UNION
  SELECT
    k.source_playlistid,
    k.source_trackid,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_playlistid = r.playlistid
    AND k.source_trackid = r.trackid
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
    'public.playlisttrack',
    'returned',
    ARRAY[b.source_playlistid::text, b.source_trackid::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.playlisttrack AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_playlistid = b.source_playlistid
    AND k.source_trackid = b.source_trackid
  RETURNING 1
)
SELECT
  restage.count_rows('public.playlisttrack', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.playlisttrack', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/003_dbo.PlaylistTrack/70_reset.sql
-- table:   public.playlisttrack
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.PlaylistTrack, staged in restage_stage.playlisttrack
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.PlaylistTrack/90_account.sql
-- table:   public.playlisttrack
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.PlaylistTrack, staged in restage_stage.playlisttrack
-- body:    sha256:dfa30cd84d40a4fff6ad75111217bdd0a1ca7135801b33addea908f5f241b243
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.playlisttrack', 'restage_keymap.playlisttrack') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.playlisttrack', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.playlisttrack') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.playlisttrack'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.playlisttrack', count(*)) AS rows
FROM restage_stage.playlisttrack AS s
JOIN restage_keymap.playlisttrack AS k
  ON k.source_playlistid = s.playlistid
  AND k.source_trackid = s.trackid
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.playlisttrack'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/003_dbo.PlaylistTrack/content.sql
-- table:   public.playlisttrack
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.PlaylistTrack
-- body:    sha256:3bdf2d844d3cf769a4075f8a67508a43e16e507a86f7a9698e59964aaedcdda2
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
      s.playlistid,
      s.trackid,
      s.added,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.playlisttrack'))
        AND r.table_name = 'public.playlisttrack'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.playlisttrack, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    p1.source_playlistid,
    p2.source_trackid,
    t.added
  FROM public.playlisttrack AS t
  LEFT JOIN restage_keymap.playlist AS p1
    ON p1.target_key = t.playlistid
  LEFT JOIN restage_keymap.track AS p2
    ON p2.target_key = t.trackid
  JOIN restage_keymap.playlisttrack AS k
    ON k.source_playlistid = p1.source_playlistid
    AND k.source_trackid = p2.source_trackid
  LEFT JOIN noted AS n
    ON k.source_playlistid = n.playlistid
    AND k.source_trackid = n.trackid
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.playlistid,
    n.trackid,
    n.added
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/003_dbo.PlaylistTrack/counts.sql
-- table:   public.playlisttrack
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.PlaylistTrack
-- body:    sha256:a4a29a5122aba6300bc254399b17b326e4f3ce4fa24a85bf02ec1ec06e94a62e
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.playlistid,
    s.trackid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.playlisttrack, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.playlisttrack'))
    AND r.table_name = 'public.playlisttrack'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.playlisttrack AS t
    LEFT JOIN restage_keymap.playlist AS p1
      ON p1.target_key = t.playlistid
    LEFT JOIN restage_keymap.track AS p2
      ON p2.target_key = t.trackid
    JOIN restage_keymap.playlisttrack AS k
      ON k.source_playlistid = p1.source_playlistid
      AND k.source_trackid = p2.source_trackid
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_playlistid = r.playlistid
          AND k.source_trackid = r.trackid
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.playlisttrack'))
  AND g.table_name = 'public.playlisttrack';

-- file:    verify/003_dbo.PlaylistTrack/keys.sql
-- table:   public.playlisttrack
-- purpose: known = present, when every key has its final row
-- source:  dbo.PlaylistTrack
-- body:    sha256:83643f754f2a8c129df92fc298436abfd0219360b213ef8aba0a570796ec9609
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.playlisttrack AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.playlisttrack AS t
    LEFT JOIN restage_keymap.playlist AS p1
      ON p1.target_key = t.playlistid
    LEFT JOIN restage_keymap.track AS p2
      ON p2.target_key = t.trackid
    JOIN restage_keymap.playlisttrack AS k
      ON k.source_playlistid = p1.source_playlistid
      AND k.source_trackid = p2.source_trackid
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.playlisttrack AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/003_dbo.PlaylistTrack/others.sql
-- table:   public.playlisttrack
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.PlaylistTrack
-- body:    sha256:59fe4da373ea28135673ed6e924636be6059abb0afbe64577284e98d4825a532
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.playlisttrack AS t
LEFT JOIN restage_keymap.playlist AS p1
  ON p1.target_key = t.playlistid
LEFT JOIN restage_keymap.track AS p2
  ON p2.target_key = t.trackid
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.playlisttrack AS k
  WHERE k.source_playlistid = p1.source_playlistid
    AND k.source_trackid = p2.source_trackid
);

-- file:    verify/003_dbo.PlaylistTrack/orphans.sql
-- table:   public.playlisttrack
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.PlaylistTrack
-- body:    sha256:a13fd048a0b208b36265b4f1f01299f833ce476996048e406c8c55c6d4493896
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- playlisttrack_playlistid_fkey
SELECT count(*) AS orphans
FROM public.playlisttrack AS t
WHERE t.playlistid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.playlist AS p
    WHERE p.playlistid = t.playlistid
  );

-- playlisttrack_trackid_fkey
SELECT count(*) AS orphans
FROM public.playlisttrack AS t
WHERE t.trackid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.track AS p
    WHERE p.trackid = t.trackid
  );

-- file:    verify/003_dbo.PlaylistTrack/unique.sql
-- table:   public.playlisttrack
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.PlaylistTrack
-- body:    sha256:a2e845957ec225f27a70a74e841ae03133705434c4c30a729a5de46e37e41ef8
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- playlisttrack_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.playlisttrack
),
held AS (
  SELECT
    p1.source_playlistid AS playlistid,
    p2.source_trackid AS trackid,
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
            AND g.table_name = 'public.playlisttrack'
          ORDER BY r.started_at DESC
          LIMIT 1
        )
        AND c.table_name = 'public.playlisttrack'
        AND c.is_skipped
        AND c.chunk_id = k.chunk
    ) AS is_skipped
  FROM public.playlisttrack AS t
  LEFT JOIN restage_keymap.playlist AS p1
    ON p1.target_key = t.playlistid
  LEFT JOIN restage_keymap.track AS p2
    ON p2.target_key = t.trackid
  LEFT JOIN restage_keymap.playlisttrack AS k
    ON k.source_playlistid = p1.source_playlistid
    AND k.source_trackid = p2.source_trackid
)
SELECT
  jsonb_build_object(
    'PlaylistId', s.playlistid,
    'TrackId', s.trackid
  ) AS value,
  jsonb_build_object(
    'PlaylistId', s.playlistid,
    'TrackId', s.trackid
  ) AS staged_row,
  jsonb_build_object(
    'PlaylistId', o.playlistid,
    'TrackId', o.trackid
  ) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.playlistid = s.playlistid
  AND o.trackid = s.trackid
  AND ROW(s.playlistid, s.trackid) < ROW(o.playlistid, o.trackid)
UNION ALL
SELECT
  jsonb_build_object(
    'PlaylistId', s.playlistid,
    'TrackId', s.trackid
  ) AS value,
  jsonb_build_object(
    'PlaylistId', s.playlistid,
    'TrackId', s.trackid
  ) AS staged_row,
  jsonb_build_object(
    'PlaylistId', t.playlistid,
    'TrackId', t.trackid
  ) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN t.is_skipped THEN 'staged'
    WHEN o.playlistid IS NULL THEN 'vanished'
    WHEN ROW(o.playlistid, o.trackid) IS DISTINCT FROM ROW(t.playlistid, t.trackid) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.playlistid = s.playlistid
  AND t.trackid = s.trackid
LEFT JOIN restage_stage.playlisttrack AS o
  ON o.playlistid = t.playlistid
  AND o.trackid = t.trackid
WHERE NOT (t.is_known AND ROW(s.playlistid, s.trackid) IS NOT DISTINCT FROM ROW(t.playlistid, t.trackid))
LIMIT 20;

