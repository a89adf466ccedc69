-- file:    merge/001_dbo.Host/10_stage.sql
-- table:   public.host
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Host, staged in restage_stage.host
-- body:    sha256:eefd35d5a3aa6ac9c4b3f89f704bd3a850dc7309b16b7dbc6dc46ad14368b6e0
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.host;

CREATE UNLOGGED TABLE restage_stage.host (
  hostid integer,
  name varchar(20)
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.Host/15_check.sql
-- table:   public.host
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Host, staged in restage_stage.host
-- body:    sha256:6da6aeaafb3d829f5e1abf4b15486a1011b338b56e3fad7b7dfb8fd38885f77c
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.host ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.host (hostid);

SELECT restage.count_staged('public.host', count(*)) AS staged
FROM restage_stage.host AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.hostid
  FROM restage_stage.host AS s
  WHERE s.hostid IS NOT NULL
  GROUP BY
    s.hostid
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.host AS s
  WHERE s.hostid IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.host AS s
    ON s.hostid = r.hostid
),
refused AS (
  DELETE FROM restage_stage.host AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('HostId', s.hostid) AS source_key,
    jsonb_build_object('HostId', s.hostid) AS value,
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
    'public.host',
    r.source_key,
    'source key',
    ARRAY['hostid'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.host', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/001_dbo.Host/20_match.sql
-- table:   public.host
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Host, staged in restage_stage.host
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Host/30_allocate.sql
-- table:   public.host
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Host, staged in restage_stage.host
-- body:    sha256:8cd8b9397695d8b0f603121b9065e4a7627e0944933f0746f6de952d1d72be96
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.host', 'restage_keymap.host') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.host (
    source_hostid,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.hostid,
    nextval('public.host_hostid_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.hostid,
      restage.row_hash(
        ROW(
          s.hostid,
          s.name
        )::text,
        (NULL::restage_keymap.host).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.host AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.host AS k
      WHERE k.source_hostid = s.hostid
    )
    ORDER BY
      s.hostid
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.host', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.host'::regclass
  ) THEN
    ALTER TABLE restage_keymap.host
      ADD PRIMARY KEY (source_hostid),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.host'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.host'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.host;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.host'
  AND c.kind = 'allocated';

-- file:    merge/001_dbo.Host/35_orphans.sql
-- table:   public.host
-- step:    35 orphans
-- purpose: no foreign key to check
-- source:  dbo.Host, staged in restage_stage.host
-- body:    sha256:0648a2571e936a109acdc7fcb3ba2b19b2c102206595e686f62a1f36a6272d68
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.host'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/001_dbo.Host/40_insert.sql
-- table:   public.host
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Host, staged in restage_stage.host
-- body:    sha256:512458f824f604f3bceda014404fdacc1437e0cf577960492a5cad34a3473e1d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.host', 'restage_keymap.host') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.host (
    hostid,
    name
  )
  SELECT
    k.target_key,
    s.name
  FROM restage_stage.host AS s
  JOIN restage_keymap.host AS k
    ON k.source_hostid = s.hostid
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.host'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.host', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.host'
  AND c.kind = 'inserted';

-- file:    merge/001_dbo.Host/50_update.sql
-- table:   public.host
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Host, staged in restage_stage.host
-- body:    sha256:e7b095ac4bbb4891a474021958aa06097bd8d91e32df0f1e1f69517496a93822
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.host', 'restage_keymap.host') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.hostid,
    s.name,
    restage.row_hash(
      ROW(
        s.hostid,
        s.name
      )::text,
      (NULL::restage_keymap.host).row_hash
    ) AS row_hash
  FROM restage_stage.host AS s
  JOIN restage_keymap.host AS k
    ON k.source_hostid = s.hostid
  WHERE NOT (SELECT restage.is_all_new('public.host'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.hostid,
        s.name
      )::text,
      (NULL::restage_keymap.host).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_hostid,
    row_to_json(t.*) AS row_data
  FROM public.host AS t
  JOIN restage_keymap.host AS k
    ON k.target_key = t.hostid
  JOIN changed AS c
    ON k.source_hostid = c.hostid
  WHERE restage.row_hash(
      ROW(
        k.source_hostid,
        t.name
      )::text,
      (NULL::restage_keymap.host).row_hash
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
    'public.host',
    jsonb_build_object('source_hostid', d.source_hostid),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.host AS t
  SET
    name = c.name
  FROM changed AS c
  JOIN restage_keymap.host AS k
    ON k.source_hostid = c.hostid
  WHERE t.hostid = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.host AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_hostid = c.hostid
)
SELECT
  restage.count_rows('public.host', 'updated', count(*)) AS rows,
  restage.count_rows('public.host', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/001_dbo.Host/60_vanished.sql
-- table:   public.host
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Host, staged in restage_stage.host
-- body:    sha256:bf38bec3aa3df0629d0e1d26fab7be0a9df9cdf51be8cbd07c108d5a203dea0f
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.host', 'restage_keymap.host') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_hostid,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.host AS s
  JOIN restage_keymap.host AS k
    ON k.source_hostid = s.hostid
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.host AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_hostid = m.source_hostid
)
SELECT restage.fail_skipped('public.host', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.host'
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
    s.hostid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.host, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.host'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.host AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.host'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.host'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.host AS s
      WHERE k.source_hostid = s.hostid
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_hostid = r.hostid
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_hostid,
    k.vanished_run
  FROM restage_keymap.host AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.host'))
),
back AS MATERIALIZED (
  SELECT
    k.source_hostid,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.host AS s
    ON k.source_hostid = s.hostid
  UNION
  SELECT
    k.source_hostid,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_hostid = r.hostid
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
    'public.host',
    'returned',
    ARRAY[b.source_hostid::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.host AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_hostid = b.source_hostid
  RETURNING 1
)
SELECT
  restage.count_rows('public.host', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.host', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/001_dbo.Host/70_reset.sql
-- table:   public.host
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Host, staged in restage_stage.host
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Host/90_account.sql
-- table:   public.host
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Host, staged in restage_stage.host
-- body:    sha256:ede6789631415af953690cf6abc0ca2fc1537bb252cd251de571b7b214a0a7b2
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.host', 'restage_keymap.host') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.host', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.host') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.host'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.host', count(*)) AS rows
FROM restage_stage.host AS s
JOIN restage_keymap.host AS k
  ON k.source_hostid = s.hostid
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.host'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/001_dbo.Host/content.sql
-- table:   public.host
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Host
-- body:    sha256:9a7f0b294413df8b9ac817594e5dbfaaf95aec81577aea6fba7b044bfb8233b0
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
      s.hostid,
      s.name,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.host'))
        AND r.table_name = 'public.host'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.host, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_hostid,
    t.name
  FROM public.host AS t
  JOIN restage_keymap.host AS k
    ON k.target_key = t.hostid
  LEFT JOIN noted AS n
    ON k.source_hostid = n.hostid
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.hostid,
    n.name
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/001_dbo.Host/counts.sql
-- table:   public.host
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Host
-- body:    sha256:20d41bbed790019debf1e2ff73c2dfd8e99d07b56ecc87f0a92b18df06445a2a
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.hostid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.host, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.host'))
    AND r.table_name = 'public.host'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.host AS t
    JOIN restage_keymap.host AS k
      ON k.target_key = t.hostid
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_hostid = r.hostid
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.host'))
  AND g.table_name = 'public.host';

-- file:    verify/001_dbo.Host/keys.sql
-- table:   public.host
-- purpose: known = present, when every key has its final row
-- source:  dbo.Host
-- body:    sha256:bec6c138997aabe0ef66f94032e715db118f31ad4ed7ed98050bd2b0a868ac91
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.host AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.host AS t
    JOIN restage_keymap.host AS k
      ON k.target_key = t.hostid
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.host AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/001_dbo.Host/others.sql
-- table:   public.host
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Host
-- body:    sha256:bd0b940c601543e533d6326096237f84a8935b44eaffc7830013eee1d4126418
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.host AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.host AS k
  WHERE k.target_key = t.hostid
);

