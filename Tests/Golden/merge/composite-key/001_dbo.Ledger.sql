-- file:    merge/001_dbo.Ledger/10_stage.sql
-- table:   public.ledger
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Ledger, staged in restage_stage.ledger
-- body:    sha256:a423ea01f1100e1a98bd91837bf42736e1672d153ea424848b3ebd682034a4ef
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.ledger;

CREATE UNLOGGED TABLE restage_stage.ledger (
  year smallint,
  number integer,
  note varchar(20)
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.Ledger/15_check.sql
-- table:   public.ledger
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Ledger, staged in restage_stage.ledger
-- body:    sha256:2c88c46fab4c9711331185cdf0404e9ec4357bfd1fad9e82f81fec76f6887201
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.ledger ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.ledger (year, number);

SELECT restage.count_staged('public.ledger', count(*)) AS staged
FROM restage_stage.ledger AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.year,
    s.number
  FROM restage_stage.ledger AS s
  WHERE s.year IS NOT NULL
    AND s.number IS NOT NULL
  GROUP BY
    s.year,
    s.number
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.ledger AS s
  WHERE s.year IS NULL OR
    s.number IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.ledger AS s
    ON s.year = r.year
    AND s.number = r.number
),
refused AS (
  DELETE FROM restage_stage.ledger AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object(
      'Year', s.year,
      'Number', s.number
    ) AS source_key,
    jsonb_build_object(
      'Year', s.year,
      'Number', s.number
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
    'public.ledger',
    r.source_key,
    'source key',
    ARRAY['year', 'number'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.ledger', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/001_dbo.Ledger/20_match.sql
-- table:   public.ledger
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Ledger, staged in restage_stage.ledger
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Ledger/30_allocate.sql
-- table:   public.ledger
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Ledger, staged in restage_stage.ledger
-- body:    sha256:3e96d067a1d1263f164887142f8a1ebb796764872941dd966a303d16b0bfc68f
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.ledger', 'restage_keymap.ledger') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.ledger (
    source_year,
    source_number,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.year,
    s.number,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.year,
      s.number,
      restage.row_hash(
        ROW(
          s.year,
          s.number,
          s.note
        )::text,
        (NULL::restage_keymap.ledger).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.ledger AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.ledger AS k
      WHERE k.source_year = s.year
        AND k.source_number = s.number
    )
    ORDER BY
      s.year,
      s.number
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.ledger', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.ledger'::regclass
  ) THEN
    ALTER TABLE restage_keymap.ledger
      ADD PRIMARY KEY (source_year, source_number);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.ledger'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.ledger'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.ledger;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.ledger'
  AND c.kind = 'allocated';

-- file:    merge/001_dbo.Ledger/35_orphans.sql
-- table:   public.ledger
-- step:    35 orphans
-- purpose: no foreign key to check
-- source:  dbo.Ledger, staged in restage_stage.ledger
-- body:    sha256:0784654d265dba6471373c8bc8949ff989299692bc6147a4a8fa36c4345bf4f5
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.ledger'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/001_dbo.Ledger/40_insert.sql
-- table:   public.ledger
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Ledger, staged in restage_stage.ledger
-- body:    sha256:93eaa05034f4f32d5a6efd487f1f694c5490bee8da679094735e3eebb8a94c1d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.ledger', 'restage_keymap.ledger') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.ledger (
    year,
    number,
    note
  )
  SELECT
    s.year,
    s.number,
    s.note
  FROM restage_stage.ledger AS s
  JOIN restage_keymap.ledger AS k
    ON k.source_year = s.year
    AND k.source_number = s.number
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.ledger'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.ledger', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.ledger'
  AND c.kind = 'inserted';

-- file:    merge/001_dbo.Ledger/50_update.sql
-- table:   public.ledger
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Ledger, staged in restage_stage.ledger
-- body:    sha256:bedb1c0012f795672ebcf4034017451c21e7968ead60e3eaf21be625835a9c83
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.ledger', 'restage_keymap.ledger') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.year,
    s.number,
    s.note,
    restage.row_hash(
      ROW(
        s.year,
        s.number,
        s.note
      )::text,
      (NULL::restage_keymap.ledger).row_hash
    ) AS row_hash
  FROM restage_stage.ledger AS s
  JOIN restage_keymap.ledger AS k
    ON k.source_year = s.year
    AND k.source_number = s.number
  WHERE NOT (SELECT restage.is_all_new('public.ledger'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.year,
        s.number,
        s.note
      )::text,
      (NULL::restage_keymap.ledger).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_year,
    k.source_number,
    row_to_json(t.*) AS row_data
  FROM public.ledger AS t
  JOIN restage_keymap.ledger AS k
    ON k.source_year = t.year
    AND k.source_number = t.number
  JOIN changed AS c
    ON k.source_year = c.year
    AND k.source_number = c.number
  WHERE restage.row_hash(
      ROW(
        t.year,
        t.number,
        t.note
      )::text,
      (NULL::restage_keymap.ledger).row_hash
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
    'public.ledger',
    jsonb_build_object('source_year', d.source_year, 'source_number', d.source_number),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.ledger AS t
  SET
    note = c.note
  FROM changed AS c
  JOIN restage_keymap.ledger AS k
    ON k.source_year = c.year
    AND k.source_number = c.number
  WHERE t.year = c.year
    AND t.number = c.number
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.ledger AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_year = c.year
    AND k.source_number = c.number
)
SELECT
  restage.count_rows('public.ledger', 'updated', count(*)) AS rows,
  restage.count_rows('public.ledger', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/001_dbo.Ledger/60_vanished.sql
-- table:   public.ledger
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Ledger, staged in restage_stage.ledger
-- body:    sha256:1841ee750c39a6233a3e1dfd04a39bca768cf27ecbb58deafd86b26748a5c4a4
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.ledger', 'restage_keymap.ledger') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_year,
    k.source_number,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.ledger AS s
  JOIN restage_keymap.ledger AS k
    ON k.source_year = s.year
    AND k.source_number = s.number
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.ledger AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_year = m.source_year
    AND k.source_number = m.source_number
)
SELECT restage.fail_skipped('public.ledger', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.ledger'
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
    s.year,
    s.number
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.ledger, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.ledger'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.ledger AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.ledger'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.ledger'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.ledger AS s
      WHERE k.source_year = s.year
        AND k.source_number = s.number
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_year = r.year
        AND k.source_number = r.number
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_year,
    k.source_number,
    k.vanished_run
  FROM restage_keymap.ledger AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.ledger'))
),
back AS MATERIALIZED (
  SELECT
    k.source_year,
    k.source_number,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.ledger AS s
    ON k.source_year = s.year
    AND k.source_number = s.number
  UNION
  SELECT
    k.source_year,
    k.source_number,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_year = r.year
    AND k.source_number = r.number
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
    'public.ledger',
    'returned',
    ARRAY[b.source_year::text, b.source_number::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.ledger AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_year = b.source_year
    AND k.source_number = b.source_number
  RETURNING 1
)
SELECT
  restage.count_rows('public.ledger', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.ledger', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/001_dbo.Ledger/70_reset.sql
-- table:   public.ledger
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Ledger, staged in restage_stage.ledger
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Ledger/90_account.sql
-- table:   public.ledger
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Ledger, staged in restage_stage.ledger
-- body:    sha256:d83c04e50d3f52345508601a860fae645cab938d925b4ae22a9549f80959675b
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.ledger', 'restage_keymap.ledger') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.ledger', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.ledger') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.ledger'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.ledger', count(*)) AS rows
FROM restage_stage.ledger AS s
JOIN restage_keymap.ledger AS k
  ON k.source_year = s.year
  AND k.source_number = s.number
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.ledger'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/001_dbo.Ledger/content.sql
-- table:   public.ledger
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Ledger
-- body:    sha256:4a2dc760649ae890916c1ef9e97d795fe73d3b58ff9c4414c3b4cae42bcc1a9c
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
      s.year,
      s.number,
      s.note,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.ledger'))
        AND r.table_name = 'public.ledger'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.ledger, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    t.year,
    t.number,
    t.note
  FROM public.ledger AS t
  JOIN restage_keymap.ledger AS k
    ON k.source_year = t.year
    AND k.source_number = t.number
  LEFT JOIN noted AS n
    ON k.source_year = n.year
    AND k.source_number = n.number
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.year,
    n.number,
    n.note
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/001_dbo.Ledger/counts.sql
-- table:   public.ledger
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Ledger
-- body:    sha256:a7e2ab4e5a8c99f17eee662f8ba1bbf0e1f060677337aa21b684d50aaefb8ef7
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.year,
    s.number
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.ledger, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.ledger'))
    AND r.table_name = 'public.ledger'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.ledger AS t
    JOIN restage_keymap.ledger AS k
      ON k.source_year = t.year
      AND k.source_number = t.number
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_year = r.year
          AND k.source_number = r.number
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.ledger'))
  AND g.table_name = 'public.ledger';

-- file:    verify/001_dbo.Ledger/keys.sql
-- table:   public.ledger
-- purpose: known = present, when every key has its final row
-- source:  dbo.Ledger
-- body:    sha256:5987b5cf098da402f5d9784ae730fa19470dc8df6ec18bb91fd110c43b64dd51
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.ledger AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.ledger AS t
    JOIN restage_keymap.ledger AS k
      ON k.source_year = t.year
      AND k.source_number = t.number
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.ledger AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/001_dbo.Ledger/others.sql
-- table:   public.ledger
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Ledger
-- body:    sha256:729888d6b9820a1d9996993a02297d69cba58fb21c983fced379717351ce2d55
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.ledger AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.ledger AS k
  WHERE k.source_year = t.year
    AND k.source_number = t.number
);

-- file:    verify/001_dbo.Ledger/unique.sql
-- table:   public.ledger
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Ledger
-- body:    sha256:5bca05b9d76e7f935c646ceb74ac2bd0df04eabd0a569bad3f7a248b9839963c
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- ledger_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.ledger
),
held AS (
  SELECT
    t.year AS year,
    t.number AS number,
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
            AND g.table_name = 'public.ledger'
          ORDER BY r.started_at DESC
          LIMIT 1
        )
        AND c.table_name = 'public.ledger'
        AND c.is_skipped
        AND c.chunk_id = k.chunk
    ) AS is_skipped
  FROM public.ledger AS t
  LEFT JOIN restage_keymap.ledger AS k
    ON k.source_year = t.year
    AND k.source_number = t.number
)
SELECT
  jsonb_build_object(
    'Year', s.year,
    'Number', s.number
  ) AS value,
  jsonb_build_object(
    'Year', s.year,
    'Number', s.number
  ) AS staged_row,
  jsonb_build_object(
    'Year', o.year,
    'Number', o.number
  ) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.year = s.year
  AND o.number = s.number
  AND ROW(s.year, s.number) < ROW(o.year, o.number)
UNION ALL
SELECT
  jsonb_build_object(
    'Year', s.year,
    'Number', s.number
  ) AS value,
  jsonb_build_object(
    'Year', s.year,
    'Number', s.number
  ) AS staged_row,
  jsonb_build_object(
    'Year', t.year,
    'Number', t.number
  ) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN t.is_skipped THEN 'staged'
    WHEN o.year IS NULL THEN 'vanished'
    WHEN ROW(o.year, o.number) IS DISTINCT FROM ROW(t.year, t.number) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.year = s.year
  AND t.number = s.number
LEFT JOIN restage_stage.ledger AS o
  ON o.year = t.year
  AND o.number = t.number
WHERE NOT (t.is_known AND ROW(s.year, s.number) IS NOT DISTINCT FROM ROW(t.year, t.number))
LIMIT 20;

