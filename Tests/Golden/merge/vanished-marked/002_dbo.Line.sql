-- file:    merge/002_dbo.Line/10_stage.sql
-- table:   public.line
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:7dcae5b94d355095616d6b67c15d77a5db9ddfd5ef2bc9eef155390e02aed9fc
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.line;

CREATE UNLOGGED TABLE restage_stage.line (
  text varchar(20)
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Line/15_check.sql
-- table:   public.line
-- step:    15 check
-- purpose: gather statistics and count; without a key there is nothing to check
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:bfc5e0fd895e0c541f676dadc5075e523021605169ccf7ace1c71f1316a98072
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.line;

SELECT restage.count_staged('public.line', count(*)) AS staged
FROM restage_stage.line AS s;

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
-- body:    sha256:6176541691cf6c35e66a2f54a23ef8f1505528da13617e35f2efea45f31f1660
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
-- body:    sha256:b835dda38bc2ca795b5ecf7b933bd318d05bd2497e980dd627aa1da54dd0b394
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
    text
  )
  SELECT
    s.text
  FROM (
    SELECT
      h.text,
      h.row_hash,
      row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
    FROM (
      SELECT
        s.text,
        md5(ROW(
          s.text
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
-- purpose: note rows that vanished from the source, and mark them
-- source:  dbo.Line, staged in restage_stage.line
-- body:    sha256:6ccf02831a7cb580020b2ed91765293dcd5c2082e7c2ca9420e4baca9b70a2a6
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

SELECT restage.guard_vanished(
  table_name => 'public.line',
  going => 0,
  known => (
    SELECT count(*)
    FROM restage_keymap.line AS k
  ),
  max_percent => 100
);

WITH changed AS MATERIALIZED (
  SELECT
    t.ctid AS row_id,
    k.vanished_run IS NOT NULL AS is_gone,
    t.gone_at AS marked_at,
    ARRAY[k.source_row_hash::text, k.source_occurrence::text] AS source_key
  FROM (
    SELECT
      h.row_id,
      h.row_hash,
      row_number() OVER (PARTITION BY h.row_hash ORDER BY h.marked_at DESC NULLS FIRST)::integer AS occurrence
    FROM (
      SELECT
        t.ctid AS row_id,
        t.gone_at AS marked_at,
        md5(ROW(
          t.text
        )::text)::uuid AS row_hash
      FROM public.line AS t
    ) AS h
  ) AS s
  JOIN restage_keymap.line AS k
    ON k.source_row_hash = s.row_hash
    AND k.source_occurrence = s.occurrence
  JOIN public.line AS t
    ON t.ctid = s.row_id
  WHERE k.matched_run IS NULL
    AND (
      (k.vanished_run IS NULL AND t.gone_at IS NOT NULL)
      OR (k.vanished_run IS NOT NULL AND t.gone_at IS NULL)
    )
    AND NOT EXISTS (
      SELECT
      FROM restage.staged AS g
      WHERE g.run_id = (SELECT restage.run_id())
        AND g.table_name = 'public.line'
        AND g.export_rejects > 0
    )
),
imaged AS (
  INSERT INTO restage.before_image (
    run_id,
    table_name,
    operation,
    source_key,
    marked_at
  )
  SELECT
    (SELECT restage.run_id()),
    'public.line',
    'marked',
    b.source_key,
    b.marked_at
  FROM changed AS b
),
marked AS (
  UPDATE public.line AS t
  SET gone_at = CASE WHEN c.is_gone THEN transaction_timestamp() END
  FROM changed AS c
  WHERE t.ctid = c.row_id
  RETURNING 1
)
SELECT restage.count_rows('public.line', 'marked', count(*)) AS rows
FROM marked;

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
-- body:    sha256:0efd4d78b10e5763f0c2a4bb452aad074aabbb12cf560964665575f4cd48d113
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

-- file:    verify/002_dbo.Line/content.sql
-- table:   public.line
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Line
-- body:    sha256:6dd9f33e36e55ca00c122ca8385d291145bcf06238d1c76688afa861271a7f93
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
      md5(ROW(
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
    s.text
  FROM (
    SELECT
      h.text,
      h.row_hash,
      row_number() OVER (PARTITION BY h.row_hash)::integer AS occurrence
    FROM (
      SELECT
        t.text AS text,
        md5(ROW(
          t.text
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
    n.text
  FROM noted AS n
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Line/counts.sql
-- table:   public.line
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Line
-- body:    sha256:fa836c2da55fb64a8467ceb17cbf3a0a61d1531f2f8a4594685a652e4e7bf1d5
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

WITH refused AS MATERIALIZED (
  SELECT
    md5(ROW(
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
            t.text
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
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.line'))
  AND g.table_name = 'public.line';

-- file:    verify/002_dbo.Line/keys.sql
-- table:   public.line
-- purpose: known = present, when every key has its final row
-- source:  dbo.Line
-- body:    sha256:a91a5cc80b970e22dd440296264d7ff176e824e5189eca3a4e988e38df67e374
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
            t.text
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
-- body:    sha256:f3eb1f8ada0b0faa7bf6a0a9c36077697a0cf63d0addcb066049df8411d12651
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
            t.text
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

