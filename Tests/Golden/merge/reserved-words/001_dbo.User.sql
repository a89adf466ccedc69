-- file:    merge/001_dbo.User/10_stage.sql
-- table:   public."user"
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.User, staged in restage_stage."user"
-- body:    sha256:e33dcaaabbbfa59a92343fe42e987f656256b44009bc1ac605a77d172bba5f0d
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage."user";

CREATE UNLOGGED TABLE restage_stage."user" (
  "order" integer,
  "select" varchar(20)
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.User/15_check.sql
-- table:   public."user"
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.User, staged in restage_stage."user"
-- body:    sha256:f60ac20aad1dba2a606b7c94970d20f9e28505786dfdcac97f281e46ad420aed
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage."user" ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage."user" ("order");

SELECT restage.count_staged('public."user"', count(*)) AS staged
FROM restage_stage."user" AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s."order"
  FROM restage_stage."user" AS s
  WHERE s."order" IS NOT NULL
  GROUP BY
    s."order"
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage."user" AS s
  WHERE s."order" IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage."user" AS s
    ON s."order" = r."order"
),
refused AS (
  DELETE FROM restage_stage."user" AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('Order', s."order") AS source_key,
    jsonb_build_object('Order', s."order") AS value,
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
    'public."user"',
    r.source_key,
    'source key',
    ARRAY['order'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public."user"', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/001_dbo.User/20_match.sql
-- table:   public."user"
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.User, staged in restage_stage."user"
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.User/30_allocate.sql
-- table:   public."user"
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.User, staged in restage_stage."user"
-- body:    sha256:d8414832444af56757f36ee618be47408355e72e53c4951b0dba8cdcaf29e393
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public."user"', 'restage_keymap."user"') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap."user" (
    source_order,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s."order",
    nextval('public.user_order_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s."order",
      restage.row_hash(
        ROW(
          s."order",
          s."select"
        )::text,
        (NULL::restage_keymap."user").row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage."user" AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap."user" AS k
      WHERE k.source_order = s."order"
    )
    ORDER BY
      s."order"
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public."user"', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap."user"'::regclass
  ) THEN
    ALTER TABLE restage_keymap."user"
      ADD PRIMARY KEY (source_order),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap."user"'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public."user"'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap."user";
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public."user"'
  AND c.kind = 'allocated';

-- file:    merge/001_dbo.User/35_orphans.sql
-- table:   public."user"
-- step:    35 orphans
-- purpose: no foreign key to check
-- source:  dbo.User, staged in restage_stage."user"
-- body:    sha256:b61da8c563a00f5d36ba3ec48ae03a295cdcf8cf4d04fbf624a52eb2fcfba87b
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public."user"'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/001_dbo.User/40_insert.sql
-- table:   public."user"
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.User, staged in restage_stage."user"
-- body:    sha256:8d5ed78d235265583ec1f3bedc13a0beab99e801e230c9fdd3ef4b675ddfb819
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public."user"', 'restage_keymap."user"') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public."user" (
    "order",
    "select"
  )
  SELECT
    k.target_key,
    s."select"
  FROM restage_stage."user" AS s
  JOIN restage_keymap."user" AS k
    ON k.source_order = s."order"
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public."user"'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public."user"', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public."user"'
  AND c.kind = 'inserted';

-- file:    merge/001_dbo.User/50_update.sql
-- table:   public."user"
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.User, staged in restage_stage."user"
-- body:    sha256:0308ee9bffb5d853e50ffd13df153cbc33c550a2605f374ed8ab94e2427fdcee
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public."user"', 'restage_keymap."user"') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s."order",
    s."select",
    restage.row_hash(
      ROW(
        s."order",
        s."select"
      )::text,
      (NULL::restage_keymap."user").row_hash
    ) AS row_hash
  FROM restage_stage."user" AS s
  JOIN restage_keymap."user" AS k
    ON k.source_order = s."order"
  WHERE NOT (SELECT restage.is_all_new('public."user"'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s."order",
        s."select"
      )::text,
      (NULL::restage_keymap."user").row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_order,
    row_to_json(t.*) AS row_data
  FROM public."user" AS t
  JOIN restage_keymap."user" AS k
    ON k.target_key = t."order"
  JOIN changed AS c
    ON k.source_order = c."order"
  WHERE restage.row_hash(
      ROW(
        k.source_order,
        t."select"
      )::text,
      (NULL::restage_keymap."user").row_hash
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
    'public."user"',
    jsonb_build_object('source_order', d.source_order),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public."user" AS t
  SET
    "select" = c."select"
  FROM changed AS c
  JOIN restage_keymap."user" AS k
    ON k.source_order = c."order"
  WHERE t."order" = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap."user" AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_order = c."order"
)
SELECT
  restage.count_rows('public."user"', 'updated', count(*)) AS rows,
  restage.count_rows('public."user"', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/001_dbo.User/60_vanished.sql
-- table:   public."user"
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.User, staged in restage_stage."user"
-- body:    sha256:02300ba3c93fad617db20d35f0b8ecc664432555692769269a9b374245b2ddd0
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public."user"', 'restage_keymap."user"') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_order,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage."user" AS s
  JOIN restage_keymap."user" AS k
    ON k.source_order = s."order"
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap."user" AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_order = m.source_order
)
SELECT restage.fail_skipped('public."user"', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public."user"'
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
    s."order"
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public."user", r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public."user"'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap."user" AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public."user"'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public."user"'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage."user" AS s
      WHERE k.source_order = s."order"
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_order = r."order"
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_order,
    k.vanished_run
  FROM restage_keymap."user" AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public."user"'))
),
back AS MATERIALIZED (
  SELECT
    k.source_order,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage."user" AS s
    ON k.source_order = s."order"
  UNION
  SELECT
    k.source_order,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_order = r."order"
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
    'public."user"',
    'returned',
    ARRAY[b.source_order::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap."user" AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_order = b.source_order
  RETURNING 1
)
SELECT
  restage.count_rows('public."user"', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public."user"', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/001_dbo.User/70_reset.sql
-- table:   public."user"
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.User, staged in restage_stage."user"
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.User/90_account.sql
-- table:   public."user"
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.User, staged in restage_stage."user"
-- body:    sha256:13cdeeef806146fd643231533ba715659b9b71f08e7ab11a4e80d1f4b15f99f3
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public."user"', 'restage_keymap."user"') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public."user"', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap."user"') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public."user"'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public."user"', count(*)) AS rows
FROM restage_stage."user" AS s
JOIN restage_keymap."user" AS k
  ON k.source_order = s."order"
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public."user"'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/001_dbo.User/content.sql
-- table:   public."user"
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.User
-- body:    sha256:7eea6051edfe3bd88c6d65ba8a4ab4389c3044cdce5bfbf36fc822d37aa4fedd
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
      s."order",
      s."select",
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public."user"'))
        AND r.table_name = 'public."user"'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public."user", r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_order,
    t."select"
  FROM public."user" AS t
  JOIN restage_keymap."user" AS k
    ON k.target_key = t."order"
  LEFT JOIN noted AS n
    ON k.source_order = n."order"
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n."order",
    n."select"
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/001_dbo.User/counts.sql
-- table:   public."user"
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.User
-- body:    sha256:76afbccbc5798725b060aa8c1a19d62f3fee0458965542abd4f33bb847c524cc
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s."order"
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public."user", r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public."user"'))
    AND r.table_name = 'public."user"'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public."user" AS t
    JOIN restage_keymap."user" AS k
      ON k.target_key = t."order"
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_order = r."order"
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public."user"'))
  AND g.table_name = 'public."user"';

-- file:    verify/001_dbo.User/keys.sql
-- table:   public."user"
-- purpose: known = present, when every key has its final row
-- source:  dbo.User
-- body:    sha256:ea0eb6ac48793d9559117885e2a63d5e695c0d85c5465c4721d2946e4f2b0613
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap."user" AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public."user" AS t
    JOIN restage_keymap."user" AS k
      ON k.target_key = t."order"
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap."user" AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/001_dbo.User/others.sql
-- table:   public."user"
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.User
-- body:    sha256:43032c5745b3d645a4d7c04dfe03175b6623acf45f55e1e3da4bcd625ac17016
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public."user" AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap."user" AS k
  WHERE k.target_key = t."order"
);

