-- file:    merge/001_dbo.Person/10_stage.sql
-- table:   public.person
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Person, staged in restage_stage.person
-- body:    sha256:2f5e8005c35c7e7ba5fc937f6a087815b15e2284eef1641693619aa1e56cbcc4
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.person;

CREATE UNLOGGED TABLE restage_stage.person (
  personid integer,
  name varchar(40)
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.Person/15_check.sql
-- table:   public.person
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Person, staged in restage_stage.person
-- body:    sha256:aa471885d9ab6ab2d5f36bab819df2a43e54817420d5af045f4867db096a5161
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.person ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.person (personid);

SELECT restage.count_staged('public.person', count(*)) AS staged
FROM restage_stage.person AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.personid
  FROM restage_stage.person AS s
  WHERE s.personid IS NOT NULL
  GROUP BY
    s.personid
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.person AS s
  WHERE s.personid IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.person AS s
    ON s.personid = r.personid
),
refused AS (
  DELETE FROM restage_stage.person AS s
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
    'public.person',
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
SELECT restage.count_rows('public.person', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/001_dbo.Person/20_match.sql
-- table:   public.person
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Person, staged in restage_stage.person
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Person/30_allocate.sql
-- table:   public.person
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Person, staged in restage_stage.person
-- body:    sha256:67e3e9eb33e4d7cb581a5ee4d525486b368223c60832b07ebd0db6e42902cfcb
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.person', 'restage_keymap.person') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.person (
    source_personid,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.personid,
    nextval('public.person_personid_seq'),
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
          s.name
        )::text,
        (NULL::restage_keymap.person).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.person AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.person AS k
      WHERE k.source_personid = s.personid
    )
    ORDER BY
      s.personid
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.person', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.person'::regclass
  ) THEN
    ALTER TABLE restage_keymap.person
      ADD PRIMARY KEY (source_personid),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.person'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.person'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.person;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.person'
  AND c.kind = 'allocated';

-- file:    merge/001_dbo.Person/35_orphans.sql
-- table:   public.person
-- step:    35 orphans
-- purpose: no foreign key to check
-- source:  dbo.Person, staged in restage_stage.person
-- body:    sha256:42c5a542aef0809abff7f5a02726ce1351214ec753f12cacd73063f7f226bda9
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.person'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/001_dbo.Person/40_insert.sql
-- table:   public.person
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Person, staged in restage_stage.person
-- body:    sha256:b178fc3b9d407a2917e80b653d1bf9635e8dab1ee09c53f1f447af89c4513cd7
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.person', 'restage_keymap.person') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.person (
    personid,
    name
  )
  SELECT
    k.target_key,
    s.name
  FROM restage_stage.person AS s
  JOIN restage_keymap.person AS k
    ON k.source_personid = s.personid
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.person'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.person', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.person'
  AND c.kind = 'inserted';

-- file:    merge/001_dbo.Person/50_update.sql
-- table:   public.person
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Person, staged in restage_stage.person
-- body:    sha256:58d63b0a0e321b05662394c8a2fba5523cf3eab0b0cc434411877c8ef5988c94
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.person', 'restage_keymap.person') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.personid,
    s.name,
    restage.row_hash(
      ROW(
        s.personid,
        s.name
      )::text,
      (NULL::restage_keymap.person).row_hash
    ) AS row_hash
  FROM restage_stage.person AS s
  JOIN restage_keymap.person AS k
    ON k.source_personid = s.personid
  WHERE NOT (SELECT restage.is_all_new('public.person'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.personid,
        s.name
      )::text,
      (NULL::restage_keymap.person).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_personid,
    row_to_json(t.*) AS row_data
  FROM public.person AS t
  JOIN restage_keymap.person AS k
    ON k.target_key = t.personid
  JOIN changed AS c
    ON k.source_personid = c.personid
  WHERE restage.row_hash(
      ROW(
        k.source_personid,
        t.name
      )::text,
      (NULL::restage_keymap.person).row_hash
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
    'public.person',
    jsonb_build_object('source_personid', d.source_personid),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.person AS t
  SET
    name = c.name
  FROM changed AS c
  JOIN restage_keymap.person AS k
    ON k.source_personid = c.personid
  WHERE t.personid = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.person AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_personid = c.personid
)
SELECT
  restage.count_rows('public.person', 'updated', count(*)) AS rows,
  restage.count_rows('public.person', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/001_dbo.Person/60_vanished.sql
-- table:   public.person
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Person, staged in restage_stage.person
-- body:    sha256:f503f25aa5338c01b326fe9c1f4910b4925c4bcaf3b9aae139e5bdbab1dfb9a7
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.person', 'restage_keymap.person') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_personid,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.person AS s
  JOIN restage_keymap.person AS k
    ON k.source_personid = s.personid
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.person AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_personid = m.source_personid
)
SELECT restage.fail_skipped('public.person', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.person'
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
  CROSS JOIN LATERAL json_populate_record(NULL::public.person, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.person'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.person AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.person'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.person'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.person AS s
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
  FROM restage_keymap.person AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.person'))
),
back AS MATERIALIZED (
  SELECT
    k.source_personid,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.person AS s
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
    'public.person',
    'returned',
    ARRAY[b.source_personid::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.person AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_personid = b.source_personid
  RETURNING 1
)
SELECT
  restage.count_rows('public.person', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.person', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/001_dbo.Person/70_reset.sql
-- table:   public.person
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Person, staged in restage_stage.person
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Person/90_account.sql
-- table:   public.person
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Person, staged in restage_stage.person
-- body:    sha256:09d279588fa2922dc2bc2c97ee35e0cfbcc10ea8bd9e965c68fd1ad7e8a1c829
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.person', 'restage_keymap.person') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.person', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.person') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.person'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.person', count(*)) AS rows
FROM restage_stage.person AS s
JOIN restage_keymap.person AS k
  ON k.source_personid = s.personid
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.person'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/001_dbo.Person/content.sql
-- table:   public.person
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Person
-- body:    sha256:4e3b9342c55186ce025730a0eed0da9f2bfeb0b3863706a6a576040d71e22469
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
      s.name,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.person'))
        AND r.table_name = 'public.person'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.person, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_personid,
    t.name
  FROM public.person AS t
  JOIN restage_keymap.person AS k
    ON k.target_key = t.personid
  LEFT JOIN noted AS n
    ON k.source_personid = n.personid
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.personid,
    n.name
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/001_dbo.Person/counts.sql
-- table:   public.person
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Person
-- body:    sha256:408068138a2a2a52f1ad7328f1aab9d2da7042f7e4500daf413eb84df9b3a5c5
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.personid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.person, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.person'))
    AND r.table_name = 'public.person'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.person AS t
    JOIN restage_keymap.person AS k
      ON k.target_key = t.personid
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.person'))
  AND g.table_name = 'public.person';

-- file:    verify/001_dbo.Person/keys.sql
-- table:   public.person
-- purpose: known = present, when every key has its final row
-- source:  dbo.Person
-- body:    sha256:350bc6b2df14c04d815156a24348a4f905ba01634b0d6f0ba0670144d836ce60
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.person AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.person AS t
    JOIN restage_keymap.person AS k
      ON k.target_key = t.personid
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.person AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/001_dbo.Person/others.sql
-- table:   public.person
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Person
-- body:    sha256:9050ac578eebfebe8d8f2df4265da67856b7f8eb2583b788516b8167e0657483
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.person AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.person AS k
  WHERE k.target_key = t.personid
);

