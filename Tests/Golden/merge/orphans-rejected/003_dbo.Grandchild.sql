-- file:    merge/003_dbo.Grandchild/10_stage.sql
-- table:   public.grandchild
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Grandchild, staged in restage_stage.grandchild
-- body:    sha256:e5116ef632c83e8eadd445f12431060bd0efb6d83449a20efc829b17b4c48345
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.grandchild;

CREATE UNLOGGED TABLE restage_stage.grandchild (
  id integer,
  childid integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/003_dbo.Grandchild/15_check.sql
-- table:   public.grandchild
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Grandchild, staged in restage_stage.grandchild
-- body:    sha256:25634a748c2a983136c413994ddea1862e0dc5b1aafd0a6c4dea4737d4e438ed
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.grandchild ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.grandchild (id, childid);

SELECT restage.count_staged('public.grandchild', count(*)) AS staged
FROM restage_stage.grandchild AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.id
  FROM restage_stage.grandchild AS s
  WHERE s.id IS NOT NULL
  GROUP BY
    s.id
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.grandchild AS s
  WHERE s.id IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.grandchild AS s
    ON s.id = r.id
),
refused AS (
  DELETE FROM restage_stage.grandchild AS s
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
    'public.grandchild',
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
SELECT restage.count_rows('public.grandchild', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/003_dbo.Grandchild/20_match.sql
-- table:   public.grandchild
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Grandchild, staged in restage_stage.grandchild
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Grandchild/30_allocate.sql
-- table:   public.grandchild
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Grandchild, staged in restage_stage.grandchild
-- body:    sha256:04c87b9f8ab93da0f9cc65b4121450b5258b5399435f1237663c216accc172e8
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.grandchild', 'restage_keymap.grandchild') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  WITH orphan AS (
    SELECT s.ctid AS row_id
    FROM restage_stage.grandchild AS s
    WHERE s.childid IS NOT NULL
      AND NOT EXISTS (
        SELECT
        FROM restage_keymap.child AS k
        WHERE k.source_id = s.childid
      )
  )
  INSERT INTO restage_keymap.grandchild (
    source_id,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.id,
    nextval('public.grandchild_id_seq'),
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
          s.childid
        )::text,
        (NULL::restage_keymap.grandchild).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.grandchild AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.grandchild AS k
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
  PERFORM restage.count_rows('public.grandchild', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.grandchild'::regclass
  ) THEN
    ALTER TABLE restage_keymap.grandchild
      ADD PRIMARY KEY (source_id),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.grandchild'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.grandchild'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.grandchild;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.grandchild'
  AND c.kind = 'allocated';

-- file:    merge/003_dbo.Grandchild/35_orphans.sql
-- table:   public.grandchild
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Grandchild, staged in restage_stage.grandchild
-- body:    sha256:eebeb2b6325cf5b2be75b0b1a46c0d6b127613eda2e644497b47ba143548ee73
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- grandchild_childid_fkey: on_orphan: reject
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS (
  DELETE FROM restage_stage.grandchild AS s
  WHERE s.childid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.child AS k
      WHERE k.source_id = s.childid
    )
  RETURNING
    jsonb_build_object('Id', s.id) AS source_key,
    jsonb_build_object('ChildId', s.childid) AS value,
    jsonb_build_object('Id', s.childid) AS parent_key,
    row_to_json(s.*) AS row_data
),
refused_parent AS MATERIALIZED (
  SELECT DISTINCT ON (p.source_key)
    p.source_key,
    p.message
  FROM restage.reject AS p
  WHERE p.run_id = (SELECT restage.run_id())
    AND p.table_name = 'public.child'
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
    'public.grandchild',
    r.source_key,
    'foreign key grandchild_childid_fkey',
    ARRAY['childid'],
    r.value::text,
    'the parent public.child ' || r.parent_key::text || CASE
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
SELECT restage.count_rows('public.grandchild', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.grandchild'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/003_dbo.Grandchild/40_insert.sql
-- table:   public.grandchild
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Grandchild, staged in restage_stage.grandchild
-- body:    sha256:44cae719aaadceae1e10d595d23328a1df78239de13f929827100a453fde00f2
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.grandchild', 'restage_keymap.grandchild') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.grandchild (
    id,
    childid
  )
  SELECT
    k.target_key,
    p1.target_key
  FROM restage_stage.grandchild AS s
  JOIN restage_keymap.grandchild AS k
    ON k.source_id = s.id
    AND k.first_run = (SELECT restage.run_id())
  JOIN restage_keymap.child AS p1
    ON p1.source_id = s.childid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.grandchild'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.grandchild', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.grandchild'
  AND c.kind = 'inserted';

-- file:    merge/003_dbo.Grandchild/50_update.sql
-- table:   public.grandchild
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Grandchild, staged in restage_stage.grandchild
-- body:    sha256:ae85069e52f335289775507c483a848e9b0418efdfcaced66fd8ef5a49ceade1
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.grandchild', 'restage_keymap.grandchild') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.id,
    s.childid,
    restage.row_hash(
      ROW(
        s.id,
        s.childid
      )::text,
      (NULL::restage_keymap.grandchild).row_hash
    ) AS row_hash
  FROM restage_stage.grandchild AS s
  JOIN restage_keymap.grandchild AS k
    ON k.source_id = s.id
  WHERE NOT (SELECT restage.is_all_new('public.grandchild'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.id,
        s.childid
      )::text,
      (NULL::restage_keymap.grandchild).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_id,
    row_to_json(t.*) AS row_data
  FROM public.grandchild AS t
  LEFT JOIN restage_keymap.child AS p1
    ON p1.target_key = t.childid
  JOIN restage_keymap.grandchild AS k
    ON k.target_key = t.id
  JOIN changed AS c
    ON k.source_id = c.id
  WHERE restage.row_hash(
      ROW(
        k.source_id,
        p1.source_id
      )::text,
      (NULL::restage_keymap.grandchild).row_hash
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
    'public.grandchild',
    jsonb_build_object('source_id', d.source_id),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.grandchild AS t
  SET
    childid = p1.target_key
  FROM changed AS c
  JOIN restage_keymap.grandchild AS k
    ON k.source_id = c.id
  JOIN restage_keymap.child AS p1
    ON p1.source_id = c.childid
  WHERE t.id = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.grandchild AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_id = c.id
)
SELECT
  restage.count_rows('public.grandchild', 'updated', count(*)) AS rows,
  restage.count_rows('public.grandchild', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/003_dbo.Grandchild/60_vanished.sql
-- table:   public.grandchild
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Grandchild, staged in restage_stage.grandchild
-- body:    sha256:ac6e5fca3b341252c280be8dfb5a08eae106c9091c1eff94a48569c43d32ffbf
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.grandchild', 'restage_keymap.grandchild') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_id,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.grandchild AS s
  JOIN restage_keymap.grandchild AS k
    ON k.source_id = s.id
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.grandchild AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_id = m.source_id
)
SELECT restage.fail_skipped('public.grandchild', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.grandchild'
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
  CROSS JOIN LATERAL json_populate_record(NULL::public.grandchild, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.grandchild'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.grandchild AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.grandchild'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.grandchild'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.grandchild AS s
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
  FROM restage_keymap.grandchild AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.grandchild'))
),
back AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.grandchild AS s
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
    'public.grandchild',
    'returned',
    ARRAY[b.source_id::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.grandchild AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_id = b.source_id
  RETURNING 1
)
SELECT
  restage.count_rows('public.grandchild', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.grandchild', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/003_dbo.Grandchild/70_reset.sql
-- table:   public.grandchild
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Grandchild, staged in restage_stage.grandchild
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Grandchild/90_account.sql
-- table:   public.grandchild
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Grandchild, staged in restage_stage.grandchild
-- body:    sha256:db23c0ab29e4e0a15b7eb833a2a7b23eddab649959d33bb46f6c68fac4b23078
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.grandchild', 'restage_keymap.grandchild') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.grandchild', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.grandchild') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.grandchild'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.grandchild', count(*)) AS rows
FROM restage_stage.grandchild AS s
JOIN restage_keymap.grandchild AS k
  ON k.source_id = s.id
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.grandchild'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/003_dbo.Grandchild/content.sql
-- table:   public.grandchild
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Grandchild
-- body:    sha256:4b69f0fe9d8120ba97ae0244cf48acede8d3ba50c5ab2dfd2b4f135f45ffed5a
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
      s.childid,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.grandchild'))
        AND r.table_name = 'public.grandchild'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.grandchild, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_id,
    p1.source_id
  FROM public.grandchild AS t
  LEFT JOIN restage_keymap.child AS p1
    ON p1.target_key = t.childid
  JOIN restage_keymap.grandchild AS k
    ON k.target_key = t.id
  LEFT JOIN noted AS n
    ON k.source_id = n.id
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.id,
    n.childid
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/003_dbo.Grandchild/counts.sql
-- table:   public.grandchild
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Grandchild
-- body:    sha256:cadc1bee9ec7e9fe313f83233c6875207ceb719642ce59dcc66deaba90f7d136
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.grandchild, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.grandchild'))
    AND r.table_name = 'public.grandchild'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.grandchild AS t
    JOIN restage_keymap.grandchild AS k
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.grandchild'))
  AND g.table_name = 'public.grandchild';

-- file:    verify/003_dbo.Grandchild/keys.sql
-- table:   public.grandchild
-- purpose: known = present, when every key has its final row
-- source:  dbo.Grandchild
-- body:    sha256:dab7c5c30d9bf26c4efde101775b0236f9a23a8ad4939ea270efcab5901d3138
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.grandchild AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.grandchild AS t
    JOIN restage_keymap.grandchild AS k
      ON k.target_key = t.id
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.grandchild AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/003_dbo.Grandchild/others.sql
-- table:   public.grandchild
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Grandchild
-- body:    sha256:86e03dc15341009ae4a1c7d5cdd9617a7e42c0634474d625de28d70c1f118bdb
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.grandchild AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.grandchild AS k
  WHERE k.target_key = t.id
);

-- file:    verify/003_dbo.Grandchild/orphans.sql
-- table:   public.grandchild
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Grandchild
-- body:    sha256:58e97bb4b299343701d33436c2ccc46d2d91dd25eb8401ba89f4aea1cf8b3a80
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- grandchild_childid_fkey
SELECT count(*) AS orphans
FROM public.grandchild AS t
WHERE t.childid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.child AS p
    WHERE p.id = t.childid
  );

