-- file:    merge/002_dbo.City/10_stage.sql
-- table:   public.city
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.City, staged in restage_stage.city
-- body:    sha256:dc583e391cec22a498be3a769693006427cf44c2c576eed04d5bba1006508d33
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.city;

CREATE UNLOGGED TABLE restage_stage.city (
  cityid integer,
  country char(3) COLLATE public.ignoring_case,
  name varchar(40)
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.City/15_check.sql
-- table:   public.city
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.City, staged in restage_stage.city
-- body:    sha256:26bfe0020e2b18b851729ff64f8cb4ed2d9c7982fc483de8d080ce5d1cb4bf93
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.city ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.city (cityid, country);

SELECT restage.count_staged('public.city', count(*)) AS staged
FROM restage_stage.city AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.cityid
  FROM restage_stage.city AS s
  WHERE s.cityid IS NOT NULL
  GROUP BY
    s.cityid
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.city AS s
  WHERE s.cityid IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.city AS s
    ON s.cityid = r.cityid
),
refused AS (
  DELETE FROM restage_stage.city AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('CityId', s.cityid) AS source_key,
    jsonb_build_object('CityId', s.cityid) AS value,
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
    'public.city',
    r.source_key,
    'source key',
    ARRAY['cityid'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.city', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/002_dbo.City/20_match.sql
-- table:   public.city
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.City, staged in restage_stage.city
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.City/30_allocate.sql
-- table:   public.city
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.City, staged in restage_stage.city
-- body:    sha256:f977d26a483074faa806cbf6e7feeca1fc783418e8c9e5f8087d2fa6c8e6e90d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.city', 'restage_keymap.city') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.city (
    source_cityid,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.cityid,
    nextval('public.city_cityid_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.cityid,
      restage.row_hash(
        ROW(
          s.cityid,
          s.country,
          s.name
        )::text,
        (NULL::restage_keymap.city).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.city AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.city AS k
      WHERE k.source_cityid = s.cityid
    )
    ORDER BY
      s.cityid
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.city', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.city'::regclass
  ) THEN
    ALTER TABLE restage_keymap.city
      ADD PRIMARY KEY (source_cityid),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.city'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.city'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.city;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.city'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.City/35_orphans.sql
-- table:   public.city
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.City, staged in restage_stage.city
-- body:    sha256:a3ad65fb9b0fbd165543877d62c0070097ef6171bf73742c908d30ee7848ad75
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- city_country_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.city',
  'city_country_fkey',
  count(*),
  min(jsonb_build_object(
    'CityId', s.cityid,
    'Country', s.country
  )::text)
)
FROM restage_stage.city AS s
WHERE s.country IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.country AS k
    WHERE k.source_code = s.country
  )
HAVING count(*) > 0;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.city'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.City/40_insert.sql
-- table:   public.city
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.City, staged in restage_stage.city
-- body:    sha256:801783829360cb2259bf641ea38e399fc897738b83d1a89ef67ec0e2afd149e0
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.city', 'restage_keymap.city') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.city (
    cityid,
    country,
    name
  )
  SELECT
    k.target_key,
    s.country,
    s.name
  FROM restage_stage.city AS s
  JOIN restage_keymap.city AS k
    ON k.source_cityid = s.cityid
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.city'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.city', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.city'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.City/50_update.sql
-- table:   public.city
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.City, staged in restage_stage.city
-- body:    sha256:870e1cb67d8a164206900829a015f4b5b670b5c70bd72ea8a4017c0457c916b2
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.city', 'restage_keymap.city') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.cityid,
    s.country,
    s.name,
    restage.row_hash(
      ROW(
        s.cityid,
        s.country,
        s.name
      )::text,
      (NULL::restage_keymap.city).row_hash
    ) AS row_hash
  FROM restage_stage.city AS s
  JOIN restage_keymap.city AS k
    ON k.source_cityid = s.cityid
  WHERE NOT (SELECT restage.is_all_new('public.city'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.cityid,
        s.country,
        s.name
      )::text,
      (NULL::restage_keymap.city).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_cityid,
    row_to_json(t.*) AS row_data
  FROM public.city AS t
  JOIN restage_keymap.city AS k
    ON k.target_key = t.cityid
  JOIN changed AS c
    ON k.source_cityid = c.cityid
  WHERE restage.row_hash(
      ROW(
        k.source_cityid,
        t.country,
        t.name
      )::text,
      (NULL::restage_keymap.city).row_hash
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
    'public.city',
    jsonb_build_object('source_cityid', d.source_cityid),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.city AS t
  SET
    country = c.country,
    name = c.name
  FROM changed AS c
  JOIN restage_keymap.city AS k
    ON k.source_cityid = c.cityid
  WHERE t.cityid = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.city AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_cityid = c.cityid
)
SELECT
  restage.count_rows('public.city', 'updated', count(*)) AS rows,
  restage.count_rows('public.city', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.City/60_vanished.sql
-- table:   public.city
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.City, staged in restage_stage.city
-- body:    sha256:02b9ce42cebee46b496acd53121cf07b15d1f9b2711d3be68c4f446906a13280
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.city', 'restage_keymap.city') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_cityid,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.city AS s
  JOIN restage_keymap.city AS k
    ON k.source_cityid = s.cityid
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.city AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_cityid = m.source_cityid
)
SELECT restage.fail_skipped('public.city', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.city'
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
    s.cityid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.city, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.city'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.city AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.city'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.city'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.city AS s
      WHERE k.source_cityid = s.cityid
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_cityid = r.cityid
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_cityid,
    k.vanished_run
  FROM restage_keymap.city AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.city'))
),
back AS MATERIALIZED (
  SELECT
    k.source_cityid,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.city AS s
    ON k.source_cityid = s.cityid
  UNION
  SELECT
    k.source_cityid,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_cityid = r.cityid
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
    'public.city',
    'returned',
    ARRAY[b.source_cityid::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.city AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_cityid = b.source_cityid
  RETURNING 1
)
SELECT
  restage.count_rows('public.city', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.city', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.City/70_reset.sql
-- table:   public.city
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.City, staged in restage_stage.city
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.City/90_account.sql
-- table:   public.city
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.City, staged in restage_stage.city
-- body:    sha256:82000d0e0fd46189f4bb21994ad4a591009758d7de6d42cc05d17781bbc1ee3d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.city', 'restage_keymap.city') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.city', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.city') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.city'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.city', count(*)) AS rows
FROM restage_stage.city AS s
JOIN restage_keymap.city AS k
  ON k.source_cityid = s.cityid
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.city'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.City/content.sql
-- table:   public.city
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.City
-- body:    sha256:bcb60e926a56fcfe8ddc5b1226a9030974801d1d38fc05b9a86ba4659f3277a8
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
      s.cityid,
      s.country,
      s.name,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.city'))
        AND r.table_name = 'public.city'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.city, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_cityid,
    t.country,
    t.name
  FROM public.city AS t
  JOIN restage_keymap.city AS k
    ON k.target_key = t.cityid
  LEFT JOIN noted AS n
    ON k.source_cityid = n.cityid
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.cityid,
    n.country,
    n.name
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.City/counts.sql
-- table:   public.city
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.City
-- body:    sha256:5b745f42495acb3e0e89effeb4a12c142673fe9852d54c16c03aafe9554771bd
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.cityid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.city, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.city'))
    AND r.table_name = 'public.city'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.city AS t
    JOIN restage_keymap.city AS k
      ON k.target_key = t.cityid
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_cityid = r.cityid
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.city'))
  AND g.table_name = 'public.city';

-- file:    verify/002_dbo.City/keys.sql
-- table:   public.city
-- purpose: known = present, when every key has its final row
-- source:  dbo.City
-- body:    sha256:da6f08bfe53954edfae8419d0aa9712d98f1323dd09f41bd0854734e4e48a1ef
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.city AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.city AS t
    JOIN restage_keymap.city AS k
      ON k.target_key = t.cityid
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.city AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.City/others.sql
-- table:   public.city
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.City
-- body:    sha256:59fca123ddf882c6ecd26900e487687cb6aa7d2be5d25bfcd3d05e2ad93d9dfe
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.city AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.city AS k
  WHERE k.target_key = t.cityid
);

-- file:    verify/002_dbo.City/orphans.sql
-- table:   public.city
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.City
-- body:    sha256:61b191b5961846ef730e521ab28fc8b34eadf7ecdb0dd229a2ce9c4c18ce62d7
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- city_country_fkey
SELECT count(*) AS orphans
FROM public.city AS t
WHERE t.country IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.country AS p
    WHERE p.code = t.country
  );

