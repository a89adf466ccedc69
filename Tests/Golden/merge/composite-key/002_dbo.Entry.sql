-- file:    merge/002_dbo.Entry/10_stage.sql
-- table:   public.entry
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Entry, staged in restage_stage.entry
-- body:    sha256:45a8af18ea3304f62b626613349da826cd954a26756682909c57e87ad157e91b
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.entry;

CREATE UNLOGGED TABLE restage_stage.entry (
  entryid integer,
  year smallint,
  number integer,
  amount numeric(19,4)
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Entry/15_check.sql
-- table:   public.entry
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Entry, staged in restage_stage.entry
-- body:    sha256:e31672563e51751d2a205ef72a55b822d7560223b12b93f655a6fc601774e381
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.entry ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.entry (entryid, year, number);

SELECT restage.count_staged('public.entry', count(*)) AS staged
FROM restage_stage.entry AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.entryid
  FROM restage_stage.entry AS s
  WHERE s.entryid IS NOT NULL
  GROUP BY
    s.entryid
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.entry AS s
  WHERE s.entryid IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.entry AS s
    ON s.entryid = r.entryid
),
refused AS (
  DELETE FROM restage_stage.entry AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('EntryId', s.entryid) AS source_key,
    jsonb_build_object('EntryId', s.entryid) AS value,
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
    'public.entry',
    r.source_key,
    'source key',
    ARRAY['entryid'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.entry', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/002_dbo.Entry/20_match.sql
-- table:   public.entry
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Entry, staged in restage_stage.entry
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Entry/30_allocate.sql
-- table:   public.entry
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Entry, staged in restage_stage.entry
-- body:    sha256:ece71690b0bf5e04eaf50887e8445d2ad0e22b47405dcd6158dccaa4b91cfa5c
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.entry', 'restage_keymap.entry') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.entry (
    source_entryid,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.entryid,
    nextval('public.entry_entryid_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.entryid,
      restage.row_hash(
        ROW(
          s.entryid,
          s.year,
          s.number,
          s.amount
        )::text,
        (NULL::restage_keymap.entry).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.entry AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.entry AS k
      WHERE k.source_entryid = s.entryid
    )
    ORDER BY
      s.entryid
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.entry', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.entry'::regclass
  ) THEN
    ALTER TABLE restage_keymap.entry
      ADD PRIMARY KEY (source_entryid),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.entry'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.entry'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.entry;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.entry'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Entry/35_orphans.sql
-- table:   public.entry
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Entry, staged in restage_stage.entry
-- body:    sha256:959371d122f4d1d041c9456cf1aff5abd38bb9f7214980fa41e12ab2926fe1d4
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- entry_year_number_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.entry',
  'entry_year_number_fkey',
  count(*),
  min(jsonb_build_object(
    'EntryId', s.entryid,
    'Year', s.year,
    'Number', s.number
  )::text)
)
FROM restage_stage.entry AS s
WHERE s.year IS NOT NULL
  AND s.number IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.ledger AS k
    WHERE k.source_year = s.year
      AND k.source_number = s.number
  )
HAVING count(*) > 0;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.entry'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Entry/40_insert.sql
-- table:   public.entry
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Entry, staged in restage_stage.entry
-- body:    sha256:6b5a442e8487dff3275e9e10c05c87110ee79939fa196738b80db01660fb351d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.entry', 'restage_keymap.entry') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.entry (
    entryid,
    year,
    number,
    amount
  )
  SELECT
    k.target_key,
    s.year,
    s.number,
    s.amount
  FROM restage_stage.entry AS s
  JOIN restage_keymap.entry AS k
    ON k.source_entryid = s.entryid
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.entry'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.entry', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.entry'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Entry/50_update.sql
-- table:   public.entry
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Entry, staged in restage_stage.entry
-- body:    sha256:40116a48d59ef120f312aa10bf0a25e2df391e2134988bb70728bbd170c6bac4
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.entry', 'restage_keymap.entry') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.entryid,
    s.year,
    s.number,
    s.amount,
    restage.row_hash(
      ROW(
        s.entryid,
        s.year,
        s.number,
        s.amount
      )::text,
      (NULL::restage_keymap.entry).row_hash
    ) AS row_hash
  FROM restage_stage.entry AS s
  JOIN restage_keymap.entry AS k
    ON k.source_entryid = s.entryid
  WHERE NOT (SELECT restage.is_all_new('public.entry'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.entryid,
        s.year,
        s.number,
        s.amount
      )::text,
      (NULL::restage_keymap.entry).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_entryid,
    row_to_json(t.*) AS row_data
  FROM public.entry AS t
  JOIN restage_keymap.entry AS k
    ON k.target_key = t.entryid
  JOIN changed AS c
    ON k.source_entryid = c.entryid
  WHERE restage.row_hash(
      ROW(
        k.source_entryid,
        t.year,
        t.number,
        t.amount
      )::text,
      (NULL::restage_keymap.entry).row_hash
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
    'public.entry',
    jsonb_build_object('source_entryid', d.source_entryid),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.entry AS t
  SET
    year = c.year,
    number = c.number,
    amount = c.amount
  FROM changed AS c
  JOIN restage_keymap.entry AS k
    ON k.source_entryid = c.entryid
  WHERE t.entryid = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.entry AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_entryid = c.entryid
)
SELECT
  restage.count_rows('public.entry', 'updated', count(*)) AS rows,
  restage.count_rows('public.entry', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.Entry/60_vanished.sql
-- table:   public.entry
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Entry, staged in restage_stage.entry
-- body:    sha256:59b177a20efe7c38768731b952c9c9e93a35b7f0bfa00039ae9a9648d6102208
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.entry', 'restage_keymap.entry') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_entryid,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.entry AS s
  JOIN restage_keymap.entry AS k
    ON k.source_entryid = s.entryid
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.entry AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_entryid = m.source_entryid
)
SELECT restage.fail_skipped('public.entry', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.entry'
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
    s.entryid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.entry, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.entry'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.entry AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.entry'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.entry'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.entry AS s
      WHERE k.source_entryid = s.entryid
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_entryid = r.entryid
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_entryid,
    k.vanished_run
  FROM restage_keymap.entry AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.entry'))
),
back AS MATERIALIZED (
  SELECT
    k.source_entryid,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.entry AS s
    ON k.source_entryid = s.entryid
  UNION
  SELECT
    k.source_entryid,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_entryid = r.entryid
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
    'public.entry',
    'returned',
    ARRAY[b.source_entryid::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.entry AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_entryid = b.source_entryid
  RETURNING 1
)
SELECT
  restage.count_rows('public.entry', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.entry', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Entry/70_reset.sql
-- table:   public.entry
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Entry, staged in restage_stage.entry
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Entry/90_account.sql
-- table:   public.entry
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Entry, staged in restage_stage.entry
-- body:    sha256:7ab2f0215d0bae45610c108e3b41e7ce5fc10f5cc6182b10fa6eb6dd3656216f
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.entry', 'restage_keymap.entry') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.entry', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.entry') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.entry'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.entry', count(*)) AS rows
FROM restage_stage.entry AS s
JOIN restage_keymap.entry AS k
  ON k.source_entryid = s.entryid
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.entry'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Entry/content.sql
-- table:   public.entry
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Entry
-- body:    sha256:1639c18971bb7862e7f9b3969bb02199435bb1538f5303639abade0a497b74bf
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
      s.entryid,
      s.year,
      s.number,
      s.amount,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.entry'))
        AND r.table_name = 'public.entry'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.entry, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_entryid,
    t.year,
    t.number,
    t.amount
  FROM public.entry AS t
  JOIN restage_keymap.entry AS k
    ON k.target_key = t.entryid
  LEFT JOIN noted AS n
    ON k.source_entryid = n.entryid
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.entryid,
    n.year,
    n.number,
    n.amount
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Entry/counts.sql
-- table:   public.entry
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Entry
-- body:    sha256:f3201efd8b7786ea59f491ff9a0d090e3a6b462fbf8847f3249d250a3d50a8b1
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.entryid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.entry, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.entry'))
    AND r.table_name = 'public.entry'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.entry AS t
    JOIN restage_keymap.entry AS k
      ON k.target_key = t.entryid
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_entryid = r.entryid
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.entry'))
  AND g.table_name = 'public.entry';

-- file:    verify/002_dbo.Entry/keys.sql
-- table:   public.entry
-- purpose: known = present, when every key has its final row
-- source:  dbo.Entry
-- body:    sha256:d192609caf8c1e9f2994c1c9c6d16bc8fc3bc6fe15a0943b464385bd11d66964
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.entry AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.entry AS t
    JOIN restage_keymap.entry AS k
      ON k.target_key = t.entryid
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.entry AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Entry/others.sql
-- table:   public.entry
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Entry
-- body:    sha256:32ddf58b7aa26a19e4174b5295d4c1bb043d04056f204b201ae8c1647806c87d
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.entry AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.entry AS k
  WHERE k.target_key = t.entryid
);

-- file:    verify/002_dbo.Entry/orphans.sql
-- table:   public.entry
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Entry
-- body:    sha256:63db4c39a188a17d80f25649ce44ddf98720f9a3a5ac2ef79a518e7706e73835
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- entry_year_number_fkey
SELECT count(*) AS orphans
FROM public.entry AS t
WHERE t.year IS NOT NULL
  AND t.number IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.ledger AS p
    WHERE p.year = t.year
      AND p.number = t.number
  );

