-- file:    merge/005_dbo.Stamp/10_stage.sql
-- table:   public.stamp
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Stamp, staged in restage_stage.stamp
-- body:    sha256:b4f78a58a3c039c9eaa7d8a53ad84ff7efd31b062fb1f85fb14e8c490455aea2
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.stamp;

CREATE UNLOGGED TABLE restage_stage.stamp (
  no integer,
  regionid integer,
  code varchar(10)
)
WITH (autovacuum_enabled = false);

-- file:    merge/005_dbo.Stamp/15_check.sql
-- table:   public.stamp
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Stamp, staged in restage_stage.stamp
-- body:    sha256:58a4cc31b5950f6219a4276e433cc3f12fda5a2359f9d4683831263fa4dd070c
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.stamp (no, regionid, code);

SELECT restage.count_staged('public.stamp', count(*)) AS staged
FROM restage_stage.stamp AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.no
  FROM restage_stage.stamp AS s
  WHERE s.no IS NOT NULL
  GROUP BY
    s.no
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.stamp AS s
  WHERE s.no IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.stamp AS s
    ON s.no = r.no
),
refused AS (
  DELETE FROM restage_stage.stamp AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('No', s.no) AS source_key,
    jsonb_build_object('No', s.no) AS value,
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
    'public.stamp',
    r.source_key,
    'source key',
    ARRAY['no'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.stamp', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/005_dbo.Stamp/20_match.sql
-- table:   public.stamp
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Stamp, staged in restage_stage.stamp
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/005_dbo.Stamp/30_allocate.sql
-- table:   public.stamp
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Stamp, staged in restage_stage.stamp
-- body:    sha256:d54b332863510c2d9b5a8b8fcb00e90f23a31e5fafe00abd1abc2ea0f485872f
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Parents that this run does not load have no staged rows.
DO $restage$
BEGIN
  IF NOT EXISTS (
    SELECT
    FROM restage.staged AS g
    WHERE g.run_id = restage.run_id()
      AND g.table_name = 'public.country'
  ) THEN
    DROP TABLE IF EXISTS restage_stage.country;

    CREATE UNLOGGED TABLE restage_stage.country (
      id integer,
      regionid integer,
      code varchar(10),
      headcode varchar(10)
    )
    WITH (autovacuum_enabled = false);
  END IF;
END
$restage$;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.stamp', 'restage_keymap.stamp') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  WITH orphan AS (
    SELECT s.ctid AS row_id
    FROM restage_stage.stamp AS s
    WHERE s.regionid IS NOT NULL
      AND NOT EXISTS (
        SELECT
        FROM restage_keymap.region AS k
        WHERE k.source_id = s.regionid
      )
    UNION ALL
    SELECT s.ctid AS row_id
    FROM restage_stage.stamp AS s
    WHERE s.regionid IS NOT NULL
      AND s.code IS NOT NULL
      AND NOT EXISTS (
        SELECT
        FROM restage_stage.country AS p
        WHERE p.regionid = s.regionid
          AND p.code = s.code
      )
      AND NOT EXISTS (
        SELECT
        FROM public.country AS t
        LEFT JOIN restage_keymap.region AS p1
          ON p1.target_key = t.regionid
        WHERE p1.source_id = s.regionid
          AND t.code = s.code
      )
  )
  INSERT INTO restage_keymap.stamp (
    source_no,
    target_key,
    row_hash,
    first_run,
    last_run
  )
  SELECT
    s.no,
    s.no,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id())
  FROM (
    SELECT
      s.no,
      restage.row_hash(
        ROW(
          s.no,
          s.regionid,
          s.code
        )::text,
        (NULL::restage_keymap.stamp).row_hash
      ) AS row_hash
    FROM restage_stage.stamp AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.stamp AS k
      WHERE k.source_no = s.no
    )
      AND NOT EXISTS (
        SELECT
        FROM orphan AS o
        WHERE o.row_id = s.ctid
      )
    ORDER BY
      s.no
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.stamp', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.stamp'::regclass
  ) THEN
    ALTER TABLE restage_keymap.stamp
      ADD PRIMARY KEY (source_no),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.stamp'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.stamp'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.stamp;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.stamp'
  AND c.kind = 'allocated';

-- file:    merge/005_dbo.Stamp/35_orphans.sql
-- table:   public.stamp
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Stamp, staged in restage_stage.stamp
-- body:    sha256:ad1709e50c3402a52c0f60d5ed727259900a0aa7bb3684bf0e40170257437f6a
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- stamp_regionid_code_fkey: on_orphan: reject
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS (
  DELETE FROM restage_stage.stamp AS s
  WHERE s.regionid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.region AS k
      WHERE k.source_id = s.regionid
    )
  RETURNING
    jsonb_build_object('No', s.no) AS source_key,
    jsonb_build_object('RegionId', s.regionid) AS value,
    jsonb_build_object('Id', s.regionid) AS parent_key,
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
    'public.stamp',
    r.source_key,
    'foreign key stamp_regionid_code_fkey',
    ARRAY['regionid'],
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
SELECT restage.count_rows('public.stamp', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- stamp_regionid_code_fkey: on_orphan: reject
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS (
  DELETE FROM restage_stage.stamp AS s
  WHERE s.regionid IS NOT NULL
    AND s.code IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.country AS p
      WHERE p.regionid = s.regionid
        AND p.code = s.code
    )
    AND NOT EXISTS (
      SELECT
      FROM public.country AS t
      LEFT JOIN restage_keymap.region AS p1
        ON p1.target_key = t.regionid
      WHERE p1.source_id = s.regionid
        AND t.code = s.code
    )
  RETURNING
    jsonb_build_object('No', s.no) AS source_key,
    jsonb_build_object(
      'RegionId', s.regionid,
      'Code', s.code
    ) AS value,
    jsonb_build_object(
      'RegionId', s.regionid,
      'Code', s.code
    ) AS parent_key,
    row_to_json(s.*) AS row_data
),
refused_parent AS MATERIALIZED (
  SELECT DISTINCT ON (v.source_key)
    v.source_key,
    p.message
  FROM restage.reject AS p
  CROSS JOIN LATERAL jsonb_build_object('RegionId', p.row_data -> 'regionid', 'Code', p.row_data -> 'code') AS v (source_key)
  WHERE p.run_id = (SELECT restage.run_id())
    AND p.table_name = 'public.country'
    AND NOT p.is_loaded
  ORDER BY
    v.source_key,
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
    'public.stamp',
    r.source_key,
    'foreign key stamp_regionid_code_fkey',
    ARRAY['regionid', 'code'],
    r.value::text,
    'the parent public.country ' || r.parent_key::text || CASE
      WHEN p.source_key IS NULL THEN ' is neither staged nor there'
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
SELECT restage.count_rows('public.stamp', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.stamp'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/005_dbo.Stamp/40_insert.sql
-- table:   public.stamp
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Stamp, staged in restage_stage.stamp
-- body:    sha256:bc99e5d4f82786708faa380c8a1afbd2763ef59cff26e7e5ba7e9f0ba20c1f8b
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.stamp', 'restage_keymap.stamp') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.stamp (
    no,
    regionid,
    code
  )
  SELECT
    s.no,
    p1.target_key,
    s.code
  FROM restage_stage.stamp AS s
  JOIN restage_keymap.stamp AS k
    ON k.source_no = s.no
    AND k.first_run = (SELECT restage.run_id())
  LEFT JOIN restage_keymap.region AS p1
    ON p1.source_id = s.regionid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.stamp'
      AND c.kind = 'inserted'
  )
    AND (s.regionid IS NULL OR p1.target_key IS NOT NULL);
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.stamp', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.stamp'
  AND c.kind = 'inserted';

-- file:    merge/005_dbo.Stamp/50_update.sql
-- table:   public.stamp
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Stamp, staged in restage_stage.stamp
-- body:    sha256:ab1dd611ae9e20cca61cae04935aa800e0e3a03ab3915a7edd8d842deb84cd55
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.stamp', 'restage_keymap.stamp') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.no,
    s.regionid,
    s.code,
    restage.row_hash(
      ROW(
        s.no,
        s.regionid,
        s.code
      )::text,
      (NULL::restage_keymap.stamp).row_hash
    ) AS row_hash
  FROM restage_stage.stamp AS s
  JOIN restage_keymap.stamp AS k
    ON k.source_no = s.no
  WHERE NOT (SELECT restage.is_all_new('public.stamp'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.no,
        s.regionid,
        s.code
      )::text,
      (NULL::restage_keymap.stamp).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_no,
    row_to_json(t.*) AS row_data
  FROM public.stamp AS t
  LEFT JOIN restage_keymap.region AS p1
    ON p1.target_key = t.regionid
  JOIN restage_keymap.stamp AS k
    ON k.source_no = t.no
  JOIN changed AS c
    ON k.source_no = c.no
  WHERE restage.row_hash(
      ROW(
        t.no,
        coalesce(p1.source_id::text, 'final ' || t.regionid),
        t.code
      )::text,
      (NULL::restage_keymap.stamp).row_hash
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
    'public.stamp',
    jsonb_build_object('source_no', d.source_no),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.stamp AS t
  SET
    regionid = p1.target_key,
    code = c.code
  FROM changed AS c
  JOIN restage_keymap.stamp AS k
    ON k.source_no = c.no
  LEFT JOIN restage_keymap.region AS p1
    ON p1.source_id = c.regionid
  WHERE t.no = c.no
    AND (c.regionid IS NULL OR p1.target_key IS NOT NULL)
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.stamp AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_no = c.no
)
SELECT
  restage.count_rows('public.stamp', 'updated', count(*)) AS rows,
  restage.count_rows('public.stamp', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/005_dbo.Stamp/60_vanished.sql
-- table:   public.stamp
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Stamp, staged in restage_stage.stamp
-- body:    sha256:e2af190b61c6dc11f7718713df00c8bc50414a92bfdade428b44183f6763ebc3
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    s.no
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.stamp, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.stamp'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.stamp AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.stamp AS s
      WHERE k.source_no = s.no
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_no = r.no
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_no,
    k.vanished_run
  FROM restage_keymap.stamp AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_no,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.stamp AS s
    ON k.source_no = s.no
  UNION
  SELECT
    k.source_no,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_no = r.no
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
    'public.stamp',
    'returned',
    ARRAY[b.source_no::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.stamp AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_no = b.source_no
  RETURNING 1
)
SELECT
  restage.count_rows('public.stamp', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.stamp', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/005_dbo.Stamp/70_reset.sql
-- table:   public.stamp
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Stamp, staged in restage_stage.stamp
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/005_dbo.Stamp/90_account.sql
-- table:   public.stamp
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Stamp, staged in restage_stage.stamp
-- body:    sha256:c0d5faac552a1812ba7012c9f630318aa11cf7c82971275574bb3aad1280a28b
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.stamp', 'restage_keymap.stamp') AS joins;

SELECT restage.close_account('public.stamp', count(*)) AS rows
FROM restage_stage.stamp AS s
JOIN restage_keymap.stamp AS k
  ON k.source_no = s.no
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.stamp'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/005_dbo.Stamp/content.sql
-- table:   public.stamp
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Stamp
-- body:    sha256:f8fcd15bca368a491df38cdc906bc0848b06d1dde63b42dfca5054392f20fdb4
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
      s.no,
      s.regionid,
      s.code,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.stamp'))
        AND r.table_name = 'public.stamp'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.stamp, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    t.no,
    coalesce(p1.source_id::text, 'final ' || t.regionid),
    t.code
  FROM public.stamp AS t
  LEFT JOIN restage_keymap.region AS p1
    ON p1.target_key = t.regionid
  JOIN restage_keymap.stamp AS k
    ON k.source_no = t.no
  LEFT JOIN noted AS n
    ON k.source_no = n.no
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.no,
    n.regionid::text,
    n.code
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/005_dbo.Stamp/counts.sql
-- table:   public.stamp
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Stamp
-- body:    sha256:139d22000f0e3ec757f9d9c32757537ec490d2b5eeac276dc5913933b329bf9c
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.no
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.stamp, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.stamp'))
    AND r.table_name = 'public.stamp'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.stamp AS t
    JOIN restage_keymap.stamp AS k
      ON k.source_no = t.no
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_no = r.no
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.stamp'))
  AND g.table_name = 'public.stamp';

-- file:    verify/005_dbo.Stamp/keys.sql
-- table:   public.stamp
-- purpose: known = present, when every key has its final row
-- source:  dbo.Stamp
-- body:    sha256:784ad7193d5f097662f6fb82ec3a95a14f585a808a542593a5fcc17a55b83584
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.stamp AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.stamp AS t
    JOIN restage_keymap.stamp AS k
      ON k.source_no = t.no
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.stamp AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/005_dbo.Stamp/others.sql
-- table:   public.stamp
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Stamp
-- body:    sha256:43575fbb6a015a0c11988e853cc37b2effa6a26925357c79877c48db1b0c4869
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.stamp AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.stamp AS k
  WHERE k.source_no = t.no
);

-- file:    verify/005_dbo.Stamp/orphans.sql
-- table:   public.stamp
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Stamp
-- body:    sha256:9f7fbbedbce00d1963ba040862fe63de14c21bbb8b96ef46a764d73b46f2b15e
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- stamp_regionid_code_fkey
SELECT count(*) AS orphans
FROM public.stamp AS t
WHERE t.regionid IS NOT NULL
  AND t.code IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.country AS p
    WHERE p.regionid = t.regionid
      AND p.code = t.code
  );

-- file:    verify/005_dbo.Stamp/unique.sql
-- table:   public.stamp
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Stamp
-- body:    sha256:91eeb124d92c97978b7ab13eec107f8c38f96c68f3d4748b523cdfd429b893da
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- stamp_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.stamp
),
held AS (
  SELECT
    t.no AS no,
    k.first_run IS NOT NULL AS is_known
  FROM public.stamp AS t
  LEFT JOIN restage_keymap.stamp AS k
    ON k.source_no = t.no
)
SELECT
  jsonb_build_object('No', s.no) AS value,
  jsonb_build_object('No', s.no) AS staged_row,
  jsonb_build_object('No', o.no) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.no = s.no
  AND ROW(s.no) < ROW(o.no)
UNION ALL
SELECT
  jsonb_build_object('No', s.no) AS value,
  jsonb_build_object('No', s.no) AS staged_row,
  jsonb_build_object('No', t.no) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN o.no IS NULL THEN 'vanished'
    WHEN ROW(o.no) IS DISTINCT FROM ROW(t.no) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.no = s.no
LEFT JOIN restage_stage.stamp AS o
  ON o.no = t.no
WHERE NOT (t.is_known AND ROW(s.no) IS NOT DISTINCT FROM ROW(t.no))
LIMIT 20;

