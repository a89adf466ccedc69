-- file:    merge/002_dbo.Country/10_stage.sql
-- table:   public.country
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:80840ad10e20a17d3947cc9596e7dcc8d442aa10e102165606d5c04dd4e68bea
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.country;

CREATE UNLOGGED TABLE restage_stage.country (
  id integer,
  regionid integer,
  code varchar(10)
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Country/15_check.sql
-- table:   public.country
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:079174dad88da1b084b4e89424d1142253a634b995631b32287484cba1ef07b1
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.country ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.country (id, regionid);

SELECT restage.count_staged('public.country', count(*)) AS staged
FROM restage_stage.country AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.id
  FROM restage_stage.country AS s
  WHERE s.id IS NOT NULL
  GROUP BY
    s.id
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.country AS s
  WHERE s.id IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.country AS s
    ON s.id = r.id
),
refused AS (
  DELETE FROM restage_stage.country AS s
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
    'public.country',
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
SELECT restage.count_rows('public.country', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/002_dbo.Country/20_match.sql
-- table:   public.country
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Country/30_allocate.sql
-- table:   public.country
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:42d06e68a6cda6529132e51328d9cbf3b46ee7235be8e1275097ee17216a039e
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- country_regionid_fkey: on_orphan: reject
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS (
  DELETE FROM restage_stage.country AS s
  WHERE s.regionid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.region AS k
      WHERE k.source_id = s.regionid
    )
  RETURNING
    jsonb_build_object('Id', s.id) AS source_key,
    jsonb_build_object('RegionId', s.regionid) AS value,
    jsonb_build_object('Id', s.regionid) AS parent_key,
    row_to_json(s.*) AS row_data
),
refused_parent AS MATERIALIZED (
  SELECT DISTINCT ON (p.source_key)
    p.source_key,
    p.message
  FROM restage.reject AS p
  WHERE p.run_id = (SELECT restage.run_id())
    AND p.table_name = 'public.region'
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
    'public.country',
    r.source_key,
    'foreign key country_regionid_fkey',
    ARRAY['regionid'],
    r.value::text,
    'the parent public.region ' || r.parent_key::text || CASE
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
SELECT restage.count_rows('public.country', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.country', 'restage_keymap.country') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.country (
    source_id,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.id,
    nextval('public.country_id_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.id,
      restage.row_hash(
        ROW(
          s.id,
          s.regionid,
          s.code
        )::text,
        (NULL::restage_keymap.country).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.country AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.country AS k
      WHERE k.source_id = s.id
    )
    ORDER BY
      s.id
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.country', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.country'::regclass
  ) THEN
    ALTER TABLE restage_keymap.country
      ADD PRIMARY KEY (source_id),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.country'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.country'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.country;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.country'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Country/35_orphans.sql
-- table:   public.country
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:86208f471055c3540a0ca832c1d5fe81a7d0137693955263b1952c85b5c65f51
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.country'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Country/40_insert.sql
-- table:   public.country
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:87a5934b7e845fe1679a0068e51ea6c3b1bfd8806a0f4b121ec3a6ae1dd76b01
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.country', 'restage_keymap.country') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.country (
    id,
    regionid,
    code
  )
  SELECT
    k.target_key,
    p1.target_key,
    s.code
  FROM restage_stage.country AS s
  JOIN restage_keymap.country AS k
    ON k.source_id = s.id
    AND k.first_run = (SELECT restage.run_id())
  JOIN restage_keymap.region AS p1
    ON p1.source_id = s.regionid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.country'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.country', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.country'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Country/50_update.sql
-- table:   public.country
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:8a62a63b7e2d661e78b2b8fc96d036799428369e8caf3032d41c5165f5e34e07
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.country', 'restage_keymap.country') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.id,
    s.regionid,
    s.code,
    restage.row_hash(
      ROW(
        s.id,
        s.regionid,
        s.code
      )::text,
      (NULL::restage_keymap.country).row_hash
    ) AS row_hash
  FROM restage_stage.country AS s
  JOIN restage_keymap.country AS k
    ON k.source_id = s.id
  WHERE NOT (SELECT restage.is_all_new('public.country'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.id,
        s.regionid,
        s.code
      )::text,
      (NULL::restage_keymap.country).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_id,
    row_to_json(t.*) AS row_data
  FROM public.country AS t
  LEFT JOIN restage_keymap.region AS p1
    ON p1.target_key = t.regionid
  JOIN restage_keymap.country AS k
    ON k.target_key = t.id
  JOIN changed AS c
    ON k.source_id = c.id
  WHERE restage.row_hash(
      ROW(
        k.source_id,
        p1.source_id,
        t.code
      )::text,
      (NULL::restage_keymap.country).row_hash
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
    'public.country',
    jsonb_build_object('source_id', d.source_id),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.country AS t
  SET
    regionid = p1.target_key,
    code = c.code
  FROM changed AS c
  JOIN restage_keymap.country AS k
    ON k.source_id = c.id
  JOIN restage_keymap.region AS p1
    ON p1.source_id = c.regionid
  WHERE t.id = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.country AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_id = c.id
)
SELECT
  restage.count_rows('public.country', 'updated', count(*)) AS rows,
  restage.count_rows('public.country', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.Country/60_vanished.sql
-- table:   public.country
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:62ef8849f93d44ed87b126ea01ba8690dda59a33b5363e9541e0c8c8145e4a00
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.country', 'restage_keymap.country') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_id,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.country AS s
  JOIN restage_keymap.country AS k
    ON k.source_id = s.id
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.country AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_id = m.source_id
)
SELECT restage.fail_skipped('public.country', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.country'
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
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.country, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.country'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.country AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.country'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.country'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.country AS s
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
  FROM restage_keymap.country AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.country'))
),
back AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.country AS s
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
    'public.country',
    'returned',
    ARRAY[b.source_id::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.country AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_id = b.source_id
  RETURNING 1
)
SELECT
  restage.count_rows('public.country', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.country', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Country/70_reset.sql
-- table:   public.country
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Country/90_account.sql
-- table:   public.country
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Country, staged in restage_stage.country
-- body:    sha256:af81a555a3ba1aa9b6ba2eadfa7218d6d2f019599a4850a347bda3d1d9d64916
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.country', 'restage_keymap.country') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.country', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.country') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.country'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.country', count(*)) AS rows
FROM restage_stage.country AS s
JOIN restage_keymap.country AS k
  ON k.source_id = s.id
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.country'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Country/content.sql
-- table:   public.country
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Country
-- body:    sha256:bc0e655e9250eeec8cf7ceae52340ea207efde1607e63156a667515d0a82e0cf
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
      s.regionid,
      s.code,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.country'))
        AND r.table_name = 'public.country'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.country, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_id,
    p1.source_id,
    t.code
  FROM public.country AS t
  LEFT JOIN restage_keymap.region AS p1
    ON p1.target_key = t.regionid
  JOIN restage_keymap.country AS k
    ON k.target_key = t.id
  LEFT JOIN noted AS n
    ON k.source_id = n.id
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.id,
    n.regionid,
    n.code
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Country/counts.sql
-- table:   public.country
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Country
-- body:    sha256:e8fed9fd72de51ac0dc4d448c8062d0dd1ed80f8d3ae22131814c0b50a5ae292
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.country, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.country'))
    AND r.table_name = 'public.country'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.country AS t
    JOIN restage_keymap.country AS k
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.country'))
  AND g.table_name = 'public.country';

-- file:    verify/002_dbo.Country/keys.sql
-- table:   public.country
-- purpose: known = present, when every key has its final row
-- source:  dbo.Country
-- body:    sha256:892419b8c90ef4b377a77bc075ac12bdb591e14fdfceb4260a6be362e6511f9b
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.country AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.country AS t
    JOIN restage_keymap.country AS k
      ON k.target_key = t.id
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.country AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Country/others.sql
-- table:   public.country
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Country
-- body:    sha256:571e3c7c883f543db41af697b948a2b8d578f4ba689fcbce46cbfc0c1adaeff3
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.country AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.country AS k
  WHERE k.target_key = t.id
);

-- file:    verify/002_dbo.Country/orphans.sql
-- table:   public.country
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Country
-- body:    sha256:54f2549daf1cd617c97967fd9a06cc35e50ea0c5d02b5e49a6ee9313ea30b25b
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- country_regionid_fkey
SELECT count(*) AS orphans
FROM public.country AS t
WHERE t.regionid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.region AS p
    WHERE p.id = t.regionid
  );

-- file:    verify/002_dbo.Country/unique.sql
-- table:   public.country
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Country
-- body:    sha256:0db0111100e33162dd925395f3adfafd73d8b7b3cd83eb5d6dac6127f0236a5e
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- country_key_1
WITH staged AS (
  SELECT *
  FROM restage_stage.country
),
held AS (
  SELECT
    k.source_id AS id,
    t.code AS code,
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
            AND g.table_name = 'public.country'
          ORDER BY r.started_at DESC
          LIMIT 1
        )
        AND c.table_name = 'public.country'
        AND c.is_skipped
        AND c.chunk_id = k.chunk
    ) AS is_skipped
  FROM public.country AS t
  LEFT JOIN restage_keymap.country AS k
    ON k.target_key = t.id
)
SELECT
  jsonb_build_object('Code', s.code) AS value,
  jsonb_build_object('Id', s.id) AS staged_row,
  jsonb_build_object('Id', o.id) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.code = s.code
  AND ROW(s.id) < ROW(o.id)
UNION ALL
SELECT
  jsonb_build_object('Code', s.code) AS value,
  jsonb_build_object('Id', s.id) AS staged_row,
  jsonb_build_object('Id', t.id) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN t.is_skipped THEN 'staged'
    WHEN o.id IS NULL THEN 'vanished'
    WHEN ROW(o.code) IS DISTINCT FROM ROW(t.code) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.code = s.code
LEFT JOIN restage_stage.country AS o
  ON o.id = t.id
WHERE NOT (t.is_known AND ROW(s.id) IS NOT DISTINCT FROM ROW(t.id))
LIMIT 20;

