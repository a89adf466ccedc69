-- file:    merge/003_dbo.Town/10_stage.sql
-- table:   public.town
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Town, staged in restage_stage.town
-- body:    sha256:bc57f623a8a1c1343fb79578a69533bf7f5d40325f07d5bf0d4a597c9cab5c9c
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.town;

CREATE UNLOGGED TABLE restage_stage.town (
  id integer,
  code varchar(10)
)
WITH (autovacuum_enabled = false);

-- file:    merge/003_dbo.Town/15_check.sql
-- table:   public.town
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Town, staged in restage_stage.town
-- body:    sha256:4460f97a996cbe487049fc7b62d918d4f6b6f744d443cd08ecfb600fa3551c3a
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.town (id, code);

SELECT restage.count_staged('public.town', count(*)) AS staged
FROM restage_stage.town AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.id
  FROM restage_stage.town AS s
  WHERE s.id IS NOT NULL
  GROUP BY
    s.id
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.town AS s
  WHERE s.id IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.town AS s
    ON s.id = r.id
),
refused AS (
  DELETE FROM restage_stage.town AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('Id', s.id) AS source_key,
    jsonb_build_object('Id', s.id) AS value,
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
    'public.town',
    r.source_key,
    'source key',
    ARRAY['id'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.town', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/003_dbo.Town/20_match.sql
-- table:   public.town
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Town, staged in restage_stage.town
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Town/30_allocate.sql
-- table:   public.town
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Town, staged in restage_stage.town
-- body:    sha256:5b23e3438a0041591a5b7b2764b5e3a79cef4540584f44dcf7a6106ac9bc3958
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
      code varchar(10)
    )
    WITH (autovacuum_enabled = false);
  END IF;
END
$restage$;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.town', 'restage_keymap.town') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.town (
    source_id,
    target_key,
    row_hash,
    first_run,
    last_run
  )
  SELECT
    s.id,
    nextval('public.town_id_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id())
  FROM (
    SELECT
      s.id,
      restage.row_hash(
        ROW(
          s.id,
          s.code
        )::text,
        (NULL::restage_keymap.town).row_hash
      ) AS row_hash
    FROM restage_stage.town AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.town AS k
      WHERE k.source_id = s.id
    )
    ORDER BY
      s.id
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.town', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.town'::regclass
  ) THEN
    ALTER TABLE restage_keymap.town
      ADD PRIMARY KEY (source_id),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.town'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.town'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.town;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.town'
  AND c.kind = 'allocated';

-- file:    merge/003_dbo.Town/35_orphans.sql
-- table:   public.town
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Town, staged in restage_stage.town
-- body:    sha256:671fcec4b5a62bee780a883a2e52caebc9804bb18a043e2033810a7f948d58e6
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- town_code_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.town',
  'town_code_fkey',
  count(*),
  min(jsonb_build_object(
    'Id', s.id,
    'Code', s.code
  )::text)
)
FROM restage_stage.town AS s
WHERE s.code IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_stage.country AS p
    WHERE p.code = s.code
  )
  AND NOT EXISTS (
    SELECT
    FROM public.country AS t
    WHERE t.code = s.code
  )
HAVING count(*) > 0;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.town'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/003_dbo.Town/40_insert.sql
-- table:   public.town
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Town, staged in restage_stage.town
-- body:    sha256:c5fe1c48ffadfaaab0abd777151a6d84afb7c1338be6a45bee46494a0e703d57
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.town', 'restage_keymap.town') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.town (
    id,
    code
  )
  SELECT
    k.target_key,
    s.code
  FROM restage_stage.town AS s
  JOIN restage_keymap.town AS k
    ON k.source_id = s.id
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.town'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.town', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.town'
  AND c.kind = 'inserted';

-- file:    merge/003_dbo.Town/50_update.sql
-- table:   public.town
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Town, staged in restage_stage.town
-- body:    sha256:af2b962a1f593ef73c84f4c05eec68b71eb0b4fc99614cca6b24263e02e113a0
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.town', 'restage_keymap.town') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.id,
    s.code,
    restage.row_hash(
      ROW(
        s.id,
        s.code
      )::text,
      (NULL::restage_keymap.town).row_hash
    ) AS row_hash
  FROM restage_stage.town AS s
  JOIN restage_keymap.town AS k
    ON k.source_id = s.id
  WHERE NOT (SELECT restage.is_all_new('public.town'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.id,
        s.code
      )::text,
      (NULL::restage_keymap.town).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_id,
    row_to_json(t.*) AS row_data
  FROM public.town AS t
  JOIN restage_keymap.town AS k
    ON k.target_key = t.id
  JOIN changed AS c
    ON k.source_id = c.id
  WHERE restage.row_hash(
      ROW(
        k.source_id,
        t.code
      )::text,
      (NULL::restage_keymap.town).row_hash
    ) NOT IN (k.row_hash, c.row_hash)
),
noted AS MATERIALIZED (
  SELECT restage.fail_edited(
    'public.town',
    count(*),
    min(jsonb_build_object('Id', e.source_id)::text)
  )
  FROM edited AS e
  HAVING count(*) > 0
),
updated AS (
  UPDATE public.town AS t
  SET
    code = c.code
  FROM changed AS c
  JOIN restage_keymap.town AS k
    ON k.source_id = c.id
  WHERE t.id = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.town AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_id = c.id
)
SELECT
  restage.count_rows('public.town', 'updated', count(*)) AS rows,
  (SELECT count(*) FROM noted) AS edited
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/003_dbo.Town/60_vanished.sql
-- table:   public.town
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Town, staged in restage_stage.town
-- body:    sha256:f7e0fb781308b1c8a289520eb02fb085a6b72d8e53dc1879494732dc5ecbdcb2
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.town, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.town'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.town AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.town AS s
      WHERE k.source_id = s.id
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_id = r.id
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM restage_keymap.town AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.town AS s
    ON k.source_id = s.id
  UNION
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_id = r.id
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
    'public.town',
    'returned',
    ARRAY[b.source_id::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.town AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_id = b.source_id
  RETURNING 1
)
SELECT
  restage.count_rows('public.town', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.town', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/003_dbo.Town/70_reset.sql
-- table:   public.town
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Town, staged in restage_stage.town
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Town/90_account.sql
-- table:   public.town
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Town, staged in restage_stage.town
-- body:    sha256:e4a50795547421a4f03df27a7353552314ef6753095ccc7080fb5c43c478886c
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.town', 'restage_keymap.town') AS joins;

SELECT restage.close_account('public.town', count(*)) AS rows
FROM restage_stage.town AS s
JOIN restage_keymap.town AS k
  ON k.source_id = s.id
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.town'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/003_dbo.Town/content.sql
-- table:   public.town
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Town
-- body:    sha256:f58294110133f5695ea344bba49f2e540df727566b5255a17dbfb991f43fa798
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
      s.id,
      s.code,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.town'))
        AND r.table_name = 'public.town'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.town, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_id,
    t.code
  FROM public.town AS t
  JOIN restage_keymap.town AS k
    ON k.target_key = t.id
  LEFT JOIN noted AS n
    ON k.source_id = n.id
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.id,
    n.code
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/003_dbo.Town/counts.sql
-- table:   public.town
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Town
-- body:    sha256:b82c58002d21c849f6e35113b3a7b50d81e570586b2fc80cb1adf7305ef44ff0
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.town, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.town'))
    AND r.table_name = 'public.town'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.town AS t
    JOIN restage_keymap.town AS k
      ON k.target_key = t.id
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_id = r.id
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.town'))
  AND g.table_name = 'public.town';

-- file:    verify/003_dbo.Town/keys.sql
-- table:   public.town
-- purpose: known = present, when every key has its final row
-- source:  dbo.Town
-- body:    sha256:d0f801576b81b38eaeb8c01c476daae4ec0a96fe13fd2b98d8c62f9d9324baf5
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.town AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.town AS t
    JOIN restage_keymap.town AS k
      ON k.target_key = t.id
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.town AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/003_dbo.Town/others.sql
-- table:   public.town
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Town
-- body:    sha256:bfe5a090811291900fdba767fe369d540959b0edc82392022be672898ab98b26
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.town AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.town AS k
  WHERE k.target_key = t.id
);

-- file:    verify/003_dbo.Town/orphans.sql
-- table:   public.town
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Town
-- body:    sha256:4b11a032787926e035431d39762c7aab13d385c0ffa658942e46804d6b884843
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- town_code_fkey
SELECT count(*) AS orphans
FROM public.town AS t
WHERE t.code IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.country AS p
    WHERE p.code = t.code
  );

