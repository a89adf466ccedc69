-- file:    merge/001_dbo.Item/10_stage.sql
-- table:   public.item
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Item, staged in restage_stage.item
-- body:    sha256:d232749820155eda787cbf251a1631aa8f6dad0a45badeb0d07c6a467561e812
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.item;

CREATE UNLOGGED TABLE restage_stage.item (
  code varchar(10),
  lot integer,
  note varchar(20)
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.Item/15_check.sql
-- table:   public.item
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Item, staged in restage_stage.item
-- body:    sha256:8db0ebb84e43ffca838e01c412021f926d25714a93c6da09a5dfd9ffb674f217
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.item ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.item (code, lot);

SELECT restage.count_staged('public.item', count(*)) AS staged
FROM restage_stage.item AS s;

WITH repeated AS MATERIALIZED (
  SELECT
    rtrim(s.code) AS code,
    s.lot
  FROM restage_stage.item AS s
  WHERE s.code IS NOT NULL
    AND s.lot IS NOT NULL
  GROUP BY
    rtrim(s.code),
    s.lot
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.item AS s
  WHERE s.code IS NULL OR
    s.lot IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.item AS s
    ON rtrim(s.code) = r.code
    AND s.lot = r.lot
),
refused AS (
  DELETE FROM restage_stage.item AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object(
      'Code', s.code,
      'Lot', s.lot
    ) AS source_key,
    jsonb_build_object(
      'Code', s.code,
      'Lot', s.lot
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
    'public.item',
    r.source_key,
    'source key',
    ARRAY['code', 'lot'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.item', 'rejected', count(*)) AS rows
FROM recorded;

-- file:    merge/001_dbo.Item/20_match.sql
-- table:   public.item
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Item, staged in restage_stage.item
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Item/30_allocate.sql
-- table:   public.item
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Item, staged in restage_stage.item
-- body:    sha256:657a962b0fd7760a6294445ea6a5e3d5104f2d5ada5ee7df2c21f139882b1099
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.item', 'restage_keymap.item') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.item (
    source_code,
    source_lot,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.code,
    s.lot,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.code,
      s.lot,
      restage.row_hash(
        ROW(
          s.code,
          s.lot,
          s.note
        )::text,
        (NULL::restage_keymap.item).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.item AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.item AS k
      WHERE rtrim(k.source_code) = rtrim(s.code)
        AND k.source_lot = s.lot
    )
    ORDER BY
      s.code,
      s.lot
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.item', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.item'::regclass
  ) THEN
    ALTER TABLE restage_keymap.item
      ADD PRIMARY KEY (source_code, source_lot);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.item'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.item'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.item;
  END IF;
END
$restage$;

-- Keys that differ from those of the key map in case or trailing blanks.
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

UPDATE restage_keymap.item AS k
SET
  source_code = s.code
FROM restage_stage.item AS s
WHERE rtrim(k.source_code) = rtrim(s.code)
  AND k.source_lot = s.lot
  AND k.source_code COLLATE "C" <> s.code COLLATE "C";

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.item'
  AND c.kind = 'allocated';

-- file:    merge/001_dbo.Item/35_orphans.sql
-- table:   public.item
-- step:    35 orphans
-- purpose: no foreign key to check
-- source:  dbo.Item, staged in restage_stage.item
-- body:    sha256:0c6872e8fd6d8739f9fb2bb822262dfe31df7642a62808c24cafcb18304552f6
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.item'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/001_dbo.Item/40_insert.sql
-- table:   public.item
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Item, staged in restage_stage.item
-- body:    sha256:2a743a477c321b577cc75c8aef13bc54da2e3aab6160d5979867b5f91b05460a
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.item', 'restage_keymap.item') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.item (
    code,
    lot,
    note
  )
  SELECT
    s.code,
    s.lot,
    s.note
  FROM restage_stage.item AS s
  JOIN restage_keymap.item AS k
    ON rtrim(k.source_code) = rtrim(s.code)
    AND k.source_lot = s.lot
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.item'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.item', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.item'
  AND c.kind = 'inserted';

-- file:    merge/001_dbo.Item/50_update.sql
-- table:   public.item
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Item, staged in restage_stage.item
-- body:    sha256:3a3a75478c3dddcec507e871400745f8deeae7de9516c5ff92d82926fef210c6
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.item', 'restage_keymap.item') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.code,
    s.lot,
    s.note,
    restage.row_hash(
      ROW(
        s.code,
        s.lot,
        s.note
      )::text,
      (NULL::restage_keymap.item).row_hash
    ) AS row_hash
  FROM restage_stage.item AS s
  JOIN restage_keymap.item AS k
    ON rtrim(k.source_code) = rtrim(s.code)
    AND k.source_lot = s.lot
  WHERE NOT (SELECT restage.is_all_new('public.item'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.code,
        s.lot,
        s.note
      )::text,
      (NULL::restage_keymap.item).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_code,
    k.source_lot,
    row_to_json(t.*) AS row_data
  FROM public.item AS t
  JOIN restage_keymap.item AS k
    ON rtrim(k.source_code) = rtrim(t.code)
    AND k.source_lot = t.lot
  JOIN changed AS c
    ON rtrim(k.source_code) = rtrim(c.code)
    AND k.source_lot = c.lot
  WHERE restage.row_hash(
      ROW(
        t.code,
        t.lot,
        t.note
      )::text,
      (NULL::restage_keymap.item).row_hash
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
    'public.item',
    jsonb_build_object('source_code', d.source_code, 'source_lot', d.source_lot),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.item AS t
  SET
    code = c.code,
    note = c.note
  FROM changed AS c
  JOIN restage_keymap.item AS k
    ON rtrim(k.source_code) = rtrim(c.code)
    AND k.source_lot = c.lot
  WHERE rtrim(t.code) = rtrim(c.code)
    AND t.lot = c.lot
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.item AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE rtrim(k.source_code) = rtrim(c.code)
    AND k.source_lot = c.lot
)
SELECT
  restage.count_rows('public.item', 'updated', count(*)) AS rows,
  restage.count_rows('public.item', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/001_dbo.Item/60_vanished.sql
-- table:   public.item
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Item, staged in restage_stage.item
-- body:    sha256:9e59007d5eccdcfc126a86f5f849b377bf266ddec4e8a0eb377cd0e23706d410
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.item', 'restage_keymap.item') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_code,
    k.source_lot,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.item AS s
  JOIN restage_keymap.item AS k
    ON rtrim(k.source_code) = rtrim(s.code)
    AND k.source_lot = s.lot
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.item AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_code = m.source_code
    AND k.source_lot = m.source_lot
)
SELECT restage.fail_skipped('public.item', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.item'
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
    s.code,
    s.lot
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.item, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.item'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.item AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.item'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.item'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.item AS s
      WHERE rtrim(k.source_code) = rtrim(s.code)
        AND k.source_lot = s.lot
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE rtrim(k.source_code) = rtrim(r.code)
        AND k.source_lot = r.lot
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_code,
    k.source_lot,
    k.vanished_run
  FROM restage_keymap.item AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.item'))
),
back AS MATERIALIZED (
  SELECT
    k.source_code,
    k.source_lot,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.item AS s
    ON rtrim(k.source_code) = rtrim(s.code)
    AND k.source_lot = s.lot
  UNION
  SELECT
    k.source_code,
    k.source_lot,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON rtrim(k.source_code) = rtrim(r.code)
    AND k.source_lot = r.lot
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
    'public.item',
    'returned',
    ARRAY[b.source_code::text, b.source_lot::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.item AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_code = b.source_code
    AND k.source_lot = b.source_lot
  RETURNING 1
)
SELECT
  restage.count_rows('public.item', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.item', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/001_dbo.Item/70_reset.sql
-- table:   public.item
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Item, staged in restage_stage.item
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Item/90_account.sql
-- table:   public.item
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Item, staged in restage_stage.item
-- body:    sha256:08c9c0fe828d21ea7a72374da30aff42b415f76d64d4f6ae48e66cdca1f92baa
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.item', 'restage_keymap.item') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.item', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.item') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.item'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.item', count(*)) AS rows
FROM restage_stage.item AS s
JOIN restage_keymap.item AS k
  ON rtrim(k.source_code) = rtrim(s.code)
  AND k.source_lot = s.lot
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.item'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/001_dbo.Item/content.sql
-- table:   public.item
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Item
-- body:    sha256:c8d1e651b85c3da514b4ac9ac632d56f7300d3440d1451e53e830d25c529f37d
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
      s.code,
      s.lot,
      s.note,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.item'))
        AND r.table_name = 'public.item'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.item, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    t.code,
    t.lot,
    t.note
  FROM public.item AS t
  JOIN restage_keymap.item AS k
    ON rtrim(k.source_code) = rtrim(t.code)
    AND k.source_lot = t.lot
  LEFT JOIN noted AS n
    ON rtrim(k.source_code) = rtrim(n.code)
    AND k.source_lot = n.lot
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.code,
    n.lot,
    n.note
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/001_dbo.Item/counts.sql
-- table:   public.item
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Item
-- body:    sha256:316e21a7bb0e0db4cd3b735e63fb6ab0c4876813ea878170746db151754be08f
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.code,
    s.lot
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.item, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.item'))
    AND r.table_name = 'public.item'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.item AS t
    JOIN restage_keymap.item AS k
      ON rtrim(k.source_code) = rtrim(t.code)
      AND k.source_lot = t.lot
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE rtrim(k.source_code) = rtrim(r.code)
          AND k.source_lot = r.lot
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.item'))
  AND g.table_name = 'public.item';

-- file:    verify/001_dbo.Item/keys.sql
-- table:   public.item
-- purpose: known = present, when every key has its final row
-- source:  dbo.Item
-- body:    sha256:90207338c27d0e6d4b52c1df5d77918dfbd4493ac4b72f9d91db38e426d4c69c
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.item AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.item AS t
    JOIN restage_keymap.item AS k
      ON rtrim(k.source_code) = rtrim(t.code)
      AND k.source_lot = t.lot
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.item AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/001_dbo.Item/others.sql
-- table:   public.item
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Item
-- body:    sha256:85e0a84cc4557152b53abd86b2a75961a2aefc878e658eba82402626d69834d4
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.item AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.item AS k
  WHERE rtrim(k.source_code) = rtrim(t.code)
    AND k.source_lot = t.lot
);

-- file:    verify/001_dbo.Item/unique.sql
-- table:   public.item
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Item
-- body:    sha256:f8d3190d2c9e46930ed0dba06d0b725451decbbcfac86339f401eb8f3476498b
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- item_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.item
),
held AS (
  SELECT
    t.code AS code,
    t.lot AS lot,
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
            AND g.table_name = 'public.item'
          ORDER BY r.started_at DESC
          LIMIT 1
        )
        AND c.table_name = 'public.item'
        AND c.is_skipped
        AND c.chunk_id = k.chunk
    ) AS is_skipped
  FROM public.item AS t
  LEFT JOIN restage_keymap.item AS k
    ON rtrim(k.source_code) = rtrim(t.code)
    AND k.source_lot = t.lot
)
SELECT
  jsonb_build_object(
    'Code', s.code,
    'Lot', s.lot
  ) AS value,
  jsonb_build_object(
    'Code', s.code,
    'Lot', s.lot
  ) AS staged_row,
  jsonb_build_object(
    'Code', o.code,
    'Lot', o.lot
  ) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.code = s.code
  AND o.lot = s.lot
  AND ROW(s.code, s.lot) < ROW(o.code, o.lot)
UNION ALL
SELECT
  jsonb_build_object(
    'Code', s.code,
    'Lot', s.lot
  ) AS value,
  jsonb_build_object(
    'Code', s.code,
    'Lot', s.lot
  ) AS staged_row,
  jsonb_build_object(
    'Code', t.code,
    'Lot', t.lot
  ) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN t.is_skipped THEN 'staged'
    WHEN o.code IS NULL THEN 'vanished'
    WHEN ROW(o.code, o.lot) IS DISTINCT FROM ROW(t.code, t.lot) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.code = s.code
  AND t.lot = s.lot
LEFT JOIN restage_stage.item AS o
  ON o.code = t.code
  AND o.lot = t.lot
WHERE NOT (t.is_known AND ROW(s.code, s.lot) IS NOT DISTINCT FROM ROW(t.code, t.lot))
LIMIT 20;

