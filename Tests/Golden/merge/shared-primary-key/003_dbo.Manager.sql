-- file:    merge/003_dbo.Manager/10_stage.sql
-- table:   public.manager
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Manager, staged in restage_stage.manager
-- body:    sha256:73479ae2c4fccf19f785b53c6ca92d45670d1f2355e304719ff8e6fcbb00b7ad
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.manager;

CREATE UNLOGGED TABLE restage_stage.manager (
  personid integer,
  budget numeric(18,2)
)
WITH (autovacuum_enabled = false);

-- file:    merge/003_dbo.Manager/15_check.sql
-- table:   public.manager
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Manager, staged in restage_stage.manager
-- body:    sha256:7ba9db4689b7cc262bf3fe0e42fa0638dac426c16178e024e055c052325f69d2
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.manager ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.manager (personid);

SELECT restage.count_staged('public.manager', count(*)) AS staged
FROM restage_stage.manager AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.personid
  FROM restage_stage.manager AS s
  WHERE s.personid IS NOT NULL
  GROUP BY
    s.personid
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.manager AS s
  WHERE s.personid IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.manager AS s
    ON s.personid = r.personid
),
refused AS (
  DELETE FROM restage_stage.manager AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('PersonId', s.personid) AS source_key,
    jsonb_build_object('PersonId', s.personid) AS value,
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
    'public.manager',
    r.source_key,
    'source key',
    ARRAY['personid'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.manager', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/003_dbo.Manager/20_match.sql
-- table:   public.manager
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Manager, staged in restage_stage.manager
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Manager/30_allocate.sql
-- table:   public.manager
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Manager, staged in restage_stage.manager
-- body:    sha256:ba83e786e8a90126a7d746316e0281506f736a0b3fd4f7e2b7ac2232e8d0aeb2
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.manager', 'restage_keymap.manager') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  WITH orphan AS (
    SELECT s.ctid AS row_id
    FROM restage_stage.manager AS s
    WHERE s.personid IS NOT NULL
      AND NOT EXISTS (
        SELECT
        FROM restage_keymap.employee AS k
        WHERE k.source_personid = s.personid
      )
  )
  INSERT INTO restage_keymap.manager (
    source_personid,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.personid,
    p1.target_key,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.personid,
      restage.row_hash(
        ROW(
          s.personid,
          s.budget
        )::text,
        (NULL::restage_keymap.manager).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.manager AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.manager AS k
      WHERE k.source_personid = s.personid
    )
      AND NOT EXISTS (
        SELECT
        FROM orphan AS o
        WHERE o.row_id = s.ctid
      )
    ORDER BY
      s.personid
  ) AS s
    JOIN restage_keymap.person AS p1
      ON p1.source_personid = s.personid;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.manager', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.manager'::regclass
  ) THEN
    ALTER TABLE restage_keymap.manager
      ADD PRIMARY KEY (source_personid),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.manager'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.manager'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.manager;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.manager'
  AND c.kind = 'allocated';

-- file:    merge/003_dbo.Manager/35_orphans.sql
-- table:   public.manager
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Manager, staged in restage_stage.manager
-- body:    sha256:def533fc2384ec88ca987e90b68802a4527bab15d2600b9774e4fbea8b164314
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- manager_personid_fkey: on_orphan: reject
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS (
  DELETE FROM restage_stage.manager AS s
  WHERE s.personid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.employee AS k
      WHERE k.source_personid = s.personid
    )
  RETURNING
    jsonb_build_object('PersonId', s.personid) AS source_key,
    jsonb_build_object('PersonId', s.personid) AS value,
    jsonb_build_object('PersonId', s.personid) AS parent_key,
    row_to_json(s.*) AS row_data
),
refused_parent AS MATERIALIZED (
  SELECT DISTINCT ON (p.source_key)
    p.source_key,
    p.message
  FROM restage.reject AS p
  WHERE p.run_id = (SELECT restage.run_id())
    AND p.table_name = 'public.employee'
    AND NOT p.is_loaded
  ORDER BY
    p.source_key,
    p.id
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
    'public.manager',
    r.source_key,
    'foreign key manager_personid_fkey',
    ARRAY['personid'],
    r.value::text,
    'the parent public.employee ' || r.parent_key::text || CASE
      WHEN p.source_key IS NULL THEN ' is in no key map'
      WHEN length(p.message) > 1000 THEN ' was refused: … ' || right(p.message, 500)
      ELSE ' was refused: ' || p.message
    END,
    false,
    r.row_data
  FROM refused AS r
  LEFT JOIN refused_parent AS p
    ON p.source_key = r.parent_key
  RETURNING 1
)
SELECT restage.count_rows('public.manager', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.manager'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/003_dbo.Manager/40_insert.sql
-- table:   public.manager
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Manager, staged in restage_stage.manager
-- body:    sha256:496ad119f2559afc7067aae2e50343774370ff1e6b3961b46b81a8171065cfb6
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.manager', 'restage_keymap.manager') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.manager (
    personid,
    budget
  )
  SELECT
    p1.target_key,
    s.budget
  FROM restage_stage.manager AS s
  JOIN restage_keymap.manager AS k
    ON k.source_personid = s.personid
    AND k.first_run = (SELECT restage.run_id())
  JOIN restage_keymap.person AS p1
    ON p1.source_personid = s.personid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.manager'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.manager', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.manager'
  AND c.kind = 'inserted';

-- file:    merge/003_dbo.Manager/50_update.sql
-- table:   public.manager
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Manager, staged in restage_stage.manager
-- body:    sha256:d6b9adf0a109550745ca380b44c34cf83618d5f5680a435354f0bbaee8dd45c9
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.manager', 'restage_keymap.manager') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.personid,
    s.budget,
    restage.row_hash(
      ROW(
        s.personid,
        s.budget
      )::text,
      (NULL::restage_keymap.manager).row_hash
    ) AS row_hash
  FROM restage_stage.manager AS s
  JOIN restage_keymap.manager AS k
    ON k.source_personid = s.personid
  WHERE NOT (SELECT restage.is_all_new('public.manager'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.personid,
        s.budget
      )::text,
      (NULL::restage_keymap.manager).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_personid,
    row_to_json(t.*) AS row_data
  FROM public.manager AS t
  LEFT JOIN restage_keymap.person AS p1
    ON p1.target_key = t.personid
  JOIN restage_keymap.manager AS k
    ON k.source_personid = p1.source_personid
  JOIN changed AS c
    ON k.source_personid = c.personid
  WHERE restage.row_hash(
      ROW(
        p1.source_personid,
        t.budget
      )::text,
      (NULL::restage_keymap.manager).row_hash
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
    'public.manager',
    jsonb_build_object('source_personid', d.source_personid),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.manager AS t
  SET
    budget = c.budget
  FROM changed AS c
  JOIN restage_keymap.manager AS k
    ON k.source_personid = c.personid
  JOIN restage_keymap.person AS p1
    ON p1.source_personid = c.personid
  WHERE t.personid = p1.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.manager AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_personid = c.personid
)
SELECT
  restage.count_rows('public.manager', 'updated', count(*)) AS rows,
  restage.count_rows('public.manager', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/003_dbo.Manager/60_vanished.sql
-- table:   public.manager
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Manager, staged in restage_stage.manager
-- body:    sha256:158eeb621d233463f91bb1bcb40ee83969c61f2b1fdd82ae867f358074cb709d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.manager', 'restage_keymap.manager') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_personid,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.manager AS s
  JOIN restage_keymap.manager AS k
    ON k.source_personid = s.personid
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.manager AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_personid = m.source_personid
)
SELECT restage.fail_skipped('public.manager', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.manager'
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
    s.personid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.manager, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.manager'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.manager AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.manager'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.manager'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.manager AS s
      WHERE k.source_personid = s.personid
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_personid = r.personid
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_personid,
    k.vanished_run
  FROM restage_keymap.manager AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.manager'))
),
back AS MATERIALIZED (
  SELECT
    k.source_personid,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.manager AS s
    ON k.source_personid = s.personid
  UNION
  SELECT
    k.source_personid,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_personid = r.personid
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
    'public.manager',
    'returned',
    ARRAY[b.source_personid::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.manager AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_personid = b.source_personid
  RETURNING 1
)
SELECT
  restage.count_rows('public.manager', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.manager', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/003_dbo.Manager/70_reset.sql
-- table:   public.manager
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Manager, staged in restage_stage.manager
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/003_dbo.Manager/90_account.sql
-- table:   public.manager
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Manager, staged in restage_stage.manager
-- body:    sha256:946e56eae45e6c8ea6f9d8853e2e47ffd6656c9985fff4f9dd5229a251ade68e
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.manager', 'restage_keymap.manager') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.manager', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.manager') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.manager'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.manager', count(*)) AS rows
FROM restage_stage.manager AS s
JOIN restage_keymap.manager AS k
  ON k.source_personid = s.personid
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.manager'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/003_dbo.Manager/content.sql
-- table:   public.manager
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Manager
-- body:    sha256:24713a49d2cf27780c90fdfa1ddf87137358d5f2d789220beeb203edc296e0f8
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
      s.personid,
      s.budget,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.manager'))
        AND r.table_name = 'public.manager'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.manager, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    p1.source_personid,
    t.budget
  FROM public.manager AS t
  LEFT JOIN restage_keymap.person AS p1
    ON p1.target_key = t.personid
  JOIN restage_keymap.manager AS k
    ON k.source_personid = p1.source_personid
  LEFT JOIN noted AS n
    ON k.source_personid = n.personid
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.personid,
    n.budget
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/003_dbo.Manager/counts.sql
-- table:   public.manager
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Manager
-- body:    sha256:2c8887edcd83a0db43a3ecf161c60b68c9f6004dbfb843df44b9eb31fab3411a
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.personid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.manager, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.manager'))
    AND r.table_name = 'public.manager'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.manager AS t
    LEFT JOIN restage_keymap.person AS p1
      ON p1.target_key = t.personid
    JOIN restage_keymap.manager AS k
      ON k.source_personid = p1.source_personid
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_personid = r.personid
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.manager'))
  AND g.table_name = 'public.manager';

-- file:    verify/003_dbo.Manager/keys.sql
-- table:   public.manager
-- purpose: known = present, when every key has its final row
-- source:  dbo.Manager
-- body:    sha256:70237898f04157a9cb4cd60163eadcba3a333604a534733c7c4d3ec9881bf80e
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.manager AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.manager AS t
    LEFT JOIN restage_keymap.person AS p1
      ON p1.target_key = t.personid
    JOIN restage_keymap.manager AS k
      ON k.source_personid = p1.source_personid
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.manager AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/003_dbo.Manager/others.sql
-- table:   public.manager
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Manager
-- body:    sha256:344bdc021336ab7c978a283ac9523eecf1d375fdae93ed534ad882cb0332eccd
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.manager AS t
LEFT JOIN restage_keymap.person AS p1
  ON p1.target_key = t.personid
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.manager AS k
  WHERE k.source_personid = p1.source_personid
);

-- file:    verify/003_dbo.Manager/orphans.sql
-- table:   public.manager
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Manager
-- body:    sha256:87db5b378628dcc133b35113afbc211d3cc92264dcfe7fed561df4d77c18e85c
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- manager_personid_fkey
SELECT count(*) AS orphans
FROM public.manager AS t
WHERE t.personid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.employee AS p
    WHERE p.personid = t.personid
  );

-- file:    verify/003_dbo.Manager/unique.sql
-- table:   public.manager
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Manager
-- body:    sha256:757ff2b23a7bfd352e60d114074bb6b07e4e314132d573dd5fcfeafd0bd3664c
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- manager_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.manager
),
held AS (
  SELECT
    p1.source_personid AS personid,
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
            AND g.table_name = 'public.manager'
          ORDER BY r.started_at DESC
          LIMIT 1
        )
        AND c.table_name = 'public.manager'
        AND c.is_skipped
        AND c.chunk_id = k.chunk
    ) AS is_skipped
  FROM public.manager AS t
  LEFT JOIN restage_keymap.person AS p1
    ON p1.target_key = t.personid
  LEFT JOIN restage_keymap.manager AS k
    ON k.source_personid = p1.source_personid
)
SELECT
  jsonb_build_object('PersonId', s.personid) AS value,
  jsonb_build_object('PersonId', s.personid) AS staged_row,
  jsonb_build_object('PersonId', o.personid) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.personid = s.personid
  AND ROW(s.personid) < ROW(o.personid)
UNION ALL
SELECT
  jsonb_build_object('PersonId', s.personid) AS value,
  jsonb_build_object('PersonId', s.personid) AS staged_row,
  jsonb_build_object('PersonId', t.personid) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN t.is_skipped THEN 'staged'
    WHEN o.personid IS NULL THEN 'vanished'
    WHEN ROW(o.personid) IS DISTINCT FROM ROW(t.personid) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.personid = s.personid
LEFT JOIN restage_stage.manager AS o
  ON o.personid = t.personid
WHERE NOT (t.is_known AND ROW(s.personid) IS NOT DISTINCT FROM ROW(t.personid))
LIMIT 20;

