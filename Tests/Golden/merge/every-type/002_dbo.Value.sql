-- file:    merge/002_dbo.Value/10_stage.sql
-- table:   public.value
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Value, staged in restage_stage.value
-- body:    sha256:3d7095a99fa0c16e5fa0076439a43643a78c2900bbc000dc3538ee5338787438
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.value;

CREATE UNLOGGED TABLE restage_stage.value (
  id integer,
  flag boolean,
  single real,
  double double precision,
  exact numeric(38,10),
  day date,
  moment timestamptz(6),
  clock time(3),
  fixed char(4),
  bytes bytea,
  guid uuid,
  markup xml,
  document json,
  version bytea,
  parentid integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Value/15_check.sql
-- table:   public.value
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Value, staged in restage_stage.value
-- body:    sha256:36e1588bc40e33568bbfe1352384017a903c137b9e147274245aad5a80fb458b
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.value ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.value (id, parentid);

SELECT restage.count_staged('public.value', count(*)) AS staged
FROM restage_stage.value AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.id
  FROM restage_stage.value AS s
  WHERE s.id IS NOT NULL
  GROUP BY
    s.id
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.value AS s
  WHERE s.id IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.value AS s
    ON s.id = r.id
),
refused AS (
  DELETE FROM restage_stage.value AS s
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
    'public.value',
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
SELECT restage.count_rows('public.value', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/002_dbo.Value/20_match.sql
-- table:   public.value
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Value, staged in restage_stage.value
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Value/30_allocate.sql
-- table:   public.value
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Value, staged in restage_stage.value
-- body:    sha256:74235b3812c0d43a3f24d6a812c6fa6e4dbc58c6bede9de9400f59efff105b4e
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.value', 'restage_keymap.value') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  WITH orphan AS (
    SELECT s.ctid AS row_id
    FROM restage_stage.value AS s
    WHERE s.parentid IS NOT NULL
      AND NOT EXISTS (
        SELECT
        FROM restage_keymap.parent AS k
        WHERE k.source_id = s.parentid
      )
  )
  INSERT INTO restage_keymap.value (
    source_id,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.id,
    nextval('public.value_id_seq'),
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
          s.flag,
          s.single,
          s.double,
          s.exact,
          s.day,
          s.moment,
          s.clock,
          s.fixed,
          s.bytes,
          s.guid,
          s.markup,
          s.document,
          s.version,
          s.parentid
        )::text,
        (NULL::restage_keymap.value).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.value AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.value AS k
      WHERE k.source_id = s.id
    )
      AND NOT EXISTS (
        SELECT
        FROM orphan AS o
        WHERE o.row_id = s.ctid
      )
    ORDER BY
      s.id
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.value', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.value'::regclass
  ) THEN
    ALTER TABLE restage_keymap.value
      ADD PRIMARY KEY (source_id),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.value'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.value'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.value;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.value'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Value/35_orphans.sql
-- table:   public.value
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Value, staged in restage_stage.value
-- body:    sha256:afa611dfec7b8414278da2e300f91e20858b4029f236c1d2472b739701a567f4
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- value_parentid_fkey: on_orphan: reject
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS (
  DELETE FROM restage_stage.value AS s
  WHERE s.parentid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.parent AS k
      WHERE k.source_id = s.parentid
    )
  RETURNING
    jsonb_build_object('Id', s.id) AS source_key,
    jsonb_build_object('ParentId', s.parentid) AS value,
    jsonb_build_object('Id', s.parentid) AS parent_key,
    row_to_json(s.*) AS row_data
),
refused_parent AS MATERIALIZED (
  SELECT DISTINCT ON (p.source_key)
    p.source_key,
    p.message
  FROM restage.reject AS p
  WHERE p.run_id = (SELECT restage.run_id())
    AND p.table_name = 'public.parent'
    AND NOT p.is_loaded
  ORDER BY
    p.source_key,
    p.id
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
    'public.value',
    r.source_key,
    'foreign key value_parentid_fkey',
    ARRAY['parentid'],
    r.value::text,
    'the parent public.parent ' || r.parent_key::text || CASE
      WHEN p.source_key IS NULL THEN ' is in no key map'
      WHEN length(p.message) > 1000 THEN ' was refused: … ' || right(p.message, 500)
      ELSE ' was refused: ' || p.message
    END,
    false,
    r.row_data
  FROM refused AS r
  LEFT JOIN refused_parent AS p
    ON p.source_key = r.parent_key
  RETURNING 1
)
SELECT restage.count_rows('public.value', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.value'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Value/40_insert.sql
-- table:   public.value
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Value, staged in restage_stage.value
-- body:    sha256:e547c439f49e60d0b4a4787e332c8d9a943ac48946c9384f23da333c41bdccb2
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.value', 'restage_keymap.value') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.value (
    id,
    flag,
    single,
    double,
    exact,
    day,
    moment,
    clock,
    fixed,
    bytes,
    guid,
    markup,
    document,
    version,
    parentid
  )
  SELECT
    k.target_key,
    s.flag,
    s.single,
    s.double,
    s.exact,
    s.day,
    s.moment,
    s.clock,
    s.fixed,
    s.bytes,
    s.guid,
    s.markup,
    s.document,
    s.version,
    p1.target_key
  FROM restage_stage.value AS s
  JOIN restage_keymap.value AS k
    ON k.source_id = s.id
    AND k.first_run = (SELECT restage.run_id())
  LEFT JOIN restage_keymap.parent AS p1
    ON p1.source_id = s.parentid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.value'
      AND c.kind = 'inserted'
  )
    AND (s.parentid IS NULL OR p1.target_key IS NOT NULL);
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.value', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.value'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Value/50_update.sql
-- table:   public.value
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Value, staged in restage_stage.value
-- body:    sha256:d8e12c8cd48b10a81c74dd5c9c2939867b49418113f9b4b3d1d827c67bed0ba1
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.value', 'restage_keymap.value') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.id,
    s.flag,
    s.single,
    s.double,
    s.exact,
    s.day,
    s.moment,
    s.clock,
    s.fixed,
    s.bytes,
    s.guid,
    s.markup,
    s.document,
    s.version,
    s.parentid,
    restage.row_hash(
      ROW(
        s.id,
        s.flag,
        s.single,
        s.double,
        s.exact,
        s.day,
        s.moment,
        s.clock,
        s.fixed,
        s.bytes,
        s.guid,
        s.markup,
        s.document,
        s.version,
        s.parentid
      )::text,
      (NULL::restage_keymap.value).row_hash
    ) AS row_hash
  FROM restage_stage.value AS s
  JOIN restage_keymap.value AS k
    ON k.source_id = s.id
  WHERE NOT (SELECT restage.is_all_new('public.value'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.id,
        s.flag,
        s.single,
        s.double,
        s.exact,
        s.day,
        s.moment,
        s.clock,
        s.fixed,
        s.bytes,
        s.guid,
        s.markup,
        s.document,
        s.version,
        s.parentid
      )::text,
      (NULL::restage_keymap.value).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_id,
    row_to_json(t.*) AS row_data
  FROM public.value AS t
  LEFT JOIN restage_keymap.parent AS p1
    ON p1.target_key = t.parentid
  JOIN restage_keymap.value AS k
    ON k.target_key = t.id
  JOIN changed AS c
    ON k.source_id = c.id
  WHERE restage.row_hash(
      ROW(
        k.source_id,
        t.flag,
        t.single,
        t.double,
        t.exact,
        t.day,
        t.moment,
        t.clock,
        t.fixed,
        t.bytes,
        t.guid,
        t.markup,
        t.document,
        t.version,
        coalesce(p1.source_id::text, 'final ' || t.parentid)
      )::text,
      (NULL::restage_keymap.value).row_hash
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
    'public.value',
    jsonb_build_object('source_id', d.source_id),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.value AS t
  SET
    flag = c.flag,
    single = c.single,
    double = c.double,
    exact = c.exact,
    day = c.day,
    moment = c.moment,
    clock = c.clock,
    fixed = c.fixed,
    bytes = c.bytes,
    guid = c.guid,
    markup = c.markup,
    document = c.document,
    version = c.version,
    parentid = p1.target_key
  FROM changed AS c
  JOIN restage_keymap.value AS k
    ON k.source_id = c.id
  LEFT JOIN restage_keymap.parent AS p1
    ON p1.source_id = c.parentid
  WHERE t.id = k.target_key
    AND (c.parentid IS NULL OR p1.target_key IS NOT NULL)
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.value AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_id = c.id
)
SELECT
  restage.count_rows('public.value', 'updated', count(*)) AS rows,
  restage.count_rows('public.value', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.Value/60_vanished.sql
-- table:   public.value
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Value, staged in restage_stage.value
-- body:    sha256:3167e56701c400fa174dc0552e4052057eef87e0a5c87746b93fefdcc776fdd5
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.value', 'restage_keymap.value') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_id,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.value AS s
  JOIN restage_keymap.value AS k
    ON k.source_id = s.id
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.value AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_id = m.source_id
)
SELECT restage.fail_skipped('public.value', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.value'
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
  CROSS JOIN LATERAL json_populate_record(NULL::public.value, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.value'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.value AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.value'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.value'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.value AS s
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
  FROM restage_keymap.value AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.value'))
),
back AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.value AS s
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
    'public.value',
    'returned',
    ARRAY[b.source_id::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.value AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_id = b.source_id
  RETURNING 1
)
SELECT
  restage.count_rows('public.value', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.value', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Value/70_reset.sql
-- table:   public.value
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Value, staged in restage_stage.value
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Value/90_account.sql
-- table:   public.value
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Value, staged in restage_stage.value
-- body:    sha256:4b5498984e31d977f04daba341b570b4fac8e3997ebba8a73e95c919749237de
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.value', 'restage_keymap.value') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.value', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.value') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.value'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.value', count(*)) AS rows
FROM restage_stage.value AS s
JOIN restage_keymap.value AS k
  ON k.source_id = s.id
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.value'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Value/content.sql
-- table:   public.value
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Value
-- body:    sha256:28aa3f60e031e48fd11e8616ddc53ed0929141339ceed67d4098db45cb352833
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
      s.flag,
      s.single,
      s.double,
      s.exact,
      s.day,
      s.moment,
      s.clock,
      s.fixed,
      s.bytes,
      s.guid,
      s.markup,
      s.document,
      s.version,
      s.parentid,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.value'))
        AND r.table_name = 'public.value'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.value, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_id,
    t.flag,
    t.single,
    t.double,
    t.exact,
    t.day,
    t.moment,
    t.clock,
    t.fixed,
    t.bytes,
    t.guid,
    t.markup,
    t.document,
    t.version,
    coalesce(p1.source_id::text, 'final ' || t.parentid)
  FROM public.value AS t
  LEFT JOIN restage_keymap.parent AS p1
    ON p1.target_key = t.parentid
  JOIN restage_keymap.value AS k
    ON k.target_key = t.id
  LEFT JOIN noted AS n
    ON k.source_id = n.id
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.id,
    n.flag,
    n.single,
    n.double,
    n.exact,
    n.day,
    n.moment,
    n.clock,
    n.fixed,
    n.bytes,
    n.guid,
    n.markup,
    n.document,
    n.version,
    n.parentid::text
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Value/counts.sql
-- table:   public.value
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Value
-- body:    sha256:f31e6f8c91fa5f092b695a7cf8549f1fb8d37f8d09699f313356303af7eea84a
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.value, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.value'))
    AND r.table_name = 'public.value'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.value AS t
    JOIN restage_keymap.value AS k
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.value'))
  AND g.table_name = 'public.value';

-- file:    verify/002_dbo.Value/keys.sql
-- table:   public.value
-- purpose: known = present, when every key has its final row
-- source:  dbo.Value
-- body:    sha256:baa5b7ed31c14d4286317f90f12cb437207f63a0861676cfd3527d64d3e18313
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.value AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.value AS t
    JOIN restage_keymap.value AS k
      ON k.target_key = t.id
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.value AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Value/others.sql
-- table:   public.value
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Value
-- body:    sha256:4d27487c8c16ba62a16c7df4cf1f779a99961feb9b62078202463e7002144649
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.value AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.value AS k
  WHERE k.target_key = t.id
);

-- file:    verify/002_dbo.Value/orphans.sql
-- table:   public.value
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Value
-- body:    sha256:550af4dd2f14f34f066c936b1f3d99519f80efb42a3f02b18690ab4edc9135a2
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- value_parentid_fkey
SELECT count(*) AS orphans
FROM public.value AS t
WHERE t.parentid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.parent AS p
    WHERE p.id = t.parentid
  );

