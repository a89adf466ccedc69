-- file:    merge/002_dbo.Part/10_stage.sql
-- table:   public.part
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Part, staged in restage_stage.part
-- body:    sha256:22002f44e597b9ba50cfe79d15b69e7a413e77e9247dc2d0791e5b532f991e84
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.part;

CREATE UNLOGGED TABLE restage_stage.part (
  partid integer,
  code varchar(10),
  lot integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Part/15_check.sql
-- table:   public.part
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Part, staged in restage_stage.part
-- body:    sha256:63f60c27956b1414435ee36a2dc8e79ccb3eda2092bcc41f8cd2e8b48a2211e7
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.part (partid, code, lot);

SELECT restage.count_staged('public.part', count(*)) AS staged
FROM restage_stage.part AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.partid
  FROM restage_stage.part AS s
  WHERE s.partid IS NOT NULL
  GROUP BY
    s.partid
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.part AS s
  WHERE s.partid IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.part AS s
    ON s.partid = r.partid
),
refused AS (
  DELETE FROM restage_stage.part AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('PartId', s.partid) AS source_key,
    jsonb_build_object('PartId', s.partid) AS value,
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
    'public.part',
    r.source_key,
    'source key',
    ARRAY['partid'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.part', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/002_dbo.Part/20_match.sql
-- table:   public.part
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Part, staged in restage_stage.part
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Part/30_allocate.sql
-- table:   public.part
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Part, staged in restage_stage.part
-- body:    sha256:9bfcb71e9f1d847859ff2a97b5c8c08e576d0e6dcb0209469df296458688e1f9
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.part', 'restage_keymap.part') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  WITH orphan AS (
    SELECT s.ctid AS row_id
    FROM restage_stage.part AS s
    WHERE s.code IS NOT NULL
      AND s.lot IS NOT NULL
      AND NOT EXISTS (
        SELECT
        FROM restage_keymap.item AS k
        WHERE rtrim(k.source_code) = rtrim(s.code)
          AND k.source_lot = s.lot
      )
  )
  INSERT INTO restage_keymap.part (
    source_partid,
    target_key,
    row_hash,
    first_run,
    last_run
  )
  SELECT
    s.partid,
    nextval('public.part_partid_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id())
  FROM (
    SELECT
      s.partid,
      restage.row_hash(
        ROW(
          s.partid,
          s.code,
          s.lot
        )::text,
        (NULL::restage_keymap.part).row_hash
      ) AS row_hash
    FROM restage_stage.part AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.part AS k
      WHERE k.source_partid = s.partid
    )
      AND NOT EXISTS (
        SELECT
        FROM orphan AS o
        WHERE o.row_id = s.ctid
      )
    ORDER BY
      s.partid
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.part', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.part'::regclass
  ) THEN
    ALTER TABLE restage_keymap.part
      ADD PRIMARY KEY (source_partid),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.part'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.part'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.part;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.part'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Part/35_orphans.sql
-- table:   public.part
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Part, staged in restage_stage.part
-- body:    sha256:d8ce23cf741bccf4f7093d4e2142dc0a935e77046de4d12dd388cadf85209fab
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- part_code_lot_fkey: on_orphan: reject
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS (
  DELETE FROM restage_stage.part AS s
  WHERE s.code IS NOT NULL
    AND s.lot IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.item AS k
      WHERE rtrim(k.source_code) = rtrim(s.code)
        AND k.source_lot = s.lot
    )
  RETURNING
    jsonb_build_object('PartId', s.partid) AS source_key,
    jsonb_build_object(
      'Code', s.code,
      'Lot', s.lot
    ) AS value,
    jsonb_build_object(
      'Code', s.code,
      'Lot', s.lot
    ) AS parent_key,
    row_to_json(s.*) AS row_data
),
refused_parent AS MATERIALIZED (
  SELECT DISTINCT ON (p.source_key)
    p.source_key,
    p.message
  FROM restage.reject AS p
  WHERE p.run_id = (SELECT restage.run_id())
    AND p.table_name = 'public.item'
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
    'public.part',
    r.source_key,
    'foreign key part_code_lot_fkey',
    ARRAY['code', 'lot'],
    r.value::text,
    'the parent public.item ' || r.parent_key::text || CASE
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
SELECT restage.count_rows('public.part', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- part_code_lot_fkey: where it differs in trailing blanks, the parent's spelling
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH spelling AS MATERIALIZED (
  SELECT DISTINCT ON (s.ctid)
    s.ctid AS row_id,
    jsonb_build_object('PartId', s.partid) AS source_key,
    jsonb_build_object(
      'Code', s.code,
      'Lot', s.lot
    ) AS value,
    row_to_json(s.*) AS row_data,
    k.source_code
  FROM restage_stage.part AS s
  JOIN restage_keymap.item AS k
    ON rtrim(k.source_code) = rtrim(s.code)
    AND k.source_lot = s.lot
  WHERE NOT EXISTS (
    SELECT
    FROM restage_keymap.item AS k
    WHERE k.source_code = s.code
      AND k.source_lot = s.lot
  )
  ORDER BY
    s.ctid,
    k.vanished_run NULLS FIRST,
    k.source_code
),
respelled AS (
  UPDATE restage_stage.part AS s
  SET
    code = c.source_code
  FROM spelling AS c
  WHERE s.ctid = c.row_id
  RETURNING
    s.partid,
    restage.row_hash(
      ROW(
        s.partid,
        s.code,
        s.lot
      )::text,
      (NULL::restage_keymap.part).row_hash
    ) AS row_hash
),
rehashed AS (
  UPDATE restage_keymap.part AS k
  SET row_hash = n.row_hash
  FROM respelled AS n
  WHERE k.first_run = (SELECT restage.run_id())
    AND k.source_partid = n.partid
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
    'public.part',
    r.source_key,
    'spelling part_code_lot_fkey',
    ARRAY['code'],
    r.value::text,
    'differs from the parent''s key in trailing blanks; loaded as the parent has it',
    true,
    r.row_data
  FROM spelling AS r
  RETURNING 1
)
SELECT restage.count_rows('public.part', 'respelled', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.part'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Part/40_insert.sql
-- table:   public.part
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Part, staged in restage_stage.part
-- body:    sha256:078e1b37ab8f465163fc16ca2f0745003fac85dde0c0bc607bbb8baa5f353ec4
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.part', 'restage_keymap.part') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.part (
    partid,
    code,
    lot
  )
  SELECT
    k.target_key,
    s.code,
    s.lot
  FROM restage_stage.part AS s
  JOIN restage_keymap.part AS k
    ON k.source_partid = s.partid
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.part'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.part', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.part'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Part/50_update.sql
-- table:   public.part
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Part, staged in restage_stage.part
-- body:    sha256:f0cdea285b48daf9b443d00ce67ded113bef8b5f7ae473c9d75cb973c4dac0a7
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.part', 'restage_keymap.part') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.partid,
    s.code,
    s.lot,
    restage.row_hash(
      ROW(
        s.partid,
        s.code,
        s.lot
      )::text,
      (NULL::restage_keymap.part).row_hash
    ) AS row_hash
  FROM restage_stage.part AS s
  JOIN restage_keymap.part AS k
    ON k.source_partid = s.partid
  WHERE NOT (SELECT restage.is_all_new('public.part'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.partid,
        s.code,
        s.lot
      )::text,
      (NULL::restage_keymap.part).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_partid,
    row_to_json(t.*) AS row_data
  FROM public.part AS t
  JOIN restage_keymap.part AS k
    ON k.target_key = t.partid
  JOIN changed AS c
    ON k.source_partid = c.partid
  WHERE restage.row_hash(
      ROW(
        k.source_partid,
        t.code,
        t.lot
      )::text,
      (NULL::restage_keymap.part).row_hash
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
    'public.part',
    jsonb_build_object('source_partid', d.source_partid),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.part AS t
  SET
    code = c.code,
    lot = c.lot
  FROM changed AS c
  JOIN restage_keymap.part AS k
    ON k.source_partid = c.partid
  WHERE t.partid = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.part AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_partid = c.partid
)
SELECT
  restage.count_rows('public.part', 'updated', count(*)) AS rows,
  restage.count_rows('public.part', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.Part/60_vanished.sql
-- table:   public.part
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Part, staged in restage_stage.part
-- body:    sha256:3c7ce611d6e770f422c2929400d3aa96c0b1ed2ca6a6545d56a9ab41eea6ef00
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    s.partid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.part, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.part'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.part AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.part AS s
      WHERE k.source_partid = s.partid
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_partid = r.partid
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_partid,
    k.vanished_run
  FROM restage_keymap.part AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_partid,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.part AS s
    ON k.source_partid = s.partid
  UNION
  SELECT
    k.source_partid,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_partid = r.partid
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
    'public.part',
    'returned',
    ARRAY[b.source_partid::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.part AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_partid = b.source_partid
  RETURNING 1
)
SELECT
  restage.count_rows('public.part', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.part', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Part/70_reset.sql
-- table:   public.part
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Part, staged in restage_stage.part
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Part/90_account.sql
-- table:   public.part
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Part, staged in restage_stage.part
-- body:    sha256:69481f1434243b4ac65e3692de06fc66a0f5d5bb7a1f3818d370578cd407a096
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.part', 'restage_keymap.part') AS joins;

SELECT restage.close_account('public.part', count(*)) AS rows
FROM restage_stage.part AS s
JOIN restage_keymap.part AS k
  ON k.source_partid = s.partid
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.part'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Part/content.sql
-- table:   public.part
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Part
-- body:    sha256:3c5c035794d1993f074cdf54d795d1a2b55903568073a21065a6de8aa577a500
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
      s.partid,
      s.code,
      s.lot,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.part'))
        AND r.table_name = 'public.part'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.part, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_partid,
    CASE WHEN rtrim(n.code) = rtrim(t.code) THEN n.code ELSE t.code END,
    t.lot
  FROM public.part AS t
  JOIN restage_keymap.part AS k
    ON k.target_key = t.partid
  LEFT JOIN noted AS n
    ON k.source_partid = n.partid
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.partid,
    n.code,
    n.lot
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Part/counts.sql
-- table:   public.part
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Part
-- body:    sha256:496b33a3b7ce847b441618114aacf5bb102153aff92ecd8b9729f920ab87ebea
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.partid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.part, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.part'))
    AND r.table_name = 'public.part'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.part AS t
    JOIN restage_keymap.part AS k
      ON k.target_key = t.partid
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_partid = r.partid
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.part'))
  AND g.table_name = 'public.part';

-- file:    verify/002_dbo.Part/keys.sql
-- table:   public.part
-- purpose: known = present, when every key has its final row
-- source:  dbo.Part
-- body:    sha256:4ddaf8427d5fad671e008da9ce05c98ddd96f53ae76582c57579c65e78b86c06
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.part AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.part AS t
    JOIN restage_keymap.part AS k
      ON k.target_key = t.partid
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.part AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Part/others.sql
-- table:   public.part
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Part
-- body:    sha256:dac8d377eb7338ae55a26f0089260246d024ed4a01d83318bd45a79d16369b8e
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.part AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.part AS k
  WHERE k.target_key = t.partid
);

-- file:    verify/002_dbo.Part/orphans.sql
-- table:   public.part
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Part
-- body:    sha256:cf76f50bfa401218c2d5e4b04ee3ad7f8192ec3e32baef159d8d377868c3b23b
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- part_code_lot_fkey
SELECT count(*) AS orphans
FROM public.part AS t
WHERE t.code IS NOT NULL
  AND t.lot IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.item AS p
    WHERE p.code = t.code
      AND p.lot = t.lot
  );

