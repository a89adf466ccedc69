-- file:    merge/002_dbo.Measure/10_stage.sql
-- table:   public.measure
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Measure, staged in restage_stage.measure
-- body:    sha256:ccf242043a9a96926443410846c5442a54518cf4583571819106cb80fdfb5c3c
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.measure;

CREATE UNLOGGED TABLE restage_stage.measure (
  measureid integer,
  symbol varchar(10)
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Measure/15_check.sql
-- table:   public.measure
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Measure, staged in restage_stage.measure
-- body:    sha256:135037673cc4c6e720ba33cec736e96b1fc9ad6921745237cba30a0c8200fb32
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.measure (measureid, symbol);

SELECT restage.count_staged('public.measure', count(*)) AS staged
FROM restage_stage.measure AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.measureid
  FROM restage_stage.measure AS s
  WHERE s.measureid IS NOT NULL
  GROUP BY
    s.measureid
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.measure AS s
  WHERE s.measureid IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.measure AS s
    ON s.measureid = r.measureid
),
refused AS (
  DELETE FROM restage_stage.measure AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('MeasureId', s.measureid) AS source_key,
    jsonb_build_object('MeasureId', s.measureid) AS value,
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
    'public.measure',
    r.source_key,
    'source key',
    ARRAY['measureid'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.measure', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/002_dbo.Measure/20_match.sql
-- table:   public.measure
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Measure, staged in restage_stage.measure
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Measure/30_allocate.sql
-- table:   public.measure
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Measure, staged in restage_stage.measure
-- body:    sha256:7b86151a0a4e7a0f2d1c425e5fdad06f28ce529f93f751cb77e8845d747a24dd
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.measure', 'restage_keymap.measure') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.measure (
    source_measureid,
    target_key,
    row_hash,
    first_run,
    last_run
  )
  SELECT
    s.measureid,
    nextval('public.measure_measureid_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id())
  FROM (
    SELECT
      s.measureid,
      restage.row_hash(
        ROW(
          s.measureid,
          s.symbol
        )::text,
        (NULL::restage_keymap.measure).row_hash
      ) AS row_hash
    FROM restage_stage.measure AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.measure AS k
      WHERE k.source_measureid = s.measureid
    )
    ORDER BY
      s.measureid
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.measure', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.measure'::regclass
  ) THEN
    ALTER TABLE restage_keymap.measure
      ADD PRIMARY KEY (source_measureid),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.measure'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.measure'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.measure;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.measure'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Measure/35_orphans.sql
-- table:   public.measure
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Measure, staged in restage_stage.measure
-- body:    sha256:72d44fcad3edb8bd71d354d06ba42206fc391b0732d44b1e6f5e2b5dc1c50828
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- measure_symbol_fkey: where it differs in trailing blanks, the parent's spelling
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH spelling AS MATERIALIZED (
  SELECT DISTINCT ON (s.ctid)
    s.ctid AS row_id,
    jsonb_build_object('MeasureId', s.measureid) AS source_key,
    jsonb_build_object('Symbol', s.symbol) AS value,
    row_to_json(s.*) AS row_data,
    k.source_symbol
  FROM restage_stage.measure AS s
  JOIN restage_keymap.unit AS k
    ON rtrim(k.source_symbol) = rtrim(s.symbol) COLLATE public.ignoring_case
  WHERE NOT EXISTS (
    SELECT
    FROM restage_keymap.unit AS k
    WHERE k.source_symbol = s.symbol COLLATE public.ignoring_case
  )
  ORDER BY
    s.ctid,
    k.vanished_run NULLS FIRST,
    k.source_symbol
),
respelled AS (
  UPDATE restage_stage.measure AS s
  SET
    symbol = c.source_symbol
  FROM spelling AS c
  WHERE s.ctid = c.row_id
  RETURNING
    s.measureid,
    restage.row_hash(
      ROW(
        s.measureid,
        s.symbol
      )::text,
      (NULL::restage_keymap.measure).row_hash
    ) AS row_hash
),
rehashed AS (
  UPDATE restage_keymap.measure AS k
  SET row_hash = n.row_hash
  FROM respelled AS n
  WHERE k.first_run = (SELECT restage.run_id())
    AND k.source_measureid = n.measureid
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
    'public.measure',
    r.source_key,
    'spelling measure_symbol_fkey',
    ARRAY['symbol'],
    r.value::text,
    'differs from the parent''s key in trailing blanks; loaded as the parent has it',
    true,
    r.row_data
  FROM spelling AS r
  RETURNING 1
)
SELECT restage.count_rows('public.measure', 'respelled', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- measure_symbol_fkey: on_orphan: null
WITH orphan AS (
  SELECT
    s.ctid AS row_id,
    jsonb_build_object('MeasureId', s.measureid) AS source_key,
    jsonb_build_object('Symbol', s.symbol) AS value,
    jsonb_build_object('Symbol', s.symbol) AS parent_key,
    row_to_json(s.*) AS row_data
  FROM restage_stage.measure AS s
  WHERE s.symbol IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.unit AS k
      WHERE rtrim(k.source_symbol) = rtrim(s.symbol) COLLATE public.ignoring_case
    )
),
nulled AS (
  UPDATE restage_stage.measure AS s
  SET
    symbol = NULL
  FROM orphan AS o
  WHERE s.ctid = o.row_id
  RETURNING
    s.measureid,
    restage.row_hash(
      ROW(
        s.measureid,
        s.symbol
      )::text,
      (NULL::restage_keymap.measure).row_hash
    ) AS row_hash
),
rehashed AS (
  UPDATE restage_keymap.measure AS k
  SET row_hash = n.row_hash
  FROM nulled AS n
  WHERE k.first_run = (SELECT restage.run_id())
    AND k.source_measureid = n.measureid
),
refused_parent AS MATERIALIZED (
  SELECT DISTINCT ON (p.source_key)
    p.source_key,
    p.message
  FROM restage.reject AS p
  WHERE p.run_id = (SELECT restage.run_id())
    AND p.table_name = 'public.unit'
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
    'public.measure',
    r.source_key,
    'foreign key measure_symbol_fkey',
    ARRAY['symbol'],
    r.value::text,
    'the parent public.unit ' || r.parent_key::text || CASE
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
SELECT restage.count_rows('public.measure', 'nulled', count(*)) AS rows
FROM recorded;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.measure'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Measure/40_insert.sql
-- table:   public.measure
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Measure, staged in restage_stage.measure
-- body:    sha256:3c26d7befd7b7ab150a877266995c99055985ded181ccd7cfe03b7065021c047
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.measure', 'restage_keymap.measure') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.measure (
    measureid,
    symbol
  )
  SELECT
    k.target_key,
    s.symbol
  FROM restage_stage.measure AS s
  JOIN restage_keymap.measure AS k
    ON k.source_measureid = s.measureid
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.measure'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.measure', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.measure'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Measure/50_update.sql
-- table:   public.measure
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Measure, staged in restage_stage.measure
-- body:    sha256:313d3238c14e12b937bcb9327c343229b0007e6bfc9e26f791a40ef54cf0d179
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.measure', 'restage_keymap.measure') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.measureid,
    s.symbol,
    restage.row_hash(
      ROW(
        s.measureid,
        s.symbol
      )::text,
      (NULL::restage_keymap.measure).row_hash
    ) AS row_hash
  FROM restage_stage.measure AS s
  JOIN restage_keymap.measure AS k
    ON k.source_measureid = s.measureid
  WHERE NOT (SELECT restage.is_all_new('public.measure'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.measureid,
        s.symbol
      )::text,
      (NULL::restage_keymap.measure).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_measureid,
    row_to_json(t.*) AS row_data
  FROM public.measure AS t
  JOIN restage_keymap.measure AS k
    ON k.target_key = t.measureid
  JOIN changed AS c
    ON k.source_measureid = c.measureid
  WHERE restage.row_hash(
      ROW(
        k.source_measureid,
        t.symbol
      )::text,
      (NULL::restage_keymap.measure).row_hash
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
    'public.measure',
    jsonb_build_object('source_measureid', d.source_measureid),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.measure AS t
  SET
    symbol = c.symbol
  FROM changed AS c
  JOIN restage_keymap.measure AS k
    ON k.source_measureid = c.measureid
  WHERE t.measureid = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.measure AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_measureid = c.measureid
)
SELECT
  restage.count_rows('public.measure', 'updated', count(*)) AS rows,
  restage.count_rows('public.measure', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.Measure/60_vanished.sql
-- table:   public.measure
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Measure, staged in restage_stage.measure
-- body:    sha256:bc01ac7c1db24eec133fb94886d805676fd6b7a69f9ee5d75cfe79cbd12c7ffa
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    s.measureid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.measure, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.measure'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.measure AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.measure AS s
      WHERE k.source_measureid = s.measureid
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_measureid = r.measureid
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_measureid,
    k.vanished_run
  FROM restage_keymap.measure AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_measureid,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.measure AS s
    ON k.source_measureid = s.measureid
  UNION
  SELECT
    k.source_measureid,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_measureid = r.measureid
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
    'public.measure',
    'returned',
    ARRAY[b.source_measureid::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.measure AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_measureid = b.source_measureid
  RETURNING 1
)
SELECT
  restage.count_rows('public.measure', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.measure', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Measure/70_reset.sql
-- table:   public.measure
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Measure, staged in restage_stage.measure
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Measure/90_account.sql
-- table:   public.measure
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Measure, staged in restage_stage.measure
-- body:    sha256:b44acef75c98d1386702495f7813470b44c6c6e54d3eb5f32d8cd1336cf330cf
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.measure', 'restage_keymap.measure') AS joins;

SELECT restage.close_account('public.measure', count(*)) AS rows
FROM restage_stage.measure AS s
JOIN restage_keymap.measure AS k
  ON k.source_measureid = s.measureid
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.measure'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Measure/content.sql
-- table:   public.measure
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Measure
-- body:    sha256:55cc6094f44f29ad2d44b256cfc30cc15db5736d8b6f8c5e05c7d3ed63921174
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
      s.measureid,
      s.symbol,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.measure'))
        AND r.table_name = 'public.measure'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.measure, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_measureid,
    CASE WHEN rtrim(n.symbol) = rtrim(coalesce(t.symbol, n.symbol)) COLLATE public.ignoring_case THEN n.symbol ELSE coalesce(t.symbol, n.symbol) END
  FROM public.measure AS t
  JOIN restage_keymap.measure AS k
    ON k.target_key = t.measureid
  LEFT JOIN noted AS n
    ON k.source_measureid = n.measureid
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.measureid,
    n.symbol
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Measure/counts.sql
-- table:   public.measure
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Measure
-- body:    sha256:1c32a7f4e68cb4e633fd9ffc96ba52f6e084ddc31def2d3bf5bab0879e579b0b
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.measureid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.measure, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.measure'))
    AND r.table_name = 'public.measure'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.measure AS t
    JOIN restage_keymap.measure AS k
      ON k.target_key = t.measureid
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_measureid = r.measureid
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.measure'))
  AND g.table_name = 'public.measure';

-- file:    verify/002_dbo.Measure/keys.sql
-- table:   public.measure
-- purpose: known = present, when every key has its final row
-- source:  dbo.Measure
-- body:    sha256:bca3044314342214835f49774e53a4c685f5ec5863914c9aa0fa29d77afc9798
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.measure AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.measure AS t
    JOIN restage_keymap.measure AS k
      ON k.target_key = t.measureid
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.measure AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Measure/others.sql
-- table:   public.measure
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Measure
-- body:    sha256:f11cc6cb7c84baba3302a1f94ec0fa2db17c1f89a55d884e3dab1e72b10bc519
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.measure AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.measure AS k
  WHERE k.target_key = t.measureid
);

-- file:    verify/002_dbo.Measure/orphans.sql
-- table:   public.measure
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Measure
-- body:    sha256:6c2a1e27f106034a59b3a1bce2e2443085269a6bb0cef5db89e5b32a4f8fef6c
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- measure_symbol_fkey
SELECT count(*) AS orphans
FROM public.measure AS t
WHERE t.symbol IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.unit AS p
    WHERE p.symbol = t.symbol COLLATE public.ignoring_case
  );

