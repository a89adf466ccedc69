-- file:    merge/004_dbo.Town/10_stage.sql
-- table:   public.town
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Town, staged in restage_stage.town
-- body:    sha256:94456e005a0686b7747bfa35f8a9a01637e7e15e4a562d9200c13c618bcab5e1
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.town;

CREATE UNLOGGED TABLE restage_stage.town (
  code varchar(9),
  no integer,
  mark integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/004_dbo.Town/15_check.sql
-- table:   public.town
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Town, staged in restage_stage.town
-- body:    sha256:055644f996a36b6d8e926966ba5d8c3fde3ef2eaa516866850e63c9175340329
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.town ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.town (code, no);

SELECT restage.count_staged('public.town', count(*)) AS staged
FROM restage_stage.town AS s;

WITH repeated AS MATERIALIZED (
  SELECT
    rtrim(s.code) AS code,
    s.no
  FROM restage_stage.town AS s
  WHERE s.code IS NOT NULL
    AND s.no IS NOT NULL
  GROUP BY
    rtrim(s.code),
    s.no
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.town AS s
  WHERE s.code IS NULL OR
    s.no IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.town AS s
    ON rtrim(s.code) = r.code
    AND s.no = r.no
),
refused AS (
  DELETE FROM restage_stage.town AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object(
      'Code', s.code,
      'No', s.no
    ) AS source_key,
    jsonb_build_object(
      'Code', s.code,
      'No', s.no
    ) AS value,
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
    ARRAY['code', 'no'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.town', 'rejected', count(*)) AS rows
FROM recorded;

-- file:    merge/004_dbo.Town/20_match.sql
-- table:   public.town
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Town, staged in restage_stage.town
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/004_dbo.Town/30_allocate.sql
-- table:   public.town
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Town, staged in restage_stage.town
-- body:    sha256:5ac3a4c111022965e72ef97b48d55cc0f8d043e424a0ccf88b6c42d320565725
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.town', 'restage_keymap.town') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.town (
    source_code,
    source_no,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.code,
    s.no,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.code,
      s.no,
      restage.row_hash(
        ROW(
          s.code,
          s.no,
          s.mark
        )::text,
        (NULL::restage_keymap.town).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.town AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.town AS k
      WHERE rtrim(k.source_code) = rtrim(s.code)
        AND k.source_no = s.no
    )
    ORDER BY
      s.code,
      s.no
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
      ADD PRIMARY KEY (source_code, source_no);
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

-- Keys that differ from those of the key map in case or trailing blanks.
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

UPDATE restage_keymap.town AS k
SET
  source_code = s.code
FROM restage_stage.town AS s
WHERE rtrim(k.source_code) = rtrim(s.code)
  AND k.source_no = s.no
  AND k.source_code COLLATE "C" <> s.code COLLATE "C";

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.town'
  AND c.kind = 'allocated';

-- file:    merge/004_dbo.Town/35_orphans.sql
-- table:   public.town
-- step:    35 orphans
-- purpose: no foreign key to check
-- source:  dbo.Town, staged in restage_stage.town
-- body:    sha256:5bd3a345d3d9c0df0a596068e1dfe7a5bcca420b4497e44f0dd8033e63702ac6
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.town'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/004_dbo.Town/40_insert.sql
-- table:   public.town
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Town, staged in restage_stage.town
-- body:    sha256:072c883fdd32fedbaac1d724d146400e18d20ca79224cd1837173f5985383e2c
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
    code,
    no,
    mark
  )
  SELECT
    s.code,
    s.no,
    s.mark
  FROM restage_stage.town AS s
  JOIN restage_keymap.town AS k
    ON rtrim(k.source_code) = rtrim(s.code)
    AND k.source_no = s.no
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

-- file:    merge/004_dbo.Town/50_update.sql
-- table:   public.town
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Town, staged in restage_stage.town
-- body:    sha256:54ecde6630801b1827e8adfd623be0949a8ff2f8f58002d72046d0671459899d
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
    s.code,
    s.no,
    s.mark,
    restage.row_hash(
      ROW(
        s.code,
        s.no,
        s.mark
      )::text,
      (NULL::restage_keymap.town).row_hash
    ) AS row_hash
  FROM restage_stage.town AS s
  JOIN restage_keymap.town AS k
    ON rtrim(k.source_code) = rtrim(s.code)
    AND k.source_no = s.no
  WHERE NOT (SELECT restage.is_all_new('public.town'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.code,
        s.no,
        s.mark
      )::text,
      (NULL::restage_keymap.town).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_code,
    k.source_no,
    row_to_json(t.*) AS row_data
  FROM public.town AS t
  JOIN restage_keymap.town AS k
    ON rtrim(k.source_code) = rtrim(t.code)
    AND k.source_no = t.no
  JOIN changed AS c
    ON rtrim(k.source_code) = rtrim(c.code)
    AND k.source_no = c.no
  WHERE restage.row_hash(
      ROW(
        t.code,
        t.no,
        t.mark
      )::text,
      (NULL::restage_keymap.town).row_hash
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
    'public.town',
    jsonb_build_object('source_code', d.source_code, 'source_no', d.source_no),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.town AS t
  SET
    code = c.code,
    mark = c.mark
  FROM changed AS c
  JOIN restage_keymap.town AS k
    ON rtrim(k.source_code) = rtrim(c.code)
    AND k.source_no = c.no
  WHERE rtrim(t.code) = rtrim(c.code)
    AND t.no = c.no
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.town AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE rtrim(k.source_code) = rtrim(c.code)
    AND k.source_no = c.no
)
SELECT
  restage.count_rows('public.town', 'updated', count(*)) AS rows,
  restage.count_rows('public.town', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/004_dbo.Town/60_vanished.sql
-- table:   public.town
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Town, staged in restage_stage.town
-- body:    sha256:2aa6dcaa4592f98426088b2a42db8f89351e3f9893310c51d78db583c40689cf
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.town', 'restage_keymap.town') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_code,
    k.source_no,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.town AS s
  JOIN restage_keymap.town AS k
    ON rtrim(k.source_code) = rtrim(s.code)
    AND k.source_no = s.no
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.town AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_code = m.source_code
    AND k.source_no = m.source_no
)
SELECT restage.fail_skipped('public.town', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.town'
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
    s.code,
    s.no
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
    AND (SELECT restage.may_have_vanished('public.town'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.town'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.town AS s
      WHERE rtrim(k.source_code) = rtrim(s.code)
        AND k.source_no = s.no
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE rtrim(k.source_code) = rtrim(r.code)
        AND k.source_no = r.no
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_code,
    k.source_no,
    k.vanished_run
  FROM restage_keymap.town AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.town'))
),
back AS MATERIALIZED (
  SELECT
    k.source_code,
    k.source_no,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.town AS s
    ON rtrim(k.source_code) = rtrim(s.code)
    AND k.source_no = s.no
  UNION
  SELECT
    k.source_code,
    k.source_no,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON rtrim(k.source_code) = rtrim(r.code)
    AND k.source_no = r.no
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
    ARRAY[b.source_code::text, b.source_no::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.town AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_code = b.source_code
    AND k.source_no = b.source_no
  RETURNING 1
)
SELECT
  restage.count_rows('public.town', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.town', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/004_dbo.Town/70_reset.sql
-- table:   public.town
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Town, staged in restage_stage.town
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/004_dbo.Town/90_account.sql
-- table:   public.town
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Town, staged in restage_stage.town
-- body:    sha256:6783143e35c12f66f1c0472e08e3a28f904d95464e2817c4e2d8aee3dd61c230
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.town', 'restage_keymap.town') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.town', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.town') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.town'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.town', count(*)) AS rows
FROM restage_stage.town AS s
JOIN restage_keymap.town AS k
  ON rtrim(k.source_code) = rtrim(s.code)
  AND k.source_no = s.no
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.town'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/004_dbo.Town/content.sql
-- table:   public.town
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Town
-- body:    sha256:f329c32bdb551c29461f993f6098124f8f4c4ff08579a6cafa34cb1ab2320fd0
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
      s.no,
      s.mark,
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
    t.code,
    t.no,
    t.mark
  FROM public.town AS t
  JOIN restage_keymap.town AS k
    ON rtrim(k.source_code) = rtrim(t.code)
    AND k.source_no = t.no
  LEFT JOIN noted AS n
    ON rtrim(k.source_code) = rtrim(n.code)
    AND k.source_no = n.no
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.code,
    n.no,
    n.mark
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/004_dbo.Town/counts.sql
-- table:   public.town
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Town
-- body:    sha256:48c8482ba503186c276471af858d9139992f3977c56453b05197df428a41117c
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.code,
    s.no
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
      ON rtrim(k.source_code) = rtrim(t.code)
      AND k.source_no = t.no
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE rtrim(k.source_code) = rtrim(r.code)
          AND k.source_no = r.no
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.town'))
  AND g.table_name = 'public.town';

-- file:    verify/004_dbo.Town/keys.sql
-- table:   public.town
-- purpose: known = present, when every key has its final row
-- source:  dbo.Town
-- body:    sha256:09275bdfc418fe82b221b62c152a8475b59c80a91bbce9e90b27146e2522bf94
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
      ON rtrim(k.source_code) = rtrim(t.code)
      AND k.source_no = t.no
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.town AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/004_dbo.Town/others.sql
-- table:   public.town
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Town
-- body:    sha256:6563606e3d13830cce61952a17664224b224722d35256a7b92913bb2dcb0946b
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.town AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.town AS k
  WHERE rtrim(k.source_code) = rtrim(t.code)
    AND k.source_no = t.no
);

-- file:    verify/004_dbo.Town/unique.sql
-- table:   public.town
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Town
-- body:    sha256:21c49368abf8d32dd82caef1cacdceaa4a77bb411a2a91b1139547dfd08291d3
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- town_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.town
),
held AS (
  SELECT
    t.code AS code,
    t.no AS no,
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
            AND g.table_name = 'public.town'
          ORDER BY r.started_at DESC
          LIMIT 1
        )
        AND c.table_name = 'public.town'
        AND c.is_skipped
        AND c.chunk_id = k.chunk
    ) AS is_skipped
  FROM public.town AS t
  LEFT JOIN restage_keymap.town AS k
    ON rtrim(k.source_code) = rtrim(t.code)
    AND k.source_no = t.no
)
SELECT
  jsonb_build_object(
    'Code', s.code,
    'No', s.no
  ) AS value,
  jsonb_build_object(
    'Code', s.code,
    'No', s.no
  ) AS staged_row,
  jsonb_build_object(
    'Code', o.code,
    'No', o.no
  ) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.code = s.code
  AND o.no = s.no
  AND ROW(s.code, s.no) < ROW(o.code, o.no)
UNION ALL
SELECT
  jsonb_build_object(
    'Code', s.code,
    'No', s.no
  ) AS value,
  jsonb_build_object(
    'Code', s.code,
    'No', s.no
  ) AS staged_row,
  jsonb_build_object(
    'Code', t.code,
    'No', t.no
  ) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN t.is_skipped THEN 'staged'
    WHEN o.code IS NULL THEN 'vanished'
    WHEN ROW(o.code, o.no) IS DISTINCT FROM ROW(t.code, t.no) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.code = s.code
  AND t.no = s.no
LEFT JOIN restage_stage.town AS o
  ON o.code = t.code
  AND o.no = t.no
WHERE NOT (t.is_known AND ROW(s.code, s.no) IS NOT DISTINCT FROM ROW(t.code, t.no))
LIMIT 20;

-- town_key_1
WITH staged AS (
  SELECT *
  FROM restage_stage.town
),
held AS (
  SELECT
    t.code AS code,
    t.no AS no,
    t.mark AS mark,
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
            AND g.table_name = 'public.town'
          ORDER BY r.started_at DESC
          LIMIT 1
        )
        AND c.table_name = 'public.town'
        AND c.is_skipped
        AND c.chunk_id = k.chunk
    ) AS is_skipped
  FROM public.town AS t
  LEFT JOIN restage_keymap.town AS k
    ON rtrim(k.source_code) = rtrim(t.code)
    AND k.source_no = t.no
)
SELECT
  jsonb_build_object('Mark', s.mark) AS value,
  jsonb_build_object(
    'Code', s.code,
    'No', s.no
  ) AS staged_row,
  jsonb_build_object(
    'Code', o.code,
    'No', o.no
  ) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON ARRAY[o.mark] = ARRAY[s.mark]
  AND ROW(s.code, s.no) < ROW(o.code, o.no)
UNION ALL
SELECT
  jsonb_build_object('Mark', s.mark) AS value,
  jsonb_build_object(
    'Code', s.code,
    'No', s.no
  ) AS staged_row,
  jsonb_build_object(
    'Code', t.code,
    'No', t.no
  ) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN t.is_skipped THEN 'staged'
    WHEN o.code IS NULL THEN 'vanished'
    WHEN ROW(o.mark) IS DISTINCT FROM ROW(t.mark) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON ARRAY[t.mark] = ARRAY[s.mark]
LEFT JOIN restage_stage.town AS o
  ON o.code = t.code
  AND o.no = t.no
WHERE NOT (t.is_known AND ROW(s.code, s.no) IS NOT DISTINCT FROM ROW(t.code, t.no))
LIMIT 20;

