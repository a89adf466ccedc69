-- file:    merge/003_dbo.Tag/10_stage.sql
-- table:   public.tag
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Tag, staged in restage_stage.tag
-- body:    sha256:46441f75ecd07b9a787a75fd544addba9fa5c689948a2f58653363f833b1bffa
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.tag;

CREATE UNLOGGED TABLE restage_stage.tag (
  genreid integer,
  no integer,
  text varchar(9)
)
WITH (autovacuum_enabled = false);

-- file:    merge/003_dbo.Tag/15_check.sql
-- table:   public.tag
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Tag, staged in restage_stage.tag
-- body:    sha256:6c09f6456dcb48e52a80a4f534793e70e3a242a51c312aaf573b7605183f3923
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.tag (genreid, no);

SELECT restage.count_staged('public.tag', count(*)) AS staged
FROM restage_stage.tag AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.genreid,
    s.no
  FROM restage_stage.tag AS s
  WHERE s.genreid IS NOT NULL
    AND s.no IS NOT NULL
  GROUP BY
    s.genreid,
    s.no
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.tag AS s
  WHERE s.genreid IS NULL OR
    s.no IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.tag AS s
    ON s.genreid = r.genreid
    AND s.no = r.no
),
refused AS (
  DELETE FROM restage_stage.tag AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object(
      'GenreId', s.genreid,
      'No', s.no
    ) AS source_key,
    jsonb_build_object(
      'GenreId', s.genreid,
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
    'public.tag',
    r.source_key,
    'source key',
    ARRAY['genreid', 'no'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.tag', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/003_dbo.Tag/20_match.sql
-- table:   public.tag
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Tag, staged in restage_stage.tag
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Tag/30_allocate.sql
-- table:   public.tag
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Tag, staged in restage_stage.tag
-- body:    sha256:49c03c72efa42db912dd2a586f2caa032e72424fbe4a52965c6cb12e729e170c
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.tag', 'restage_keymap.tag') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.tag (
    source_genreid,
    source_no,
    row_hash,
    first_run,
    last_run
  )
  SELECT
    s.genreid,
    s.no,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id())
  FROM (
    SELECT
      s.genreid,
      s.no,
      restage.row_hash(
        ROW(
          s.genreid,
          s.no,
          s.text
        )::text,
        (NULL::restage_keymap.tag).row_hash
      ) AS row_hash
    FROM restage_stage.tag AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.tag AS k
      WHERE k.source_genreid = s.genreid
        AND k.source_no = s.no
    )
    ORDER BY
      s.genreid,
      s.no
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.tag', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.tag'::regclass
  ) THEN
    ALTER TABLE restage_keymap.tag
      ADD PRIMARY KEY (source_genreid, source_no);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.tag'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.tag'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.tag;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.tag'
  AND c.kind = 'allocated';

-- file:    merge/003_dbo.Tag/35_orphans.sql
-- table:   public.tag
-- step:    35 orphans
-- purpose: no row to be rejected or loaded without its parent: step 40 checks all foreign keys
-- source:  dbo.Tag, staged in restage_stage.tag
-- body:    sha256:8eebaac51430c76f742afba2c4addf0db2ec8a4efacb057a90bc11550f2b9026
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.tag'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/003_dbo.Tag/40_insert.sql
-- table:   public.tag
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Tag, staged in restage_stage.tag
-- body:    sha256:516e922da422584e8e265723f40b39d3e2c20a01ae0e821159857fe70d2a6857
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.tag', 'restage_keymap.tag') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.tag (
    genreid,
    no,
    text
  )
  SELECT
    p1.target_key,
    s.no,
    s.text
  FROM restage_stage.tag AS s
  JOIN restage_keymap.tag AS k
    ON k.source_genreid = s.genreid
    AND k.source_no = s.no
    AND k.first_run = (SELECT restage.run_id())
  JOIN restage_keymap.genre AS p1
    ON p1.source_id = s.genreid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.tag'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.tag', 'inserted', inserted_rows);
END
$restage$;

-- tag_genreid_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.tag',
  'tag_genreid_fkey',
  count(*),
  min(jsonb_build_object(
    'No', s.no,
    'GenreId', s.genreid
  )::text)
)
FROM restage_stage.tag AS s
WHERE s.genreid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.genre AS k
    WHERE k.source_id = s.genreid
  )
  AND NOT EXISTS (
    -- Where every row that got a key was inserted, each had its parents.
    SELECT
    FROM restage.row_count AS a
    JOIN restage.row_count AS c
      ON c.run_id = a.run_id
      AND c.table_name = a.table_name
    WHERE a.run_id = (SELECT restage.run_id())
      AND a.table_name = 'public.tag'
      AND a.kind = 'allocated'
      AND c.kind = 'inserted'
      AND c.rows = a.rows
  )
HAVING count(*) > 0;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.tag'
  AND c.kind = 'inserted';

-- file:    merge/003_dbo.Tag/50_update.sql
-- table:   public.tag
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Tag, staged in restage_stage.tag
-- body:    sha256:1200fe8083cb7c274e5a1c90bd6a81cc55b768f11f75cc1a372c5da33ecd2c7a
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.tag', 'restage_keymap.tag') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.genreid,
    s.no,
    s.text,
    restage.row_hash(
      ROW(
        s.genreid,
        s.no,
        s.text
      )::text,
      (NULL::restage_keymap.tag).row_hash
    ) AS row_hash
  FROM restage_stage.tag AS s
  JOIN restage_keymap.tag AS k
    ON k.source_genreid = s.genreid
    AND k.source_no = s.no
  WHERE NOT (SELECT restage.is_all_new('public.tag'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.genreid,
        s.no,
        s.text
      )::text,
      (NULL::restage_keymap.tag).row_hash
    )
),
orphaned_1 AS MATERIALIZED (
  -- tag_genreid_fkey: on_orphan: fail
  SELECT restage.fail_orphans(
    'public.tag',
    'tag_genreid_fkey',
    count(*),
    min(jsonb_build_object(
      'No', s.no,
      'GenreId', s.genreid
    )::text)
  )
  FROM changed AS s
  WHERE s.genreid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.genre AS k
      WHERE k.source_id = s.genreid
    )
  HAVING count(*) > 0
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_genreid,
    k.source_no,
    row_to_json(t.*) AS row_data
  FROM public.tag AS t
  LEFT JOIN restage_keymap.genre AS p1
    ON p1.target_key = t.genreid
  JOIN restage_keymap.tag AS k
    ON k.source_genreid = p1.source_id
    AND k.source_no = t.no
  JOIN changed AS c
    ON k.source_genreid = c.genreid
    AND k.source_no = c.no
  WHERE restage.row_hash(
      ROW(
        p1.source_id,
        t.no,
        t.text
      )::text,
      (NULL::restage_keymap.tag).row_hash
    ) NOT IN (k.row_hash, c.row_hash)
),
noted AS MATERIALIZED (
  SELECT restage.fail_edited(
    'public.tag',
    count(*),
    min(jsonb_build_object('GenreId', e.source_genreid, 'No', e.source_no)::text)
  )
  FROM edited AS e
  HAVING count(*) > 0
),
updated AS (
  UPDATE public.tag AS t
  SET
    text = c.text
  FROM changed AS c
  JOIN restage_keymap.tag AS k
    ON k.source_genreid = c.genreid
    AND k.source_no = c.no
  JOIN restage_keymap.genre AS p1
    ON p1.source_id = c.genreid
  WHERE t.genreid = p1.target_key
    AND t.no = c.no
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.tag AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_genreid = c.genreid
    AND k.source_no = c.no
)
SELECT
  restage.count_rows('public.tag', 'updated', count(*)) AS rows,
  (SELECT count(*) FROM orphaned_1) AS orphaned_1,
  (SELECT count(*) FROM noted) AS edited
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/003_dbo.Tag/60_vanished.sql
-- table:   public.tag
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Tag, staged in restage_stage.tag
-- body:    sha256:bd4d0601460c28c76c7479b43a8a93209dede2d5214a0c9490bdfb85f72a2d40
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    s.genreid,
    s.no
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.tag, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.tag'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.tag AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.tag AS s
      WHERE k.source_genreid = s.genreid
        AND k.source_no = s.no
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_genreid = r.genreid
        AND k.source_no = r.no
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_genreid,
    k.source_no,
    k.vanished_run
  FROM restage_keymap.tag AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_genreid,
    k.source_no,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.tag AS s
    ON k.source_genreid = s.genreid
    AND k.source_no = s.no
  UNION
  SELECT
    k.source_genreid,
    k.source_no,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_genreid = r.genreid
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
    'public.tag',
    'returned',
    ARRAY[b.source_genreid::text, b.source_no::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.tag AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_genreid = b.source_genreid
    AND k.source_no = b.source_no
  RETURNING 1
)
SELECT
  restage.count_rows('public.tag', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.tag', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/003_dbo.Tag/70_reset.sql
-- table:   public.tag
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Tag, staged in restage_stage.tag
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Tag/90_account.sql
-- table:   public.tag
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Tag, staged in restage_stage.tag
-- body:    sha256:5f92314d5f6e2a6754634685d578026dd5c2fad9dee932768a7d0eaff29eb3e1
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.tag', 'restage_keymap.tag') AS joins;

SELECT restage.close_account('public.tag', count(*)) AS rows
FROM restage_stage.tag AS s
JOIN restage_keymap.tag AS k
  ON k.source_genreid = s.genreid
  AND k.source_no = s.no
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.tag'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/003_dbo.Tag/content.sql
-- table:   public.tag
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Tag
-- body:    sha256:cfed487020bee443684470f642316c2e312878d0cc01c8240cb35180e7b9592a
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
      s.no,
      s.text,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.tag'))
        AND r.table_name = 'public.tag'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.tag, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    p1.source_id,
    t.no,
    t.text
  FROM public.tag AS t
  LEFT JOIN restage_keymap.genre AS p1
    ON p1.target_key = t.genreid
  JOIN restage_keymap.tag AS k
    ON k.source_genreid = p1.source_id
    AND k.source_no = t.no
  LEFT JOIN noted AS n
    ON k.source_genreid = n.genreid
    AND k.source_no = n.no
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.genreid,
    n.no,
    n.text
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/003_dbo.Tag/counts.sql
-- table:   public.tag
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Tag
-- body:    sha256:a38a7c4ccb2f4388543343161174409d6572389b22081c5548fbef1ecf8b2a98
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.genreid,
    s.no
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.tag, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.tag'))
    AND r.table_name = 'public.tag'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.tag AS t
    LEFT JOIN restage_keymap.genre AS p1
      ON p1.target_key = t.genreid
    JOIN restage_keymap.tag AS k
      ON k.source_genreid = p1.source_id
      AND k.source_no = t.no
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_genreid = r.genreid
          AND k.source_no = r.no
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.tag'))
  AND g.table_name = 'public.tag';

-- file:    verify/003_dbo.Tag/keys.sql
-- table:   public.tag
-- purpose: known = present, when every key has its final row
-- source:  dbo.Tag
-- body:    sha256:62685facb6b48eb0ede6d0ea5d62d1096a51988a04e5e15e6ec104fd4e11a8ec
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.tag AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.tag AS t
    LEFT JOIN restage_keymap.genre AS p1
      ON p1.target_key = t.genreid
    JOIN restage_keymap.tag AS k
      ON k.source_genreid = p1.source_id
      AND k.source_no = t.no
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.tag AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/003_dbo.Tag/others.sql
-- table:   public.tag
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Tag
-- body:    sha256:e1d9d25fe34a464ff141898e32e5ed6de18abeeab8ba755d81f02b056a0ba704
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.tag AS t
LEFT JOIN restage_keymap.genre AS p1
  ON p1.target_key = t.genreid
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.tag AS k
  WHERE k.source_genreid = p1.source_id
    AND k.source_no = t.no
);

-- file:    verify/003_dbo.Tag/orphans.sql
-- table:   public.tag
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Tag
-- body:    sha256:8589c7f147a06ede7bc2e0946101db6e57046f6bee835754b6ce29616260615b
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- tag_genreid_fkey
SELECT count(*) AS orphans
FROM public.tag AS t
WHERE t.genreid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.genre AS p
    WHERE p.id = t.genreid
  );

-- file:    verify/003_dbo.Tag/unique.sql
-- table:   public.tag
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Tag
-- body:    sha256:612368b7d0e741e78a6a54bfacc13bd49bc1de009098184b3a32ac91e480e71c
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- tag_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.tag
),
held AS (
  SELECT
    p1.source_id AS genreid,
    t.no AS no,
    k.first_run IS NOT NULL AS is_known
  FROM public.tag AS t
  LEFT JOIN restage_keymap.genre AS p1
    ON p1.target_key = t.genreid
  LEFT JOIN restage_keymap.tag AS k
    ON k.source_genreid = p1.source_id
    AND k.source_no = t.no
)
SELECT
  jsonb_build_object(
    'GenreId', s.genreid,
    'No', s.no
  ) AS value,
  jsonb_build_object(
    'GenreId', s.genreid,
    'No', s.no
  ) AS staged_row,
  jsonb_build_object(
    'GenreId', o.genreid,
    'No', o.no
  ) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.genreid = s.genreid
  AND o.no = s.no
  AND ROW(s.genreid, s.no) < ROW(o.genreid, o.no)
UNION ALL
SELECT
  jsonb_build_object(
    'GenreId', s.genreid,
    'No', s.no
  ) AS value,
  jsonb_build_object(
    'GenreId', s.genreid,
    'No', s.no
  ) AS staged_row,
  jsonb_build_object(
    'GenreId', t.genreid,
    'No', t.no
  ) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN o.genreid IS NULL THEN 'vanished'
    WHEN ROW(o.genreid, o.no) IS DISTINCT FROM ROW(t.genreid, t.no) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.genreid = s.genreid
  AND t.no = s.no
LEFT JOIN restage_stage.tag AS o
  ON o.genreid = t.genreid
  AND o.no = t.no
WHERE NOT (t.is_known AND ROW(s.genreid, s.no) IS NOT DISTINCT FROM ROW(t.genreid, t.no))
LIMIT 20;

