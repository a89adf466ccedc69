-- file:    merge/004_dbo.Line/10_stage.sql
-- table:   public.line
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:974db58eaec7929d0fc881db568aac2e408e2f3bd0e3c90ca7e0f2d67b75997a
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.line;

CREATE UNLOGGED TABLE restage_stage.line (
  genreid smallint,
  text varchar(9)
)
WITH (autovacuum_enabled = false);

-- file:    merge/004_dbo.Line/15_check.sql
-- table:   public.line
-- step:    15 check
-- purpose: gather statistics and count; without a key there is nothing to check
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:e4d7e84a49874934b85f2f8a4100008fac538c9c341e8bff9b901cc60520e074
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.line (genreid);

SELECT restage.count_staged('public.line', count(*)) AS staged
FROM restage_stage.line AS s;

SELECT 0::bigint AS rows;

-- file:    merge/004_dbo.Line/20_match.sql
-- table:   public.line
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/004_dbo.Line/30_allocate.sql
-- table:   public.line
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:f02ef5371d478d5159a0296004de1aa335000192e3cd603d8eaf041ace7db7b0
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
            s.genreid,
            s.text
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

-- file:    merge/004_dbo.Line/35_orphans.sql
-- table:   public.line
-- step:    35 orphans
-- purpose: no row to be rejected or loaded without its parent: step 40 checks all foreign keys
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:623f94d5073aa05f6994ed5b0a2618b3a948fbed9d74008dbfe29999ddc3f1a3
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.line'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/004_dbo.Line/40_insert.sql
-- table:   public.line
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:1436bf313dc291bad96cdc02b052359221a9cfe7ccdb45a49ff7aea832333b63
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
    genreid,
    text
  )
  SELECT
    p1.target_key,
    s.text
  FROM (
    SELECT
      h.genreid,
      h.text,
      h.row_hash,
      row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
    FROM (
      SELECT
        s.genreid,
        s.text,
        md5(ROW(
          s.genreid,
          s.text
        )::text)::uuid AS row_hash
      FROM restage_stage.line AS s
    ) AS h
  ) AS s
  JOIN restage_keymap.line AS k
    ON k.source_row_hash = s.row_hash
    AND k.source_occurrence = s.occurrence
    AND k.first_run = (SELECT restage.run_id())
  LEFT JOIN restage_keymap.genre AS p1
    ON p1.source_id = s.genreid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.line'
      AND c.kind = 'inserted'
  )
    AND (s.genreid IS NULL OR p1.target_key IS NOT NULL);
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.line', 'inserted', inserted_rows);
END
$restage$;

-- line_genreid_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.line',
  'line_genreid_fkey',
  count(*),
  min(jsonb_build_object('GenreId', s.genreid)::text)
)
FROM restage_stage.line AS s
WHERE s.genreid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.genre AS k
    WHERE k.source_id = s.genreid
  )
  AND NOT EXISTS (
    -- Where every staged row was inserted, each had its parents.
    SELECT
    FROM restage.staged AS g
    JOIN restage.row_count AS c
      ON c.run_id = g.run_id
      AND c.table_name = g.table_name
    WHERE g.run_id = (SELECT restage.run_id())
      AND g.table_name = 'public.line'
      AND c.kind = 'inserted'
      AND c.rows = g.staged_rows
  )
HAVING count(*) > 0;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.line'
  AND c.kind = 'inserted';

-- file:    merge/004_dbo.Line/50_update.sql
-- table:   public.line
-- step:    50 update
-- purpose: nothing: without a key a changed row is an unseen row
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

SELECT 0::bigint AS rows;

-- file:    merge/004_dbo.Line/60_vanished.sql
-- table:   public.line
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:6b46d7b688491954b11cd7b5df73b1ce7dd71611e5f9816f411e0786ff6aa5fa
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
      s.genreid,
      s.text
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
              s.genreid,
              s.text
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
          s.genreid,
          s.text
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

-- file:    merge/004_dbo.Line/70_reset.sql
-- table:   public.line
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/004_dbo.Line/90_account.sql
-- table:   public.line
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:ddc31c549e9cbc00add576c0a19aae1ea78ca180af878730816fc993eda4fd2d
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
        s.genreid,
        s.text
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

-- file:    verify/004_dbo.Line/content.sql
-- table:   public.line
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Line
-- body:    sha256:b5988339aec09184baeff4c82bcaf88511bebc85d6e539f1a11d1548aa43c63a
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
      s.genreid,
      s.text,
      md5(ROW(
        s.genreid,
        s.text
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
    s.genreid,
    s.text
  FROM (
    SELECT
      h.genreid,
      h.text,
      h.row_hash,
      row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
    FROM (
      SELECT
        p1.source_id::smallint AS genreid,
        t.text AS text,
        md5(ROW(
          coalesce(p1.source_id::smallint::text, 'final ' || t.genreid),
          t.text
        )::text)::uuid AS row_hash
      FROM public.line AS t
      LEFT JOIN restage_keymap.genre AS p1
        ON p1.target_key = t.genreid
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
    n.genreid,
    n.text
  FROM noted AS n
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/004_dbo.Line/counts.sql
-- table:   public.line
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Line
-- body:    sha256:155954d72d252d7ba1b636b4f7e39125347192dff3ef003ca937b1bbc42a6676
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

WITH refused AS MATERIALIZED (
  SELECT
    md5(ROW(
      s.genreid,
      s.text
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
            coalesce(p1.source_id::smallint::text, 'final ' || t.genreid),
            t.text
          )::text)::uuid AS row_hash
        FROM public.line AS t
        LEFT JOIN restage_keymap.genre AS p1
          ON p1.target_key = t.genreid
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
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.line'))
  AND g.table_name = 'public.line';

-- file:    verify/004_dbo.Line/keys.sql
-- table:   public.line
-- purpose: known = present, when every key has its final row
-- source:  dbo.Line
-- body:    sha256:5120b06eaf598c1248e699c95a548022ef125c1bec75cb8030104bfd66138e56
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
            coalesce(p1.source_id::smallint::text, 'final ' || t.genreid),
            t.text
          )::text)::uuid AS row_hash
        FROM public.line AS t
        LEFT JOIN restage_keymap.genre AS p1
          ON p1.target_key = t.genreid
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

-- file:    verify/004_dbo.Line/others.sql
-- table:   public.line
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Line
-- body:    sha256:21184d68a3e0ff1af4486843b894ecce32932172c27fc4bdc4d927ad632e135c
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
            coalesce(p1.source_id::smallint::text, 'final ' || t.genreid),
            t.text
          )::text)::uuid AS row_hash
        FROM public.line AS t
        LEFT JOIN restage_keymap.genre AS p1
          ON p1.target_key = t.genreid
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

-- file:    verify/004_dbo.Line/orphans.sql
-- table:   public.line
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Line
-- body:    sha256:5384dcd45a3bab26ab3cf61f18904dab95841d74c354f1922dfb8730515e6dd2
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- line_genreid_fkey
SELECT count(*) AS orphans
FROM public.line AS t
WHERE t.genreid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.genre AS p
    WHERE p.id = t.genreid
  );

