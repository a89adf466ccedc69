-- file:    merge/004_dbo.Slot/10_stage.sql
-- table:   public.slot
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Slot, staged in restage_stage.slot
-- body:    sha256:eec3078306a461d4a89436d9db2c8c0ce44901b29043c5cc2af8ddc994079611
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.slot;

CREATE UNLOGGED TABLE restage_stage.slot (
  room integer,
  no integer,
  side char(1)
)
WITH (autovacuum_enabled = false);

-- file:    merge/004_dbo.Slot/15_check.sql
-- table:   public.slot
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Slot, staged in restage_stage.slot
-- body:    sha256:74f1baded767ff104504b367e5d4bfe9fdf686ada73078397df14c5ee0890315
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.slot ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.slot (room, no, side);

SELECT restage.count_staged('public.slot', count(*)) AS staged
FROM restage_stage.slot AS s;

WITH repeated AS MATERIALIZED (
  SELECT
    s.room,
    s.no,
    s.side
  FROM restage_stage.slot AS s
  WHERE s.room IS NOT NULL
    AND s.no IS NOT NULL
    AND s.side IS NOT NULL
  GROUP BY
    s.room,
    s.no,
    s.side
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.slot AS s
  WHERE s.room IS NULL OR
    s.no IS NULL OR
    s.side IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.slot AS s
    ON s.room = r.room
    AND s.no = r.no
    AND s.side = r.side
),
refused AS (
  DELETE FROM restage_stage.slot AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object(
      'Room', s.room,
      'No', s.no,
      'Side', s.side
    ) AS source_key,
    jsonb_build_object(
      'Room', s.room,
      'No', s.no,
      'Side', s.side
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
    'public.slot',
    r.source_key,
    'source key',
    ARRAY['room', 'no', 'side'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.slot', 'rejected', count(*)) AS rows
FROM recorded;

-- file:    merge/004_dbo.Slot/20_match.sql
-- table:   public.slot
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Slot, staged in restage_stage.slot
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/004_dbo.Slot/30_allocate.sql
-- table:   public.slot
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Slot, staged in restage_stage.slot
-- body:    sha256:8fa49217430a0c9a7cd7691056df17ea31aec2009eeb6d2735b6776f629da7aa
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.slot', 'restage_keymap.slot') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.slot (
    source_room,
    source_no,
    source_side,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.room,
    s.no,
    s.side,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.room,
      s.no,
      s.side,
      restage.row_hash(
        ROW(
          s.room,
          s.no,
          s.side
        )::text,
        (NULL::restage_keymap.slot).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.slot AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.slot AS k
      WHERE k.source_room = s.room
        AND k.source_no = s.no
        AND k.source_side = s.side
    )
    ORDER BY
      s.room,
      s.no,
      s.side
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.slot', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.slot'::regclass
  ) THEN
    ALTER TABLE restage_keymap.slot
      ADD PRIMARY KEY (source_room, source_no, source_side);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.slot'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.slot'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.slot;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.slot'
  AND c.kind = 'allocated';

-- file:    merge/004_dbo.Slot/35_orphans.sql
-- table:   public.slot
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Slot, staged in restage_stage.slot
-- body:    sha256:5973fd759e88fea80bafb5098bd3bc2ec0097df4298587a2f74634043bddbb55
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- slot_room_no_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.slot',
  'slot_room_no_fkey',
  count(*),
  min(jsonb_build_object(
    'Side', s.side,
    'Room', s.room,
    'No', s.no
  )::text)
)
FROM restage_stage.slot AS s
WHERE s.room IS NOT NULL
  AND s.no IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.shelf AS k
    WHERE k.source_room = s.room
      AND k.source_no = s.no
  )
HAVING count(*) > 0;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.slot'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/004_dbo.Slot/40_insert.sql
-- table:   public.slot
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Slot, staged in restage_stage.slot
-- body:    sha256:730d0ee61911d1d1e8153dd33564ecba786deb868d05cc101493336e4eddf03e
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.slot', 'restage_keymap.slot') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.slot (
    room,
    no,
    side
  )
  SELECT
    s.room,
    s.no,
    s.side
  FROM restage_stage.slot AS s
  JOIN restage_keymap.slot AS k
    ON k.source_room = s.room
    AND k.source_no = s.no
    AND k.source_side = s.side
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.slot'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.slot', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.slot'
  AND c.kind = 'inserted';

-- file:    merge/004_dbo.Slot/50_update.sql
-- table:   public.slot
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Slot, staged in restage_stage.slot
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

SELECT 0::bigint AS rows;

-- file:    merge/004_dbo.Slot/60_vanished.sql
-- table:   public.slot
-- step:    60 vanished
-- purpose: note rows that vanished from the source, and delete them
-- source:  dbo.Slot, staged in restage_stage.slot
-- body:    sha256:632e8d756b65d65e5f7febfc678accfcbfb7ad090b5de02b4aa874a13ba88fa8
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.slot', 'restage_keymap.slot') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_room,
    k.source_no,
    k.source_side,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.slot AS s
  JOIN restage_keymap.slot AS k
    ON k.source_room = s.room
    AND k.source_no = s.no
    AND k.source_side = s.side
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.slot AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_room = m.source_room
    AND k.source_no = m.source_no
    AND k.source_side = m.source_side
)
SELECT restage.fail_skipped('public.slot', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.slot'
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
    s.no,
    s.side
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.slot, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.slot'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.slot AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.slot'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.slot'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.slot AS s
      WHERE k.source_room = s.room
        AND k.source_no = s.no
        AND k.source_side = s.side
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_room = r.room
        AND k.source_no = r.no
        AND k.source_side = r.side
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_room,
    k.source_no,
    k.source_side,
    k.vanished_run
  FROM restage_keymap.slot AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.slot'))
),
back AS MATERIALIZED (
  SELECT
    k.source_room,
    k.source_no,
    k.source_side,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.slot AS s
    ON k.source_room = s.room
    AND k.source_no = s.no
    AND k.source_side = s.side
  UNION
  SELECT
    k.source_room,
    k.source_no,
    k.source_side,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_room = r.room
    AND k.source_no = r.no
    AND k.source_side = r.side
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
    'public.slot',
    'returned',
    ARRAY[b.source_room::text, b.source_no::text, b.source_side::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.slot AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_room = b.source_room
    AND k.source_no = b.source_no
    AND k.source_side = b.source_side
  RETURNING 1
)
SELECT
  restage.count_rows('public.slot', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.slot', 'returned', (SELECT count(*) FROM returned)) AS returned;

SELECT restage.guard_vanished(
  table_name => 'public.slot',
  going => (
    WITH candidates AS MATERIALIZED (
      SELECT t.ctid AS row_id
      FROM public.slot AS t
      JOIN restage_keymap.slot AS k
        ON k.source_room = t.room
        AND k.source_no = t.no
        AND k.source_side = t.side
      WHERE k.vanished_run IS NOT NULL
        AND k.matched_run IS NULL
        AND NOT EXISTS (
          SELECT
          FROM restage.staged AS g
          WHERE g.run_id = (SELECT restage.run_id())
            AND g.table_name = 'public.slot'
            AND g.export_rejects > 0
        )
        AND NOT EXISTS (
          SELECT
          FROM restage.table_map AS m
          WHERE m.source_name <> 'stride'
            AND m.target_schema = 'public'
            AND m.target_table = 'slot'
        )
    ),
    held AS MATERIALIZED (
      SELECT h.row_id
      FROM restage.held_rows(
        table_name => 'public.slot',
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
    FROM restage_keymap.slot AS k
  ),
  max_percent => 100
);

WITH candidates AS MATERIALIZED (
  SELECT
    t.ctid AS row_id,
    k.source_room,
    k.source_no,
    k.source_side
  FROM public.slot AS t
  JOIN restage_keymap.slot AS k
    ON k.source_room = t.room
    AND k.source_no = t.no
    AND k.source_side = t.side
  WHERE k.vanished_run IS NOT NULL
    AND k.matched_run IS NULL
    AND NOT EXISTS (
      SELECT
      FROM restage.staged AS g
      WHERE g.run_id = (SELECT restage.run_id())
        AND g.table_name = 'public.slot'
        AND g.export_rejects > 0
    )
    AND NOT EXISTS (
      SELECT
      FROM restage.table_map AS m
      WHERE m.source_name <> 'stride'
        AND m.target_schema = 'public'
        AND m.target_table = 'slot'
    )
),
held AS MATERIALIZED (
  SELECT h.row_id
  FROM restage.held_rows(
    table_name => 'public.slot',
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
  DELETE FROM public.slot AS t
  USING gone AS g
  WHERE t.ctid = g.row_id
  RETURNING
    g.source_room,
    g.source_no,
    g.source_side,
    row_to_json(t.*) AS row_data
),
forgotten AS (
  DELETE FROM restage_keymap.slot AS k
  USING deleted AS d
  WHERE k.source_room = d.source_room
    AND k.source_no = d.source_no
    AND k.source_side = d.source_side
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
    'public.slot',
    jsonb_build_object('source_room', d.source_room, 'source_no', d.source_no, 'source_side', d.source_side),
    'vanished',
    'deleted',
    d.row_data
  FROM deleted AS d
  RETURNING 1
)
SELECT restage.count_rows('public.slot', 'deleted', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/004_dbo.Slot/70_reset.sql
-- table:   public.slot
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Slot, staged in restage_stage.slot
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/004_dbo.Slot/90_account.sql
-- table:   public.slot
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Slot, staged in restage_stage.slot
-- body:    sha256:0b76cbb8f46c5086d7f825d6805db46b6a463c20b98079fd254bbb20927b0066
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.slot', 'restage_keymap.slot') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.slot', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.slot') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.slot'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.slot', count(*)) AS rows
FROM restage_stage.slot AS s
JOIN restage_keymap.slot AS k
  ON k.source_room = s.room
  AND k.source_no = s.no
  AND k.source_side = s.side
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.slot'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/004_dbo.Slot/content.sql
-- table:   public.slot
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Slot
-- body:    sha256:c8d616b475a076da0f3c5625769765454c75bb48224a66c32abb16c26f5c4b17
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
      s.side,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.slot'))
        AND r.table_name = 'public.slot'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.slot, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    t.room,
    t.no,
    t.side
  FROM public.slot AS t
  JOIN restage_keymap.slot AS k
    ON k.source_room = t.room
    AND k.source_no = t.no
    AND k.source_side = t.side
  LEFT JOIN noted AS n
    ON k.source_room = n.room
    AND k.source_no = n.no
    AND k.source_side = n.side
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.room,
    n.no,
    n.side
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/004_dbo.Slot/counts.sql
-- table:   public.slot
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Slot
-- body:    sha256:6c43d4895ea56bc3091e64361b6a28834b6b44c7b536bdd0431303dc9e299629
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.room,
    s.no,
    s.side
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.slot, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.slot'))
    AND r.table_name = 'public.slot'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.slot AS t
    JOIN restage_keymap.slot AS k
      ON k.source_room = t.room
      AND k.source_no = t.no
      AND k.source_side = t.side
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_room = r.room
          AND k.source_no = r.no
          AND k.source_side = r.side
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.slot'))
  AND g.table_name = 'public.slot';

-- file:    verify/004_dbo.Slot/keys.sql
-- table:   public.slot
-- purpose: known = present, when every key has its final row
-- source:  dbo.Slot
-- body:    sha256:e7cdfabf3d789f54128b5795e69bc1beacecaa5a049a18a6d78aaf18ed8e3b1c
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.slot AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.slot AS t
    JOIN restage_keymap.slot AS k
      ON k.source_room = t.room
      AND k.source_no = t.no
      AND k.source_side = t.side
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.slot AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/004_dbo.Slot/others.sql
-- table:   public.slot
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Slot
-- body:    sha256:f0df15a42d685c6807152dc25e81ea3549f84ef4cbca462867433a5d878c4b2a
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.slot AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.slot AS k
  WHERE k.source_room = t.room
    AND k.source_no = t.no
    AND k.source_side = t.side
);

-- file:    verify/004_dbo.Slot/orphans.sql
-- table:   public.slot
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Slot
-- body:    sha256:be1cda70b8733f56e2ce4ebf70a0c31b397b011200a61c66c6db07346a1bdfd9
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- slot_room_no_fkey
SELECT count(*) AS orphans
FROM public.slot AS t
WHERE t.room IS NOT NULL
  AND t.no IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.shelf AS p
    WHERE p.room = t.room
      AND p.no = t.no
  );

-- file:    verify/004_dbo.Slot/unique.sql
-- table:   public.slot
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Slot
-- body:    sha256:e0b5ced0539580a4dc9c06b0d9a2af21f96e6bee53fb616431534ca543d00bdd
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- slot_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.slot
),
held AS (
  SELECT
    t.room AS room,
    t.no AS no,
    t.side AS side,
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
            AND g.table_name = 'public.slot'
          ORDER BY r.started_at DESC
          LIMIT 1
        )
        AND c.table_name = 'public.slot'
        AND c.is_skipped
        AND c.chunk_id = k.chunk
    ) AS is_skipped
  FROM public.slot AS t
  LEFT JOIN restage_keymap.slot AS k
    ON k.source_room = t.room
    AND k.source_no = t.no
    AND k.source_side = t.side
)
SELECT
  jsonb_build_object(
    'Room', s.room,
    'No', s.no,
    'Side', s.side
  ) AS value,
  jsonb_build_object(
    'Room', s.room,
    'No', s.no,
    'Side', s.side
  ) AS staged_row,
  jsonb_build_object(
    'Room', o.room,
    'No', o.no,
    'Side', o.side
  ) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.room = s.room
  AND o.no = s.no
  AND o.side = s.side
  AND ROW(s.room, s.no, s.side) < ROW(o.room, o.no, o.side)
UNION ALL
SELECT
  jsonb_build_object(
    'Room', s.room,
    'No', s.no,
    'Side', s.side
  ) AS value,
  jsonb_build_object(
    'Room', s.room,
    'No', s.no,
    'Side', s.side
  ) AS staged_row,
  jsonb_build_object(
    'Room', t.room,
    'No', t.no,
    'Side', t.side
  ) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN t.is_skipped THEN 'staged'
    WHEN o.room IS NULL THEN 'vanished'
    WHEN ROW(o.room, o.no, o.side) IS DISTINCT FROM ROW(t.room, t.no, t.side) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.room = s.room
  AND t.no = s.no
  AND t.side = s.side
LEFT JOIN restage_stage.slot AS o
  ON o.room = t.room
  AND o.no = t.no
  AND o.side = t.side
WHERE NOT (t.is_known AND ROW(s.room, s.no, s.side) IS NOT DISTINCT FROM ROW(t.room, t.no, t.side))
LIMIT 20;

