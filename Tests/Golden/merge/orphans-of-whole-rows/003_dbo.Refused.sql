-- file:    merge/003_dbo.Refused/10_stage.sql
-- table:   public.refused
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Refused, staged in restage_stage.refused
-- body:    sha256:3a4fd6c09f49f16ed3c6c5597ab94d7ddbcc924b29407b48dd1c27926c43c3cf
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.refused;

CREATE UNLOGGED TABLE restage_stage.refused (
  parentid integer,
  note varchar(20)
)
WITH (autovacuum_enabled = false);

-- file:    merge/003_dbo.Refused/15_check.sql
-- table:   public.refused
-- step:    15 check
-- purpose: gather statistics and count; without a key there is nothing to check
-- source:  dbo.Refused, staged in restage_stage.refused
-- body:    sha256:20e174252ab3b097d1214b0e1032fcb90524c78d3281a6340a04131be4df9703
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.refused (parentid);

SELECT restage.count_staged('public.refused', count(*)) AS staged
FROM restage_stage.refused AS s;

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Refused/20_match.sql
-- table:   public.refused
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Refused, staged in restage_stage.refused
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Refused/30_allocate.sql
-- table:   public.refused
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Refused, staged in restage_stage.refused
-- body:    sha256:7d8cea66e6c7f9c1496204be6ec86b9215d5e2ca245ed171e39efa32cb5d739d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.refused', 'restage_keymap.refused') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  WITH orphan AS (
    SELECT s.ctid AS row_id
    FROM restage_stage.refused AS s
    WHERE s.parentid IS NOT NULL
      AND NOT EXISTS (
        SELECT
        FROM restage_keymap.parent AS k
        WHERE k.source_id = s.parentid
      )
  )
  INSERT INTO restage_keymap.refused (
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
            s.parentid,
            s.note
          )::text)::uuid AS row_hash
        FROM restage_stage.refused AS s
        WHERE NOT EXISTS (
          SELECT
          FROM orphan AS o
          WHERE o.row_id = s.ctid
        )
      ) AS h
    ) AS s
    WHERE NOT EXISTS (
        SELECT
        FROM restage_keymap.refused AS k
        WHERE k.source_row_hash = s.row_hash
          AND k.source_occurrence = s.occurrence
      )
    ORDER BY
      s.row_hash,
      s.occurrence
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.refused', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.refused'::regclass
  ) THEN
    ALTER TABLE restage_keymap.refused
      ADD PRIMARY KEY (source_row_hash, source_occurrence);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.refused'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.refused'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.refused;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.refused'
  AND c.kind = 'allocated';

-- file:    merge/003_dbo.Refused/35_orphans.sql
-- table:   public.refused
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Refused, staged in restage_stage.refused
-- body:    sha256:10daf439a760e7a9eb1f2093dc7a21ae9ed742d5f90f7e663dd1563c89ee952a
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- refused_parentid_fkey: on_orphan: reject
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS (
  DELETE FROM restage_stage.refused AS s
  WHERE s.parentid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.parent AS k
      WHERE k.source_id = s.parentid
    )
  RETURNING
    jsonb_build_object(
      'row_hash', md5(ROW(
        s.parentid,
        s.note
      )::text)::uuid
    ) AS source_key,
    jsonb_build_object('ParentId', s.parentid) AS value,
    jsonb_build_object('Id', s.parentid) AS parent_key,
    row_to_json(s.*) AS row_data
),
refused_parent AS MATERIALIZED (
  SELECT DISTINCT ON (p.source_key)
    p.source_key,
    p.message
  FROM restage.reject AS p
  WHERE p.run_id = (SELECT restage.run_id())
    AND p.table_name = 'public.parent'
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
    'public.refused',
    r.source_key,
    'foreign key refused_parentid_fkey',
    ARRAY['parentid'],
    r.value::text,
    'the parent public.parent ' || r.parent_key::text || CASE
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
SELECT restage.count_rows('public.refused', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.refused'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/003_dbo.Refused/40_insert.sql
-- table:   public.refused
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Refused, staged in restage_stage.refused
-- body:    sha256:952d01326f14345a3b6fbc310dc5ea242d65d7425f7102239670e8e386808b16
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.refused', 'restage_keymap.refused') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.refused (
    parentid,
    note
  )
  SELECT
    p1.target_key,
    s.note
  FROM (
    SELECT
      h.parentid,
      h.note,
      h.row_hash,
      row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
    FROM (
      SELECT
        s.parentid,
        s.note,
        md5(ROW(
          s.parentid,
          s.note
        )::text)::uuid AS row_hash
      FROM restage_stage.refused AS s
    ) AS h
  ) AS s
  JOIN restage_keymap.refused AS k
    ON k.source_row_hash = s.row_hash
    AND k.source_occurrence = s.occurrence
    AND k.first_run = (SELECT restage.run_id())
  LEFT JOIN restage_keymap.parent AS p1
    ON p1.source_id = s.parentid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.refused'
      AND c.kind = 'inserted'
  )
    AND (s.parentid IS NULL OR p1.target_key IS NOT NULL);
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.refused', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.refused'
  AND c.kind = 'inserted';

-- file:    merge/003_dbo.Refused/50_update.sql
-- table:   public.refused
-- step:    50 update
-- purpose: nothing: without a key a changed row is an unseen row
-- source:  dbo.Refused, staged in restage_stage.refused
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Refused/60_vanished.sql
-- table:   public.refused
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Refused, staged in restage_stage.refused
-- body:    sha256:a74cee218dc9d2eab2e1d0baed9728b96ff27164c32b910529462f4cabf72a66
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
      s.parentid,
      s.note
    )::text)::uuid AS row_hash
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.refused, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.refused'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.refused AS k
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
              s.parentid,
              s.note
            )::text)::uuid AS row_hash
          FROM restage_stage.refused AS s
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
  FROM restage_keymap.refused AS k
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
          s.parentid,
          s.note
        )::text)::uuid AS row_hash
      FROM restage_stage.refused AS s
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
    'public.refused',
    'returned',
    ARRAY[b.source_row_hash::text, b.source_occurrence::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.refused AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_row_hash = b.source_row_hash
    AND k.source_occurrence = b.source_occurrence
  RETURNING 1
)
SELECT
  restage.count_rows('public.refused', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.refused', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/003_dbo.Refused/70_reset.sql
-- table:   public.refused
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Refused, staged in restage_stage.refused
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Refused/90_account.sql
-- table:   public.refused
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Refused, staged in restage_stage.refused
-- body:    sha256:a0ce8d5ce92a24aa06d5027b6870bccc30d4c72ae64dd0ba283750fc64dc5322
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.refused', 'restage_keymap.refused') AS joins;

SELECT restage.close_account('public.refused', count(*)) AS rows
FROM (
  SELECT
    h.row_hash,
    row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
  FROM (
    SELECT
      md5(ROW(
        s.parentid,
        s.note
      )::text)::uuid AS row_hash
    FROM restage_stage.refused AS s
  ) AS h
) AS s
JOIN restage_keymap.refused AS k
  ON k.source_row_hash = s.row_hash
  AND k.source_occurrence = s.occurrence
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.refused'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/003_dbo.Refused/content.sql
-- table:   public.refused
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Refused
-- body:    sha256:d9615cfe189f7cab863ae2118b11b9211fb36ec80b0d0b759d0293f52572a512
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
      s.parentid,
      s.note,
      md5(ROW(
        s.parentid,
        s.note
      )::text)::uuid AS row_hash
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.refused'))
        AND r.table_name = 'public.refused'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.refused, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    s.parentid,
    s.note
  FROM (
    SELECT
      h.parentid,
      h.note,
      h.row_hash,
      row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
    FROM (
      SELECT
        p1.source_id AS parentid,
        t.note AS note,
        md5(ROW(
          coalesce(p1.source_id::text, 'final ' || t.parentid),
          t.note
        )::text)::uuid AS row_hash
      FROM public.refused AS t
      LEFT JOIN restage_keymap.parent AS p1
        ON p1.target_key = t.parentid
    ) AS h
  ) AS s
  JOIN restage_keymap.refused AS k
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
    n.parentid,
    n.note
  FROM noted AS n
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/003_dbo.Refused/counts.sql
-- table:   public.refused
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Refused
-- body:    sha256:23b91081729e4291436742141a6fe53a6e21586bbb064b2cf4149316efe7ed47
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

WITH refused AS MATERIALIZED (
  SELECT
    md5(ROW(
      s.parentid,
      s.note
    )::text)::uuid AS row_hash
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.refused, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.refused'))
    AND r.table_name = 'public.refused'
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
            coalesce(p1.source_id::text, 'final ' || t.parentid),
            t.note
          )::text)::uuid AS row_hash
        FROM public.refused AS t
        LEFT JOIN restage_keymap.parent AS p1
          ON p1.target_key = t.parentid
      ) AS h
    ) AS s
    JOIN restage_keymap.refused AS k
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.refused'))
  AND g.table_name = 'public.refused';

-- file:    verify/003_dbo.Refused/keys.sql
-- table:   public.refused
-- purpose: known = present, when every key has its final row
-- source:  dbo.Refused
-- body:    sha256:9a4aae5dc738d642e6c1e63602a317494963539392266ef383de397964242ea7
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.refused AS k
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
            coalesce(p1.source_id::text, 'final ' || t.parentid),
            t.note
          )::text)::uuid AS row_hash
        FROM public.refused AS t
        LEFT JOIN restage_keymap.parent AS p1
          ON p1.target_key = t.parentid
      ) AS h
    ) AS s
    JOIN restage_keymap.refused AS k
      ON k.source_row_hash = s.row_hash
      AND k.source_occurrence = s.occurrence
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.refused AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/003_dbo.Refused/others.sql
-- table:   public.refused
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Refused
-- body:    sha256:2f63db4afa5e327012af438e91fc662cf5a04891af817bd78704ecc63a159a10
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
            coalesce(p1.source_id::text, 'final ' || t.parentid),
            t.note
          )::text)::uuid AS row_hash
        FROM public.refused AS t
        LEFT JOIN restage_keymap.parent AS p1
          ON p1.target_key = t.parentid
      ) AS h
    ) AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.refused AS k
      WHERE k.source_row_hash = s.row_hash
        AND k.source_occurrence = s.occurrence
    )
  )
) AS others;

-- file:    verify/003_dbo.Refused/orphans.sql
-- table:   public.refused
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Refused
-- body:    sha256:6ac2add336313af89ce540680d69c88f0e3f0a4a83bc99597a72d74a442898ed
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- refused_parentid_fkey
SELECT count(*) AS orphans
FROM public.refused AS t
WHERE t.parentid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.parent AS p
    WHERE p.id = t.parentid
  );

