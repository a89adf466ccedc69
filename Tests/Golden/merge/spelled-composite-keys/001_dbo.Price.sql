-- file:    merge/001_dbo.Price/10_stage.sql
-- table:   public.price
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Price, staged in restage_stage.price
-- body:    sha256:3257a80ff6446272883411733819562e6b2e24b4b81a3a78ef8d17226b8f3e9e
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.price;

CREATE UNLOGGED TABLE restage_stage.price (
  item varchar(6) COLLATE public.ignoring_case,
  zone integer,
  amount integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.Price/15_check.sql
-- table:   public.price
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Price, staged in restage_stage.price
-- body:    sha256:d6df1579b157daa074cf1af7ca1a8540357391d4237f60d3fe7c6224394f0b16
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.price ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.price (item, zone);

SELECT restage.count_staged('public.price', count(*)) AS staged
FROM restage_stage.price AS s;

WITH repeated AS MATERIALIZED (
  SELECT
    rtrim(s.item) AS item,
    s.zone
  FROM restage_stage.price AS s
  WHERE s.item IS NOT NULL
    AND s.zone IS NOT NULL
  GROUP BY
    rtrim(s.item),
    s.zone
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.price AS s
  WHERE s.item IS NULL OR
    s.zone IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.price AS s
    ON rtrim(s.item) = r.item
    AND s.zone = r.zone
),
refused AS (
  DELETE FROM restage_stage.price AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object(
      'Item', s.item,
      'Zone', s.zone
    ) AS source_key,
    jsonb_build_object(
      'Item', s.item,
      'Zone', s.zone
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
    'public.price',
    r.source_key,
    'source key',
    ARRAY['item', 'zone'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.price', 'rejected', count(*)) AS rows
FROM recorded;

-- file:    merge/001_dbo.Price/20_match.sql
-- table:   public.price
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Price, staged in restage_stage.price
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Price/30_allocate.sql
-- table:   public.price
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Price, staged in restage_stage.price
-- body:    sha256:2bc4b9eb44f1db3edb126d3e0686562f1e51ef2ba839822962740a7a54081bb3
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.price', 'restage_keymap.price') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.price (
    source_item,
    source_zone,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.item,
    s.zone,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.item,
      s.zone,
      restage.row_hash(
        ROW(
          s.item,
          s.zone,
          s.amount
        )::text,
        (NULL::restage_keymap.price).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.price AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.price AS k
      WHERE rtrim(k.source_item) = rtrim(s.item)
        AND k.source_zone = s.zone
    )
    ORDER BY
      s.item,
      s.zone
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.price', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.price'::regclass
  ) THEN
    ALTER TABLE restage_keymap.price
      ADD PRIMARY KEY (source_item, source_zone);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.price'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.price'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.price;
  END IF;
END
$restage$;

-- Keys that differ from those of the key map in case or trailing blanks.
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

UPDATE restage_keymap.price AS k
SET
  source_item = s.item
FROM restage_stage.price AS s
WHERE rtrim(k.source_item) = rtrim(s.item)
  AND k.source_zone = s.zone
  AND k.source_item COLLATE "C" <> s.item COLLATE "C";

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.price'
  AND c.kind = 'allocated';

-- file:    merge/001_dbo.Price/35_orphans.sql
-- table:   public.price
-- step:    35 orphans
-- purpose: no foreign key to check
-- source:  dbo.Price, staged in restage_stage.price
-- body:    sha256:a6c93167dd38736d8c32aae9b03a196a3ca857720d4288b416d94da1e11b66b8
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.price'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/001_dbo.Price/40_insert.sql
-- table:   public.price
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Price, staged in restage_stage.price
-- body:    sha256:636c1bc144499fbabd9b055f8e8607bad07f9d86aa6de37bf154cd4760b99471
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.price', 'restage_keymap.price') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.price (
    item,
    zone,
    amount
  )
  SELECT
    s.item,
    s.zone,
    s.amount
  FROM restage_stage.price AS s
  JOIN restage_keymap.price AS k
    ON rtrim(k.source_item) = rtrim(s.item)
    AND k.source_zone = s.zone
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.price'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.price', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.price'
  AND c.kind = 'inserted';

-- file:    merge/001_dbo.Price/50_update.sql
-- table:   public.price
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Price, staged in restage_stage.price
-- body:    sha256:d8761e8398fc0bbba96ebb6873612316037380650baeac49ae84d6f89874d228
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.price', 'restage_keymap.price') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.item,
    s.zone,
    s.amount,
    restage.row_hash(
      ROW(
        s.item,
        s.zone,
        s.amount
      )::text,
      (NULL::restage_keymap.price).row_hash
    ) AS row_hash
  FROM restage_stage.price AS s
  JOIN restage_keymap.price AS k
    ON rtrim(k.source_item) = rtrim(s.item)
    AND k.source_zone = s.zone
  WHERE NOT (SELECT restage.is_all_new('public.price'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.item,
        s.zone,
        s.amount
      )::text,
      (NULL::restage_keymap.price).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_item,
    k.source_zone,
    row_to_json(t.*) AS row_data
  FROM public.price AS t
  JOIN restage_keymap.price AS k
    ON rtrim(k.source_item) = rtrim(t.item)
    AND k.source_zone = t.zone
  JOIN changed AS c
    ON rtrim(k.source_item) = rtrim(c.item)
    AND k.source_zone = c.zone
  WHERE restage.row_hash(
      ROW(
        t.item,
        t.zone,
        t.amount
      )::text,
      (NULL::restage_keymap.price).row_hash
    ) NOT IN (k.row_hash, c.row_hash)
),
noted AS MATERIALIZED (
  SELECT restage.fail_edited(
    'public.price',
    count(*),
    min(jsonb_build_object('Item', e.source_item, 'Zone', e.source_zone)::text)
  )
  FROM edited AS e
  HAVING count(*) > 0
),
updated AS (
  UPDATE public.price AS t
  SET
    item = c.item,
    amount = c.amount
  FROM changed AS c
  JOIN restage_keymap.price AS k
    ON rtrim(k.source_item) = rtrim(c.item)
    AND k.source_zone = c.zone
  WHERE rtrim(t.item) = rtrim(c.item)
    AND t.zone = c.zone
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.price AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE rtrim(k.source_item) = rtrim(c.item)
    AND k.source_zone = c.zone
)
SELECT
  restage.count_rows('public.price', 'updated', count(*)) AS rows,
  (SELECT count(*) FROM noted) AS edited
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/001_dbo.Price/60_vanished.sql
-- table:   public.price
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Price, staged in restage_stage.price
-- body:    sha256:1c74fe596ffe56e0676a80e1a5a0aa0aadc3fe33303580015bb6bfdf0ddc23c7
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.price', 'restage_keymap.price') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_item,
    k.source_zone,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.price AS s
  JOIN restage_keymap.price AS k
    ON rtrim(k.source_item) = rtrim(s.item)
    AND k.source_zone = s.zone
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.price AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_item = m.source_item
    AND k.source_zone = m.source_zone
)
SELECT restage.fail_skipped('public.price', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.price'
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
    s.item,
    s.zone
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.price, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.price'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.price AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.price'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.price'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.price AS s
      WHERE rtrim(k.source_item) = rtrim(s.item)
        AND k.source_zone = s.zone
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE rtrim(k.source_item) = rtrim(r.item)
        AND k.source_zone = r.zone
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_item,
    k.source_zone,
    k.vanished_run
  FROM restage_keymap.price AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.price'))
),
back AS MATERIALIZED (
  SELECT
    k.source_item,
    k.source_zone,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.price AS s
    ON rtrim(k.source_item) = rtrim(s.item)
    AND k.source_zone = s.zone
  UNION
  SELECT
    k.source_item,
    k.source_zone,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON rtrim(k.source_item) = rtrim(r.item)
    AND k.source_zone = r.zone
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
    'public.price',
    'returned',
    ARRAY[b.source_item::text, b.source_zone::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.price AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_item = b.source_item
    AND k.source_zone = b.source_zone
  RETURNING 1
)
SELECT
  restage.count_rows('public.price', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.price', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/001_dbo.Price/70_reset.sql
-- table:   public.price
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Price, staged in restage_stage.price
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Price/90_account.sql
-- table:   public.price
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Price, staged in restage_stage.price
-- body:    sha256:d7cc2903d9b80aa66f9f93e06a2ebedc6d9adb8cb7a54235de9f84137a56405f
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.price', 'restage_keymap.price') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.price', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.price') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.price'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.price', count(*)) AS rows
FROM restage_stage.price AS s
JOIN restage_keymap.price AS k
  ON rtrim(k.source_item) = rtrim(s.item)
  AND k.source_zone = s.zone
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.price'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/001_dbo.Price/content.sql
-- table:   public.price
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Price
-- body:    sha256:707487f1311810caf78ebefc5227bb8956439fae53a18a80b8b7c413393a9ed0
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
      s.item,
      s.zone,
      s.amount,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.price'))
        AND r.table_name = 'public.price'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.price, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    t.item,
    t.zone,
    t.amount
  FROM public.price AS t
  JOIN restage_keymap.price AS k
    ON rtrim(k.source_item) = rtrim(t.item)
    AND k.source_zone = t.zone
  LEFT JOIN noted AS n
    ON rtrim(k.source_item) = rtrim(n.item)
    AND k.source_zone = n.zone
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.item,
    n.zone,
    n.amount
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/001_dbo.Price/counts.sql
-- table:   public.price
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Price
-- body:    sha256:c8c04f5a6b6664ada457e4cd8b368eb026292f6b7660f5e5ee6e1e2c3167757b
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.item,
    s.zone
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.price, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.price'))
    AND r.table_name = 'public.price'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.price AS t
    JOIN restage_keymap.price AS k
      ON rtrim(k.source_item) = rtrim(t.item)
      AND k.source_zone = t.zone
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE rtrim(k.source_item) = rtrim(r.item)
          AND k.source_zone = r.zone
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.price'))
  AND g.table_name = 'public.price';

-- file:    verify/001_dbo.Price/keys.sql
-- table:   public.price
-- purpose: known = present, when every key has its final row
-- source:  dbo.Price
-- body:    sha256:16eb2aabfd5fa0c19adb33fb00660ab5dd976d29f76247b220bac6a936d5e5b9
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.price AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.price AS t
    JOIN restage_keymap.price AS k
      ON rtrim(k.source_item) = rtrim(t.item)
      AND k.source_zone = t.zone
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.price AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/001_dbo.Price/others.sql
-- table:   public.price
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Price
-- body:    sha256:a65292c6ebcccad32ee198592d5852229dd80aca367e787ba76708aabfdf35aa
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.price AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.price AS k
  WHERE rtrim(k.source_item) = rtrim(t.item)
    AND k.source_zone = t.zone
);

-- file:    verify/001_dbo.Price/unique.sql
-- table:   public.price
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Price
-- body:    sha256:5d7f08e8398dad3a3180c52aa980463f5cab076ea43942d7b177a211f76bb039
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- price_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.price
),
held AS (
  SELECT
    t.item AS item,
    t.zone AS zone,
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
            AND g.table_name = 'public.price'
          ORDER BY r.started_at DESC
          LIMIT 1
        )
        AND c.table_name = 'public.price'
        AND c.is_skipped
        AND c.chunk_id = k.chunk
    ) AS is_skipped
  FROM public.price AS t
  LEFT JOIN restage_keymap.price AS k
    ON rtrim(k.source_item) = rtrim(t.item)
    AND k.source_zone = t.zone
)
SELECT
  jsonb_build_object(
    'Item', s.item,
    'Zone', s.zone
  ) AS value,
  jsonb_build_object(
    'Item', s.item,
    'Zone', s.zone
  ) AS staged_row,
  jsonb_build_object(
    'Item', o.item,
    'Zone', o.zone
  ) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.item = s.item
  AND o.zone = s.zone
  AND ROW(s.item, s.zone) < ROW(o.item, o.zone)
UNION ALL
SELECT
  jsonb_build_object(
    'Item', s.item,
    'Zone', s.zone
  ) AS value,
  jsonb_build_object(
    'Item', s.item,
    'Zone', s.zone
  ) AS staged_row,
  jsonb_build_object(
    'Item', t.item,
    'Zone', t.zone
  ) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN t.is_skipped THEN 'staged'
    WHEN o.item IS NULL THEN 'vanished'
    WHEN ROW(o.item, o.zone) IS DISTINCT FROM ROW(t.item, t.zone) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.item = s.item
  AND t.zone = s.zone
LEFT JOIN restage_stage.price AS o
  ON o.item = t.item
  AND o.zone = t.zone
WHERE NOT (t.is_known AND ROW(s.item, s.zone) IS NOT DISTINCT FROM ROW(t.item, t.zone))
LIMIT 20;

