-- file:    merge/002_dbo.Tracked/10_stage.sql
-- table:   public.tracked
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Tracked, staged in restage_stage.tracked
-- body:    sha256:cdce96b5549a7f828db42cf026c2bbb88331ea0dd867e7a218f85841cff77429
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.tracked;

CREATE UNLOGGED TABLE restage_stage.tracked (
  day integer,
  no integer,
  note varchar(20)
)
WITH (autovacuum_enabled = false);

-- Keys of rows that are gone, where the snapshot holds changed rows alone.
DROP TABLE IF EXISTS restage_stage.tracked_removed;

CREATE UNLOGGED TABLE restage_stage.tracked_removed (
  no integer,
  day integer
)
WITH (autovacuum_enabled = false);

-- The mapping's expressions, read before they are needed.
SELECT
  1
FROM restage_stage.tracked AS s
WHERE (note <> 'x')
LIMIT 0;

-- file:    merge/002_dbo.Tracked/15_check.sql
-- table:   public.tracked
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Tracked, staged in restage_stage.tracked
-- body:    sha256:49080b5901364c3b693b832f092742fd9e2e1479592698e6e54c5fd363be583f
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

SELECT restage.count_staged('public.tracked', count(*)) AS staged
FROM restage_stage.tracked AS s;

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- where
WITH filtered AS (
  DELETE FROM restage_stage.tracked AS s
  WHERE (note <> 'x') IS NOT TRUE
    AND NOT EXISTS (
      SELECT
      FROM restage.row_count AS c
      WHERE c.run_id = (SELECT restage.run_id())
        AND c.table_name = 'public.tracked'
        AND c.kind = 'filtered'
    )
  RETURNING s.*
),
gone AS (
  INSERT INTO restage_stage.tracked_removed (
    no,
    day
  )
  SELECT
    f.no,
    f.day
  FROM filtered AS f
)
SELECT restage.count_rows('public.tracked', 'filtered', count(*)) AS filtered
FROM filtered;

ANALYZE restage_stage.tracked;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.no,
    s.day
  FROM restage_stage.tracked AS s
  WHERE s.no IS NOT NULL
    AND s.day IS NOT NULL
  GROUP BY
    s.no,
    s.day
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.tracked AS s
  WHERE s.no IS NULL OR
    s.day IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.tracked AS s
    ON s.no = r.no
    AND s.day = r.day
),
refused AS (
  DELETE FROM restage_stage.tracked AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object(
      'No', s.no,
      'Day', s.day
    ) AS source_key,
    jsonb_build_object(
      'No', s.no,
      'Day', s.day
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
    'public.tracked',
    r.source_key,
    'source key',
    ARRAY['no', 'day'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.tracked', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/002_dbo.Tracked/20_match.sql
-- table:   public.tracked
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Tracked, staged in restage_stage.tracked
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Tracked/30_allocate.sql
-- table:   public.tracked
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Tracked, staged in restage_stage.tracked
-- body:    sha256:80dfa7de6007abb4df3d6f18af2517d916ac5507304630f7e30e8e65fd4f5782
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.tracked', 'restage_keymap.tracked') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.tracked (
    source_no,
    source_day,
    row_hash,
    first_run,
    last_run
  )
  SELECT
    s.no,
    s.day,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id())
  FROM (
    SELECT
      s.no,
      s.day,
      restage.row_hash(
        ROW(
          s.day,
          s.no,
          s.note
        )::text,
        (NULL::restage_keymap.tracked).row_hash
      ) AS row_hash
    FROM restage_stage.tracked AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.tracked AS k
      WHERE k.source_no = s.no
        AND k.source_day = s.day
    )
    ORDER BY
      s.no,
      s.day
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.tracked', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.tracked'::regclass
  ) THEN
    ALTER TABLE restage_keymap.tracked
      ADD PRIMARY KEY (source_no, source_day);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.tracked'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.tracked'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.tracked;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.tracked'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Tracked/35_orphans.sql
-- table:   public.tracked
-- step:    35 orphans
-- purpose: no foreign key to check
-- source:  dbo.Tracked, staged in restage_stage.tracked
-- body:    sha256:439fa98eb5c85a9c4616ecfee8549e056bb1d8c98f3fa3fb4db7db203a07fe43
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.tracked'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Tracked/40_insert.sql
-- table:   public.tracked
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Tracked, staged in restage_stage.tracked
-- body:    sha256:63bf0a45a9fa8bc475ed77bf03647c033839ff59a7600f72831b5a43ce6edc8a
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.tracked', 'restage_keymap.tracked') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.tracked (
    day,
    no,
    note
  )
  SELECT
    s.day,
    s.no,
    s.note
  FROM restage_stage.tracked AS s
  JOIN restage_keymap.tracked AS k
    ON k.source_no = s.no
    AND k.source_day = s.day
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.tracked'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.tracked', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.tracked'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Tracked/50_update.sql
-- table:   public.tracked
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Tracked, staged in restage_stage.tracked
-- body:    sha256:e3b3331c6c3241fa160a9d26a1cf69a34d577e59c29ad6d08c6a218af4f9c9ed
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.tracked', 'restage_keymap.tracked') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.day,
    s.no,
    s.note,
    restage.row_hash(
      ROW(
        s.day,
        s.no,
        s.note
      )::text,
      (NULL::restage_keymap.tracked).row_hash
    ) AS row_hash
  FROM restage_stage.tracked AS s
  JOIN restage_keymap.tracked AS k
    ON k.source_no = s.no
    AND k.source_day = s.day
  WHERE NOT (SELECT restage.is_all_new('public.tracked'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.day,
        s.no,
        s.note
      )::text,
      (NULL::restage_keymap.tracked).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_no,
    k.source_day,
    row_to_json(t.*) AS row_data
  FROM public.tracked AS t
  JOIN restage_keymap.tracked AS k
    ON k.source_no = t.no
    AND k.source_day = t.day
  JOIN changed AS c
    ON k.source_no = c.no
    AND k.source_day = c.day
  WHERE restage.row_hash(
      ROW(
        t.day,
        t.no,
        t.note
      )::text,
      (NULL::restage_keymap.tracked).row_hash
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
    'public.tracked',
    jsonb_build_object('source_no', d.source_no, 'source_day', d.source_day),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.tracked AS t
  SET
    note = c.note
  FROM changed AS c
  JOIN restage_keymap.tracked AS k
    ON k.source_no = c.no
    AND k.source_day = c.day
  WHERE t.no = c.no
    AND t.day = c.day
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.tracked AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_no = c.no
    AND k.source_day = c.day
)
SELECT
  restage.count_rows('public.tracked', 'updated', count(*)) AS rows,
  restage.count_rows('public.tracked', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.Tracked/60_vanished.sql
-- table:   public.tracked
-- step:    60 vanished
-- purpose: note rows that vanished from the source, and delete them
-- source:  dbo.Tracked, staged in restage_stage.tracked
-- body:    sha256:5e5f709f11c2a5aaf1e135275b32523529d50ecde0d264786a02b6136df04448
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    s.no,
    s.day
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.tracked, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.tracked'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.tracked AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (
      NOT EXISTS (
        SELECT
        FROM restage.staged AS g
        WHERE g.run_id = (SELECT restage.run_id())
          AND g.table_name = 'public.tracked'
          AND g.since IS NOT NULL
      )
      OR EXISTS (
        SELECT
        FROM restage_stage.tracked_removed AS d
        WHERE k.source_no = d.no
          AND k.source_day = d.day
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.tracked AS s
      WHERE k.source_no = s.no
        AND k.source_day = s.day
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_no = r.no
        AND k.source_day = r.day
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_no,
    k.source_day,
    k.vanished_run
  FROM restage_keymap.tracked AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_no,
    k.source_day,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.tracked AS s
    ON k.source_no = s.no
    AND k.source_day = s.day
  UNION
  SELECT
    k.source_no,
    k.source_day,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_no = r.no
    AND k.source_day = r.day
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
    'public.tracked',
    'returned',
    ARRAY[b.source_no::text, b.source_day::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.tracked AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_no = b.source_no
    AND k.source_day = b.source_day
  RETURNING 1
)
SELECT
  restage.count_rows('public.tracked', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.tracked', 'returned', (SELECT count(*) FROM returned)) AS returned;

SELECT restage.guard_vanished(
  table_name => 'public.tracked',
  going => (
    WITH candidates AS MATERIALIZED (
      SELECT t.ctid AS row_id
      FROM public.tracked AS t
      JOIN restage_keymap.tracked AS k
        ON k.source_no = t.no
        AND k.source_day = t.day
      WHERE k.vanished_run IS NOT NULL
        AND k.matched_run IS NULL
        AND NOT EXISTS (
          SELECT
          FROM restage.staged AS g
          WHERE g.run_id = (SELECT restage.run_id())
            AND g.table_name = 'public.tracked'
            AND g.export_rejects > 0
        )
        AND NOT EXISTS (
          SELECT
          FROM restage.table_map AS m
          WHERE m.source_name <> 'stride'
            AND m.target_schema = 'public'
            AND m.target_table = 'tracked'
        )
    ),
    held AS MATERIALIZED (
      SELECT h.row_id
      FROM restage.held_rows(
        table_name => 'public.tracked',
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
    FROM restage_keymap.tracked AS k
  ),
  max_percent => 100
);

WITH candidates AS MATERIALIZED (
  SELECT
    t.ctid AS row_id,
    k.source_no,
    k.source_day
  FROM public.tracked AS t
  JOIN restage_keymap.tracked AS k
    ON k.source_no = t.no
    AND k.source_day = t.day
  WHERE k.vanished_run IS NOT NULL
    AND k.matched_run IS NULL
    AND NOT EXISTS (
      SELECT
      FROM restage.staged AS g
      WHERE g.run_id = (SELECT restage.run_id())
        AND g.table_name = 'public.tracked'
        AND g.export_rejects > 0
    )
    AND NOT EXISTS (
      SELECT
      FROM restage.table_map AS m
      WHERE m.source_name <> 'stride'
        AND m.target_schema = 'public'
        AND m.target_table = 'tracked'
    )
),
held AS MATERIALIZED (
  SELECT h.row_id
  FROM restage.held_rows(
    table_name => 'public.tracked',
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
  DELETE FROM public.tracked AS t
  USING gone AS g
  WHERE t.ctid = g.row_id
  RETURNING
    g.source_no,
    g.source_day,
    row_to_json(t.*) AS row_data
),
forgotten AS (
  DELETE FROM restage_keymap.tracked AS k
  USING deleted AS d
  WHERE k.source_no = d.source_no
    AND k.source_day = d.source_day
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
    'public.tracked',
    jsonb_build_object('source_no', d.source_no, 'source_day', d.source_day),
    'vanished',
    'deleted',
    d.row_data
  FROM deleted AS d
  RETURNING 1
)
SELECT restage.count_rows('public.tracked', 'deleted', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Tracked/70_reset.sql
-- table:   public.tracked
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Tracked, staged in restage_stage.tracked
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Tracked/90_account.sql
-- table:   public.tracked
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Tracked, staged in restage_stage.tracked
-- body:    sha256:1142a2824e4e1cac97dd9ed629661e68b5dfb43683e55023a40751a0cbc82654
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.tracked', 'restage_keymap.tracked') AS joins;

SELECT restage.close_account('public.tracked', count(*)) AS rows
FROM restage_stage.tracked AS s
JOIN restage_keymap.tracked AS k
  ON k.source_no = s.no
  AND k.source_day = s.day
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.tracked'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Tracked/content.sql
-- table:   public.tracked
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Tracked
-- body:    sha256:7407646fd621ecf54298758c98cd5f9665677a886a7371a4f9c70c4b93213b67
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
      s.day,
      s.no,
      s.note,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.tracked'))
        AND r.table_name = 'public.tracked'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.tracked, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    t.day,
    t.no,
    t.note
  FROM public.tracked AS t
  JOIN restage_keymap.tracked AS k
    ON k.source_no = t.no
    AND k.source_day = t.day
  LEFT JOIN noted AS n
    ON k.source_no = n.no
    AND k.source_day = n.day
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.day,
    n.no,
    n.note
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Tracked/counts.sql
-- table:   public.tracked
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Tracked
-- body:    sha256:ab39b242aff61f122b7030f4ab652b5d5fb74f5beaaabc924a620bab64d0a0cb
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.no,
    s.day
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.tracked, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.tracked'))
    AND r.table_name = 'public.tracked'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.tracked AS t
    JOIN restage_keymap.tracked AS k
      ON k.source_no = t.no
      AND k.source_day = t.day
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_no = r.no
          AND k.source_day = r.day
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected,
  (
    SELECT coalesce(sum(c.rows), 0)
    FROM restage.row_count AS c
    WHERE c.run_id = g.run_id
      AND c.table_name = g.table_name
      AND c.kind = 'filtered'
  ) AS filtered
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.tracked'))
  AND g.table_name = 'public.tracked';

-- file:    verify/002_dbo.Tracked/keys.sql
-- table:   public.tracked
-- purpose: known = present, when every key has its final row
-- source:  dbo.Tracked
-- body:    sha256:fec3bd35022ed92b1b3cbc7c698b1814ac52999ec27539f4c6c2e4b08498ac8a
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.tracked AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.tracked AS t
    JOIN restage_keymap.tracked AS k
      ON k.source_no = t.no
      AND k.source_day = t.day
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.tracked AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Tracked/others.sql
-- table:   public.tracked
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Tracked
-- body:    sha256:54ccb2122165c0e8186f1157a1e5df3ff2988182108fbf11eaa32c87f896c504
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.tracked AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.tracked AS k
  WHERE k.source_no = t.no
    AND k.source_day = t.day
);

-- file:    verify/002_dbo.Tracked/unique.sql
-- table:   public.tracked
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Tracked
-- body:    sha256:78988c9c30e1328c6348eef459b76ac04b410621fbad89aa402c4225eee3bcfd
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- tracked_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.tracked
),
held AS (
  SELECT
    t.day AS day,
    t.no AS no,
    k.first_run IS NOT NULL AS is_known
  FROM public.tracked AS t
  LEFT JOIN restage_keymap.tracked AS k
    ON k.source_no = t.no
    AND k.source_day = t.day
)
SELECT
  jsonb_build_object(
    'No', s.no,
    'Day', s.day
  ) AS value,
  jsonb_build_object(
    'No', s.no,
    'Day', s.day
  ) AS staged_row,
  jsonb_build_object(
    'No', o.no,
    'Day', o.day
  ) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.no = s.no
  AND o.day = s.day
  AND ROW(s.no, s.day) < ROW(o.no, o.day)
UNION ALL
SELECT
  jsonb_build_object(
    'No', s.no,
    'Day', s.day
  ) AS value,
  jsonb_build_object(
    'No', s.no,
    'Day', s.day
  ) AS staged_row,
  jsonb_build_object(
    'No', t.no,
    'Day', t.day
  ) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN o.no IS NULL THEN 'vanished'
    WHEN ROW(o.no, o.day) IS DISTINCT FROM ROW(t.no, t.day) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.no = s.no
  AND t.day = s.day
LEFT JOIN restage_stage.tracked AS o
  ON o.no = t.no
  AND o.day = t.day
WHERE NOT (t.is_known AND ROW(s.no, s.day) IS NOT DISTINCT FROM ROW(t.no, t.day))
LIMIT 20;

