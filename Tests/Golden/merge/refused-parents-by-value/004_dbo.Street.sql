-- file:    merge/004_dbo.Street/10_stage.sql
-- table:   public.street
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Street, staged in restage_stage.street
-- body:    sha256:ab9fc795b5f6152c83c92f8af0ee73edd1b65920e377f0fda32490f486c8fbd3
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.street;

CREATE UNLOGGED TABLE restage_stage.street (
  id integer,
  cityid integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/004_dbo.Street/15_check.sql
-- table:   public.street
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Street, staged in restage_stage.street
-- body:    sha256:fe17b9c1f69a31f350a20175a4b6958ed1d854ba8ce25f939b571330aecaf2a8
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.street ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.street (id, cityid);

SELECT restage.count_staged('public.street', count(*)) AS staged
FROM restage_stage.street AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.id
  FROM restage_stage.street AS s
  WHERE s.id IS NOT NULL
  GROUP BY
    s.id
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.street AS s
  WHERE s.id IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.street AS s
    ON s.id = r.id
),
refused AS (
  DELETE FROM restage_stage.street AS s
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
    'public.street',
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
SELECT restage.count_rows('public.street', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/004_dbo.Street/20_match.sql
-- table:   public.street
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Street, staged in restage_stage.street
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/004_dbo.Street/30_allocate.sql
-- table:   public.street
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Street, staged in restage_stage.street
-- body:    sha256:f91e66f8d3a93e2cd358697711d8df0c2f10a07a909ff1f0a0e5713067e5eb5e
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.street', 'restage_keymap.street') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  WITH orphan AS (
    SELECT s.ctid AS row_id
    FROM restage_stage.street AS s
    WHERE s.cityid IS NOT NULL
      AND NOT EXISTS (
        SELECT
        FROM restage_keymap.city AS k
        WHERE k.source_id = s.cityid
      )
  )
  INSERT INTO restage_keymap.street (
    source_id,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.id,
    nextval('public.street_id_seq'),
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
          s.cityid
        )::text,
        (NULL::restage_keymap.street).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.street AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.street AS k
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
  PERFORM restage.count_rows('public.street', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.street'::regclass
  ) THEN
    ALTER TABLE restage_keymap.street
      ADD PRIMARY KEY (source_id),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.street'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.street'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.street;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.street'
  AND c.kind = 'allocated';

-- file:    merge/004_dbo.Street/35_orphans.sql
-- table:   public.street
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Street, staged in restage_stage.street
-- body:    sha256:f1302fe9460777d94ad7dfaeaea06405d95109513695f2c77d42665b49604308
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- street_cityid_fkey: on_orphan: reject
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS (
  DELETE FROM restage_stage.street AS s
  WHERE s.cityid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.city AS k
      WHERE k.source_id = s.cityid
    )
  RETURNING
    jsonb_build_object('Id', s.id) AS source_key,
    jsonb_build_object('CityId', s.cityid) AS value,
    jsonb_build_object('Id', s.cityid) AS parent_key,
    row_to_json(s.*) AS row_data
),
refused_parent AS MATERIALIZED (
  SELECT DISTINCT ON (p.source_key)
    p.source_key,
    p.message
  FROM restage.reject AS p
  WHERE p.run_id = (SELECT restage.run_id())
    AND p.table_name = 'public.city'
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
    'public.street',
    r.source_key,
    'foreign key street_cityid_fkey',
    ARRAY['cityid'],
    r.value::text,
    'the parent public.city ' || r.parent_key::text || CASE
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
SELECT restage.count_rows('public.street', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.street'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/004_dbo.Street/40_insert.sql
-- table:   public.street
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Street, staged in restage_stage.street
-- body:    sha256:d0ece3829c7b541fd12604d9cfce2e9be3fb3a929a57787fee3c2980915012a6
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.street', 'restage_keymap.street') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.street (
    id,
    cityid
  )
  SELECT
    k.target_key,
    p1.target_key
  FROM restage_stage.street AS s
  JOIN restage_keymap.street AS k
    ON k.source_id = s.id
    AND k.first_run = (SELECT restage.run_id())
  JOIN restage_keymap.city AS p1
    ON p1.source_id = s.cityid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.street'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.street', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.street'
  AND c.kind = 'inserted';

-- file:    merge/004_dbo.Street/50_update.sql
-- table:   public.street
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Street, staged in restage_stage.street
-- body:    sha256:ce36baa9113a564d2d6cc05390a38213189315952333d475ebadce80cf3e6c11
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.street', 'restage_keymap.street') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.id,
    s.cityid,
    restage.row_hash(
      ROW(
        s.id,
        s.cityid
      )::text,
      (NULL::restage_keymap.street).row_hash
    ) AS row_hash
  FROM restage_stage.street AS s
  JOIN restage_keymap.street AS k
    ON k.source_id = s.id
  WHERE NOT (SELECT restage.is_all_new('public.street'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.id,
        s.cityid
      )::text,
      (NULL::restage_keymap.street).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_id,
    row_to_json(t.*) AS row_data
  FROM public.street AS t
  LEFT JOIN restage_keymap.city AS p1
    ON p1.target_key = t.cityid
  JOIN restage_keymap.street AS k
    ON k.target_key = t.id
  JOIN changed AS c
    ON k.source_id = c.id
  WHERE restage.row_hash(
      ROW(
        k.source_id,
        p1.source_id
      )::text,
      (NULL::restage_keymap.street).row_hash
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
    'public.street',
    jsonb_build_object('source_id', d.source_id),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.street AS t
  SET
    cityid = p1.target_key
  FROM changed AS c
  JOIN restage_keymap.street AS k
    ON k.source_id = c.id
  JOIN restage_keymap.city AS p1
    ON p1.source_id = c.cityid
  WHERE t.id = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.street AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_id = c.id
)
SELECT
  restage.count_rows('public.street', 'updated', count(*)) AS rows,
  restage.count_rows('public.street', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/004_dbo.Street/60_vanished.sql
-- table:   public.street
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Street, staged in restage_stage.street
-- body:    sha256:39b775bad99cb48db0e462d04f6035191a5aa51cea31d08ce5a744592f4cec35
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.street', 'restage_keymap.street') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_id,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.street AS s
  JOIN restage_keymap.street AS k
    ON k.source_id = s.id
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.street AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_id = m.source_id
)
SELECT restage.fail_skipped('public.street', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.street'
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
  CROSS JOIN LATERAL json_populate_record(NULL::public.street, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.street'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.street AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.street'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.street'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.street AS s
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
  FROM restage_keymap.street AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.street'))
),
back AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.street AS s
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
    'public.street',
    'returned',
    ARRAY[b.source_id::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.street AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_id = b.source_id
  RETURNING 1
)
SELECT
  restage.count_rows('public.street', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.street', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/004_dbo.Street/70_reset.sql
-- table:   public.street
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Street, staged in restage_stage.street
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/004_dbo.Street/90_account.sql
-- table:   public.street
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Street, staged in restage_stage.street
-- body:    sha256:6439a1e6d6fdab6553c3b147092673540f436dc9e7bc6bf549500d5f9536b77f
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.street', 'restage_keymap.street') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.street', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.street') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.street'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.street', count(*)) AS rows
FROM restage_stage.street AS s
JOIN restage_keymap.street AS k
  ON k.source_id = s.id
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.street'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/004_dbo.Street/content.sql
-- table:   public.street
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Street
-- body:    sha256:6251d77ef3a1e9090a0a97906caaef2f63e582c074ec217810b98fd391b01f1c
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
      s.cityid,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.street'))
        AND r.table_name = 'public.street'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.street, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_id,
    p1.source_id
  FROM public.street AS t
  LEFT JOIN restage_keymap.city AS p1
    ON p1.target_key = t.cityid
  JOIN restage_keymap.street AS k
    ON k.target_key = t.id
  LEFT JOIN noted AS n
    ON k.source_id = n.id
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.id,
    n.cityid
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/004_dbo.Street/counts.sql
-- table:   public.street
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Street
-- body:    sha256:ffc050343f536c3fa285c6bd255d4030574f3df4a35222921fc9b22208f66940
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.street, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.street'))
    AND r.table_name = 'public.street'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.street AS t
    JOIN restage_keymap.street AS k
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.street'))
  AND g.table_name = 'public.street';

-- file:    verify/004_dbo.Street/keys.sql
-- table:   public.street
-- purpose: known = present, when every key has its final row
-- source:  dbo.Street
-- body:    sha256:6ca03b9b283b6ea9f25ecd95e6d91f792f88342278eb2ee0763b9e16aa171aaf
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.street AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.street AS t
    JOIN restage_keymap.street AS k
      ON k.target_key = t.id
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.street AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/004_dbo.Street/others.sql
-- table:   public.street
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Street
-- body:    sha256:076351f40735f820e2f42eb39370d0caa64e4da07dacd53df0ba935daefa9511
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.street AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.street AS k
  WHERE k.target_key = t.id
);

-- file:    verify/004_dbo.Street/orphans.sql
-- table:   public.street
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Street
-- body:    sha256:6527971566c496013f57da70864a3eb9973b68898b58be828820050406752df2
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- street_cityid_fkey
SELECT count(*) AS orphans
FROM public.street AS t
WHERE t.cityid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.city AS p
    WHERE p.id = t.cityid
  );

