-- file:    merge/002_dbo.Table/10_stage.sql
-- table:   public."table"
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Table, staged in restage_stage."table"
-- body:    sha256:81bdabdcc63f86919f754decbe8d7e22c5c2676a62bc740f45e441dfd6d42f7c
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage."table";

CREATE UNLOGGED TABLE restage_stage."table" (
  "from" integer,
  "where" integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Table/15_check.sql
-- table:   public."table"
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Table, staged in restage_stage."table"
-- body:    sha256:156196954318a74029ddf55c6eb9184f225c3509cd2a98bc99f662c4d79ce1c0
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage."table" ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage."table" ("from", "where");

SELECT restage.count_staged('public."table"', count(*)) AS staged
FROM restage_stage."table" AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s."from",
    s."where"
  FROM restage_stage."table" AS s
  WHERE s."from" IS NOT NULL
    AND s."where" IS NOT NULL
  GROUP BY
    s."from",
    s."where"
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage."table" AS s
  WHERE s."from" IS NULL OR
    s."where" IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage."table" AS s
    ON s."from" = r."from"
    AND s."where" = r."where"
),
refused AS (
  DELETE FROM restage_stage."table" AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object(
      'From', s."from",
      'Where', s."where"
    ) AS source_key,
    jsonb_build_object(
      'From', s."from",
      'Where', s."where"
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
    'public."table"',
    r.source_key,
    'source key',
    ARRAY['from', 'where'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public."table"', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/002_dbo.Table/20_match.sql
-- table:   public."table"
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Table, staged in restage_stage."table"
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Table/30_allocate.sql
-- table:   public."table"
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Table, staged in restage_stage."table"
-- body:    sha256:9ab297df186abb571514b7455396bb73195fb84c1c52388034bac953026c5a0a
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public."table"', 'restage_keymap."table"') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  WITH orphan AS (
    SELECT s.ctid AS row_id
    FROM restage_stage."table" AS s
    WHERE s."where" IS NOT NULL
      AND NOT EXISTS (
        SELECT
        FROM restage_keymap."user" AS k
        WHERE k.source_order = s."where"
      )
  )
  INSERT INTO restage_keymap."table" (
    source_from,
    source_where,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s."from",
    s."where",
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s."from",
      s."where",
      restage.row_hash(
        ROW(
          s."from",
          s."where"
        )::text,
        (NULL::restage_keymap."table").row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage."table" AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap."table" AS k
      WHERE k.source_from = s."from"
        AND k.source_where = s."where"
    )
      AND NOT EXISTS (
        SELECT
        FROM orphan AS o
        WHERE o.row_id = s.ctid
      )
    ORDER BY
      s."from",
      s."where"
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public."table"', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap."table"'::regclass
  ) THEN
    ALTER TABLE restage_keymap."table"
      ADD PRIMARY KEY (source_from, source_where);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap."table"'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public."table"'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap."table";
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public."table"'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Table/35_orphans.sql
-- table:   public."table"
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Table, staged in restage_stage."table"
-- body:    sha256:7ea683631316bdf91f2685f88790a37e4601ff62ccc23d02ac1a0b2eb216220b
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- table_where_fkey: on_orphan: reject
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS (
  DELETE FROM restage_stage."table" AS s
  WHERE s."where" IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap."user" AS k
      WHERE k.source_order = s."where"
    )
  RETURNING
    jsonb_build_object(
      'From', s."from",
      'Where', s."where"
    ) AS source_key,
    jsonb_build_object('Where', s."where") AS value,
    jsonb_build_object('Order', s."where") AS parent_key,
    row_to_json(s.*) AS row_data
),
refused_parent AS MATERIALIZED (
  SELECT DISTINCT ON (p.source_key)
    p.source_key,
    p.message
  FROM restage.reject AS p
  WHERE p.run_id = (SELECT restage.run_id())
    AND p.table_name = 'public."user"'
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
    'public."table"',
    r.source_key,
    'foreign key table_where_fkey',
    ARRAY['where'],
    r.value::text,
    'the parent public."user" ' || r.parent_key::text || CASE
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
SELECT restage.count_rows('public."table"', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public."table"'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Table/40_insert.sql
-- table:   public."table"
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Table, staged in restage_stage."table"
-- body:    sha256:520b1745bfc3d828d4ba50df8a407404f4686b67acb4a94a989445dbdd5d7c66
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public."table"', 'restage_keymap."table"') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public."table" (
    "from",
    "where"
  )
  SELECT
    s."from",
    p1.target_key
  FROM restage_stage."table" AS s
  JOIN restage_keymap."table" AS k
    ON k.source_from = s."from"
    AND k.source_where = s."where"
    AND k.first_run = (SELECT restage.run_id())
  LEFT JOIN restage_keymap."user" AS p1
    ON p1.source_order = s."where"
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public."table"'
      AND c.kind = 'inserted'
  )
    AND (s."where" IS NULL OR p1.target_key IS NOT NULL);
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public."table"', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public."table"'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Table/50_update.sql
-- table:   public."table"
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Table, staged in restage_stage."table"
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Table/60_vanished.sql
-- table:   public."table"
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Table, staged in restage_stage."table"
-- body:    sha256:ad9d15f23e49774587e20c7dac536b8d92827ba82cb73ddc0253f33841905e15
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public."table"', 'restage_keymap."table"') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_from,
    k.source_where,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage."table" AS s
  JOIN restage_keymap."table" AS k
    ON k.source_from = s."from"
    AND k.source_where = s."where"
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap."table" AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_from = m.source_from
    AND k.source_where = m.source_where
)
SELECT restage.fail_skipped('public."table"', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public."table"'
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
    s."from",
    s."where"
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public."table", r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public."table"'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap."table" AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public."table"'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public."table"'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage."table" AS s
      WHERE k.source_from = s."from"
        AND k.source_where = s."where"
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_from = r."from"
        AND k.source_where = r."where"
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_from,
    k.source_where,
    k.vanished_run
  FROM restage_keymap."table" AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public."table"'))
),
back AS MATERIALIZED (
  SELECT
    k.source_from,
    k.source_where,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage."table" AS s
    ON k.source_from = s."from"
    AND k.source_where = s."where"
  UNION
  SELECT
    k.source_from,
    k.source_where,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_from = r."from"
    AND k.source_where = r."where"
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
    'public."table"',
    'returned',
    ARRAY[b.source_from::text, b.source_where::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap."table" AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_from = b.source_from
    AND k.source_where = b.source_where
  RETURNING 1
)
SELECT
  restage.count_rows('public."table"', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public."table"', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Table/70_reset.sql
-- table:   public."table"
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Table, staged in restage_stage."table"
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Table/90_account.sql
-- table:   public."table"
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Table, staged in restage_stage."table"
-- body:    sha256:3026268d20f6e45420242f6239ecb7456a282a3f7b72637b691844db85983f63
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public."table"', 'restage_keymap."table"') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public."table"', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap."table"') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public."table"'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public."table"', count(*)) AS rows
FROM restage_stage."table" AS s
JOIN restage_keymap."table" AS k
  ON k.source_from = s."from"
  AND k.source_where = s."where"
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public."table"'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Table/content.sql
-- table:   public."table"
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Table
-- body:    sha256:17911e0a2912a907bcd1a122ed2ade7363a8efd67681bacc2fd987c3365bec5f
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
      s."from",
      s."where",
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public."table"'))
        AND r.table_name = 'public."table"'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public."table", r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    t."from",
    coalesce(p1.source_order::text, 'final ' || t."where")
  FROM public."table" AS t
  LEFT JOIN restage_keymap."user" AS p1
    ON p1.target_key = t."where"
  JOIN restage_keymap."table" AS k
    ON k.source_from = t."from"
    AND k.source_where = p1.source_order
  LEFT JOIN noted AS n
    ON k.source_from = n."from"
    AND k.source_where = n."where"
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n."from",
    n."where"::text
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Table/counts.sql
-- table:   public."table"
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Table
-- body:    sha256:28e3c4707c7313df0864fa4cbe0a690a2c10090226da9b4009cfc231498f456e
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s."from",
    s."where"
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public."table", r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public."table"'))
    AND r.table_name = 'public."table"'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public."table" AS t
    LEFT JOIN restage_keymap."user" AS p1
      ON p1.target_key = t."where"
    JOIN restage_keymap."table" AS k
      ON k.source_from = t."from"
      AND k.source_where = p1.source_order
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_from = r."from"
          AND k.source_where = r."where"
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public."table"'))
  AND g.table_name = 'public."table"';

-- file:    verify/002_dbo.Table/keys.sql
-- table:   public."table"
-- purpose: known = present, when every key has its final row
-- source:  dbo.Table
-- body:    sha256:5d64f4d4bffb2bc4369ba4752265119069a39a07510434178900a686042932ea
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap."table" AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public."table" AS t
    LEFT JOIN restage_keymap."user" AS p1
      ON p1.target_key = t."where"
    JOIN restage_keymap."table" AS k
      ON k.source_from = t."from"
      AND k.source_where = p1.source_order
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap."table" AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Table/others.sql
-- table:   public."table"
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Table
-- body:    sha256:590b916973f293a00a6df17a3f8b8abc6eb8a0b566c3ea89824005478ccadf35
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public."table" AS t
LEFT JOIN restage_keymap."user" AS p1
  ON p1.target_key = t."where"
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap."table" AS k
  WHERE k.source_from = t."from"
    AND k.source_where = p1.source_order
);

-- file:    verify/002_dbo.Table/orphans.sql
-- table:   public."table"
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Table
-- body:    sha256:7dd0686ec40d856ab175359ee0c15ea4bf288944c6b38d8684bea710dd1a77e9
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- table_where_fkey
SELECT count(*) AS orphans
FROM public."table" AS t
WHERE t."where" IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public."user" AS p
    WHERE p."order" = t."where"
  );

-- file:    verify/002_dbo.Table/unique.sql
-- table:   public."table"
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Table
-- body:    sha256:d4da936043ea9b111be9ab0cc05756368d8b2440e293cf5797bf88a8453bf8fb
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- table_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage."table"
),
held AS (
  SELECT
    t."from" AS "from",
    p1.source_order AS "where",
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
            AND g.table_name = 'public."table"'
          ORDER BY r.started_at DESC
          LIMIT 1
        )
        AND c.table_name = 'public."table"'
        AND c.is_skipped
        AND c.chunk_id = k.chunk
    ) AS is_skipped
  FROM public."table" AS t
  LEFT JOIN restage_keymap."user" AS p1
    ON p1.target_key = t."where"
  LEFT JOIN restage_keymap."table" AS k
    ON k.source_from = t."from"
    AND k.source_where = p1.source_order
)
SELECT
  jsonb_build_object(
    'From', s."from",
    'Where', s."where"
  ) AS value,
  jsonb_build_object(
    'From', s."from",
    'Where', s."where"
  ) AS staged_row,
  jsonb_build_object(
    'From', o."from",
    'Where', o."where"
  ) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o."from" = s."from"
  AND o."where" = s."where"
  AND ROW(s."from", s."where") < ROW(o."from", o."where")
UNION ALL
SELECT
  jsonb_build_object(
    'From', s."from",
    'Where', s."where"
  ) AS value,
  jsonb_build_object(
    'From', s."from",
    'Where', s."where"
  ) AS staged_row,
  jsonb_build_object(
    'From', t."from",
    'Where', t."where"
  ) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN t.is_skipped THEN 'staged'
    WHEN o."from" IS NULL THEN 'vanished'
    WHEN ROW(o."from", o."where") IS DISTINCT FROM ROW(t."from", t."where") THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t."from" = s."from"
  AND t."where" = s."where"
LEFT JOIN restage_stage."table" AS o
  ON o."from" = t."from"
  AND o."where" = t."where"
WHERE NOT (t.is_known AND ROW(s."from", s."where") IS NOT DISTINCT FROM ROW(t."from", t."where"))
LIMIT 20;

