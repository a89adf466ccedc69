-- file:    merge/001_dbo.Customer%22%3B%20DROP/10_stage.sql
-- table:   public."Customer""; DROP TABLE x; --"
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Customer"; DROP, staged in restage_stage."Customer""; DROP TABLE x; --"
-- body:    sha256:7eb2fc7040379d9443c996ee3c857d99d8bbacd5bad71198c9732dde60963ac7
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage."Customer""; DROP TABLE x; --";

CREATE UNLOGGED TABLE restage_stage."Customer""; DROP TABLE x; --" (
  "Customer""ID" integer,
  "it's $restage$" varchar(20),
  "line
end" integer,
  s integer,
  row_hash integer,
  target_key integer,
  "ÑandÚ" varchar(20)
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.Customer%22%3B%20DROP/15_check.sql
-- table:   public."Customer""; DROP TABLE x; --"
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Customer"; DROP, staged in restage_stage."Customer""; DROP TABLE x; --"
-- body:    sha256:fed535b18c724d6d2169ed37e5d711700956f8563ce01a811b11e935e89ca569
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage."Customer""; DROP TABLE x; --" ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage."Customer""; DROP TABLE x; --" ("Customer""ID", "line
end");

SELECT restage.count_staged('public."Customer""; DROP TABLE x; --"', count(*)) AS staged
FROM restage_stage."Customer""; DROP TABLE x; --" AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s."Customer""ID"
  FROM restage_stage."Customer""; DROP TABLE x; --" AS s
  WHERE s."Customer""ID" IS NOT NULL
  GROUP BY
    s."Customer""ID"
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage."Customer""; DROP TABLE x; --" AS s
  WHERE s."Customer""ID" IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage."Customer""; DROP TABLE x; --" AS s
    ON s."Customer""ID" = r."Customer""ID"
),
refused AS (
  DELETE FROM restage_stage."Customer""; DROP TABLE x; --" AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('Customer"ID', s."Customer""ID") AS source_key,
    jsonb_build_object('Customer"ID', s."Customer""ID") AS value,
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
    'public."Customer""; DROP TABLE x; --"',
    r.source_key,
    'source key',
    ARRAY['Customer"ID'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public."Customer""; DROP TABLE x; --"', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/001_dbo.Customer%22%3B%20DROP/20_match.sql
-- table:   public."Customer""; DROP TABLE x; --"
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Customer"; DROP, staged in restage_stage."Customer""; DROP TABLE x; --"
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Customer%22%3B%20DROP/30_allocate.sql
-- table:   public."Customer""; DROP TABLE x; --"
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Customer"; DROP, staged in restage_stage."Customer""; DROP TABLE x; --"
-- body:    sha256:f7a6baf4fa1aeb0f3576a5f062e5d66ee69dd89af60016a8fa92875784804912
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public."Customer""; DROP TABLE x; --"', 'restage_keymap."Customer""; DROP TABLE x; --"') AS joins;

DO $restage2$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap."Customer""; DROP TABLE x; --" (
    "source_Customer""ID",
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s."Customer""ID",
    nextval('public."Customer""; DROP TABLE x; --_Customer""ID_seq"'),
    s.row_hash_,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s."Customer""ID",
      restage.row_hash(
        ROW(
          s."Customer""ID",
          s."it's $restage$",
          s."line
end",
          s.s,
          s.row_hash,
          s.target_key,
          s."ÑandÚ"
        )::text,
        (NULL::restage_keymap."Customer""; DROP TABLE x; --").row_hash
      ) AS row_hash_,
      s.chunk
    FROM restage_stage."Customer""; DROP TABLE x; --" AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap."Customer""; DROP TABLE x; --" AS k
      WHERE k."source_Customer""ID" = s."Customer""ID"
    )
    ORDER BY
      s."Customer""ID"
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public."Customer""; DROP TABLE x; --"', 'allocated', allocated_rows);
END
$restage2$;

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
    WHERE i.indrelid = 'restage_keymap."Customer""; DROP TABLE x; --"'::regclass
  ) THEN
    ALTER TABLE restage_keymap."Customer""; DROP TABLE x; --"
      ADD PRIMARY KEY ("source_Customer""ID"),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap."Customer""; DROP TABLE x; --"'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public."Customer""; DROP TABLE x; --"'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap."Customer""; DROP TABLE x; --";
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public."Customer""; DROP TABLE x; --"'
  AND c.kind = 'allocated';

-- file:    merge/001_dbo.Customer%22%3B%20DROP/35_orphans.sql
-- table:   public."Customer""; DROP TABLE x; --"
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Customer"; DROP, staged in restage_stage."Customer""; DROP TABLE x; --"
-- body:    sha256:058223498d1b5657dfc4b749b849aa061bd3da2e681032876ebf0c03823494ff
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Customer"; DROP TABLE x; --_line end_fkey: on_orphan: null
WITH orphan AS (
  SELECT
    s.ctid AS row_id,
    jsonb_build_object('Customer"ID', s."Customer""ID") AS source_key,
    jsonb_build_object('line
end', s."line
end") AS value,
    jsonb_build_object('Customer"ID', s."line
end") AS parent_key,
    row_to_json(s.*) AS row_data
  FROM restage_stage."Customer""; DROP TABLE x; --" AS s
  WHERE s."line
end" IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap."Customer""; DROP TABLE x; --" AS k
      WHERE k."source_Customer""ID" = s."line
end"
    )
),
nulled AS (
  UPDATE restage_stage."Customer""; DROP TABLE x; --" AS s
  SET
    "line
end" = NULL
  FROM orphan AS o
  WHERE s.ctid = o.row_id
  RETURNING
    s."Customer""ID",
    restage.row_hash(
      ROW(
        s."Customer""ID",
        s."it's $restage$",
        s."line
end",
        s.s,
        s.row_hash,
        s.target_key,
        s."ÑandÚ"
      )::text,
      (NULL::restage_keymap."Customer""; DROP TABLE x; --").row_hash
    ) AS row_hash_
),
rehashed AS (
  UPDATE restage_keymap."Customer""; DROP TABLE x; --" AS k
  SET row_hash = n.row_hash_
  FROM nulled AS n
  WHERE k.first_run = (SELECT restage.run_id())
    AND k."source_Customer""ID" = n."Customer""ID"
),
refused_parent AS MATERIALIZED (
  SELECT DISTINCT ON (p.source_key)
    p.source_key,
    p.message
  FROM restage.reject AS p
  WHERE p.run_id = (SELECT restage.run_id())
    AND p.table_name = 'public."Customer""; DROP TABLE x; --"'
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
    'public."Customer""; DROP TABLE x; --"',
    r.source_key,
    'foreign key Customer"; DROP TABLE x; --_line
end_fkey',
    ARRAY['line
end'],
    r.value::text,
    'the parent public."Customer""; DROP TABLE x; --" ' || r.parent_key::text || CASE
      WHEN p.source_key IS NULL THEN ' is in no key map; loaded with NULL'
      WHEN length(p.message) > 1000 THEN ' was refused; loaded with NULL: … ' || right(p.message, 500)
      ELSE ' was refused; loaded with NULL: ' || p.message
    END,
    true,
    r.row_data
  FROM orphan AS r
  LEFT JOIN refused_parent AS p
    ON p.source_key = r.parent_key
  RETURNING 1
)
SELECT restage.count_rows('public."Customer""; DROP TABLE x; --"', 'nulled', count(*)) AS rows
FROM recorded;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public."Customer""; DROP TABLE x; --"'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/001_dbo.Customer%22%3B%20DROP/40_insert.sql
-- table:   public."Customer""; DROP TABLE x; --"
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Customer"; DROP, staged in restage_stage."Customer""; DROP TABLE x; --"
-- body:    sha256:46423ea6339cc5341d8a1169940ddbca0fd03baaa6025c881b0fec9de87d3fa7
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public."Customer""; DROP TABLE x; --"', 'restage_keymap."Customer""; DROP TABLE x; --"') AS joins;

DO $restage2$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public."Customer""; DROP TABLE x; --" (
    "Customer""ID",
    "it's $restage$",
    "line
end",
    s,
    row_hash,
    target_key,
    "ÑandÚ"
  )
  SELECT
    k.target_key,
    s."it's $restage$",
    p1.target_key,
    s.s,
    s.row_hash,
    s.target_key,
    s."ÑandÚ"
  FROM restage_stage."Customer""; DROP TABLE x; --" AS s
  JOIN restage_keymap."Customer""; DROP TABLE x; --" AS k
    ON k."source_Customer""ID" = s."Customer""ID"
    AND k.first_run = (SELECT restage.run_id())
  LEFT JOIN restage_keymap."Customer""; DROP TABLE x; --" AS p1
    ON p1."source_Customer""ID" = s."line
end"
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public."Customer""; DROP TABLE x; --"'
      AND c.kind = 'inserted'
  )
    AND (s."line
end" IS NULL OR p1.target_key IS NOT NULL);
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public."Customer""; DROP TABLE x; --"', 'inserted', inserted_rows);
END
$restage2$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public."Customer""; DROP TABLE x; --"'
  AND c.kind = 'inserted';

-- file:    merge/001_dbo.Customer%22%3B%20DROP/50_update.sql
-- table:   public."Customer""; DROP TABLE x; --"
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Customer"; DROP, staged in restage_stage."Customer""; DROP TABLE x; --"
-- body:    sha256:cb9a38a64604642dfa375a4b8a47ea143bcb73bd0e50e9288326e1b7d9925385
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public."Customer""; DROP TABLE x; --"', 'restage_keymap."Customer""; DROP TABLE x; --"') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s."Customer""ID",
    s."it's $restage$",
    s."line
end",
    s.s,
    s.row_hash,
    s.target_key,
    s."ÑandÚ",
    restage.row_hash(
      ROW(
        s."Customer""ID",
        s."it's $restage$",
        s."line
end",
        s.s,
        s.row_hash,
        s.target_key,
        s."ÑandÚ"
      )::text,
      (NULL::restage_keymap."Customer""; DROP TABLE x; --").row_hash
    ) AS row_hash_
  FROM restage_stage."Customer""; DROP TABLE x; --" AS s
  JOIN restage_keymap."Customer""; DROP TABLE x; --" AS k
    ON k."source_Customer""ID" = s."Customer""ID"
  WHERE NOT (SELECT restage.is_all_new('public."Customer""; DROP TABLE x; --"'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s."Customer""ID",
        s."it's $restage$",
        s."line
end",
        s.s,
        s.row_hash,
        s.target_key,
        s."ÑandÚ"
      )::text,
      (NULL::restage_keymap."Customer""; DROP TABLE x; --").row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k."source_Customer""ID",
    row_to_json(t.*) AS row_data
  FROM public."Customer""; DROP TABLE x; --" AS t
  LEFT JOIN restage_keymap."Customer""; DROP TABLE x; --" AS p1
    ON p1.target_key = t."line
end"
  JOIN restage_keymap."Customer""; DROP TABLE x; --" AS k
    ON k.target_key = t."Customer""ID"
  JOIN changed AS c
    ON k."source_Customer""ID" = c."Customer""ID"
  WHERE restage.row_hash(
      ROW(
        k."source_Customer""ID",
        t."it's $restage$",
        coalesce(p1."source_Customer""ID"::text, 'final ' || t."line
end"),
        t.s,
        t.row_hash,
        t.target_key,
        t."ÑandÚ"
      )::text,
      (NULL::restage_keymap."Customer""; DROP TABLE x; --").row_hash
    ) NOT IN (k.row_hash, c.row_hash_)
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
    'public."Customer""; DROP TABLE x; --"',
    jsonb_build_object('source_Customer"ID', d."source_Customer""ID"),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public."Customer""; DROP TABLE x; --" AS t
  SET
    "it's $restage$" = c."it's $restage$",
    "line
end" = p1.target_key,
    s = c.s,
    row_hash = c.row_hash,
    target_key = c.target_key,
    "ÑandÚ" = c."ÑandÚ"
  FROM changed AS c
  JOIN restage_keymap."Customer""; DROP TABLE x; --" AS k
    ON k."source_Customer""ID" = c."Customer""ID"
  LEFT JOIN restage_keymap."Customer""; DROP TABLE x; --" AS p1
    ON p1."source_Customer""ID" = c."line
end"
  WHERE t."Customer""ID" = k.target_key
    AND (c."line
end" IS NULL OR p1.target_key IS NOT NULL)
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap."Customer""; DROP TABLE x; --" AS k
  SET
    row_hash = c.row_hash_,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k."source_Customer""ID" = c."Customer""ID"
)
SELECT
  restage.count_rows('public."Customer""; DROP TABLE x; --"', 'updated', count(*)) AS rows,
  restage.count_rows('public."Customer""; DROP TABLE x; --"', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/001_dbo.Customer%22%3B%20DROP/60_vanished.sql
-- table:   public."Customer""; DROP TABLE x; --"
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Customer"; DROP, staged in restage_stage."Customer""; DROP TABLE x; --"
-- body:    sha256:aa9910e9ed487672230e4cc04efa4c6e934aa4b05514019afa59f980a93eab38
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public."Customer""; DROP TABLE x; --"', 'restage_keymap."Customer""; DROP TABLE x; --"') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k."source_Customer""ID",
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage."Customer""; DROP TABLE x; --" AS s
  JOIN restage_keymap."Customer""; DROP TABLE x; --" AS k
    ON k."source_Customer""ID" = s."Customer""ID"
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap."Customer""; DROP TABLE x; --" AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k."source_Customer""ID" = m."source_Customer""ID"
)
SELECT restage.fail_skipped('public."Customer""; DROP TABLE x; --"', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public."Customer""; DROP TABLE x; --"'
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
    s."Customer""ID"
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public."Customer""; DROP TABLE x; --", r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public."Customer""; DROP TABLE x; --"'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap."Customer""; DROP TABLE x; --" AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public."Customer""; DROP TABLE x; --"'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public."Customer""; DROP TABLE x; --"'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage."Customer""; DROP TABLE x; --" AS s
      WHERE k."source_Customer""ID" = s."Customer""ID"
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k."source_Customer""ID" = r."Customer""ID"
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k."source_Customer""ID",
    k.vanished_run
  FROM restage_keymap."Customer""; DROP TABLE x; --" AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public."Customer""; DROP TABLE x; --"'))
),
back AS MATERIALIZED (
  SELECT
    k."source_Customer""ID",
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage."Customer""; DROP TABLE x; --" AS s
    ON k."source_Customer""ID" = s."Customer""ID"
  UNION
  SELECT
    k."source_Customer""ID",
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k."source_Customer""ID" = r."Customer""ID"
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
    'public."Customer""; DROP TABLE x; --"',
    'returned',
    ARRAY[b."source_Customer""ID"::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap."Customer""; DROP TABLE x; --" AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k."source_Customer""ID" = b."source_Customer""ID"
  RETURNING 1
)
SELECT
  restage.count_rows('public."Customer""; DROP TABLE x; --"', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public."Customer""; DROP TABLE x; --"', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/001_dbo.Customer%22%3B%20DROP/70_reset.sql
-- table:   public."Customer""; DROP TABLE x; --"
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Customer"; DROP, staged in restage_stage."Customer""; DROP TABLE x; --"
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Customer%22%3B%20DROP/90_account.sql
-- table:   public."Customer""; DROP TABLE x; --"
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Customer"; DROP, staged in restage_stage."Customer""; DROP TABLE x; --"
-- body:    sha256:a1e59b1b22c76ad3fd543eaa05188241df4cf3f6512b14842c74a82d1dca0e0b
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public."Customer""; DROP TABLE x; --"', 'restage_keymap."Customer""; DROP TABLE x; --"') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public."Customer""; DROP TABLE x; --"', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap."Customer""; DROP TABLE x; --"') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public."Customer""; DROP TABLE x; --"'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public."Customer""; DROP TABLE x; --"', count(*)) AS rows
FROM restage_stage."Customer""; DROP TABLE x; --" AS s
JOIN restage_keymap."Customer""; DROP TABLE x; --" AS k
  ON k."source_Customer""ID" = s."Customer""ID"
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public."Customer""; DROP TABLE x; --"'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/001_dbo.Customer%22%3B%20DROP/content.sql
-- table:   public."Customer""; DROP TABLE x; --"
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Customer"; DROP
-- body:    sha256:0906c138e866e818d20a9d11fed1e941170fbc4a01613718b72084a1b9516a5b
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
      s."Customer""ID",
      s."it's $restage$",
      s."line
end",
      s.s,
      s.row_hash,
      s.target_key,
      s."ÑandÚ",
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public."Customer""; DROP TABLE x; --"'))
        AND r.table_name = 'public."Customer""; DROP TABLE x; --"'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public."Customer""; DROP TABLE x; --", r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k."source_Customer""ID",
    t."it's $restage$",
    coalesce(p1."source_Customer""ID"::text, 'final ' || t."line
end", n."line
end"::text),
    t.s,
    t.row_hash,
    t.target_key,
    t."ÑandÚ"
  FROM public."Customer""; DROP TABLE x; --" AS t
  LEFT JOIN restage_keymap."Customer""; DROP TABLE x; --" AS p1
    ON p1.target_key = t."line
end"
  JOIN restage_keymap."Customer""; DROP TABLE x; --" AS k
    ON k.target_key = t."Customer""ID"
  LEFT JOIN noted AS n
    ON k."source_Customer""ID" = n."Customer""ID"
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n."Customer""ID",
    n."it's $restage$",
    n."line
end"::text,
    n.s,
    n.row_hash,
    n.target_key,
    n."ÑandÚ"
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/001_dbo.Customer%22%3B%20DROP/counts.sql
-- table:   public."Customer""; DROP TABLE x; --"
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Customer"; DROP
-- body:    sha256:49689f4a897e6ce9ea09cfea13dd4dbd81a1da308c16f1024a2ede08af48c102
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s."Customer""ID"
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public."Customer""; DROP TABLE x; --", r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public."Customer""; DROP TABLE x; --"'))
    AND r.table_name = 'public."Customer""; DROP TABLE x; --"'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public."Customer""; DROP TABLE x; --" AS t
    JOIN restage_keymap."Customer""; DROP TABLE x; --" AS k
      ON k.target_key = t."Customer""ID"
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k."source_Customer""ID" = r."Customer""ID"
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public."Customer""; DROP TABLE x; --"'))
  AND g.table_name = 'public."Customer""; DROP TABLE x; --"';

-- file:    verify/001_dbo.Customer%22%3B%20DROP/keys.sql
-- table:   public."Customer""; DROP TABLE x; --"
-- purpose: known = present, when every key has its final row
-- source:  dbo.Customer"; DROP
-- body:    sha256:1d5bbdcc6900ad37f4c307bcf640863c646fb95baa0827fce9aff55170cf2198
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap."Customer""; DROP TABLE x; --" AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public."Customer""; DROP TABLE x; --" AS t
    JOIN restage_keymap."Customer""; DROP TABLE x; --" AS k
      ON k.target_key = t."Customer""ID"
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap."Customer""; DROP TABLE x; --" AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/001_dbo.Customer%22%3B%20DROP/others.sql
-- table:   public."Customer""; DROP TABLE x; --"
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Customer"; DROP
-- body:    sha256:20a2b60356efc4047e6c201626fef33a3af4476c3091ac473dea6f83c704768a
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public."Customer""; DROP TABLE x; --" AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap."Customer""; DROP TABLE x; --" AS k
  WHERE k.target_key = t."Customer""ID"
);

-- file:    verify/001_dbo.Customer%22%3B%20DROP/orphans.sql
-- table:   public."Customer""; DROP TABLE x; --"
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Customer"; DROP
-- body:    sha256:f2a08cedf20a8a377035b031135451f4447a7e88b6f6d67cd98a8cebd1926d1a
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- Customer"; DROP TABLE x; --_line end_fkey
SELECT count(*) AS orphans
FROM public."Customer""; DROP TABLE x; --" AS t
WHERE t."line
end" IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public."Customer""; DROP TABLE x; --" AS p
    WHERE p."Customer""ID" = t."line
end"
  );

