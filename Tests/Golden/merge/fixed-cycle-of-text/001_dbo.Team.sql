-- file:    merge/001_dbo.Team/10_stage.sql
-- table:   public.team
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Team, staged in restage_stage.team
-- body:    sha256:df4484cd99cfcd32fe08b28d021ccedac78d379e0ffb78ce187f923408887cf8
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.team;

CREATE UNLOGGED TABLE restage_stage.team (
  code varchar(9),
  no integer,
  captain varchar(9)
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.Team/15_check.sql
-- table:   public.team
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Team, staged in restage_stage.team
-- body:    sha256:ecfa18a116833df0693ad85cfe8f8d8bc27a36cb94fbd4c0078ca0907c746838
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.team (code, no, captain);

SELECT restage.count_staged('public.team', count(*)) AS staged
FROM restage_stage.team AS s;

WITH repeated AS MATERIALIZED (
  SELECT
    rtrim(s.code) AS code,
    s.no
  FROM restage_stage.team AS s
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
  FROM restage_stage.team AS s
  WHERE s.code IS NULL OR
    s.no IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.team AS s
    ON rtrim(s.code) = r.code
    AND s.no = r.no
),
refused AS (
  DELETE FROM restage_stage.team AS s
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
    'public.team',
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
SELECT restage.count_rows('public.team', 'rejected', count(*)) AS rows
FROM recorded;

-- file:    merge/001_dbo.Team/20_match.sql
-- table:   public.team
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Team, staged in restage_stage.team
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Team/30_allocate.sql
-- table:   public.team
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Team, staged in restage_stage.team
-- body:    sha256:04a1428b33d02ceeeafff08fe2d7c66e4ace22bc4d79df5d89f4c4dc11569f6d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.team', 'restage_keymap.team') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.team (
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
          s.no,
          s.captain
        )::text,
        (NULL::restage_keymap.team).row_hash
      ) AS row_hash
    FROM restage_stage.team AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.team AS k
      WHERE rtrim(k.source_code) = rtrim(s.code)
        AND k.source_no = s.no
    )
    ORDER BY
      s.code,
      s.no
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.team', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.team'::regclass
  ) THEN
    ALTER TABLE restage_keymap.team
      ADD PRIMARY KEY (source_code, source_no);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.team'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.team'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.team;
  END IF;
END
$restage$;

-- Keys that differ from those of the key map in case or trailing blanks.
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

UPDATE restage_keymap.team AS k
SET
  source_code = s.code
FROM restage_stage.team AS s
WHERE rtrim(k.source_code) = rtrim(s.code)
  AND k.source_no = s.no
  AND k.source_code COLLATE "C" <> s.code COLLATE "C"
  AND k.first_run = (SELECT restage.run_id());

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.team'
  AND c.kind = 'allocated';

-- file:    merge/001_dbo.Team/35_orphans.sql
-- table:   public.team
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Team, staged in restage_stage.team
-- body:    sha256:a9664394fff18f1db659922dc484a40e7d3261f7c95e4dde05d1a00bfea7be69
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- team_captain_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.team',
  'team_captain_fkey',
  count(*),
  min(jsonb_build_object(
    'Code', s.code,
    'No', s.no,
    'Captain', s.captain
  )::text)
)
FROM restage_stage.team AS s
WHERE s.captain IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.player AS k
    WHERE rtrim(k.source_nick) = rtrim(s.captain)
  )
HAVING count(*) > 0;

-- team_captain_fkey: where it differs in trailing blanks, the parent's spelling
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
    jsonb_build_object('Captain', s.captain) AS value,
    row_to_json(s.*) AS row_data,
    k.source_nick
  FROM restage_stage.team AS s
  JOIN restage_keymap.player AS k
    ON rtrim(k.source_nick) = rtrim(s.captain)
  WHERE NOT EXISTS (
    SELECT
    FROM restage_keymap.player AS k
    WHERE k.source_nick = s.captain
  )
  ORDER BY
    s.ctid,
    k.vanished_run NULLS FIRST,
    k.source_nick
),
respelled AS (
  UPDATE restage_stage.team AS s
  SET
    captain = c.source_nick
  FROM spelling AS c
  WHERE s.ctid = c.row_id
  RETURNING
    s.code,
    s.no,
    restage.row_hash(
      ROW(
        s.code,
        s.no,
        s.captain
      )::text,
      (NULL::restage_keymap.team).row_hash
    ) AS row_hash
),
rehashed AS (
  UPDATE restage_keymap.team AS k
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
    'public.team',
    r.source_key,
    'spelling team_captain_fkey',
    ARRAY['captain'],
    r.value::text,
    'differs from the parent''s key in trailing blanks; loaded as the parent has it',
    true,
    r.row_data
  FROM spelling AS r
  RETURNING 1
)
SELECT restage.count_rows('public.team', 'respelled', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.team'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/001_dbo.Team/40_insert.sql
-- table:   public.team
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Team, staged in restage_stage.team
-- body:    sha256:d805f4d34bd8b336fc7a4a18052e4fad9fb33d3d7c808b615d7345d9484a5838
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.team', 'restage_keymap.team') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  WITH waiting AS MATERIALIZED (
    -- Columns whose foreign key the target checks at once: empty in step 40, filled in step 50.
    SELECT a.attname AS column_name
    FROM pg_catalog.pg_constraint AS c
    JOIN pg_catalog.pg_attribute AS a
      ON a.attrelid = c.conrelid
      AND a.attnum = ANY (c.conkey)
    WHERE c.contype = 'f'
      AND NOT c.condeferrable
      AND c.conrelid = 'public.team'::regclass
      AND c.confrelid IN ('public.player'::regclass)
  )
  INSERT INTO public.team (
    code,
    no,
    captain
  )
  SELECT
    s.code,
    s.no,
    CASE WHEN 'captain' NOT IN (SELECT w.column_name FROM waiting AS w) THEN s.captain END
  FROM restage_stage.team AS s
  JOIN restage_keymap.team AS k
    ON rtrim(k.source_code) = rtrim(s.code)
    AND k.source_no = s.no
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.team'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.team', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.team'
  AND c.kind = 'inserted';

-- file:    merge/001_dbo.Team/50_update.sql
-- table:   public.team
-- step:    50 update
-- purpose: count the rows that changed in the source
-- source:  dbo.Team, staged in restage_stage.team
-- body:    sha256:f7917713b874f5d335baea4c77ebbfc278a09d5c6cf39b3445e82f4afac4d5cd
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.team', 'restage_keymap.team') AS joins;

WITH waiting AS MATERIALIZED (
  -- Columns whose foreign key the target checks at once: empty in step 40, filled in step 50.
  SELECT a.attname AS column_name
  FROM pg_catalog.pg_constraint AS c
  JOIN pg_catalog.pg_attribute AS a
    ON a.attrelid = c.conrelid
    AND a.attnum = ANY (c.conkey)
  WHERE c.contype = 'f'
    AND NOT c.condeferrable
    AND c.conrelid = 'public.team'::regclass
    AND c.confrelid IN ('public.player'::regclass)
),
filled AS (
  UPDATE public.team AS t
  SET
    captain = CASE
      WHEN 'captain' IN (SELECT w.column_name FROM waiting AS w) THEN s.captain
      ELSE t.captain
    END
  FROM restage_stage.team AS s
  JOIN restage_keymap.team AS k
    ON rtrim(k.source_code) = rtrim(s.code)
    AND k.source_no = s.no
  WHERE EXISTS (SELECT FROM waiting)
    AND k.first_run = (SELECT restage.run_id())
    AND k.matched_run IS NULL
    AND t.code = s.code
    AND t.no = s.no
    AND t.captain IS NULL AND s.captain IS NOT NULL
  RETURNING 1
)
SELECT count(*) AS filled
FROM filled;

SELECT restage.count_rows('public.team', 'changed', count(*)) AS rows
FROM restage_stage.team AS s
JOIN restage_keymap.team AS k
  ON rtrim(k.source_code) = rtrim(s.code)
  AND k.source_no = s.no
WHERE NOT (SELECT restage.is_all_new('public.team'))
  AND k.first_run NOT IN (SELECT restage.run_id())
  AND k.row_hash <> restage.row_hash(
    ROW(
      s.code,
      s.no,
      s.captain
    )::text,
    (NULL::restage_keymap.team).row_hash
  )
  AND NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.team'
      AND c.kind = 'changed'
  );

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/001_dbo.Team/60_vanished.sql
-- table:   public.team
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Team, staged in restage_stage.team
-- body:    sha256:d69ea7df63c84795411375f9580df6701197d4bc1cfad15e9fe6d3f220c36430
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
  CROSS JOIN LATERAL json_populate_record(NULL::public.team, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.team'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.team AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.team AS s
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
  FROM restage_keymap.team AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_code,
    k.source_no,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.team AS s
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
    'public.team',
    'returned',
    ARRAY[b.source_code::text, b.source_no::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.team AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_code = b.source_code
    AND k.source_no = b.source_no
  RETURNING 1
)
SELECT
  restage.count_rows('public.team', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.team', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/001_dbo.Team/70_reset.sql
-- table:   public.team
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Team, staged in restage_stage.team
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Team/90_account.sql
-- table:   public.team
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Team, staged in restage_stage.team
-- body:    sha256:c7e7db0513e327a74ba914d149a8d273fbcae12dcbba5fe154c791e195093066
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.team', 'restage_keymap.team') AS joins;

SELECT restage.close_account('public.team', count(*) - (
  SELECT coalesce(sum(c.rows), 0)::bigint
  FROM restage.row_count AS c
  WHERE c.run_id = restage.run_id()
    AND c.table_name = 'public.team'
    AND c.kind = 'changed'
)) AS rows
FROM restage_stage.team AS s
JOIN restage_keymap.team AS k
  ON rtrim(k.source_code) = rtrim(s.code)
  AND k.source_no = s.no
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.team'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/001_dbo.Team/content.sql
-- table:   public.team
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Team
-- body:    sha256:0d89950886fbb120d7c52ecb55a160ab7ab4281a4d644ab439a7d5a3121e1bbb
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
      s.captain,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.team'))
        AND r.table_name = 'public.team'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.team, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    t.code,
    t.no,
    CASE WHEN rtrim(n.captain) = rtrim(t.captain) THEN n.captain ELSE t.captain END
  FROM public.team AS t
  JOIN restage_keymap.team AS k
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
    n.captain
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/001_dbo.Team/counts.sql
-- table:   public.team
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Team
-- body:    sha256:c79c800baf963251174a076bb2f5d512a5841b9e4e9ac9019720ae72af39f0e3
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.code,
    s.no
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.team, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.team'))
    AND r.table_name = 'public.team'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.team AS t
    JOIN restage_keymap.team AS k
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.team'))
  AND g.table_name = 'public.team';

-- file:    verify/001_dbo.Team/keys.sql
-- table:   public.team
-- purpose: known = present, when every key has its final row
-- source:  dbo.Team
-- body:    sha256:c822fc4120344f5744b4cffcb1da77a82a897a7c21bb81127dd7dc6a76274fd8
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.team AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.team AS t
    JOIN restage_keymap.team AS k
      ON rtrim(k.source_code) = rtrim(t.code)
      AND k.source_no = t.no
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.team AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/001_dbo.Team/others.sql
-- table:   public.team
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Team
-- body:    sha256:aa47a8fb43991bace6d18def86c53892f7cdf28cbaf7ff63b8f4c51f5fd3e186
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.team AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.team AS k
  WHERE rtrim(k.source_code) = rtrim(t.code)
    AND k.source_no = t.no
);

-- file:    verify/001_dbo.Team/orphans.sql
-- table:   public.team
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Team
-- body:    sha256:882d799981aea0302e2d262e3ebbd1c53588b913b37cece714b6b58c5464f69b
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- team_captain_fkey
SELECT count(*) AS orphans
FROM public.team AS t
WHERE t.captain IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.player AS p
    WHERE p.nick = t.captain
  );

-- file:    verify/001_dbo.Team/unique.sql
-- table:   public.team
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Team
-- body:    sha256:efe3b9e0c1934d160e58114729d0b62ae937949e9c824e2af52cfe38c2aec74f
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- team_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.team
),
held AS (
  SELECT
    t.code AS code,
    t.no AS no,
    k.first_run IS NOT NULL AS is_known
  FROM public.team AS t
  LEFT JOIN restage_keymap.team AS k
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
LEFT JOIN restage_stage.team AS o
  ON o.code = t.code
  AND o.no = t.no
WHERE NOT (t.is_known AND ROW(s.code, s.no) IS NOT DISTINCT FROM ROW(t.code, t.no))
LIMIT 20;

