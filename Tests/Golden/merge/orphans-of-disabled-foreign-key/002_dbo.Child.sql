-- file:    merge/002_dbo.Child/10_stage.sql
-- table:   public.child
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Child, staged in restage_stage.child
-- body:    sha256:8b3de8816e9416880b581649bbbe5137ce2d26cbad022d0ac58e6cb34579b834
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.child;

CREATE UNLOGGED TABLE restage_stage.child (
  id integer,
  parentid integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Child/15_check.sql
-- table:   public.child
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Child, staged in restage_stage.child
-- body:    sha256:7215e17065c60ce8bff8c2bb47d3dca2d4984f1c0b324c4ae22a0bf630096a4c
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.child ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.child (id, parentid);

SELECT restage.count_staged('public.child', count(*)) AS staged
FROM restage_stage.child AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.id
  FROM restage_stage.child AS s
  WHERE s.id IS NOT NULL
  GROUP BY
    s.id
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.child AS s
  WHERE s.id IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.child AS s
    ON s.id = r.id
),
refused AS (
  DELETE FROM restage_stage.child AS s
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
    'public.child',
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
SELECT restage.count_rows('public.child', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/002_dbo.Child/20_match.sql
-- table:   public.child
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Child, staged in restage_stage.child
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Child/30_allocate.sql
-- table:   public.child
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Child, staged in restage_stage.child
-- body:    sha256:e78af3c42e9f4f5b225a885c1a15b40cd0e603d364f32c90c0f065f3cf537253
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.child', 'restage_keymap.child') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  WITH orphan AS (
    SELECT s.ctid AS row_id
    FROM restage_stage.child AS s
    WHERE s.parentid IS NOT NULL
      AND NOT EXISTS (
        SELECT
        FROM restage_keymap.parent AS k
        WHERE k.source_id = s.parentid
      )
  )
  INSERT INTO restage_keymap.child (
    source_id,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.id,
    nextval('public.child_id_seq'),
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
          s.parentid
        )::text,
        (NULL::restage_keymap.child).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.child AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.child AS k
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
  PERFORM restage.count_rows('public.child', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.child'::regclass
  ) THEN
    ALTER TABLE restage_keymap.child
      ADD PRIMARY KEY (source_id),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.child'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.child'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.child;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.child'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Child/35_orphans.sql
-- table:   public.child
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Child, staged in restage_stage.child
-- body:    sha256:744bb43cbe26b11c0a3fa720cdf63d4d44154ac46d4a0ca58557f79c83fae6dc
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- child_parentid_fkey: on_orphan: reject
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS (
  DELETE FROM restage_stage.child AS s
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
    'public.child',
    r.source_key,
    'foreign key child_parentid_fkey',
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
SELECT restage.count_rows('public.child', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.child'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Child/40_insert.sql
-- table:   public.child
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Child, staged in restage_stage.child
-- body:    sha256:cda3e09fd4f8bbbff4040639e0811585c63c2c6a9023be23bd9b6b9ba34c49d0
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.child', 'restage_keymap.child') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.child (
    id,
    parentid
  )
  SELECT
    k.target_key,
    p1.target_key
  FROM restage_stage.child AS s
  JOIN restage_keymap.child AS k
    ON k.source_id = s.id
    AND k.first_run = (SELECT restage.run_id())
  LEFT JOIN restage_keymap.parent AS p1
    ON p1.source_id = s.parentid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.child'
      AND c.kind = 'inserted'
  )
    AND (s.parentid IS NULL OR p1.target_key IS NOT NULL);
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.child', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.child'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Child/50_update.sql
-- table:   public.child
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Child, staged in restage_stage.child
-- body:    sha256:1ef4eae66378bafd58e0280b5cbf4977cdd222aa99eea49e1649e2bd51116ac9
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.child', 'restage_keymap.child') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.id,
    s.parentid,
    restage.row_hash(
      ROW(
        s.id,
        s.parentid
      )::text,
      (NULL::restage_keymap.child).row_hash
    ) AS row_hash
  FROM restage_stage.child AS s
  JOIN restage_keymap.child AS k
    ON k.source_id = s.id
  WHERE NOT (SELECT restage.is_all_new('public.child'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.id,
        s.parentid
      )::text,
      (NULL::restage_keymap.child).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_id,
    row_to_json(t.*) AS row_data
  FROM public.child AS t
  LEFT JOIN restage_keymap.parent AS p1
    ON p1.target_key = t.parentid
  JOIN restage_keymap.child AS k
    ON k.target_key = t.id
  JOIN changed AS c
    ON k.source_id = c.id
  WHERE restage.row_hash(
      ROW(
        k.source_id,
        coalesce(p1.source_id::text, 'final ' || t.parentid)
      )::text,
      (NULL::restage_keymap.child).row_hash
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
    'public.child',
    jsonb_build_object('source_id', d.source_id),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.child AS t
  SET
    parentid = p1.target_key
  FROM changed AS c
  JOIN restage_keymap.child AS k
    ON k.source_id = c.id
  LEFT JOIN restage_keymap.parent AS p1
    ON p1.source_id = c.parentid
  WHERE t.id = k.target_key
    AND (c.parentid IS NULL OR p1.target_key IS NOT NULL)
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.child AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_id = c.id
)
SELECT
  restage.count_rows('public.child', 'updated', count(*)) AS rows,
  restage.count_rows('public.child', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.Child/60_vanished.sql
-- table:   public.child
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Child, staged in restage_stage.child
-- body:    sha256:ce8c5e4b0d781a996b0ebfeb64a18a9cd4c5305d914c39bdd1353866b0507922
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.child', 'restage_keymap.child') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_id,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.child AS s
  JOIN restage_keymap.child AS k
    ON k.source_id = s.id
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.child AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_id = m.source_id
)
SELECT restage.fail_skipped('public.child', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.child'
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
  CROSS JOIN LATERAL json_populate_record(NULL::public.child, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.child'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.child AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.child'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.child'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.child AS s
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
  FROM restage_keymap.child AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.child'))
),
back AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.child AS s
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
    'public.child',
    'returned',
    ARRAY[b.source_id::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.child AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_id = b.source_id
  RETURNING 1
)
SELECT
  restage.count_rows('public.child', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.child', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Child/70_reset.sql
-- table:   public.child
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Child, staged in restage_stage.child
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Child/90_account.sql
-- table:   public.child
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Child, staged in restage_stage.child
-- body:    sha256:8f220602c4c05bd871d73b16dbb3c3bb1fe78d3b3554d8dc35117fa53e4c64a0
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.child', 'restage_keymap.child') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.child', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.child') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.child'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.child', count(*)) AS rows
FROM restage_stage.child AS s
JOIN restage_keymap.child AS k
  ON k.source_id = s.id
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.child'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Child/content.sql
-- table:   public.child
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Child
-- body:    sha256:c4ef19da424a97911cf4b9089ff89452254a1efef89f1cad9fd977942fbf29d7
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
      s.parentid,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.child'))
        AND r.table_name = 'public.child'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.child, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_id,
    coalesce(p1.source_id::text, 'final ' || t.parentid)
  FROM public.child AS t
  LEFT JOIN restage_keymap.parent AS p1
    ON p1.target_key = t.parentid
  JOIN restage_keymap.child AS k
    ON k.target_key = t.id
  LEFT JOIN noted AS n
    ON k.source_id = n.id
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.id,
    n.parentid::text
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Child/counts.sql
-- table:   public.child
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Child
-- body:    sha256:287b17c01fb0c4efb7a1767a1f6a367f047cfa1da4d75bf414f84c107b8c6ebf
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.child, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.child'))
    AND r.table_name = 'public.child'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.child AS t
    JOIN restage_keymap.child AS k
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.child'))
  AND g.table_name = 'public.child';

-- file:    verify/002_dbo.Child/keys.sql
-- table:   public.child
-- purpose: known = present, when every key has its final row
-- source:  dbo.Child
-- body:    sha256:472e6f5fc9dff83d4f2a78beaf22e2e45b0f48cdb40f64917576cd719dd5a3ed
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.child AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.child AS t
    JOIN restage_keymap.child AS k
      ON k.target_key = t.id
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.child AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Child/others.sql
-- table:   public.child
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Child
-- body:    sha256:9710558aa6b6955af882d1fe68d091f18c6d8543e179e3d9c3938a94f41b2e3a
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.child AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.child AS k
  WHERE k.target_key = t.id
);

-- file:    verify/002_dbo.Child/orphans.sql
-- table:   public.child
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Child
-- body:    sha256:80a69692f822bc15a5e61f37500d492335a68963b4ec5391cdea1e3f70de945e
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- child_parentid_fkey
SELECT count(*) AS orphans
FROM public.child AS t
WHERE t.parentid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.parent AS p
    WHERE p.id = t.parentid
  );

