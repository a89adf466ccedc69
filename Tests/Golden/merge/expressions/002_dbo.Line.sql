-- file:    merge/002_dbo.Line/10_stage.sql
-- table:   public.line
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:d270729beae9ae4c263f89f1b6a2b9217848d42869ebe0b122acf575646b8fe0
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.line;

CREATE UNLOGGED TABLE restage_stage.line (
  text varchar(20),
  size integer,
  day date
)
WITH (autovacuum_enabled = false);

-- The mapping's expressions, read before they are needed.
SELECT
  (upper(text)),
  (current_date)
FROM restage_stage.line AS s
WHERE (size > 0)
LIMIT 0;

-- file:    merge/002_dbo.Line/15_check.sql
-- table:   public.line
-- step:    15 check
-- purpose: gather statistics and count; without a key there is nothing to check
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:44039effb7afd03d8a209197535ad9d263870276eef13e221376fd511ea92e6a
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

SELECT restage.count_staged('public.line', count(*)) AS staged
FROM restage_stage.line AS s;

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- where
WITH filtered AS (
  DELETE FROM restage_stage.line AS s
  WHERE (size > 0) IS NOT TRUE
    AND NOT EXISTS (
      SELECT
      FROM restage.row_count AS c
      WHERE c.run_id = (SELECT restage.run_id())
        AND c.table_name = 'public.line'
        AND c.kind = 'filtered'
    )
  RETURNING 1
)
SELECT restage.count_rows('public.line', 'filtered', count(*)) AS filtered
FROM filtered;

-- expr and add
WITH transformed AS (
  UPDATE restage_stage.line AS s
  SET
    text = (upper(text)),
    day = (current_date)
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.line'
      AND c.kind = 'transformed'
  )
  RETURNING 1
)
SELECT restage.count_rows('public.line', 'transformed', count(*)) AS transformed
FROM transformed;

ANALYZE restage_stage.line;

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Line/20_match.sql
-- table:   public.line
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Line/30_allocate.sql
-- table:   public.line
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:f51df83f687dcbbb01be060cc97b07e9e241e9f947362cc3b1fefa0a62bc9273
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.line', 'restage_keymap.line') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.line (
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
            s.text,
            s.size
          )::text)::uuid AS row_hash
        FROM restage_stage.line AS s
      ) AS h
    ) AS s
    WHERE NOT EXISTS (
        SELECT
        FROM restage_keymap.line AS k
        WHERE k.source_row_hash = s.row_hash
          AND k.source_occurrence = s.occurrence
      )
    ORDER BY
      s.row_hash,
      s.occurrence
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.line', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.line'::regclass
  ) THEN
    ALTER TABLE restage_keymap.line
      ADD PRIMARY KEY (source_row_hash, source_occurrence);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.line'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.line'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.line;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.line'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Line/35_orphans.sql
-- table:   public.line
-- step:    35 orphans
-- purpose: no foreign key to check
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:726fe7c663bf4335c1f9496022e0b6faccb1d5b55d20f75e076ebafc93ebcd56
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.line'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Line/40_insert.sql
-- table:   public.line
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:80bce2153a4f3d45a6bfbe8fb45a4d6fb4b06c954468a32a22b08b00b3d90350
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.line', 'restage_keymap.line') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.line (
    text,
    size,
    day
  )
  SELECT
    s.text,
    s.size,
    s.day
  FROM (
    SELECT
      h.text,
      h.size,
      h.day,
      h.row_hash,
      row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
    FROM (
      SELECT
        s.text,
        s.size,
        s.day,
        md5(ROW(
          s.text,
          s.size
        )::text)::uuid AS row_hash
      FROM restage_stage.line AS s
    ) AS h
  ) AS s
  JOIN restage_keymap.line AS k
    ON k.source_row_hash = s.row_hash
    AND k.source_occurrence = s.occurrence
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.line'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.line', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.line'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Line/50_update.sql
-- table:   public.line
-- step:    50 update
-- purpose: nothing: without a key a changed row is an unseen row
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Line/60_vanished.sql
-- table:   public.line
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:5649c0ffa84ab2406be623d385e26380a43bdd92cd2d0b1016e3a4e5cf5fa2ef
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
      s.text,
      s.size
    )::text)::uuid AS row_hash
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.line, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.line'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.line AS k
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
              s.text,
              s.size
            )::text)::uuid AS row_hash
          FROM restage_stage.line AS s
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
  FROM restage_keymap.line AS k
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
          s.text,
          s.size
        )::text)::uuid AS row_hash
      FROM restage_stage.line AS s
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
    'public.line',
    'returned',
    ARRAY[b.source_row_hash::text, b.source_occurrence::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.line AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_row_hash = b.source_row_hash
    AND k.source_occurrence = b.source_occurrence
  RETURNING 1
)
SELECT
  restage.count_rows('public.line', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.line', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Line/70_reset.sql
-- table:   public.line
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Line/90_account.sql
-- table:   public.line
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:1557f1ba5d5f00ca5c2e10d07f242b04b3587e6d900e9aa67a7549e19eeb4209
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.line', 'restage_keymap.line') AS joins;

SELECT restage.close_account('public.line', count(*)) AS rows
FROM (
  SELECT
    h.row_hash,
    row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
  FROM (
    SELECT
      md5(ROW(
        s.text,
        s.size
      )::text)::uuid AS row_hash
    FROM restage_stage.line AS s
  ) AS h
) AS s
JOIN restage_keymap.line AS k
  ON k.source_row_hash = s.row_hash
  AND k.source_occurrence = s.occurrence
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.line'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Line/content.sql
-- table:   public.line
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Line
-- body:    sha256:0a3d9a1938c593ecd87e680ff091508cbcbd9f8044d6dd21d89ff36f597058eb
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
      s.text,
      s.size,
      md5(ROW(
        s.text,
        s.size
      )::text)::uuid AS row_hash
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.line'))
        AND r.table_name = 'public.line'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.line, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    s.text,
    s.size
  FROM (
    SELECT
      h.text,
      h.size,
      h.row_hash,
      row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
    FROM (
      SELECT
        t.text AS text,
        t.size AS size,
        md5(ROW(
          t.text,
          t.size
        )::text)::uuid AS row_hash
      FROM public.line AS t
    ) AS h
  ) AS s
  JOIN restage_keymap.line AS k
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
    n.text,
    n.size
  FROM noted AS n
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Line/counts.sql
-- table:   public.line
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Line
-- body:    sha256:0a511a6a7aead4e946150b8c7e286546b2286caf774e7f72aeae78d75033b1c2
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

WITH refused AS MATERIALIZED (
  SELECT
    md5(ROW(
      s.text,
      s.size
    )::text)::uuid AS row_hash
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.line, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.line'))
    AND r.table_name = 'public.line'
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
            t.text,
            t.size
          )::text)::uuid AS row_hash
        FROM public.line AS t
      ) AS h
    ) AS s
    JOIN restage_keymap.line AS k
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
  ) AS rejected,
  (
    SELECT coalesce(sum(c.rows), 0)
    FROM restage.row_count AS c
    WHERE c.run_id = g.run_id
      AND c.table_name = g.table_name
      AND c.kind = 'filtered'
  ) AS filtered
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.line'))
  AND g.table_name = 'public.line';

-- file:    verify/002_dbo.Line/keys.sql
-- table:   public.line
-- purpose: known = present, when every key has its final row
-- source:  dbo.Line
-- body:    sha256:53f129d94874180b69ad8be4c469042e80b25985b003889e45cc8932ef9ba7d9
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.line AS k
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
            t.text,
            t.size
          )::text)::uuid AS row_hash
        FROM public.line AS t
      ) AS h
    ) AS s
    JOIN restage_keymap.line AS k
      ON k.source_row_hash = s.row_hash
      AND k.source_occurrence = s.occurrence
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.line AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Line/others.sql
-- table:   public.line
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Line
-- body:    sha256:22ea9124f023b0898aae5b762ad72bdb330060b385e3e340f74edece2a99d429
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
            t.text,
            t.size
          )::text)::uuid AS row_hash
        FROM public.line AS t
      ) AS h
    ) AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.line AS k
      WHERE k.source_row_hash = s.row_hash
        AND k.source_occurrence = s.occurrence
    )
  )
) AS others;

