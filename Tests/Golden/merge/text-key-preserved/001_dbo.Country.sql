-- file:    merge/001_dbo.Country/10_stage.sql
-- table:   public.country
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:49e0b6b5098d9bc2b033449d3a05957839de4a943e58771811a2b42129b4c78e
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.country;

CREATE UNLOGGED TABLE restage_stage.country (
  code char(3) COLLATE public.ignoring_case,
  name varchar(40)
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.Country/15_check.sql
-- table:   public.country
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:d3533fb10f22ee15d524aa248d9427576d8ecad7d963e34b353f4c6780f653c4
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.country ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.country (code);

SELECT restage.count_staged('public.country', count(*)) AS staged
FROM restage_stage.country AS s;

WITH repeated AS MATERIALIZED (
  SELECT
    s.code
  FROM restage_stage.country AS s
  WHERE s.code IS NOT NULL
  GROUP BY
    s.code
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.country AS s
  WHERE s.code IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.country AS s
    ON s.code = r.code
),
refused AS (
  DELETE FROM restage_stage.country AS s
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
    'public.country',
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
SELECT restage.count_rows('public.country', 'rejected', count(*)) AS rows
FROM recorded;

-- file:    merge/001_dbo.Country/20_match.sql
-- table:   public.country
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Country/30_allocate.sql
-- table:   public.country
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:c5d35219a3221dbc5b9b7b4267f462938819788459a8668c965339f71c9b7c18
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.country', 'restage_keymap.country') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.country (
    source_code,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.code,
    s.code,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.code,
      restage.row_hash(
        ROW(
          s.code,
          s.name
        )::text,
        (NULL::restage_keymap.country).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.country AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.country AS k
      WHERE k.source_code = s.code
    )
    ORDER BY
      s.code
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.country', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.country'::regclass
  ) THEN
    ALTER TABLE restage_keymap.country
      ADD PRIMARY KEY (source_code),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.country'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.country'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.country;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.country'
  AND c.kind = 'allocated';

-- file:    merge/001_dbo.Country/35_orphans.sql
-- table:   public.country
-- step:    35 orphans
-- purpose: no foreign key to check
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:86208f471055c3540a0ca832c1d5fe81a7d0137693955263b1952c85b5c65f51
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.country'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/001_dbo.Country/40_insert.sql
-- table:   public.country
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:1d05bd584e91cce7ef1f467cff8fd59eeb677957573e60e2cfa9cf38de5ee27c
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.country', 'restage_keymap.country') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.country (
    code,
    name
  )
  SELECT
    s.code,
    s.name
  FROM restage_stage.country AS s
  JOIN restage_keymap.country AS k
    ON k.source_code = s.code
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.country'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.country', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.country'
  AND c.kind = 'inserted';

-- file:    merge/001_dbo.Country/50_update.sql
-- table:   public.country
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:268353e2dcd460f8a706e48d22b27ad12e924bb935b9dcc6af4a03480c74dfdf
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.country', 'restage_keymap.country') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.code,
    s.name,
    restage.row_hash(
      ROW(
        s.code,
        s.name
      )::text,
      (NULL::restage_keymap.country).row_hash
    ) AS row_hash
  FROM restage_stage.country AS s
  JOIN restage_keymap.country AS k
    ON k.source_code = s.code
  WHERE NOT (SELECT restage.is_all_new('public.country'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.code,
        s.name
      )::text,
      (NULL::restage_keymap.country).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_code,
    row_to_json(t.*) AS row_data
  FROM public.country AS t
  JOIN restage_keymap.country AS k
    ON k.source_code = t.code
  JOIN changed AS c
    ON k.source_code = c.code
  WHERE restage.row_hash(
      ROW(
        t.code,
        t.name
      )::text,
      (NULL::restage_keymap.country).row_hash
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
    'public.country',
    jsonb_build_object('source_code', d.source_code),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.country AS t
  SET
    code = c.code,
    name = c.name
  FROM changed AS c
  JOIN restage_keymap.country AS k
    ON k.source_code = c.code
  WHERE t.code = c.code
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.country AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_code = c.code
)
SELECT
  restage.count_rows('public.country', 'updated', count(*)) AS rows,
  restage.count_rows('public.country', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/001_dbo.Country/60_vanished.sql
-- table:   public.country
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:fdae3a0b5fa455524af3fcd1fb76f9bfcf89ea992ea6f1fe4f90767b0920cbdf
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.country', 'restage_keymap.country') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_code,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.country AS s
  JOIN restage_keymap.country AS k
    ON k.source_code = s.code
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.country AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_code = m.source_code
)
SELECT restage.fail_skipped('public.country', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.country'
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
    s.code
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.country, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.country'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.country AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.country'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.country'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.country AS s
      WHERE k.source_code = s.code
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_code = r.code
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_code,
    k.vanished_run
  FROM restage_keymap.country AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.country'))
),
back AS MATERIALIZED (
  SELECT
    k.source_code,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.country AS s
    ON k.source_code = s.code
  UNION
  SELECT
    k.source_code,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_code = r.code
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
    'public.country',
    'returned',
    ARRAY[b.source_code::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.country AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_code = b.source_code
  RETURNING 1
)
SELECT
  restage.count_rows('public.country', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.country', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/001_dbo.Country/70_reset.sql
-- table:   public.country
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Country/90_account.sql
-- table:   public.country
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:b711dd695dc5e93777b485a9ef734ef6a0f0b1bb507a971ef5c110d4bf56103d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.country', 'restage_keymap.country') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.country', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.country') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.country'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.country', count(*)) AS rows
FROM restage_stage.country AS s
JOIN restage_keymap.country AS k
  ON k.source_code = s.code
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.country'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/001_dbo.Country/content.sql
-- table:   public.country
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Country
-- body:    sha256:0678401b0f808f1ebdd676a91b10c33ee903cf2ead4df32af402f1eaed5564b1
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
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.country'))
        AND r.table_name = 'public.country'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.country, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    t.code,
    t.name
  FROM public.country AS t
  JOIN restage_keymap.country AS k
    ON k.source_code = t.code
  LEFT JOIN noted AS n
    ON k.source_code = n.code
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.code,
    n.name
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/001_dbo.Country/counts.sql
-- table:   public.country
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Country
-- body:    sha256:7e39b2d05c6294e4e4629e0679b89d523ef68a867ceeb32c3ea7d5e32db859e7
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.code
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.country, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.country'))
    AND r.table_name = 'public.country'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.country AS t
    JOIN restage_keymap.country AS k
      ON k.source_code = t.code
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_code = r.code
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.country'))
  AND g.table_name = 'public.country';

-- file:    verify/001_dbo.Country/keys.sql
-- table:   public.country
-- purpose: known = present, when every key has its final row
-- source:  dbo.Country
-- body:    sha256:732a74c43c2d936bc697d96c0c76fc68610b925efabf52b1ac59afcb1606b62e
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.country AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.country AS t
    JOIN restage_keymap.country AS k
      ON k.source_code = t.code
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.country AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/001_dbo.Country/others.sql
-- table:   public.country
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Country
-- body:    sha256:091fcb947705b2e0144c529921f73d2469786c915f9ba0fa4b17b9bf96020f64
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.country AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.country AS k
  WHERE k.source_code = t.code
);

-- file:    verify/001_dbo.Country/unique.sql
-- table:   public.country
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Country
-- body:    sha256:cb488b143c3bc580d0c2229429e62b054554a90fe65aeec7882b7bf6af278cd3
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- country_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.country
),
held AS (
  SELECT
    t.code AS code,
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
            AND g.table_name = 'public.country'
          ORDER BY r.started_at DESC
          LIMIT 1
        )
        AND c.table_name = 'public.country'
        AND c.is_skipped
        AND c.chunk_id = k.chunk
    ) AS is_skipped
  FROM public.country AS t
  LEFT JOIN restage_keymap.country AS k
    ON k.source_code = t.code
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
    WHEN t.is_skipped THEN 'staged'
    WHEN o.code IS NULL THEN 'vanished'
    WHEN ROW(o.code) IS DISTINCT FROM ROW(t.code) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.code = s.code
LEFT JOIN restage_stage.country AS o
  ON o.code = t.code
WHERE NOT (t.is_known AND ROW(s.code) IS NOT DISTINCT FROM ROW(t.code))
LIMIT 20;

