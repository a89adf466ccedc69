-- file:    merge/001_dbo.Half/10_stage.sql
-- table:   public.half
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Half, staged in restage_stage.half
-- body:    sha256:f9f1f54f27f6c20ea83ea8c2bc0d909d2c919ff63d66f7487cd7e5006ebee7a2
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.half;

CREATE UNLOGGED TABLE restage_stage.half (
  id integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.Half/15_check.sql
-- table:   public.half
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Half, staged in restage_stage.half
-- body:    sha256:1f32162421143c91b1686d6bfb74cdd3daaaec91612a0135ae37dbdc6e0d54cd
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.half ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.half (id);

SELECT restage.count_staged('public.half', count(*)) AS staged
FROM restage_stage.half AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.id
  FROM restage_stage.half AS s
  WHERE s.id IS NOT NULL
  GROUP BY
    s.id
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.half AS s
  WHERE s.id IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.half AS s
    ON s.id = r.id
),
refused AS (
  DELETE FROM restage_stage.half AS s
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
    'public.half',
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
SELECT restage.count_rows('public.half', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/001_dbo.Half/20_match.sql
-- table:   public.half
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Half, staged in restage_stage.half
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Half/30_allocate.sql
-- table:   public.half
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Half, staged in restage_stage.half
-- body:    sha256:5b00cb70a57102e0f23d03a86d0a055f7a3b83eb728caf18694e4d50e3f6a9b1
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.half', 'restage_keymap.half') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.half (
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
        (NULL::restage_keymap.half).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.half AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.half AS k
      WHERE k.source_id = s.id
    )
    ORDER BY
      s.id
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.half', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.half'::regclass
  ) THEN
    ALTER TABLE restage_keymap.half
      ADD PRIMARY KEY (source_id),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.half'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.half'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.half;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.half'
  AND c.kind = 'allocated';

-- file:    merge/001_dbo.Half/35_orphans.sql
-- table:   public.half
-- step:    35 orphans
-- purpose: no foreign key to check
-- source:  dbo.Half, staged in restage_stage.half
-- body:    sha256:788a553aa0ebaf84eceb21638e7d1346fe261ac7edd21ca6988429c023a8d133
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.half'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/001_dbo.Half/40_insert.sql
-- table:   public.half
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Half, staged in restage_stage.half
-- body:    sha256:5e0344679eca9ddeb1dea8408b00cc5ca31b151c074bb3fb2a6fb8e80e02f2f8
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.half', 'restage_keymap.half') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.half (
    id
  )
  SELECT
    s.id
  FROM restage_stage.half AS s
  JOIN restage_keymap.half AS k
    ON k.source_id = s.id
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.half'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.half', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.half'
  AND c.kind = 'inserted';

-- file:    merge/001_dbo.Half/50_update.sql
-- table:   public.half
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Half, staged in restage_stage.half
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Half/60_vanished.sql
-- table:   public.half
-- step:    60 vanished
-- purpose: note rows that vanished from the source, and delete them
-- source:  dbo.Half, staged in restage_stage.half
-- body:    sha256:2202879b87ab8bee7654f5694cf70628be2ab9398480e08a237b69677508cd50
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.half', 'restage_keymap.half') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_id,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.half AS s
  JOIN restage_keymap.half AS k
    ON k.source_id = s.id
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.half AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_id = m.source_id
)
SELECT restage.fail_skipped('public.half', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.half'
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
  CROSS JOIN LATERAL json_populate_record(NULL::public.half, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.half'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.half AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.half'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.half'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.half AS s
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
  FROM restage_keymap.half AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.half'))
),
back AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.half AS s
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
    'public.half',
    'returned',
    ARRAY[b.source_id::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.half AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_id = b.source_id
  RETURNING 1
)
SELECT
  restage.count_rows('public.half', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.half', 'returned', (SELECT count(*) FROM returned)) AS returned;

SELECT restage.guard_vanished(
  table_name => 'public.half',
  going => (
    WITH candidates AS MATERIALIZED (
      SELECT t.ctid AS row_id
      FROM public.half AS t
      JOIN restage_keymap.half AS k
        ON k.source_id = t.id
      WHERE k.vanished_run IS NOT NULL
        AND k.matched_run IS NULL
        AND NOT EXISTS (
          SELECT
          FROM restage.staged AS g
          WHERE g.run_id = (SELECT restage.run_id())
            AND g.table_name = 'public.half'
            AND g.export_rejects > 0
        )
        AND NOT EXISTS (
          SELECT
          FROM restage.shared_keys('stride', 'public', 'half') AS o (target_key)
          WHERE o.target_key = k.target_key::text
        )
    ),
    held AS MATERIALIZED (
      SELECT h.row_id
      FROM restage.held_rows(
        table_name => 'public.half',
        row_ids => ARRAY(SELECT c.row_id FROM candidates AS c),
        self_included => false
      ) AS h (row_id)
    )
    SELECT count(*)
    FROM candidates AS c
    WHERE NOT EXISTS (
      SELECT
      FROM held AS h
      WHERE h.row_id = c.row_id
    )
  ),
  known => (
    SELECT count(*)
    FROM restage_keymap.half AS k
  ),
  max_percent => 50
);

WITH candidates AS MATERIALIZED (
  SELECT
    t.ctid AS row_id,
    k.source_id
  FROM public.half AS t
  JOIN restage_keymap.half AS k
    ON k.source_id = t.id
  WHERE k.vanished_run IS NOT NULL
    AND k.matched_run IS NULL
    AND NOT EXISTS (
      SELECT
      FROM restage.staged AS g
      WHERE g.run_id = (SELECT restage.run_id())
        AND g.table_name = 'public.half'
        AND g.export_rejects > 0
    )
    AND NOT EXISTS (
      SELECT
      FROM restage.shared_keys('stride', 'public', 'half') AS o (target_key)
      WHERE o.target_key = k.target_key::text
    )
),
held AS MATERIALIZED (
  SELECT h.row_id
  FROM restage.held_rows(
    table_name => 'public.half',
    row_ids => ARRAY(SELECT c.row_id FROM candidates AS c),
    self_included => true
  ) AS h (row_id)
),
gone AS (
  SELECT c.*
  FROM candidates AS c
  WHERE NOT EXISTS (
    SELECT
    FROM held AS h
    WHERE h.row_id = c.row_id
  )
),
deleted AS (
  DELETE FROM public.half AS t
  USING gone AS g
  WHERE t.ctid = g.row_id
  RETURNING
    g.source_id,
    row_to_json(t.*) AS row_data
),
forgotten AS (
  DELETE FROM restage_keymap.half AS k
  USING deleted AS d
  WHERE k.source_id = d.source_id
),
recorded AS (
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
    'public.half',
    jsonb_build_object('source_id', d.source_id),
    'vanished',
    'deleted',
    d.row_data
  FROM deleted AS d
  RETURNING 1
)
SELECT restage.count_rows('public.half', 'deleted', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/001_dbo.Half/70_reset.sql
-- table:   public.half
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Half, staged in restage_stage.half
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Half/90_account.sql
-- table:   public.half
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Half, staged in restage_stage.half
-- body:    sha256:a2f89280a01a6167becfed7cd0fa60d6ac2b2f2c77518642cca2860e4d456971
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.half', 'restage_keymap.half') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.half', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.half') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.half'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.half', count(*)) AS rows
FROM restage_stage.half AS s
JOIN restage_keymap.half AS k
  ON k.source_id = s.id
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.half'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/001_dbo.Half/content.sql
-- table:   public.half
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Half
-- body:    sha256:1fc7f1c95ab06e52a165a84f30b16b3301cca2f7036615933325ef90ae60476d
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
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.half'))
        AND r.table_name = 'public.half'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.half, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    t.id
  FROM public.half AS t
  JOIN restage_keymap.half AS k
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

-- file:    verify/001_dbo.Half/counts.sql
-- table:   public.half
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Half
-- body:    sha256:f92b7a4e84bc2ea8dbb2b43a61592be5596a7469f81425a0d60ca436302eab83
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.half, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.half'))
    AND r.table_name = 'public.half'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.half AS t
    JOIN restage_keymap.half AS k
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.half'))
  AND g.table_name = 'public.half';

-- file:    verify/001_dbo.Half/keys.sql
-- table:   public.half
-- purpose: known = present, when every key has its final row
-- source:  dbo.Half
-- body:    sha256:bed4f150beec2339f18de0c4837ed64b6350ba02ca0957bb28994f1cca640853
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.half AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.half AS t
    JOIN restage_keymap.half AS k
      ON k.source_id = t.id
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.half AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/001_dbo.Half/others.sql
-- table:   public.half
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Half
-- body:    sha256:f2e8bca16fb58c35aef5d269cac23724d0fe2189cfd94331f45addf5d2c76f34
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.half AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.half AS k
  WHERE k.source_id = t.id
);

-- file:    verify/001_dbo.Half/unique.sql
-- table:   public.half
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Half
-- body:    sha256:5be6e3a6230f7d80c109e0b93b00dc36b5bb75efbecfa6f2ab995c2973851a12
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- half_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.half
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
            AND g.table_name = 'public.half'
          ORDER BY r.started_at DESC
          LIMIT 1
        )
        AND c.table_name = 'public.half'
        AND c.is_skipped
        AND c.chunk_id = k.chunk
    ) AS is_skipped
  FROM public.half AS t
  LEFT JOIN restage_keymap.half AS k
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
LEFT JOIN restage_stage.half AS o
  ON o.id = t.id
WHERE NOT (t.is_known AND ROW(s.id) IS NOT DISTINCT FROM ROW(t.id))
LIMIT 20;

