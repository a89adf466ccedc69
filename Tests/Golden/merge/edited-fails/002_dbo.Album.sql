-- file:    merge/002_dbo.Album/10_stage.sql
-- table:   public.album
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Album, staged in restage_stage.album
-- body:    sha256:d0e677fbaa9dede52fa3d4950d911ab4f1603cebfcc0582dc80fadd13f584126
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.album;

CREATE UNLOGGED TABLE restage_stage.album (
  id integer,
  artistid integer,
  title varchar(20)
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Album/15_check.sql
-- table:   public.album
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Album, staged in restage_stage.album
-- body:    sha256:0f37d14c424a44c77f7b8b9ac7bbb3e32d1ec2534728ac6d1dadca49829c02e0
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.album ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.album (id, artistid);

SELECT restage.count_staged('public.album', count(*)) AS staged
FROM restage_stage.album AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.id
  FROM restage_stage.album AS s
  WHERE s.id IS NOT NULL
  GROUP BY
    s.id
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.album AS s
  WHERE s.id IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.album AS s
    ON s.id = r.id
),
refused AS (
  DELETE FROM restage_stage.album AS s
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
    'public.album',
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
SELECT restage.count_rows('public.album', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/002_dbo.Album/20_match.sql
-- table:   public.album
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Album, staged in restage_stage.album
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Album/30_allocate.sql
-- table:   public.album
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Album, staged in restage_stage.album
-- body:    sha256:eba0c12414b8b11b947db8fa267ae41c14c5f0c787c240f2c1fe2896e35820cf
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.album', 'restage_keymap.album') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.album (
    source_id,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.id,
    nextval('public.album_id_seq'),
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
          s.artistid,
          s.title
        )::text,
        (NULL::restage_keymap.album).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.album AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.album AS k
      WHERE k.source_id = s.id
    )
    ORDER BY
      s.id
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.album', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.album'::regclass
  ) THEN
    ALTER TABLE restage_keymap.album
      ADD PRIMARY KEY (source_id),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.album'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.album'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.album;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.album'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Album/35_orphans.sql
-- table:   public.album
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Album, staged in restage_stage.album
-- body:    sha256:69a4f482857aca88e9a3f04a910c89e68e184e0e44e8edf8f976e39113bd6354
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- album_artistid_fkey: on_orphan: null
WITH orphan AS (
  SELECT
    s.ctid AS row_id,
    jsonb_build_object('Id', s.id) AS source_key,
    jsonb_build_object('ArtistId', s.artistid) AS value,
    jsonb_build_object('Id', s.artistid) AS parent_key,
    row_to_json(s.*) AS row_data
  FROM restage_stage.album AS s
  WHERE s.artistid IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM restage_keymap.artist AS k
      WHERE k.source_id = s.artistid
    )
),
nulled AS (
  UPDATE restage_stage.album AS s
  SET
    artistid = NULL
  FROM orphan AS o
  WHERE s.ctid = o.row_id
  RETURNING
    s.id,
    restage.row_hash(
      ROW(
        s.id,
        s.artistid,
        s.title
      )::text,
      (NULL::restage_keymap.album).row_hash
    ) AS row_hash
),
rehashed AS (
  UPDATE restage_keymap.album AS k
  SET row_hash = n.row_hash
  FROM nulled AS n
  WHERE k.first_run = (SELECT restage.run_id())
    AND k.source_id = n.id
),
refused_parent AS MATERIALIZED (
  SELECT DISTINCT ON (p.source_key)
    p.source_key,
    p.message
  FROM restage.reject AS p
  WHERE p.run_id = (SELECT restage.run_id())
    AND p.table_name = 'public.artist'
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
    'public.album',
    r.source_key,
    'foreign key album_artistid_fkey',
    ARRAY['artistid'],
    r.value::text,
    'the parent public.artist ' || r.parent_key::text || CASE
      WHEN p.source_key IS NULL THEN ' is in no key map; loaded with NULL'
      WHEN length(p.message) > 1000 THEN ' was refused; loaded with NULL: … ' || right(p.message, 500)
      ELSE ' was refused; loaded with NULL: ' || p.message
    END,
    true,
    r.row_data
  FROM orphan AS r
  LEFT JOIN refused_parent AS p
    ON p.source_key = r.parent_key
  RETURNING 1
)
SELECT restage.count_rows('public.album', 'nulled', count(*)) AS rows
FROM recorded;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.album'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Album/40_insert.sql
-- table:   public.album
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Album, staged in restage_stage.album
-- body:    sha256:414c634cb10ce42b4e8965dda68a66457eb1f6829f6d2db55001b8efd739074a
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.album', 'restage_keymap.album') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.album (
    id,
    artistid,
    title
  )
  SELECT
    k.target_key,
    p1.target_key,
    s.title
  FROM restage_stage.album AS s
  JOIN restage_keymap.album AS k
    ON k.source_id = s.id
    AND k.first_run = (SELECT restage.run_id())
  LEFT JOIN restage_keymap.artist AS p1
    ON p1.source_id = s.artistid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.album'
      AND c.kind = 'inserted'
  )
    AND (s.artistid IS NULL OR p1.target_key IS NOT NULL);
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.album', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.album'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Album/50_update.sql
-- table:   public.album
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Album, staged in restage_stage.album
-- body:    sha256:10408684d1b802228492add60ca987ae8cbc8522201f358d81c4a9d46a194689
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.album', 'restage_keymap.album') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.id,
    s.artistid,
    s.title,
    restage.row_hash(
      ROW(
        s.id,
        s.artistid,
        s.title
      )::text,
      (NULL::restage_keymap.album).row_hash
    ) AS row_hash
  FROM restage_stage.album AS s
  JOIN restage_keymap.album AS k
    ON k.source_id = s.id
  WHERE NOT (SELECT restage.is_all_new('public.album'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.id,
        s.artistid,
        s.title
      )::text,
      (NULL::restage_keymap.album).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_id,
    row_to_json(t.*) AS row_data
  FROM public.album AS t
  LEFT JOIN restage_keymap.artist AS p1
    ON p1.target_key = t.artistid
  JOIN restage_keymap.album AS k
    ON k.target_key = t.id
  JOIN changed AS c
    ON k.source_id = c.id
  WHERE restage.row_hash(
      ROW(
        k.source_id,
        coalesce(p1.source_id::text, 'final ' || t.artistid),
        t.title
      )::text,
      (NULL::restage_keymap.album).row_hash
    ) NOT IN (k.row_hash, c.row_hash)
),
noted AS MATERIALIZED (
  SELECT restage.fail_edited(
    'public.album',
    count(*),
    min(jsonb_build_object('Id', e.source_id)::text)
  )
  FROM edited AS e
  HAVING count(*) > 0
),
updated AS (
  UPDATE public.album AS t
  SET
    artistid = p1.target_key,
    title = c.title
  FROM changed AS c
  JOIN restage_keymap.album AS k
    ON k.source_id = c.id
  LEFT JOIN restage_keymap.artist AS p1
    ON p1.source_id = c.artistid
  WHERE t.id = k.target_key
    AND (c.artistid IS NULL OR p1.target_key IS NOT NULL)
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.album AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_id = c.id
)
SELECT
  restage.count_rows('public.album', 'updated', count(*)) AS rows,
  (SELECT count(*) FROM noted) AS edited
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.Album/60_vanished.sql
-- table:   public.album
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Album, staged in restage_stage.album
-- body:    sha256:6c71a6c72c16d5ce044fb0ca1be22f8e913547942ea933c73729284502f31a78
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.album', 'restage_keymap.album') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_id,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.album AS s
  JOIN restage_keymap.album AS k
    ON k.source_id = s.id
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.album AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_id = m.source_id
)
SELECT restage.fail_skipped('public.album', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.album'
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
  CROSS JOIN LATERAL json_populate_record(NULL::public.album, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.album'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.album AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.album'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.album'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.album AS s
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
  FROM restage_keymap.album AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.album'))
),
back AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.album AS s
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
    'public.album',
    'returned',
    ARRAY[b.source_id::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.album AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_id = b.source_id
  RETURNING 1
)
SELECT
  restage.count_rows('public.album', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.album', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Album/70_reset.sql
-- table:   public.album
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Album, staged in restage_stage.album
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Album/90_account.sql
-- table:   public.album
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Album, staged in restage_stage.album
-- body:    sha256:dbf1d8479b898bfabb574b16d54828121b9ee770f6d455c70c6764f9587240f6
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.album', 'restage_keymap.album') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.album', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.album') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.album'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.album', count(*)) AS rows
FROM restage_stage.album AS s
JOIN restage_keymap.album AS k
  ON k.source_id = s.id
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.album'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Album/content.sql
-- table:   public.album
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Album
-- body:    sha256:e8c4b1dfe50ce852ff193bb4680c3ed669aca2441e39ef3b32dfd56f68534a90
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
      s.artistid,
      s.title,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.album'))
        AND r.table_name = 'public.album'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.album, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_id,
    coalesce(p1.source_id::text, 'final ' || t.artistid, n.artistid::text),
    t.title
  FROM public.album AS t
  LEFT JOIN restage_keymap.artist AS p1
    ON p1.target_key = t.artistid
  JOIN restage_keymap.album AS k
    ON k.target_key = t.id
  LEFT JOIN noted AS n
    ON k.source_id = n.id
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.id,
    n.artistid::text,
    n.title
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Album/counts.sql
-- table:   public.album
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Album
-- body:    sha256:15d6cfd6fd768e4985814810429a3b937f04d78863aac9409ed277c1b81cd714
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.album, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.album'))
    AND r.table_name = 'public.album'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.album AS t
    JOIN restage_keymap.album AS k
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.album'))
  AND g.table_name = 'public.album';

-- file:    verify/002_dbo.Album/keys.sql
-- table:   public.album
-- purpose: known = present, when every key has its final row
-- source:  dbo.Album
-- body:    sha256:95e26d8ed9e276211bd6c456bc973d4c7194b33bde8697d5304225574d0de4c9
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.album AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.album AS t
    JOIN restage_keymap.album AS k
      ON k.target_key = t.id
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.album AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Album/others.sql
-- table:   public.album
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Album
-- body:    sha256:cb71e62231dbd11521b6c82f39b1cb634a9801fb26ca2ba62bf1036372ab6d87
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.album AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.album AS k
  WHERE k.target_key = t.id
);

-- file:    verify/002_dbo.Album/orphans.sql
-- table:   public.album
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Album
-- body:    sha256:323da0a82000bfc80f02ee68d0bec5b39217b127f1a3057bf7ce3fc5c8164a2f
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- album_artistid_fkey
SELECT count(*) AS orphans
FROM public.album AS t
WHERE t.artistid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.artist AS p
    WHERE p.id = t.artistid
  );

