-- file:    merge/003_dbo.Tail/10_stage.sql
-- table:   public.tail
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Tail, staged in restage_stage.tail
-- body:    sha256:08a539cee7aa8654d8d081d7f4b882116dff4194f5f03c51c3f0a5d78e0ef25b
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.tail;

CREATE UNLOGGED TABLE restage_stage.tail (
  id integer,
  bodyid integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/003_dbo.Tail/15_check.sql
-- table:   public.tail
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Tail, staged in restage_stage.tail
-- body:    sha256:475f77575745cd192284c14b0039aabc9462bbe79e5de7515e0a20f2f7caa44d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.tail ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.tail (id, bodyid);

SELECT restage.count_staged('public.tail', count(*)) AS staged
FROM restage_stage.tail AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.id
  FROM restage_stage.tail AS s
  WHERE s.id IS NOT NULL
  GROUP BY
    s.id
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.tail AS s
  WHERE s.id IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.tail AS s
    ON s.id = r.id
),
refused AS (
  DELETE FROM restage_stage.tail AS s
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
    'public.tail',
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
SELECT restage.count_rows('public.tail', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/003_dbo.Tail/20_match.sql
-- table:   public.tail
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Tail, staged in restage_stage.tail
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Tail/30_allocate.sql
-- table:   public.tail
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Tail, staged in restage_stage.tail
-- body:    sha256:73603a1eaed7d39791d33bda8bc4f3de1a10843ba5bf8f79d64c65a58c7e0ec3
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.tail', 'restage_keymap.tail') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.tail (
    source_id,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.id,
    nextval('public.tail_id_seq'),
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
          s.bodyid
        )::text,
        (NULL::restage_keymap.tail).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.tail AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.tail AS k
      WHERE k.source_id = s.id
    )
    ORDER BY
      s.id
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.tail', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.tail'::regclass
  ) THEN
    ALTER TABLE restage_keymap.tail
      ADD PRIMARY KEY (source_id),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.tail'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.tail'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.tail;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.tail'
  AND c.kind = 'allocated';

-- file:    merge/003_dbo.Tail/35_orphans.sql
-- table:   public.tail
-- step:    35 orphans
-- purpose: no row to be rejected or loaded without its parent: step 40 checks all foreign keys
-- source:  dbo.Tail, staged in restage_stage.tail
-- body:    sha256:525cb390346e81adb8a86a99bce54a2a74042faea9c81c2599111bdbeeba662f
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.tail'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/003_dbo.Tail/40_insert.sql
-- table:   public.tail
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Tail, staged in restage_stage.tail
-- body:    sha256:61fedeae08692bf493e64fdeda394a2e9e07282c744420ac7d2dbbe319c37cb3
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.tail', 'restage_keymap.tail') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.tail (
    id,
    bodyid
  )
  SELECT
    k.target_key,
    p1.target_key
  FROM restage_stage.tail AS s
  JOIN restage_keymap.tail AS k
    ON k.source_id = s.id
    AND k.first_run = (SELECT restage.run_id())
  JOIN restage_keymap.body AS p1
    ON p1.source_id = s.bodyid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.tail'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.tail', 'inserted', inserted_rows);
END
$restage$;

-- tail_bodyid_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.tail',
  'tail_bodyid_fkey',
  count(*),
  min(jsonb_build_object(
    'Id', s.id,
    'BodyId', s.bodyid
  )::text)
)
FROM restage_stage.tail AS s
WHERE s.bodyid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.body AS k
    WHERE k.source_id = s.bodyid
  )
  AND NOT EXISTS (
    -- Where every row that got a key was inserted, each had its parents.
    SELECT
    FROM restage.row_count AS a
    JOIN restage.row_count AS c
      ON c.run_id = a.run_id
      AND c.table_name = a.table_name
    WHERE a.run_id = (SELECT restage.run_id())
      AND a.table_name = 'public.tail'
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
  AND c.table_name = 'public.tail'
  AND c.kind = 'inserted';

-- file:    merge/003_dbo.Tail/50_update.sql
-- table:   public.tail
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Tail, staged in restage_stage.tail
-- body:    sha256:f3ba90ab8b1b51565762af1108933f43f995772f83d7cb2df04736e1046bd232
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.tail', 'restage_keymap.tail') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.id,
    s.bodyid,
    restage.row_hash(
      ROW(
        s.id,
        s.bodyid
      )::text,
      (NULL::restage_keymap.tail).row_hash
    ) AS row_hash
  FROM restage_stage.tail AS s
  JOIN restage_keymap.tail AS k
    ON k.source_id = s.id
  WHERE NOT (SELECT restage.is_all_new('public.tail'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.id,
        s.bodyid
      )::text,
      (NULL::restage_keymap.tail).row_hash
    )
),
orphaned_1 AS MATERIALIZED (
  -- tail_bodyid_fkey: on_orphan: fail
  SELECT restage.fail_orphans(
    'public.tail',
    'tail_bodyid_fkey',
    count(*),
    min(jsonb_build_object(
      'Id', s.id,
      'BodyId', s.bodyid
    )::text)
  )
  FROM changed AS s
  WHERE s.bodyid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.body AS k
      WHERE k.source_id = s.bodyid
    )
  HAVING count(*) > 0
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_id,
    row_to_json(t.*) AS row_data
  FROM public.tail AS t
  LEFT JOIN restage_keymap.body AS p1
    ON p1.target_key = t.bodyid
  JOIN restage_keymap.tail AS k
    ON k.target_key = t.id
  JOIN changed AS c
    ON k.source_id = c.id
  WHERE restage.row_hash(
      ROW(
        k.source_id,
        p1.source_id
      )::text,
      (NULL::restage_keymap.tail).row_hash
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
    'public.tail',
    jsonb_build_object('source_id', d.source_id),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.tail AS t
  SET
    bodyid = p1.target_key
  FROM changed AS c
  JOIN restage_keymap.tail AS k
    ON k.source_id = c.id
  JOIN restage_keymap.body AS p1
    ON p1.source_id = c.bodyid
  WHERE t.id = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.tail AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_id = c.id
)
SELECT
  restage.count_rows('public.tail', 'updated', count(*)) AS rows,
  (SELECT count(*) FROM orphaned_1) AS orphaned_1,
  restage.count_rows('public.tail', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/003_dbo.Tail/60_vanished.sql
-- table:   public.tail
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Tail, staged in restage_stage.tail
-- body:    sha256:306b94d91fabae257dc142ab594844118fa0c63c4bcd9060c322c2431b03ebd8
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.tail', 'restage_keymap.tail') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_id,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.tail AS s
  JOIN restage_keymap.tail AS k
    ON k.source_id = s.id
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.tail AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_id = m.source_id
)
SELECT restage.fail_skipped('public.tail', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.tail'
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
  CROSS JOIN LATERAL json_populate_record(NULL::public.tail, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.tail'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.tail AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.tail'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.tail'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.tail AS s
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
  FROM restage_keymap.tail AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.tail'))
),
back AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.tail AS s
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
    'public.tail',
    'returned',
    ARRAY[b.source_id::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.tail AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_id = b.source_id
  RETURNING 1
)
SELECT
  restage.count_rows('public.tail', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.tail', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/003_dbo.Tail/70_reset.sql
-- table:   public.tail
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Tail, staged in restage_stage.tail
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Tail/90_account.sql
-- table:   public.tail
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Tail, staged in restage_stage.tail
-- body:    sha256:b2b590e389bca5898d45830f7f7549798cf7f8a472549336370662363b5a14e2
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.tail', 'restage_keymap.tail') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.tail', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.tail') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.tail'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.tail', count(*)) AS rows
FROM restage_stage.tail AS s
JOIN restage_keymap.tail AS k
  ON k.source_id = s.id
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.tail'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/003_dbo.Tail/content.sql
-- table:   public.tail
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Tail
-- body:    sha256:4057d9b71b90998f1cb940397cff6aaa41495cce6a94dedbe970acb445a4aa31
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
      s.bodyid,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.tail'))
        AND r.table_name = 'public.tail'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.tail, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_id,
    p1.source_id
  FROM public.tail AS t
  LEFT JOIN restage_keymap.body AS p1
    ON p1.target_key = t.bodyid
  JOIN restage_keymap.tail AS k
    ON k.target_key = t.id
  LEFT JOIN noted AS n
    ON k.source_id = n.id
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.id,
    n.bodyid
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/003_dbo.Tail/counts.sql
-- table:   public.tail
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Tail
-- body:    sha256:adda60fd9b8cc6c51ebf6c90146b405fcb21916164c64823bf5d0aa28e83f21c
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.tail, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.tail'))
    AND r.table_name = 'public.tail'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.tail AS t
    JOIN restage_keymap.tail AS k
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.tail'))
  AND g.table_name = 'public.tail';

-- file:    verify/003_dbo.Tail/keys.sql
-- table:   public.tail
-- purpose: known = present, when every key has its final row
-- source:  dbo.Tail
-- body:    sha256:43da51b83ec789c4071995605305fa625dafd30cfa0aa51d2ab76c44bcca431e
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.tail AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.tail AS t
    JOIN restage_keymap.tail AS k
      ON k.target_key = t.id
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.tail AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/003_dbo.Tail/others.sql
-- table:   public.tail
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Tail
-- body:    sha256:823dc25175e63a83fc4b1ab364467a426cfbe4b3a894a0508377224c243ffb57
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.tail AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.tail AS k
  WHERE k.target_key = t.id
);

-- file:    verify/003_dbo.Tail/orphans.sql
-- table:   public.tail
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Tail
-- body:    sha256:cd230436a53ae8f83e0ba20e4534e389d632bbe6cf775b69f3ebfc8f5f15c5b4
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- tail_bodyid_fkey
SELECT count(*) AS orphans
FROM public.tail AS t
WHERE t.bodyid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.body AS p
    WHERE p.id = t.bodyid
  );

