-- file:    merge/001_dbo.Item/10_stage.sql
-- table:   public.item
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Item, staged in restage_stage.item
-- body:    sha256:dad5273121a2c2bc21eb080904f4d12dfb44bdc00bcf112566ef13636a089bc3
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.item;

CREATE UNLOGGED TABLE restage_stage.item (
  itemid integer,
  code varchar(10)
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.Item/15_check.sql
-- table:   public.item
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Item, staged in restage_stage.item
-- body:    sha256:bd034c8d2663f6e49b9508509dfde094482b91fffff0795c2d05b4828a1283e4
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.item ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.item (itemid);

SELECT restage.count_staged('public.item', count(*)) AS staged
FROM restage_stage.item AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.itemid
  FROM restage_stage.item AS s
  WHERE s.itemid IS NOT NULL
  GROUP BY
    s.itemid
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.item AS s
  WHERE s.itemid IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.item AS s
    ON s.itemid = r.itemid
),
refused AS (
  DELETE FROM restage_stage.item AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('ItemId', s.itemid) AS source_key,
    jsonb_build_object('ItemId', s.itemid) AS value,
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
    ARRAY['itemid'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.item', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

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
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Item, staged in restage_stage.item
-- body:    sha256:505ef11f447637371f4df4b02c3f4f66bc2b72fd8faa0d009cf244cf250bd045
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
    source_itemid,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.itemid,
    nextval('public.item_itemid_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.itemid,
      restage.row_hash(
        ROW(
          s.itemid,
          s.code
        )::text,
        (NULL::restage_keymap.item).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.item AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.item AS k
      WHERE k.source_itemid = s.itemid
    )
    ORDER BY
      s.itemid
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
      ADD PRIMARY KEY (source_itemid),
      ADD UNIQUE (target_key);
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
-- body:    sha256:abda23254a9f95b525c0d273646837322d8cb7bf7710fc9d1921f4f2e83522ee
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
    itemid,
    code
  )
  SELECT
    k.target_key,
    s.code
  FROM restage_stage.item AS s
  JOIN restage_keymap.item AS k
    ON k.source_itemid = s.itemid
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
-- body:    sha256:b1e7b178009cfa1078c690340c745ca93a8b2ee82e84254c5cff5f49d2979653
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
    s.itemid,
    s.code,
    restage.row_hash(
      ROW(
        s.itemid,
        s.code
      )::text,
      (NULL::restage_keymap.item).row_hash
    ) AS row_hash
  FROM restage_stage.item AS s
  JOIN restage_keymap.item AS k
    ON k.source_itemid = s.itemid
  WHERE NOT (SELECT restage.is_all_new('public.item'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.itemid,
        s.code
      )::text,
      (NULL::restage_keymap.item).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_itemid,
    row_to_json(t.*) AS row_data
  FROM public.item AS t
  JOIN restage_keymap.item AS k
    ON k.target_key = t.itemid
  JOIN changed AS c
    ON k.source_itemid = c.itemid
  WHERE restage.row_hash(
      ROW(
        k.source_itemid,
        t.code
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
    jsonb_build_object('source_itemid', d.source_itemid),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.item AS t
  SET
    code = c.code
  FROM changed AS c
  JOIN restage_keymap.item AS k
    ON k.source_itemid = c.itemid
  WHERE t.itemid = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.item AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_itemid = c.itemid
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
-- body:    sha256:a5b8ac08e5a9b6d03ab0663fa944055f0846bfb1268f37580d232e08ebfdcb8b
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.item', 'restage_keymap.item') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_itemid,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.item AS s
  JOIN restage_keymap.item AS k
    ON k.source_itemid = s.itemid
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.item AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_itemid = m.source_itemid
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
    s.itemid
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
      WHERE k.source_itemid = s.itemid
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_itemid = r.itemid
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_itemid,
    k.vanished_run
  FROM restage_keymap.item AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.item'))
),
back AS MATERIALIZED (
  SELECT
    k.source_itemid,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.item AS s
    ON k.source_itemid = s.itemid
  UNION
  SELECT
    k.source_itemid,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_itemid = r.itemid
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
    ARRAY[b.source_itemid::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.item AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_itemid = b.source_itemid
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
-- body:    sha256:fccec1d5b87b95d1eb7a9cad3e473f16ca36efd087018eceefbd941898ad1c18
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
  ON k.source_itemid = s.itemid
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
-- body:    sha256:8b3accc5d326b46504c9ace6c261f440c738a0cb775f0acc61cc6a4d00814bff
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
      s.itemid,
      s.code,
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
    k.source_itemid,
    t.code
  FROM public.item AS t
  JOIN restage_keymap.item AS k
    ON k.target_key = t.itemid
  LEFT JOIN noted AS n
    ON k.source_itemid = n.itemid
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.itemid,
    n.code
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/001_dbo.Item/counts.sql
-- table:   public.item
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Item
-- body:    sha256:8a8eb1e91237d78cdb12392f93b925fd965a711f60282769de1e8eb2cc5257d5
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.itemid
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
      ON k.target_key = t.itemid
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_itemid = r.itemid
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
-- body:    sha256:8be2fcaefd1d057d83b72915fd7482d0f4c0a42a77664099289aa2fca0376428
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
      ON k.target_key = t.itemid
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
-- body:    sha256:8bb270184bb17245a6d58e78a1db5d5bde25fc07ad8ad7de34a9c2b79a9db7b9
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.item AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.item AS k
  WHERE k.target_key = t.itemid
);

-- file:    verify/001_dbo.Item/unique.sql
-- table:   public.item
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Item
-- body:    sha256:00d1bcb360ac47e4e6ebcfd3ee7199a1f40fc9a7c31c7b55a7345fac0f3afd77
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- item_key_1
WITH staged AS (
  SELECT *
  FROM restage_stage.item
),
held AS (
  SELECT
    k.source_itemid AS itemid,
    t.code AS code,
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
    ON k.target_key = t.itemid
)
SELECT
  jsonb_build_object('Code', s.code) AS value,
  jsonb_build_object('ItemId', s.itemid) AS staged_row,
  jsonb_build_object('ItemId', o.itemid) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.code = s.code
  AND ROW(s.itemid) < ROW(o.itemid)
UNION ALL
SELECT
  jsonb_build_object('Code', s.code) AS value,
  jsonb_build_object('ItemId', s.itemid) AS staged_row,
  jsonb_build_object('ItemId', t.itemid) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN t.is_skipped THEN 'staged'
    WHEN o.itemid IS NULL THEN 'vanished'
    WHEN ROW(o.code) IS DISTINCT FROM ROW(t.code) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.code = s.code
LEFT JOIN restage_stage.item AS o
  ON o.itemid = t.itemid
WHERE NOT (t.is_known AND ROW(s.itemid) IS NOT DISTINCT FROM ROW(t.itemid))
LIMIT 20;

