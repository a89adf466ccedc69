-- file:    merge/003_dbo.Small/10_stage.sql
-- table:   public.small
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Small, staged in restage_stage.small
-- body:    sha256:daeab18114e6451e8e0b914c57213f5fe57fc5ddf9112ece353bc1d6b20e262e
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.small;

CREATE UNLOGGED TABLE restage_stage.small (
  id integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/003_dbo.Small/15_check.sql
-- table:   public.small
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Small, staged in restage_stage.small
-- body:    sha256:e58c96137c850902ade5a2946e88f1cc52a2c369cacaa0fd76c39ef78cf15a12
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.small ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.small (id);

SELECT restage.count_staged('public.small', count(*)) AS staged
FROM restage_stage.small AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.id
  FROM restage_stage.small AS s
  WHERE s.id IS NOT NULL
  GROUP BY
    s.id
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.small AS s
  WHERE s.id IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.small AS s
    ON s.id = r.id
),
refused AS (
  DELETE FROM restage_stage.small AS s
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
    'public.small',
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
SELECT restage.count_rows('public.small', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/003_dbo.Small/20_match.sql
-- table:   public.small
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Small, staged in restage_stage.small
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Small/30_allocate.sql
-- table:   public.small
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Small, staged in restage_stage.small
-- body:    sha256:014f3a4e10e05b407234774c0aff50f2dafb6b6dc81e14963fd2710d8a04ade8
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.small', 'restage_keymap.small') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.small (
    source_id,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.id,
    s.id,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.id,
      restage.row_hash(
        ROW(
          s.id
        )::text,
        (NULL::restage_keymap.small).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.small AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.small AS k
      WHERE k.source_id = s.id
    )
    ORDER BY
      s.id
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.small', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.small'::regclass
  ) THEN
    ALTER TABLE restage_keymap.small
      ADD PRIMARY KEY (source_id),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.small'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.small'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.small;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.small'
  AND c.kind = 'allocated';

-- file:    merge/003_dbo.Small/35_orphans.sql
-- table:   public.small
-- step:    35 orphans
-- purpose: no foreign key to check
-- source:  dbo.Small, staged in restage_stage.small
-- body:    sha256:6397a616b23becbc71055a6dba60490b9e4e9bfac171275f1064fe13469679c9
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.small'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/003_dbo.Small/40_insert.sql
-- table:   public.small
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Small, staged in restage_stage.small
-- body:    sha256:5303478310a9271be1ff8545cbfeea7f0aa4d1a5fbfebb76a5e7bd2edaa01054
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.small', 'restage_keymap.small') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.small (
    id
  )
  SELECT
    s.id
  FROM restage_stage.small AS s
  JOIN restage_keymap.small AS k
    ON k.source_id = s.id
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.small'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.small', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.small'
  AND c.kind = 'inserted';

-- file:    merge/003_dbo.Small/50_update.sql
-- table:   public.small
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Small, staged in restage_stage.small
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Small/60_vanished.sql
-- table:   public.small
-- step:    60 vanished
-- purpose: note rows that vanished from the source, and mark them
-- source:  dbo.Small, staged in restage_stage.small
-- body:    sha256:91da84368a9e98a46a2bd305b73197715ccb849ab45ea40ac864128d51d2dfc0
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.small', 'restage_keymap.small') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_id,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.small AS s
  JOIN restage_keymap.small AS k
    ON k.source_id = s.id
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.small AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_id = m.source_id
)
SELECT restage.fail_skipped('public.small', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.small'
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
  CROSS JOIN LATERAL json_populate_record(NULL::public.small, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.small'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.small AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.small'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.small'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.small AS s
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
  FROM restage_keymap.small AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.small'))
),
back AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.small AS s
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
    'public.small',
    'returned',
    ARRAY[b.source_id::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.small AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_id = b.source_id
  RETURNING 1
)
SELECT
  restage.count_rows('public.small', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.small', 'returned', (SELECT count(*) FROM returned)) AS returned;

SELECT restage.guard_vanished(
  table_name => 'public.small',
  going => 0,
  known => (
    SELECT count(*)
    FROM restage_keymap.small AS k
  ),
  max_percent => 0.5
);

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/003_dbo.Small/70_reset.sql
-- table:   public.small
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Small, staged in restage_stage.small
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Small/90_account.sql
-- table:   public.small
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Small, staged in restage_stage.small
-- body:    sha256:c0b7c8b4f6710336304b7df70792d95dbf93b458987648d36e2df9b0729040aa
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.small', 'restage_keymap.small') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.small', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.small') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.small'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.small', count(*)) AS rows
FROM restage_stage.small AS s
JOIN restage_keymap.small AS k
  ON k.source_id = s.id
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.small'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/003_dbo.Small/content.sql
-- table:   public.small
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Small
-- body:    sha256:eeffd8dea2a3c41b074ebf8d1140b83ee158eaa010442f66cfa2a8463841adb1
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
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.small'))
        AND r.table_name = 'public.small'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.small, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    t.id
  FROM public.small AS t
  JOIN restage_keymap.small AS k
    ON k.source_id = t.id
  LEFT JOIN noted AS n
    ON k.source_id = n.id
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.id
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/003_dbo.Small/counts.sql
-- table:   public.small
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Small
-- body:    sha256:2498bd77493af5c3a63937e1504a0978977c6a67c00ca5d1f3f7d2d280c97685
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.small, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.small'))
    AND r.table_name = 'public.small'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.small AS t
    JOIN restage_keymap.small AS k
      ON k.source_id = t.id
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.small'))
  AND g.table_name = 'public.small';

-- file:    verify/003_dbo.Small/keys.sql
-- table:   public.small
-- purpose: known = present, when every key has its final row
-- source:  dbo.Small
-- body:    sha256:b63c700c044769acdee92e07980e8ad7fd2c21419d3f0f175da4247d915cde3d
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.small AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.small AS t
    JOIN restage_keymap.small AS k
      ON k.source_id = t.id
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.small AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/003_dbo.Small/others.sql
-- table:   public.small
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Small
-- body:    sha256:0be26a1b3558598b5cfcbda4073835346b7baa93cdb1b38904afdc3dc66c09ff
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.small AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.small AS k
  WHERE k.source_id = t.id
);

-- file:    verify/003_dbo.Small/unique.sql
-- table:   public.small
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Small
-- body:    sha256:793a7afc812c3ebec1b64b6ec04d5f97d8cdb0bd012ede569e6a66494405ebf8
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- small_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.small
),
held AS (
  SELECT
    t.id AS id,
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
            AND g.table_name = 'public.small'
          ORDER BY r.started_at DESC
          LIMIT 1
        )
        AND c.table_name = 'public.small'
        AND c.is_skipped
        AND c.chunk_id = k.chunk
    ) AS is_skipped
  FROM public.small AS t
  LEFT JOIN restage_keymap.small AS k
    ON k.source_id = t.id
)
SELECT
  jsonb_build_object('Id', s.id) AS value,
  jsonb_build_object('Id', s.id) AS staged_row,
  jsonb_build_object('Id', o.id) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.id = s.id
  AND ROW(s.id) < ROW(o.id)
UNION ALL
SELECT
  jsonb_build_object('Id', s.id) AS value,
  jsonb_build_object('Id', s.id) AS staged_row,
  jsonb_build_object('Id', t.id) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN t.is_skipped THEN 'staged'
    WHEN o.id IS NULL THEN 'vanished'
    WHEN ROW(o.id) IS DISTINCT FROM ROW(t.id) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.id = s.id
LEFT JOIN restage_stage.small AS o
  ON o.id = t.id
WHERE NOT (t.is_known AND ROW(s.id) IS NOT DISTINCT FROM ROW(t.id))
LIMIT 20;

