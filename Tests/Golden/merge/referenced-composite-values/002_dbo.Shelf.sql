-- file:    merge/002_dbo.Shelf/10_stage.sql
-- table:   public.shelf
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Shelf, staged in restage_stage.shelf
-- body:    sha256:10c4eee1d206f73533e11f4b3d526cdaad9276c71aee51160e8b9348bb4fceba
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.shelf;

CREATE UNLOGGED TABLE restage_stage.shelf (
  room integer,
  no integer,
  regionid integer,
  label varchar(10)
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Shelf/15_check.sql
-- table:   public.shelf
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Shelf, staged in restage_stage.shelf
-- body:    sha256:24593c206e1540488a68252cbc69363bea7ae4fb097a6f14b38bafc0debceb1d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.shelf ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.shelf (room, no, regionid);

SELECT restage.count_staged('public.shelf', count(*)) AS staged
FROM restage_stage.shelf AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.room,
    s.no
  FROM restage_stage.shelf AS s
  WHERE s.room IS NOT NULL
    AND s.no IS NOT NULL
  GROUP BY
    s.room,
    s.no
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.shelf AS s
  WHERE s.room IS NULL OR
    s.no IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.shelf AS s
    ON s.room = r.room
    AND s.no = r.no
),
refused AS (
  DELETE FROM restage_stage.shelf AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object(
      'Room', s.room,
      'No', s.no
    ) AS source_key,
    jsonb_build_object(
      'Room', s.room,
      'No', s.no
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
    'public.shelf',
    r.source_key,
    'source key',
    ARRAY['room', 'no'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.shelf', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/002_dbo.Shelf/20_match.sql
-- table:   public.shelf
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Shelf, staged in restage_stage.shelf
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Shelf/30_allocate.sql
-- table:   public.shelf
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Shelf, staged in restage_stage.shelf
-- body:    sha256:3c31af1fc724a5fd544470d1e9de244dc4f06e3a545fbae010f78bb613f0c232
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.shelf', 'restage_keymap.shelf') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.shelf (
    source_room,
    source_no,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.room,
    s.no,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.room,
      s.no,
      restage.row_hash(
        ROW(
          s.room,
          s.no,
          s.regionid,
          s.label
        )::text,
        (NULL::restage_keymap.shelf).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.shelf AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.shelf AS k
      WHERE k.source_room = s.room
        AND k.source_no = s.no
    )
    ORDER BY
      s.room,
      s.no
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.shelf', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.shelf'::regclass
  ) THEN
    ALTER TABLE restage_keymap.shelf
      ADD PRIMARY KEY (source_room, source_no);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.shelf'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.shelf'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.shelf;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.shelf'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Shelf/35_orphans.sql
-- table:   public.shelf
-- step:    35 orphans
-- purpose: no row to be rejected or loaded without its parent: step 40 checks all foreign keys
-- source:  dbo.Shelf, staged in restage_stage.shelf
-- body:    sha256:81ab49f66498a6ef7ca7e810c73661ebeb27819781831a25909a186267a536b5
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.shelf'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Shelf/40_insert.sql
-- table:   public.shelf
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Shelf, staged in restage_stage.shelf
-- body:    sha256:da7fd29ea442626b43a426348c63d39dc2bc4083a4ec625574b51fe3d29bc047
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.shelf', 'restage_keymap.shelf') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.shelf (
    room,
    no,
    regionid,
    label
  )
  SELECT
    s.room,
    s.no,
    p1.target_key,
    s.label
  FROM restage_stage.shelf AS s
  JOIN restage_keymap.shelf AS k
    ON k.source_room = s.room
    AND k.source_no = s.no
    AND k.first_run = (SELECT restage.run_id())
  JOIN restage_keymap.region AS p1
    ON p1.source_id = s.regionid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.shelf'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.shelf', 'inserted', inserted_rows);
END
$restage$;

-- shelf_regionid_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.shelf',
  'shelf_regionid_fkey',
  count(*),
  min(jsonb_build_object(
    'Room', s.room,
    'No', s.no,
    'RegionId', s.regionid
  )::text)
)
FROM restage_stage.shelf AS s
WHERE s.regionid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.region AS k
    WHERE k.source_id = s.regionid
  )
  AND NOT EXISTS (
    -- Where every row that got a key was inserted, each had its parents.
    SELECT
    FROM restage.row_count AS a
    JOIN restage.row_count AS c
      ON c.run_id = a.run_id
      AND c.table_name = a.table_name
    WHERE a.run_id = (SELECT restage.run_id())
      AND a.table_name = 'public.shelf'
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
  AND c.table_name = 'public.shelf'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Shelf/50_update.sql
-- table:   public.shelf
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Shelf, staged in restage_stage.shelf
-- body:    sha256:7094b39fa5e12cfee0a3565b6effdc380ab2716ab038cddc558d1ca3d0931355
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.shelf', 'restage_keymap.shelf') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.room,
    s.no,
    s.regionid,
    s.label,
    restage.row_hash(
      ROW(
        s.room,
        s.no,
        s.regionid,
        s.label
      )::text,
      (NULL::restage_keymap.shelf).row_hash
    ) AS row_hash
  FROM restage_stage.shelf AS s
  JOIN restage_keymap.shelf AS k
    ON k.source_room = s.room
    AND k.source_no = s.no
  WHERE NOT (SELECT restage.is_all_new('public.shelf'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.room,
        s.no,
        s.regionid,
        s.label
      )::text,
      (NULL::restage_keymap.shelf).row_hash
    )
),
orphaned_1 AS MATERIALIZED (
  -- shelf_regionid_fkey: on_orphan: fail
  SELECT restage.fail_orphans(
    'public.shelf',
    'shelf_regionid_fkey',
    count(*),
    min(jsonb_build_object(
      'Room', s.room,
      'No', s.no,
      'RegionId', s.regionid
    )::text)
  )
  FROM changed AS s
  WHERE s.regionid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.region AS k
      WHERE k.source_id = s.regionid
    )
  HAVING count(*) > 0
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_room,
    k.source_no,
    row_to_json(t.*) AS row_data
  FROM public.shelf AS t
  LEFT JOIN restage_keymap.region AS p1
    ON p1.target_key = t.regionid
  JOIN restage_keymap.shelf AS k
    ON k.source_room = t.room
    AND k.source_no = t.no
  JOIN changed AS c
    ON k.source_room = c.room
    AND k.source_no = c.no
  WHERE restage.row_hash(
      ROW(
        t.room,
        t.no,
        p1.source_id,
        t.label
      )::text,
      (NULL::restage_keymap.shelf).row_hash
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
    'public.shelf',
    jsonb_build_object('source_room', d.source_room, 'source_no', d.source_no),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.shelf AS t
  SET
    regionid = p1.target_key,
    label = c.label
  FROM changed AS c
  JOIN restage_keymap.shelf AS k
    ON k.source_room = c.room
    AND k.source_no = c.no
  JOIN restage_keymap.region AS p1
    ON p1.source_id = c.regionid
  WHERE t.room = c.room
    AND t.no = c.no
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.shelf AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_room = c.room
    AND k.source_no = c.no
)
SELECT
  restage.count_rows('public.shelf', 'updated', count(*)) AS rows,
  (SELECT count(*) FROM orphaned_1) AS orphaned_1,
  restage.count_rows('public.shelf', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.Shelf/60_vanished.sql
-- table:   public.shelf
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Shelf, staged in restage_stage.shelf
-- body:    sha256:88e7e9d837ee509897739ee7e633784a13a3123599012be6b57bc708a860c1cf
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.shelf', 'restage_keymap.shelf') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_room,
    k.source_no,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.shelf AS s
  JOIN restage_keymap.shelf AS k
    ON k.source_room = s.room
    AND k.source_no = s.no
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.shelf AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_room = m.source_room
    AND k.source_no = m.source_no
)
SELECT restage.fail_skipped('public.shelf', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.shelf'
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
    s.room,
    s.no
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.shelf, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.shelf'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.shelf AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.shelf'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.shelf'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.shelf AS s
      WHERE k.source_room = s.room
        AND k.source_no = s.no
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_room = r.room
        AND k.source_no = r.no
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_room,
    k.source_no,
    k.vanished_run
  FROM restage_keymap.shelf AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.shelf'))
),
back AS MATERIALIZED (
  SELECT
    k.source_room,
    k.source_no,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.shelf AS s
    ON k.source_room = s.room
    AND k.source_no = s.no
  UNION
  SELECT
    k.source_room,
    k.source_no,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_room = r.room
    AND k.source_no = r.no
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
    'public.shelf',
    'returned',
    ARRAY[b.source_room::text, b.source_no::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.shelf AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_room = b.source_room
    AND k.source_no = b.source_no
  RETURNING 1
)
SELECT
  restage.count_rows('public.shelf', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.shelf', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Shelf/70_reset.sql
-- table:   public.shelf
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Shelf, staged in restage_stage.shelf
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Shelf/90_account.sql
-- table:   public.shelf
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Shelf, staged in restage_stage.shelf
-- body:    sha256:961f72262131b3d5ff0b0554c5e2a9062bddab63cdc6d0e49e30fc157a0be781
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.shelf', 'restage_keymap.shelf') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.shelf', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.shelf') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.shelf'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.shelf', count(*)) AS rows
FROM restage_stage.shelf AS s
JOIN restage_keymap.shelf AS k
  ON k.source_room = s.room
  AND k.source_no = s.no
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.shelf'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Shelf/content.sql
-- table:   public.shelf
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Shelf
-- body:    sha256:bbebdb0c2c6c898184055fb7ada5397f8c6d0e06a0e4fc5e4e96b590666d4c8d
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
      s.room,
      s.no,
      s.regionid,
      s.label,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.shelf'))
        AND r.table_name = 'public.shelf'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.shelf, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    t.room,
    t.no,
    p1.source_id,
    t.label
  FROM public.shelf AS t
  LEFT JOIN restage_keymap.region AS p1
    ON p1.target_key = t.regionid
  JOIN restage_keymap.shelf AS k
    ON k.source_room = t.room
    AND k.source_no = t.no
  LEFT JOIN noted AS n
    ON k.source_room = n.room
    AND k.source_no = n.no
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.room,
    n.no,
    n.regionid,
    n.label
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Shelf/counts.sql
-- table:   public.shelf
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Shelf
-- body:    sha256:c2149470f937cf7a3dbf694fa525e41a4af21b83e7373401054d23c186ea5d96
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.room,
    s.no
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.shelf, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.shelf'))
    AND r.table_name = 'public.shelf'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.shelf AS t
    JOIN restage_keymap.shelf AS k
      ON k.source_room = t.room
      AND k.source_no = t.no
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_room = r.room
          AND k.source_no = r.no
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.shelf'))
  AND g.table_name = 'public.shelf';

-- file:    verify/002_dbo.Shelf/keys.sql
-- table:   public.shelf
-- purpose: known = present, when every key has its final row
-- source:  dbo.Shelf
-- body:    sha256:ef8d61aed04b1516dd1a95488bab2b2079460559855a60506379f84af2178308
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.shelf AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.shelf AS t
    JOIN restage_keymap.shelf AS k
      ON k.source_room = t.room
      AND k.source_no = t.no
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.shelf AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Shelf/others.sql
-- table:   public.shelf
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Shelf
-- body:    sha256:822c2094cd57f5e6e539d747f5b5e50e1b21a59665d0b9a2b7dbff4640388588
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.shelf AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.shelf AS k
  WHERE k.source_room = t.room
    AND k.source_no = t.no
);

-- file:    verify/002_dbo.Shelf/orphans.sql
-- table:   public.shelf
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Shelf
-- body:    sha256:bba1fe0d8310e4f86f9e8813f7896b8a4f2362ca5721ebcea5d7e1e90078146b
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- shelf_regionid_fkey
SELECT count(*) AS orphans
FROM public.shelf AS t
WHERE t.regionid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.region AS p
    WHERE p.id = t.regionid
  );

-- file:    verify/002_dbo.Shelf/unique.sql
-- table:   public.shelf
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Shelf
-- body:    sha256:5859b5781e5d3dd6e0cd49bb15b0a33a527d354bfe500f01fdb9cd76485df861
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- shelf_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.shelf
),
held AS (
  SELECT
    t.room AS room,
    t.no AS no,
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
            AND g.table_name = 'public.shelf'
          ORDER BY r.started_at DESC
          LIMIT 1
        )
        AND c.table_name = 'public.shelf'
        AND c.is_skipped
        AND c.chunk_id = k.chunk
    ) AS is_skipped
  FROM public.shelf AS t
  LEFT JOIN restage_keymap.shelf AS k
    ON k.source_room = t.room
    AND k.source_no = t.no
)
SELECT
  jsonb_build_object(
    'Room', s.room,
    'No', s.no
  ) AS value,
  jsonb_build_object(
    'Room', s.room,
    'No', s.no
  ) AS staged_row,
  jsonb_build_object(
    'Room', o.room,
    'No', o.no
  ) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.room = s.room
  AND o.no = s.no
  AND ROW(s.room, s.no) < ROW(o.room, o.no)
UNION ALL
SELECT
  jsonb_build_object(
    'Room', s.room,
    'No', s.no
  ) AS value,
  jsonb_build_object(
    'Room', s.room,
    'No', s.no
  ) AS staged_row,
  jsonb_build_object(
    'Room', t.room,
    'No', t.no
  ) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN t.is_skipped THEN 'staged'
    WHEN o.room IS NULL THEN 'vanished'
    WHEN ROW(o.room, o.no) IS DISTINCT FROM ROW(t.room, t.no) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.room = s.room
  AND t.no = s.no
LEFT JOIN restage_stage.shelf AS o
  ON o.room = t.room
  AND o.no = t.no
WHERE NOT (t.is_known AND ROW(s.room, s.no) IS NOT DISTINCT FROM ROW(t.room, t.no))
LIMIT 20;

-- shelf_key_1
WITH staged AS (
  SELECT *
  FROM restage_stage.shelf
),
held AS (
  SELECT
    t.room AS room,
    t.no AS no,
    p1.source_id AS regionid,
    t.label AS label,
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
            AND g.table_name = 'public.shelf'
          ORDER BY r.started_at DESC
          LIMIT 1
        )
        AND c.table_name = 'public.shelf'
        AND c.is_skipped
        AND c.chunk_id = k.chunk
    ) AS is_skipped
  FROM public.shelf AS t
  LEFT JOIN restage_keymap.region AS p1
    ON p1.target_key = t.regionid
  LEFT JOIN restage_keymap.shelf AS k
    ON k.source_room = t.room
    AND k.source_no = t.no
)
SELECT
  jsonb_build_object(
    'RegionId', s.regionid,
    'Label', s.label
  ) AS value,
  jsonb_build_object(
    'Room', s.room,
    'No', s.no
  ) AS staged_row,
  jsonb_build_object(
    'Room', o.room,
    'No', o.no
  ) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.regionid = s.regionid
  AND o.label = s.label
  AND ROW(s.room, s.no) < ROW(o.room, o.no)
UNION ALL
SELECT
  jsonb_build_object(
    'RegionId', s.regionid,
    'Label', s.label
  ) AS value,
  jsonb_build_object(
    'Room', s.room,
    'No', s.no
  ) AS staged_row,
  jsonb_build_object(
    'Room', t.room,
    'No', t.no
  ) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN t.is_skipped THEN 'staged'
    WHEN o.room IS NULL THEN 'vanished'
    WHEN ROW(o.regionid, o.label) IS DISTINCT FROM ROW(t.regionid, t.label) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.regionid = s.regionid
  AND t.label = s.label
LEFT JOIN restage_stage.shelf AS o
  ON o.room = t.room
  AND o.no = t.no
WHERE NOT (t.is_known AND ROW(s.room, s.no) IS NOT DISTINCT FROM ROW(t.room, t.no))
LIMIT 20;

