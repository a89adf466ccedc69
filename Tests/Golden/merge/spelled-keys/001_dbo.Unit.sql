-- file:    merge/001_dbo.Unit/10_stage.sql
-- table:   public.unit
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Unit, staged in restage_stage.unit
-- body:    sha256:fa1c694771348e806c8e9e13444911ded9ef37954aef6505a8f5ef2c558ca537
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.unit;

CREATE UNLOGGED TABLE restage_stage.unit (
  code varchar(6),
  name varchar(20),
  basecode varchar(6)
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.Unit/15_check.sql
-- table:   public.unit
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Unit, staged in restage_stage.unit
-- body:    sha256:883376cef1abc2e7293832e93a3c1fffb314a2274adcd0e4ee1b5ef175e94b99
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.unit (code, basecode);

SELECT restage.count_staged('public.unit', count(*)) AS staged
FROM restage_stage.unit AS s;

WITH repeated AS MATERIALIZED (
  SELECT
    rtrim(s.code) AS code
  FROM restage_stage.unit AS s
  WHERE s.code IS NOT NULL
  GROUP BY
    rtrim(s.code)
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.unit AS s
  WHERE s.code IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.unit AS s
    ON rtrim(s.code) = r.code
),
refused AS (
  DELETE FROM restage_stage.unit AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('Code', s.code) AS source_key,
    jsonb_build_object('Code', s.code) AS value,
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
    ARRAY['code'],
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
-- body:    sha256:306dd0b46c13bc0e5f742d1be6815bf2dd78dbdd3fb8ac300bf3e59533b76420
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
    source_code,
    target_key,
    row_hash,
    first_run,
    last_run
  )
  SELECT
    s.code,
    s.code,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id())
  FROM (
    SELECT
      s.code,
      restage.row_hash(
        ROW(
          s.code,
          s.name,
          s.basecode
        )::text,
        (NULL::restage_keymap.unit).row_hash
      ) AS row_hash
    FROM restage_stage.unit AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.unit AS k
      WHERE rtrim(k.source_code) = rtrim(s.code)
    )
    ORDER BY
      s.code
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
      ADD PRIMARY KEY (source_code),
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
  source_code = s.code,
  target_key = CASE
    WHEN k.first_run = (SELECT restage.run_id()) THEN s.code
    ELSE k.target_key
  END
FROM restage_stage.unit AS s
WHERE rtrim(k.source_code) = rtrim(s.code)
  AND k.source_code COLLATE "C" <> s.code COLLATE "C";

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
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Unit, staged in restage_stage.unit
-- body:    sha256:5880a2a7bd17e0524485292b5d34245896f30ec80d8b8025525ac410d10711aa
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- unit_basecode_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.unit',
  'unit_basecode_fkey',
  count(*),
  min(jsonb_build_object(
    'Code', s.code,
    'BaseCode', s.basecode
  )::text)
)
FROM restage_stage.unit AS s
WHERE s.basecode IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.unit AS k
    WHERE rtrim(k.source_code) = rtrim(s.basecode)
  )
HAVING count(*) > 0;

-- unit_basecode_fkey: where it differs in trailing blanks, the parent's spelling
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH spelling AS MATERIALIZED (
  SELECT DISTINCT ON (s.ctid)
    s.ctid AS row_id,
    jsonb_build_object('Code', s.code) AS source_key,
    jsonb_build_object('BaseCode', s.basecode) AS value,
    row_to_json(s.*) AS row_data,
    k.source_code
  FROM restage_stage.unit AS s
  JOIN restage_keymap.unit AS k
    ON rtrim(k.source_code) = rtrim(s.basecode)
  WHERE NOT EXISTS (
    SELECT
    FROM restage_keymap.unit AS k
    WHERE k.source_code = s.basecode
  )
  ORDER BY
    s.ctid,
    k.vanished_run NULLS FIRST,
    k.source_code
),
respelled AS (
  UPDATE restage_stage.unit AS s
  SET
    basecode = c.source_code
  FROM spelling AS c
  WHERE s.ctid = c.row_id
  RETURNING
    s.code,
    restage.row_hash(
      ROW(
        s.code,
        s.name,
        s.basecode
      )::text,
      (NULL::restage_keymap.unit).row_hash
    ) AS row_hash
),
rehashed AS (
  UPDATE restage_keymap.unit AS k
  SET row_hash = n.row_hash
  FROM respelled AS n
  WHERE k.first_run = (SELECT restage.run_id())
    AND rtrim(k.source_code) = rtrim(n.code)
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
    'spelling unit_basecode_fkey',
    ARRAY['basecode'],
    r.value::text,
    'differs from the parent''s key in trailing blanks; loaded as the parent has it',
    true,
    r.row_data
  FROM spelling AS r
  RETURNING 1
)
SELECT restage.count_rows('public.unit', 'respelled', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

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
-- body:    sha256:36c8bd2fc07805cc19d9eb879aee0f24e5e627ac655083a190742a3bb5a205a1
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
    code,
    name,
    basecode
  )
  SELECT
    s.code,
    s.name,
    s.basecode
  FROM restage_stage.unit AS s
  JOIN restage_keymap.unit AS k
    ON rtrim(k.source_code) = rtrim(s.code)
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
-- body:    sha256:bbb8a5b8fde2fd5d4013e2eefbbd2530f46164d04a1148c3c146abc06e605378
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
    s.code,
    s.name,
    s.basecode,
    restage.row_hash(
      ROW(
        s.code,
        s.name,
        s.basecode
      )::text,
      (NULL::restage_keymap.unit).row_hash
    ) AS row_hash
  FROM restage_stage.unit AS s
  JOIN restage_keymap.unit AS k
    ON rtrim(k.source_code) = rtrim(s.code)
  WHERE NOT (SELECT restage.is_all_new('public.unit'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.code,
        s.name,
        s.basecode
      )::text,
      (NULL::restage_keymap.unit).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_code,
    row_to_json(t.*) AS row_data
  FROM public.unit AS t
  JOIN restage_keymap.unit AS k
    ON k.target_key = t.code
  JOIN changed AS c
    ON rtrim(k.source_code) = rtrim(c.code)
  WHERE restage.row_hash(
      ROW(
        t.code,
        t.name,
        t.basecode
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
    jsonb_build_object('source_code', d.source_code),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.unit AS t
  SET
    code = c.code,
    name = c.name,
    basecode = c.basecode
  FROM changed AS c
  JOIN restage_keymap.unit AS k
    ON rtrim(k.source_code) = rtrim(c.code)
  WHERE t.code = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.unit AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id()),
    target_key = c.code
  FROM changed AS c
  WHERE rtrim(k.source_code) = rtrim(c.code)
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
-- body:    sha256:9b332e737987c3af69061345cbd711338dddebc8c874c52938faa6c92c2035a7
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    s.code
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
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.unit AS s
      WHERE rtrim(k.source_code) = rtrim(s.code)
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE rtrim(k.source_code) = rtrim(r.code)
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_code,
    k.vanished_run
  FROM restage_keymap.unit AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_code,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.unit AS s
    ON rtrim(k.source_code) = rtrim(s.code)
  UNION
  SELECT
    k.source_code,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON rtrim(k.source_code) = rtrim(r.code)
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
    ARRAY[b.source_code::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.unit AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_code = b.source_code
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
-- body:    sha256:f36e32a588b914eaae167ced9dda0a1472ad2d5554f5b80a5a959dee8428c429
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.unit', 'restage_keymap.unit') AS joins;

SELECT restage.close_account('public.unit', count(*)) AS rows
FROM restage_stage.unit AS s
JOIN restage_keymap.unit AS k
  ON rtrim(k.source_code) = rtrim(s.code)
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
-- body:    sha256:b2fd1a8e302dddc043d4893338b5402cbe6558ef2f5fcbf74d922e6d17bb756d
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
      s.name,
      s.basecode,
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
    t.code,
    t.name,
    CASE WHEN rtrim(n.basecode) = rtrim(t.basecode) THEN n.basecode ELSE t.basecode END
  FROM public.unit AS t
  JOIN restage_keymap.unit AS k
    ON k.target_key = t.code
  LEFT JOIN noted AS n
    ON rtrim(k.source_code) = rtrim(n.code)
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.code,
    n.name,
    n.basecode
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/001_dbo.Unit/counts.sql
-- table:   public.unit
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Unit
-- body:    sha256:ef1dc65544fa197468013efabf4149cf0f3fa8106fe767038d43598c0e13da9d
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.code
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
      ON k.target_key = t.code
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE rtrim(k.source_code) = rtrim(r.code)
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
-- body:    sha256:f1ff841c6bd358497cfdbce49773d79fa1825410c9d39c04f3f8b62d870c251a
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
      ON k.target_key = t.code
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
-- body:    sha256:79529c669e861ceab92d86a61d8ae25ccad5a20969fd05c02d9932429f23357f
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.unit AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.unit AS k
  WHERE k.target_key = t.code
);

-- file:    verify/001_dbo.Unit/orphans.sql
-- table:   public.unit
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Unit
-- body:    sha256:0016a5f6077e14e4e59cf3a8a70e29d20cfa5ef5ac9361fa452f97ea4d3b1fc2
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- unit_basecode_fkey
SELECT count(*) AS orphans
FROM public.unit AS t
WHERE t.basecode IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.unit AS p
    WHERE p.code = t.basecode
  );

-- file:    verify/001_dbo.Unit/unique.sql
-- table:   public.unit
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Unit
-- body:    sha256:abb50aa9325bc45cdc890ddb03ca4b64bbe2d191420c3802134b958b88371537
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- unit_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.unit
),
held AS (
  SELECT
    t.code AS code,
    k.first_run IS NOT NULL AS is_known
  FROM public.unit AS t
  LEFT JOIN restage_keymap.unit AS k
    ON k.target_key = t.code
)
SELECT
  jsonb_build_object('Code', s.code) AS value,
  jsonb_build_object('Code', s.code) AS staged_row,
  jsonb_build_object('Code', o.code) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.code = s.code
  AND ROW(s.code) < ROW(o.code)
UNION ALL
SELECT
  jsonb_build_object('Code', s.code) AS value,
  jsonb_build_object('Code', s.code) AS staged_row,
  jsonb_build_object('Code', t.code) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN o.code IS NULL THEN 'vanished'
    WHEN ROW(o.code) IS DISTINCT FROM ROW(t.code) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.code = s.code
LEFT JOIN restage_stage.unit AS o
  ON o.code = t.code
WHERE NOT (t.is_known AND ROW(s.code) IS NOT DISTINCT FROM ROW(t.code))
LIMIT 20;

