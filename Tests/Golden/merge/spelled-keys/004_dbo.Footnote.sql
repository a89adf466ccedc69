-- file:    merge/004_dbo.Footnote/10_stage.sql
-- table:   public.footnote
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Footnote, staged in restage_stage.footnote
-- body:    sha256:c0d1b2f58d95969dafc69dcc76009df33378295b0c37341e3c230026d102a67b
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.footnote;

CREATE UNLOGGED TABLE restage_stage.footnote (
  code text,
  no integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/004_dbo.Footnote/15_check.sql
-- table:   public.footnote
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Footnote, staged in restage_stage.footnote
-- body:    sha256:e3d6ef72259fe0ffd7a9658f4567bfeb1b46429ffb67ee6ae8b893653a97569f
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.footnote (code, no);

SELECT restage.count_staged('public.footnote', count(*)) AS staged
FROM restage_stage.footnote AS s;

WITH repeated AS MATERIALIZED (
  SELECT
    rtrim(s.code) AS code,
    s.no
  FROM restage_stage.footnote AS s
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
  FROM restage_stage.footnote AS s
  WHERE s.code IS NULL OR
    s.no IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.footnote AS s
    ON rtrim(s.code) = r.code
    AND s.no = r.no
),
refused AS (
  DELETE FROM restage_stage.footnote AS s
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
    'public.footnote',
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
SELECT restage.count_rows('public.footnote', 'rejected', count(*)) AS rows
FROM recorded;

-- file:    merge/004_dbo.Footnote/20_match.sql
-- table:   public.footnote
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Footnote, staged in restage_stage.footnote
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/004_dbo.Footnote/30_allocate.sql
-- table:   public.footnote
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Footnote, staged in restage_stage.footnote
-- body:    sha256:2ed9ccc8bec30118c43857f13efd5c4b831b62ccce41fde18060fbe393e607ea
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.footnote', 'restage_keymap.footnote') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.footnote (
    source_code,
    source_no,
    row_hash,
    first_run,
    last_run
  )
  SELECT
    s.code,
    s.no,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id())
  FROM (
    SELECT
      s.code,
      s.no,
      restage.row_hash(
        ROW(
          s.code,
          s.no
        )::text,
        (NULL::restage_keymap.footnote).row_hash
      ) AS row_hash
    FROM restage_stage.footnote AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.footnote AS k
      WHERE rtrim(k.source_code) = rtrim(s.code)
        AND k.source_no = s.no
    )
    ORDER BY
      s.code,
      s.no
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.footnote', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.footnote'::regclass
  ) THEN
    ALTER TABLE restage_keymap.footnote
      ADD PRIMARY KEY (source_code, source_no);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.footnote'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.footnote'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.footnote;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.footnote'
  AND c.kind = 'allocated';

-- file:    merge/004_dbo.Footnote/35_orphans.sql
-- table:   public.footnote
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Footnote, staged in restage_stage.footnote
-- body:    sha256:724e57c99cb21d2075661636d5a4b6628a033156c74757bcade3352b2c5ac63a
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- footnote_code_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.footnote',
  'footnote_code_fkey',
  count(*),
  min(jsonb_build_object(
    'No', s.no,
    'Code', s.code
  )::text)
)
FROM restage_stage.footnote AS s
WHERE s.code IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.unittext AS k
    WHERE rtrim(k.source_code) = rtrim(s.code)
  )
HAVING count(*) > 0;

-- footnote_code_fkey: where it differs in trailing blanks, the parent's spelling
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH spelling AS MATERIALIZED (
  SELECT DISTINCT ON (s.ctid)
    s.ctid AS row_id,
    jsonb_build_object(
      'Code', s.code,
      'No', s.no
    ) AS source_key,
    jsonb_build_object('Code', s.code) AS value,
    row_to_json(s.*) AS row_data,
    k.source_code
  FROM restage_stage.footnote AS s
  JOIN restage_keymap.unittext AS k
    ON rtrim(k.source_code) = rtrim(s.code)
  WHERE NOT EXISTS (
    SELECT
    FROM restage_keymap.unittext AS k
    WHERE k.source_code = s.code
  )
  ORDER BY
    s.ctid,
    k.vanished_run NULLS FIRST,
    k.source_code
),
respelled AS (
  UPDATE restage_stage.footnote AS s
  SET
    code = c.source_code
  FROM spelling AS c
  WHERE s.ctid = c.row_id
  RETURNING
    s.code,
    s.no,
    restage.row_hash(
      ROW(
        s.code,
        s.no
      )::text,
      (NULL::restage_keymap.footnote).row_hash
    ) AS row_hash
),
rehashed AS (
  UPDATE restage_keymap.footnote AS k
  SET row_hash = n.row_hash
  FROM respelled AS n
  WHERE k.first_run = (SELECT restage.run_id())
    AND rtrim(k.source_code) = rtrim(n.code)
    AND k.source_no = n.no
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
    'public.footnote',
    r.source_key,
    'spelling footnote_code_fkey',
    ARRAY['code'],
    r.value::text,
    'differs from the parent''s key in trailing blanks; loaded as the parent has it',
    true,
    r.row_data
  FROM spelling AS r
  RETURNING 1
)
SELECT restage.count_rows('public.footnote', 'respelled', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- Keys that differ from those of the key map in case or trailing blanks.
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

UPDATE restage_keymap.footnote AS k
SET
  source_code = s.code
FROM restage_stage.footnote AS s
WHERE rtrim(k.source_code) = rtrim(s.code)
  AND k.source_no = s.no
  AND k.source_code COLLATE "C" <> s.code COLLATE "C";

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.footnote'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/004_dbo.Footnote/40_insert.sql
-- table:   public.footnote
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Footnote, staged in restage_stage.footnote
-- body:    sha256:a11096349a77256d1b11c7b0ac1974e99b75978a6ae82d071bcc931a558e65f1
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.footnote', 'restage_keymap.footnote') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.footnote (
    code,
    no
  )
  SELECT
    s.code,
    s.no
  FROM restage_stage.footnote AS s
  JOIN restage_keymap.footnote AS k
    ON rtrim(k.source_code) = rtrim(s.code)
    AND k.source_no = s.no
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.footnote'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.footnote', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.footnote'
  AND c.kind = 'inserted';

-- file:    merge/004_dbo.Footnote/50_update.sql
-- table:   public.footnote
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Footnote, staged in restage_stage.footnote
-- body:    sha256:cbdcd7fbf86e38e28f31868606b87263a4b6257311c54da0de45bdf34d2cc287
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.footnote', 'restage_keymap.footnote') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.code,
    s.no,
    restage.row_hash(
      ROW(
        s.code,
        s.no
      )::text,
      (NULL::restage_keymap.footnote).row_hash
    ) AS row_hash
  FROM restage_stage.footnote AS s
  JOIN restage_keymap.footnote AS k
    ON rtrim(k.source_code) = rtrim(s.code)
    AND k.source_no = s.no
  WHERE NOT (SELECT restage.is_all_new('public.footnote'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.code,
        s.no
      )::text,
      (NULL::restage_keymap.footnote).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_code,
    k.source_no,
    row_to_json(t.*) AS row_data
  FROM public.footnote AS t
  JOIN restage_keymap.footnote AS k
    ON rtrim(k.source_code) = rtrim(t.code)
    AND k.source_no = t.no
  JOIN changed AS c
    ON rtrim(k.source_code) = rtrim(c.code)
    AND k.source_no = c.no
  WHERE restage.row_hash(
      ROW(
        t.code,
        t.no
      )::text,
      (NULL::restage_keymap.footnote).row_hash
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
    'public.footnote',
    jsonb_build_object('source_code', d.source_code, 'source_no', d.source_no),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.footnote AS t
  SET
    code = c.code
  FROM changed AS c
  JOIN restage_keymap.footnote AS k
    ON rtrim(k.source_code) = rtrim(c.code)
    AND k.source_no = c.no
  WHERE rtrim(t.code) = rtrim(c.code)
    AND t.no = c.no
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.footnote AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE rtrim(k.source_code) = rtrim(c.code)
    AND k.source_no = c.no
)
SELECT
  restage.count_rows('public.footnote', 'updated', count(*)) AS rows,
  restage.count_rows('public.footnote', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/004_dbo.Footnote/60_vanished.sql
-- table:   public.footnote
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Footnote, staged in restage_stage.footnote
-- body:    sha256:799bc43e704b3a7ae096ebe01922cc9cc100aa3ab7c5af730268b8b197b7e54e
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    s.code,
    s.no
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.footnote, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.footnote'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.footnote AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.footnote AS s
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
  FROM restage_keymap.footnote AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_code,
    k.source_no,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.footnote AS s
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
    'public.footnote',
    'returned',
    ARRAY[b.source_code::text, b.source_no::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.footnote AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_code = b.source_code
    AND k.source_no = b.source_no
  RETURNING 1
)
SELECT
  restage.count_rows('public.footnote', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.footnote', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/004_dbo.Footnote/70_reset.sql
-- table:   public.footnote
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Footnote, staged in restage_stage.footnote
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/004_dbo.Footnote/90_account.sql
-- table:   public.footnote
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Footnote, staged in restage_stage.footnote
-- body:    sha256:83c2215b9b5d6287014bc7741a1d365336a044c7cc1995defb2a7ebfd2183ab0
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.footnote', 'restage_keymap.footnote') AS joins;

SELECT restage.close_account('public.footnote', count(*)) AS rows
FROM restage_stage.footnote AS s
JOIN restage_keymap.footnote AS k
  ON rtrim(k.source_code) = rtrim(s.code)
  AND k.source_no = s.no
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.footnote'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/004_dbo.Footnote/content.sql
-- table:   public.footnote
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Footnote
-- body:    sha256:b990b355462580f168073d6a4caecdb69da6b2aa13be9e0675c10919fadf3919
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
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY rtrim(r.source_key ->> 'Code'), r.source_key -> 'No' ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.footnote'))
        AND r.table_name = 'public.footnote'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.footnote, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    CASE WHEN rtrim(n.code) = rtrim(t.code) THEN n.code ELSE t.code END,
    t.no
  FROM public.footnote AS t
  JOIN restage_keymap.footnote AS k
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
    n.no
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/004_dbo.Footnote/counts.sql
-- table:   public.footnote
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Footnote
-- body:    sha256:c4227f364af36be48e76e39c81cfa42d8380fc3f951435635016e28a06493e2c
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.code,
    s.no
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.footnote, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.footnote'))
    AND r.table_name = 'public.footnote'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.footnote AS t
    JOIN restage_keymap.footnote AS k
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.footnote'))
  AND g.table_name = 'public.footnote';

-- file:    verify/004_dbo.Footnote/keys.sql
-- table:   public.footnote
-- purpose: known = present, when every key has its final row
-- source:  dbo.Footnote
-- body:    sha256:0071de348eb0ee19105a1e2bc9719f8f82df6ede81e3a6b13898b565bd8a4197
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.footnote AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.footnote AS t
    JOIN restage_keymap.footnote AS k
      ON rtrim(k.source_code) = rtrim(t.code)
      AND k.source_no = t.no
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.footnote AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/004_dbo.Footnote/others.sql
-- table:   public.footnote
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Footnote
-- body:    sha256:ded816b126385b2dad1769e51c93940e7593fed9cc7faa73e45bed3056151144
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.footnote AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.footnote AS k
  WHERE rtrim(k.source_code) = rtrim(t.code)
    AND k.source_no = t.no
);

-- file:    verify/004_dbo.Footnote/orphans.sql
-- table:   public.footnote
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Footnote
-- body:    sha256:4f725116eb58a7db11b2ff79c2b172f9ba79f40fae82bf3d0e8a0069c327194d
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- footnote_code_fkey
SELECT count(*) AS orphans
FROM public.footnote AS t
WHERE t.code IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.unittext AS p
    WHERE p.code = t.code
  );

-- file:    verify/004_dbo.Footnote/unique.sql
-- table:   public.footnote
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Footnote
-- body:    sha256:01da21585878ddc0f71fb38219d564f63a692a91db09b98e2d9ce736eac98407
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- footnote_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.footnote
),
held AS (
  SELECT
    t.code AS code,
    t.no AS no,
    k.first_run IS NOT NULL AS is_known
  FROM public.footnote AS t
  LEFT JOIN restage_keymap.footnote AS k
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
    WHEN o.code IS NULL THEN 'vanished'
    WHEN ROW(o.code, o.no) IS DISTINCT FROM ROW(t.code, t.no) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.code = s.code
  AND t.no = s.no
LEFT JOIN restage_stage.footnote AS o
  ON o.code = t.code
  AND o.no = t.no
WHERE NOT (t.is_known AND ROW(s.code, s.no) IS NOT DISTINCT FROM ROW(t.code, t.no))
LIMIT 20;

