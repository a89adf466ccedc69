-- file:    merge/004_dbo.Visit/10_stage.sql
-- table:   public.visit
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Visit, staged in restage_stage.visit
-- body:    sha256:ffec415f6f3f31ef4d390050f2a62195f323e9ffb613b2aec16327eeb6dc456b
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.visit;

CREATE UNLOGGED TABLE restage_stage.visit (
  code varchar(6) COLLATE public.ignoring_case,
  day integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/004_dbo.Visit/15_check.sql
-- table:   public.visit
-- step:    15 check
-- purpose: gather statistics and count; without a key there is nothing to check
-- source:  dbo.Visit, staged in restage_stage.visit
-- body:    sha256:c03ef89966bf2b02dbc74e2e6f4ac11cb365dadc76494612b921ba9402a2fcb1
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.visit (code);

SELECT restage.count_staged('public.visit', count(*)) AS staged
FROM restage_stage.visit AS s;

SELECT 0::bigint AS rows;

-- file:    merge/004_dbo.Visit/20_match.sql
-- table:   public.visit
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Visit, staged in restage_stage.visit
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/004_dbo.Visit/30_allocate.sql
-- table:   public.visit
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Visit, staged in restage_stage.visit
-- body:    sha256:58e5db5fe570acb0dbaa2bd2579431945dd81b036b1d56a5eca7c36709c148eb
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.visit', 'restage_keymap.visit') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  WITH orphan AS (
    SELECT s.ctid AS row_id
    FROM restage_stage.visit AS s
    WHERE s.code IS NOT NULL
      AND NOT EXISTS (
        SELECT
        FROM restage_keymap.region AS k
        WHERE k.source_code = s.code
      )
  )
  INSERT INTO restage_keymap.visit (
    source_row_hash,
    source_occurrence,
    row_hash,
    first_run,
    last_run
  )
  SELECT
    s.row_hash,
    s.occurrence,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id())
  FROM (
    SELECT
      s.row_hash,
      s.occurrence
    FROM (
      SELECT
        h.row_hash,
        row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
      FROM (
        SELECT
          md5(ROW(
            s.code,
            s.day
          )::text)::uuid AS row_hash
        FROM restage_stage.visit AS s
        WHERE NOT EXISTS (
          SELECT
          FROM orphan AS o
          WHERE o.row_id = s.ctid
        )
      ) AS h
    ) AS s
    WHERE NOT EXISTS (
        SELECT
        FROM restage_keymap.visit AS k
        WHERE k.source_row_hash = s.row_hash
          AND k.source_occurrence = s.occurrence
      )
    ORDER BY
      s.row_hash,
      s.occurrence
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.visit', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.visit'::regclass
  ) THEN
    ALTER TABLE restage_keymap.visit
      ADD PRIMARY KEY (source_row_hash, source_occurrence);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.visit'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.visit'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.visit;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.visit'
  AND c.kind = 'allocated';

-- file:    merge/004_dbo.Visit/35_orphans.sql
-- table:   public.visit
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Visit, staged in restage_stage.visit
-- body:    sha256:d29561dfd5ce9df40c6d3db95b760d71e941b24db238505b7f85cc1ea7afcf8d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- visit_code_fkey: on_orphan: reject
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS (
  DELETE FROM restage_stage.visit AS s
  WHERE s.code IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.region AS k
      WHERE k.source_code = s.code
    )
  RETURNING
    jsonb_build_object(
      'row_hash', md5(ROW(
        s.code,
        s.day
      )::text)::uuid
    ) AS source_key,
    jsonb_build_object('Code', s.code) AS value,
    jsonb_build_object('Code', s.code) AS parent_key,
    row_to_json(s.*) AS row_data
),
refused_parent AS MATERIALIZED (
  SELECT DISTINCT ON (p.source_key)
    p.source_key,
    p.message
  FROM restage.reject AS p
  WHERE p.run_id = (SELECT restage.run_id())
    AND p.table_name = 'public.region'
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
    'public.visit',
    r.source_key,
    'foreign key visit_code_fkey',
    ARRAY['code'],
    r.value::text,
    'the parent public.region ' || r.parent_key::text || CASE
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
SELECT restage.count_rows('public.visit', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.visit'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/004_dbo.Visit/40_insert.sql
-- table:   public.visit
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Visit, staged in restage_stage.visit
-- body:    sha256:c3bd77465659098e9c3307027c77945ed0b58c1d4040be9287e9ddc5c51c93ef
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.visit', 'restage_keymap.visit') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.visit (
    code,
    day
  )
  SELECT
    s.code,
    s.day
  FROM (
    SELECT
      h.code,
      h.day,
      h.row_hash,
      row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
    FROM (
      SELECT
        s.code,
        s.day,
        md5(ROW(
          s.code,
          s.day
        )::text)::uuid AS row_hash
      FROM restage_stage.visit AS s
    ) AS h
  ) AS s
  JOIN restage_keymap.visit AS k
    ON k.source_row_hash = s.row_hash
    AND k.source_occurrence = s.occurrence
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.visit'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.visit', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.visit'
  AND c.kind = 'inserted';

-- file:    merge/004_dbo.Visit/50_update.sql
-- table:   public.visit
-- step:    50 update
-- purpose: nothing: without a key a changed row is an unseen row
-- source:  dbo.Visit, staged in restage_stage.visit
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

SELECT 0::bigint AS rows;

-- file:    merge/004_dbo.Visit/60_vanished.sql
-- table:   public.visit
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Visit, staged in restage_stage.visit
-- body:    sha256:ccd42a3f7ba8dc2a8878128e48810db97d4da0a8e8f16294dcd43ddce2c2379b
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    md5(ROW(
      s.code,
      s.day
    )::text)::uuid AS row_hash
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.visit, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.visit'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.visit AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND NOT EXISTS (
      SELECT
      FROM (
        SELECT
          h.row_hash,
          row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
        FROM (
          SELECT
            md5(ROW(
              s.code,
              s.day
            )::text)::uuid AS row_hash
          FROM restage_stage.visit AS s
        ) AS h
      ) AS s
      WHERE k.source_row_hash = s.row_hash
        AND k.source_occurrence = s.occurrence
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_row_hash = r.row_hash
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_row_hash,
    k.source_occurrence,
    k.vanished_run
  FROM restage_keymap.visit AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_row_hash,
    k.source_occurrence,
    k.vanished_run
  FROM gone AS k
  JOIN (
    SELECT
      h.row_hash,
      row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
    FROM (
      SELECT
        md5(ROW(
          s.code,
          s.day
        )::text)::uuid AS row_hash
      FROM restage_stage.visit AS s
    ) AS h
  ) AS s
    ON k.source_row_hash = s.row_hash
    AND k.source_occurrence = s.occurrence
  UNION
  SELECT
    k.source_row_hash,
    k.source_occurrence,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_row_hash = r.row_hash
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
    'public.visit',
    'returned',
    ARRAY[b.source_row_hash::text, b.source_occurrence::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.visit AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_row_hash = b.source_row_hash
    AND k.source_occurrence = b.source_occurrence
  RETURNING 1
)
SELECT
  restage.count_rows('public.visit', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.visit', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/004_dbo.Visit/70_reset.sql
-- table:   public.visit
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Visit, staged in restage_stage.visit
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/004_dbo.Visit/90_account.sql
-- table:   public.visit
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Visit, staged in restage_stage.visit
-- body:    sha256:c0db5787bfa8044959a016a290f548bd20a4f4404bc9e5785cfd313ddd9ddcff
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.visit', 'restage_keymap.visit') AS joins;

SELECT restage.close_account('public.visit', count(*)) AS rows
FROM (
  SELECT
    h.row_hash,
    row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
  FROM (
    SELECT
      md5(ROW(
        s.code,
        s.day
      )::text)::uuid AS row_hash
    FROM restage_stage.visit AS s
  ) AS h
) AS s
JOIN restage_keymap.visit AS k
  ON k.source_row_hash = s.row_hash
  AND k.source_occurrence = s.occurrence
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.visit'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/004_dbo.Visit/content.sql
-- table:   public.visit
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Visit
-- body:    sha256:e9531eea02803241045c8f48cb31c0f370fb8628e94246322d7422c5aa98484d
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
      s.code,
      s.day,
      md5(ROW(
        s.code,
        s.day
      )::text)::uuid AS row_hash
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.visit'))
        AND r.table_name = 'public.visit'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.visit, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    s.code,
    s.day
  FROM (
    SELECT
      h.code,
      h.day,
      h.row_hash,
      row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
    FROM (
      SELECT
        t.code AS code,
        t.day AS day,
        md5(ROW(
          t.code,
          t.day
        )::text)::uuid AS row_hash
      FROM public.visit AS t
    ) AS h
  ) AS s
  JOIN restage_keymap.visit AS k
    ON k.source_row_hash = s.row_hash
    AND k.source_occurrence = s.occurrence
  WHERE k.vanished_run IS NULL
    AND NOT EXISTS (
      SELECT
      FROM noted AS n
      WHERE k.source_row_hash = n.row_hash
    )
  UNION ALL
  SELECT
    n.code,
    n.day
  FROM noted AS n
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/004_dbo.Visit/counts.sql
-- table:   public.visit
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Visit
-- body:    sha256:2d9dfb489e02dddc90cba5efabee7bcfa89362fcbbaa819013b09769ff4919eb
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

WITH refused AS MATERIALIZED (
  SELECT
    md5(ROW(
      s.code,
      s.day
    )::text)::uuid AS row_hash
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.visit, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.visit'))
    AND r.table_name = 'public.visit'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM (
      SELECT
        h.row_hash,
        row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
      FROM (
        SELECT
          md5(ROW(
            t.code,
            t.day
          )::text)::uuid AS row_hash
        FROM public.visit AS t
      ) AS h
    ) AS s
    JOIN restage_keymap.visit AS k
      ON k.source_row_hash = s.row_hash
      AND k.source_occurrence = s.occurrence
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_row_hash = r.row_hash
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.visit'))
  AND g.table_name = 'public.visit';

-- file:    verify/004_dbo.Visit/keys.sql
-- table:   public.visit
-- purpose: known = present, when every key has its final row
-- source:  dbo.Visit
-- body:    sha256:b809136d21d862b511d4399d0e0613d00d4b24ce09ff407643b832c7f90d1ff6
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.visit AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM (
      SELECT
        h.row_hash,
        row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
      FROM (
        SELECT
          md5(ROW(
            t.code,
            t.day
          )::text)::uuid AS row_hash
        FROM public.visit AS t
      ) AS h
    ) AS s
    JOIN restage_keymap.visit AS k
      ON k.source_row_hash = s.row_hash
      AND k.source_occurrence = s.occurrence
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.visit AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/004_dbo.Visit/others.sql
-- table:   public.visit
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Visit
-- body:    sha256:62252842ec52a69aa4dd9063f76fb17fa2ff7e75a8b535ea5c67b0396387d233
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

SELECT greatest(
  0,
  (
    SELECT count(*)
    FROM (
      SELECT
        h.row_hash,
        row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
      FROM (
        SELECT
          md5(ROW(
            t.code,
            t.day
          )::text)::uuid AS row_hash
        FROM public.visit AS t
      ) AS h
    ) AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.visit AS k
      WHERE k.source_row_hash = s.row_hash
        AND k.source_occurrence = s.occurrence
    )
  )
) AS others;

-- file:    verify/004_dbo.Visit/orphans.sql
-- table:   public.visit
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Visit
-- body:    sha256:5852d01f42f2c1c17633546b039c0b716629cbd6d22d1712c29afb026143bbd0
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- visit_code_fkey
SELECT count(*) AS orphans
FROM public.visit AS t
WHERE t.code IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.region AS p
    WHERE p.code = t.code
  );

