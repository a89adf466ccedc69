-- file:    merge/001_dbo.Unit/10_stage.sql
-- table:   public.unit
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Unit, staged in restage_stage.unit
-- body:    sha256:7390913705135ae4a71d05b7837ce0a283acdd706c3ded29ef5c7e3ab858dbf3
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.unit;

CREATE UNLOGGED TABLE restage_stage.unit (
  symbol varchar(10) COLLATE public.ignoring_case,
  name varchar(20)
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.Unit/15_check.sql
-- table:   public.unit
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Unit, staged in restage_stage.unit
-- body:    sha256:0f23268abf70e5e943fdb91b6ee1ed99e3a9d8b6d5bccdcc02c8fce854c2708a
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.unit ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.unit (symbol);

SELECT restage.count_staged('public.unit', count(*)) AS staged
FROM restage_stage.unit AS s;

WITH repeated AS MATERIALIZED (
  SELECT
    rtrim(s.symbol) AS symbol
  FROM restage_stage.unit AS s
  WHERE s.symbol IS NOT NULL
  GROUP BY
    rtrim(s.symbol)
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.unit AS s
  WHERE s.symbol IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.unit AS s
    ON rtrim(s.symbol) = r.symbol
),
refused AS (
  DELETE FROM restage_stage.unit AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('Symbol', s.symbol) AS source_key,
    jsonb_build_object('Symbol', s.symbol) AS value,
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
    'public.unit',
    r.source_key,
    'source key',
    ARRAY['symbol'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.unit', 'rejected', count(*)) AS rows
FROM recorded;

-- file:    merge/001_dbo.Unit/20_match.sql
-- table:   public.unit
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Unit, staged in restage_stage.unit
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Unit/30_allocate.sql
-- table:   public.unit
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Unit, staged in restage_stage.unit
-- body:    sha256:a07b5d4ca3ac4fef18ec24d789fcf145256dd0766c1e43f032acb12679da291e
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.unit', 'restage_keymap.unit') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.unit (
    source_symbol,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.symbol,
    s.symbol,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.symbol,
      restage.row_hash(
        ROW(
          s.symbol,
          s.name
        )::text,
        (NULL::restage_keymap.unit).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.unit AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.unit AS k
      WHERE rtrim(k.source_symbol) = rtrim(s.symbol)
    )
    ORDER BY
      s.symbol
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.unit', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.unit'::regclass
  ) THEN
    ALTER TABLE restage_keymap.unit
      ADD PRIMARY KEY (source_symbol),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.unit'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.unit'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.unit;
  END IF;
END
$restage$;

-- Keys that differ from those of the key map in case or trailing blanks.
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

UPDATE restage_keymap.unit AS k
SET
  source_symbol = s.symbol,
  target_key = CASE
    WHEN k.first_run = (SELECT restage.run_id()) THEN s.symbol
    ELSE k.target_key
  END
FROM restage_stage.unit AS s
WHERE rtrim(k.source_symbol) = rtrim(s.symbol)
  AND k.source_symbol COLLATE "C" <> s.symbol COLLATE "C";

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.unit'
  AND c.kind = 'allocated';

-- file:    merge/001_dbo.Unit/35_orphans.sql
-- table:   public.unit
-- step:    35 orphans
-- purpose: no foreign key to check
-- source:  dbo.Unit, staged in restage_stage.unit
-- body:    sha256:46f80ce7106095e397de36444e3d29029705e43bda7696aa74d1894b9fdbb68c
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.unit'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/001_dbo.Unit/40_insert.sql
-- table:   public.unit
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Unit, staged in restage_stage.unit
-- body:    sha256:e23b6a6d4e757b44fe8c42d7574adea9201ad93dfcbc452e44a168c8c2a83241
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.unit', 'restage_keymap.unit') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.unit (
    symbol,
    name
  )
  SELECT
    s.symbol,
    s.name
  FROM restage_stage.unit AS s
  JOIN restage_keymap.unit AS k
    ON rtrim(k.source_symbol) = rtrim(s.symbol)
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.unit'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.unit', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.unit'
  AND c.kind = 'inserted';

-- file:    merge/001_dbo.Unit/50_update.sql
-- table:   public.unit
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Unit, staged in restage_stage.unit
-- body:    sha256:db5b5c218f6f03619dde031e1cafa49855134de788596a1364ef6c87f4adb297
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.unit', 'restage_keymap.unit') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.symbol,
    s.name,
    restage.row_hash(
      ROW(
        s.symbol,
        s.name
      )::text,
      (NULL::restage_keymap.unit).row_hash
    ) AS row_hash
  FROM restage_stage.unit AS s
  JOIN restage_keymap.unit AS k
    ON rtrim(k.source_symbol) = rtrim(s.symbol)
  WHERE NOT (SELECT restage.is_all_new('public.unit'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.symbol,
        s.name
      )::text,
      (NULL::restage_keymap.unit).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_symbol,
    row_to_json(t.*) AS row_data
  FROM public.unit AS t
  JOIN restage_keymap.unit AS k
    ON k.target_key = t.symbol
  JOIN changed AS c
    ON rtrim(k.source_symbol) = rtrim(c.symbol)
  WHERE restage.row_hash(
      ROW(
        t.symbol,
        t.name
      )::text,
      (NULL::restage_keymap.unit).row_hash
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
    'public.unit',
    jsonb_build_object('source_symbol', d.source_symbol),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.unit AS t
  SET
    symbol = c.symbol,
    name = c.name
  FROM changed AS c
  JOIN restage_keymap.unit AS k
    ON rtrim(k.source_symbol) = rtrim(c.symbol)
  WHERE t.symbol = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.unit AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id()),
    target_key = c.symbol
  FROM changed AS c
  WHERE rtrim(k.source_symbol) = rtrim(c.symbol)
)
SELECT
  restage.count_rows('public.unit', 'updated', count(*)) AS rows,
  restage.count_rows('public.unit', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/001_dbo.Unit/60_vanished.sql
-- table:   public.unit
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Unit, staged in restage_stage.unit
-- body:    sha256:eef014ebb986d4b46885d205164e2a00ad76e690d3b730673c3b3d30b6c1c1f7
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.unit', 'restage_keymap.unit') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_symbol,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.unit AS s
  JOIN restage_keymap.unit AS k
    ON rtrim(k.source_symbol) = rtrim(s.symbol)
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.unit AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_symbol = m.source_symbol
)
SELECT restage.fail_skipped('public.unit', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.unit'
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
    s.symbol
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.unit, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.unit'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.unit AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.unit'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.unit'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.unit AS s
      WHERE rtrim(k.source_symbol) = rtrim(s.symbol)
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE rtrim(k.source_symbol) = rtrim(r.symbol)
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_symbol,
    k.vanished_run
  FROM restage_keymap.unit AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.unit'))
),
back AS MATERIALIZED (
  SELECT
    k.source_symbol,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.unit AS s
    ON rtrim(k.source_symbol) = rtrim(s.symbol)
  UNION
  SELECT
    k.source_symbol,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON rtrim(k.source_symbol) = rtrim(r.symbol)
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
    'public.unit',
    'returned',
    ARRAY[b.source_symbol::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.unit AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_symbol = b.source_symbol
  RETURNING 1
)
SELECT
  restage.count_rows('public.unit', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.unit', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/001_dbo.Unit/70_reset.sql
-- table:   public.unit
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Unit, staged in restage_stage.unit
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Unit/90_account.sql
-- table:   public.unit
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Unit, staged in restage_stage.unit
-- body:    sha256:6f887a90f0cf83c631a49c121e411264ea1529c6fec700157234e9610762eaa1
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.unit', 'restage_keymap.unit') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.unit', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.unit') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.unit'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.unit', count(*)) AS rows
FROM restage_stage.unit AS s
JOIN restage_keymap.unit AS k
  ON rtrim(k.source_symbol) = rtrim(s.symbol)
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.unit'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/001_dbo.Unit/content.sql
-- table:   public.unit
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Unit
-- body:    sha256:c96f9f24052f4f4ced303c5cd6aa3204f372a10f75f3e8f04892d0694ddc8c86
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
      s.symbol,
      s.name,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.unit'))
        AND r.table_name = 'public.unit'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.unit, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    t.symbol,
    t.name
  FROM public.unit AS t
  JOIN restage_keymap.unit AS k
    ON k.target_key = t.symbol
  LEFT JOIN noted AS n
    ON rtrim(k.source_symbol) = rtrim(n.symbol)
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.symbol,
    n.name
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/001_dbo.Unit/counts.sql
-- table:   public.unit
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Unit
-- body:    sha256:231741056a2276cfd914a5752e1f248423a14e81c6cf6a66fae9177f7cfaf777
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.symbol
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.unit, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.unit'))
    AND r.table_name = 'public.unit'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.unit AS t
    JOIN restage_keymap.unit AS k
      ON k.target_key = t.symbol
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE rtrim(k.source_symbol) = rtrim(r.symbol)
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.unit'))
  AND g.table_name = 'public.unit';

-- file:    verify/001_dbo.Unit/keys.sql
-- table:   public.unit
-- purpose: known = present, when every key has its final row
-- source:  dbo.Unit
-- body:    sha256:9bffab387b2fb951da3cc2b5f3fff7c3d2a53aae1e47302a2edd2f08999539ae
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.unit AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.unit AS t
    JOIN restage_keymap.unit AS k
      ON k.target_key = t.symbol
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.unit AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/001_dbo.Unit/others.sql
-- table:   public.unit
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Unit
-- body:    sha256:b30e19ff795a45af674cddec90c0c95b1a4f34891ce2ae1125013b0cfcf2ea99
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.unit AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.unit AS k
  WHERE k.target_key = t.symbol
);

-- file:    verify/001_dbo.Unit/unique.sql
-- table:   public.unit
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Unit
-- body:    sha256:6d5273832ad4d6a7b2ac3d4845318b0f09e3bd855f4b322440fce4ad23879c60
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- unit_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.unit
),
held AS (
  SELECT
    t.symbol AS symbol,
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
            AND g.table_name = 'public.unit'
          ORDER BY r.started_at DESC
          LIMIT 1
        )
        AND c.table_name = 'public.unit'
        AND c.is_skipped
        AND c.chunk_id = k.chunk
    ) AS is_skipped
  FROM public.unit AS t
  LEFT JOIN restage_keymap.unit AS k
    ON k.target_key = t.symbol
)
SELECT
  jsonb_build_object('Symbol', s.symbol) AS value,
  jsonb_build_object('Symbol', s.symbol) AS staged_row,
  jsonb_build_object('Symbol', o.symbol) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.symbol = s.symbol
  AND ROW(s.symbol) < ROW(o.symbol)
UNION ALL
SELECT
  jsonb_build_object('Symbol', s.symbol) AS value,
  jsonb_build_object('Symbol', s.symbol) AS staged_row,
  jsonb_build_object('Symbol', t.symbol) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN t.is_skipped THEN 'staged'
    WHEN o.symbol IS NULL THEN 'vanished'
    WHEN ROW(o.symbol) IS DISTINCT FROM ROW(t.symbol) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.symbol = s.symbol
LEFT JOIN restage_stage.unit AS o
  ON o.symbol = t.symbol
WHERE NOT (t.is_known AND ROW(s.symbol) IS NOT DISTINCT FROM ROW(t.symbol))
LIMIT 20;

