-- file:    merge/003_dbo.Book/10_stage.sql
-- table:   public.book
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Book, staged in restage_stage.book
-- body:    sha256:ad967d94aee6bc3993c0109488b93bcea050a2dd3f28fffc14510f75850fac46
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.book;

CREATE UNLOGGED TABLE restage_stage.book (
  id integer,
  regionid integer,
  label varchar(10)
)
WITH (autovacuum_enabled = false);

-- file:    merge/003_dbo.Book/15_check.sql
-- table:   public.book
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Book, staged in restage_stage.book
-- body:    sha256:11f12cb755c70b630783fdb1c6f6386bbb66104c98bd4617efe6f07d437fa823
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.book (id, regionid, label);

SELECT restage.count_staged('public.book', count(*)) AS staged
FROM restage_stage.book AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.id
  FROM restage_stage.book AS s
  WHERE s.id IS NOT NULL
  GROUP BY
    s.id
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.book AS s
  WHERE s.id IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.book AS s
    ON s.id = r.id
),
refused AS (
  DELETE FROM restage_stage.book AS s
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
    'public.book',
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
SELECT restage.count_rows('public.book', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/003_dbo.Book/20_match.sql
-- table:   public.book
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Book, staged in restage_stage.book
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Book/30_allocate.sql
-- table:   public.book
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Book, staged in restage_stage.book
-- body:    sha256:7979ff5cb1a1f4cc425a88c078fd4a779d9660b148dbabd9077ff3103f130c34
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Parents that this run does not load have no staged rows.
DO $restage$
BEGIN
  IF NOT EXISTS (
    SELECT
    FROM restage.staged AS g
    WHERE g.run_id = restage.run_id()
      AND g.table_name = 'public.shelf'
  ) THEN
    DROP TABLE IF EXISTS restage_stage.shelf;

    CREATE UNLOGGED TABLE restage_stage.shelf (
      room integer,
      no integer,
      regionid integer,
      label varchar(10)
    )
    WITH (autovacuum_enabled = false);
  END IF;
END
$restage$;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.book', 'restage_keymap.book') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.book (
    source_id,
    target_key,
    row_hash,
    first_run,
    last_run
  )
  SELECT
    s.id,
    nextval('public.book_id_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id())
  FROM (
    SELECT
      s.id,
      restage.row_hash(
        ROW(
          s.id,
          s.regionid,
          s.label
        )::text,
        (NULL::restage_keymap.book).row_hash
      ) AS row_hash
    FROM restage_stage.book AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.book AS k
      WHERE k.source_id = s.id
    )
    ORDER BY
      s.id
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.book', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.book'::regclass
  ) THEN
    ALTER TABLE restage_keymap.book
      ADD PRIMARY KEY (source_id),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.book'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.book'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.book;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.book'
  AND c.kind = 'allocated';

-- file:    merge/003_dbo.Book/35_orphans.sql
-- table:   public.book
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Book, staged in restage_stage.book
-- body:    sha256:f91a9415ff5daa0567e00d662bd2abe9f6c884647bf4f416a3e7c1f04c799094
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- book_regionid_label_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.book',
  'book_regionid_label_fkey',
  count(*),
  min(jsonb_build_object(
    'Id', s.id,
    'RegionId', s.regionid,
    'Label', s.label
  )::text)
)
FROM restage_stage.book AS s
WHERE s.regionid IS NOT NULL
  AND s.label IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_stage.shelf AS p
    WHERE p.regionid = s.regionid
      AND p.label = s.label
  )
  AND NOT EXISTS (
    SELECT
    FROM public.shelf AS t
    LEFT JOIN restage_keymap.region AS p1
      ON p1.target_key = t.regionid
    WHERE p1.source_id = s.regionid
      AND t.label = s.label
  )
HAVING count(*) > 0;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.book'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/003_dbo.Book/40_insert.sql
-- table:   public.book
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Book, staged in restage_stage.book
-- body:    sha256:9f978ece825dc158c9be6f8caf07d64d51c0ab619636bea27bf6f73bc91c8887
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.book', 'restage_keymap.book') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.book (
    id,
    regionid,
    label
  )
  SELECT
    k.target_key,
    p1.target_key,
    s.label
  FROM restage_stage.book AS s
  JOIN restage_keymap.book AS k
    ON k.source_id = s.id
    AND k.first_run = (SELECT restage.run_id())
  LEFT JOIN restage_keymap.region AS p1
    ON p1.source_id = s.regionid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.book'
      AND c.kind = 'inserted'
  )
    AND (s.regionid IS NULL OR p1.target_key IS NOT NULL);
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.book', 'inserted', inserted_rows);
END
$restage$;

-- book_regionid_label_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.book',
  'book_regionid_label_fkey',
  count(*),
  min(jsonb_build_object(
    'Id', s.id,
    'RegionId', s.regionid
  )::text)
)
FROM restage_stage.book AS s
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
      AND a.table_name = 'public.book'
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
  AND c.table_name = 'public.book'
  AND c.kind = 'inserted';

-- file:    merge/003_dbo.Book/50_update.sql
-- table:   public.book
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Book, staged in restage_stage.book
-- body:    sha256:cc3b5a30ff85861f33124371fc83e4eea02a8c3a846a2ff5878c2ccca4f0fd4d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.book', 'restage_keymap.book') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.id,
    s.regionid,
    s.label,
    restage.row_hash(
      ROW(
        s.id,
        s.regionid,
        s.label
      )::text,
      (NULL::restage_keymap.book).row_hash
    ) AS row_hash
  FROM restage_stage.book AS s
  JOIN restage_keymap.book AS k
    ON k.source_id = s.id
  WHERE NOT (SELECT restage.is_all_new('public.book'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.id,
        s.regionid,
        s.label
      )::text,
      (NULL::restage_keymap.book).row_hash
    )
),
orphaned_1 AS MATERIALIZED (
  -- book_regionid_label_fkey: on_orphan: fail
  SELECT restage.fail_orphans(
    'public.book',
    'book_regionid_label_fkey',
    count(*),
    min(jsonb_build_object(
      'Id', s.id,
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
    k.source_id,
    row_to_json(t.*) AS row_data
  FROM public.book AS t
  LEFT JOIN restage_keymap.region AS p1
    ON p1.target_key = t.regionid
  JOIN restage_keymap.book AS k
    ON k.target_key = t.id
  JOIN changed AS c
    ON k.source_id = c.id
  WHERE restage.row_hash(
      ROW(
        k.source_id,
        coalesce(p1.source_id::text, 'final ' || t.regionid),
        t.label
      )::text,
      (NULL::restage_keymap.book).row_hash
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
    'public.book',
    jsonb_build_object('source_id', d.source_id),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.book AS t
  SET
    regionid = p1.target_key,
    label = c.label
  FROM changed AS c
  JOIN restage_keymap.book AS k
    ON k.source_id = c.id
  LEFT JOIN restage_keymap.region AS p1
    ON p1.source_id = c.regionid
  WHERE t.id = k.target_key
    AND (c.regionid IS NULL OR p1.target_key IS NOT NULL)
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.book AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_id = c.id
)
SELECT
  restage.count_rows('public.book', 'updated', count(*)) AS rows,
  (SELECT count(*) FROM orphaned_1) AS orphaned_1,
  restage.count_rows('public.book', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/003_dbo.Book/60_vanished.sql
-- table:   public.book
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Book, staged in restage_stage.book
-- body:    sha256:002d8a8be3fdc1650c2cf6c2f6284e256d298026ef6bc9cd42d598af648a3694
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.book, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.book'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.book AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.book AS s
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
  FROM restage_keymap.book AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.book AS s
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
    'public.book',
    'returned',
    ARRAY[b.source_id::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.book AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_id = b.source_id
  RETURNING 1
)
SELECT
  restage.count_rows('public.book', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.book', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/003_dbo.Book/70_reset.sql
-- table:   public.book
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Book, staged in restage_stage.book
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Book/90_account.sql
-- table:   public.book
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Book, staged in restage_stage.book
-- body:    sha256:d460c22c8775d289bfa03635394357d057550d8d5458a4d66abda849694560d7
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.book', 'restage_keymap.book') AS joins;

SELECT restage.close_account('public.book', count(*)) AS rows
FROM restage_stage.book AS s
JOIN restage_keymap.book AS k
  ON k.source_id = s.id
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.book'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/003_dbo.Book/content.sql
-- table:   public.book
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Book
-- body:    sha256:286cfb6621889637f881493004357f603404457867a8e329c8c2faa01556a242
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
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.book'))
        AND r.table_name = 'public.book'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.book, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_id,
    coalesce(p1.source_id::text, 'final ' || t.regionid),
    t.label
  FROM public.book AS t
  LEFT JOIN restage_keymap.region AS p1
    ON p1.target_key = t.regionid
  JOIN restage_keymap.book AS k
    ON k.target_key = t.id
  LEFT JOIN noted AS n
    ON k.source_id = n.id
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.id,
    n.regionid::text,
    n.label
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/003_dbo.Book/counts.sql
-- table:   public.book
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Book
-- body:    sha256:ba26c5c656a904c8d0f683cbde9949bcd1effc41b36352c19f92ab7ec06450f4
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.book, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.book'))
    AND r.table_name = 'public.book'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.book AS t
    JOIN restage_keymap.book AS k
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.book'))
  AND g.table_name = 'public.book';

-- file:    verify/003_dbo.Book/keys.sql
-- table:   public.book
-- purpose: known = present, when every key has its final row
-- source:  dbo.Book
-- body:    sha256:c9bc2eae5963b2af151668bf1356428353c4365cc65159d7a915e0d8a87746c5
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.book AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.book AS t
    JOIN restage_keymap.book AS k
      ON k.target_key = t.id
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.book AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/003_dbo.Book/others.sql
-- table:   public.book
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Book
-- body:    sha256:0c410b7d2d2e231bae748810380d46d340fa72501bba41e9396feda827b69b68
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.book AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.book AS k
  WHERE k.target_key = t.id
);

-- file:    verify/003_dbo.Book/orphans.sql
-- table:   public.book
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Book
-- body:    sha256:b358334af328d357b895e355158bf30ed0f24d4ae3799bb066d3187aac2ba307
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- book_regionid_label_fkey
SELECT count(*) AS orphans
FROM public.book AS t
WHERE t.regionid IS NOT NULL
  AND t.label IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.shelf AS p
    WHERE p.regionid = t.regionid
      AND p.label = t.label
  );

