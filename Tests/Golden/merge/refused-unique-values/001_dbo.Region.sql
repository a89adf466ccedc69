-- file:    merge/001_dbo.Region/10_stage.sql
-- table:   public.region
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:354077bb7aec1fb55bb7c17692f41f58d811419e29cb6f6c0850a93d610706b2
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.region;

CREATE UNLOGGED TABLE restage_stage.region (
  id integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.Region/15_check.sql
-- table:   public.region
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:4dae89d2859293e3e68e4c39d1f5b00ab1f7d707d245e8aa053cfe120d4f3e95
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.region ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.region (id);

SELECT restage.count_staged('public.region', count(*)) AS staged
FROM restage_stage.region AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.id
  FROM restage_stage.region AS s
  WHERE s.id IS NOT NULL
  GROUP BY
    s.id
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.region AS s
  WHERE s.id IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.region AS s
    ON s.id = r.id
),
refused AS (
  DELETE FROM restage_stage.region AS s
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
    'public.region',
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
SELECT restage.count_rows('public.region', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/001_dbo.Region/20_match.sql
-- table:   public.region
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Region/30_allocate.sql
-- table:   public.region
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:a2c42d3264d5e8e8c96ae90a66cb970837a07bc61e3132a988b8ab2504bec788
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.region', 'restage_keymap.region') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.region (
    source_id,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.id,
    nextval('public.region_id_seq'),
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
        (NULL::restage_keymap.region).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.region AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.region AS k
      WHERE k.source_id = s.id
    )
    ORDER BY
      s.id
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.region', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.region'::regclass
  ) THEN
    ALTER TABLE restage_keymap.region
      ADD PRIMARY KEY (source_id),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.region'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.region'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.region;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.region'
  AND c.kind = 'allocated';

-- file:    merge/001_dbo.Region/35_orphans.sql
-- table:   public.region
-- step:    35 orphans
-- purpose: no foreign key to check
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:bd56452f2d2fa822eb1583e330e674b4c62eaaadfebdcc1e268655d8ac938ea4
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.region'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/001_dbo.Region/40_insert.sql
-- table:   public.region
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:7dffd66bfc7e75c32f0c7d688cf7cbff7076dafe8280f0d3338bb0babaf2b8bc
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.region', 'restage_keymap.region') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.region (
    id
  )
  SELECT
    k.target_key
  FROM restage_stage.region AS s
  JOIN restage_keymap.region AS k
    ON k.source_id = s.id
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.region'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.region', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.region'
  AND c.kind = 'inserted';

-- file:    merge/001_dbo.Region/50_update.sql
-- table:   public.region
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Region/60_vanished.sql
-- table:   public.region
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:446a8dfa6805a08776f884fa5962bce58c43b9a4409d066bdba914527b04a9fd
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.region', 'restage_keymap.region') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_id,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.region AS s
  JOIN restage_keymap.region AS k
    ON k.source_id = s.id
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.region AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_id = m.source_id
)
SELECT restage.fail_skipped('public.region', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.region'
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
  CROSS JOIN LATERAL json_populate_record(NULL::public.region, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.region'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.region AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.region'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.region'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.region AS s
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
  FROM restage_keymap.region AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.region'))
),
back AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.region AS s
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
    'public.region',
    'returned',
    ARRAY[b.source_id::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.region AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_id = b.source_id
  RETURNING 1
)
SELECT
  restage.count_rows('public.region', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.region', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/001_dbo.Region/70_reset.sql
-- table:   public.region
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Region/90_account.sql
-- table:   public.region
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Region, staged in restage_stage.region
-- body:    sha256:c6285c39964539b44245c9d59e09e1b4e4bf16f85af9fa24f2c75507c83b785f
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.region', 'restage_keymap.region') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.region', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.region') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.region'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.region', count(*)) AS rows
FROM restage_stage.region AS s
JOIN restage_keymap.region AS k
  ON k.source_id = s.id
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.region'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/001_dbo.Region/content.sql
-- table:   public.region
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Region
-- body:    sha256:af8785a79e63ce0161e05a02d04d76346ee8ac0ebbb0bca0a4c25e3ad71aa247
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
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.region'))
        AND r.table_name = 'public.region'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.region, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_id
  FROM public.region AS t
  JOIN restage_keymap.region AS k
    ON k.target_key = t.id
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

-- file:    verify/001_dbo.Region/counts.sql
-- table:   public.region
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Region
-- body:    sha256:8ae10a22690818b082abbbe71293b57baaa1613e6bf5fea43b4ec09bc65b2d9e
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.region, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.region'))
    AND r.table_name = 'public.region'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.region AS t
    JOIN restage_keymap.region AS k
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.region'))
  AND g.table_name = 'public.region';

-- file:    verify/001_dbo.Region/keys.sql
-- table:   public.region
-- purpose: known = present, when every key has its final row
-- source:  dbo.Region
-- body:    sha256:94da9c9f076e527e6b6fee491e48204c2ff5e445deda3031c7b8b2cffea8370a
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.region AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.region AS t
    JOIN restage_keymap.region AS k
      ON k.target_key = t.id
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.region AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/001_dbo.Region/others.sql
-- table:   public.region
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Region
-- body:    sha256:aea14f0dd6e1074fd395db372f0e82c11778496b9cf182db65e5a888688da455
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.region AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.region AS k
  WHERE k.target_key = t.id
);

