-- file:    undo/10_begin.sql
-- step:    10 begin
-- purpose: make room for what is found; gone with the transaction
-- source:  stride
-- body:    sha256:09f1af02bc7887fee7b50aa300f51955b4393128905fcc480d38efe35466fd69
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

SELECT restage.undone_run() AS run;

-- Final rows that the run inserted (is_new) or updated, by their place.
CREATE TEMPORARY TABLE restage_undo (
  relation oid NOT NULL,
  part oid NOT NULL,
  row_id tid NOT NULL,
  is_new boolean NOT NULL
)
ON COMMIT DROP;

-- What keeps the run from being taken back.
CREATE TEMPORARY TABLE restage_conflict (
  kind text NOT NULL,
  table_name text NOT NULL,
  other text,
  row_key text,
  rows bigint NOT NULL DEFAULT 1
)
ON COMMIT DROP;

-- file:    undo/002_dbo.Album/20_find.sql
-- table:   public.album
-- step:    20 find
-- purpose: find the rows that the run inserted, and what speaks against taking them back
-- source:  dbo.Album
-- body:    sha256:801bbf6cdfd8f98d0d59c2e0cc54bb703b0fe8778a917b5097b1e238aa100242
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- The rows are to stay as they are found.
LOCK TABLE public.album IN SHARE ROW EXCLUSIVE MODE;

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

INSERT INTO pg_temp.restage_conflict (
  kind,
  table_name,
  row_key
)
SELECT
  'later_run',
  'public.album',
  l.row_key
FROM (
  SELECT jsonb_build_object('AlbumId', k.source_albumid)::text AS row_key
  FROM restage_keymap.album AS k
  WHERE k.first_run = (SELECT restage.undone_run())
    AND (
      k.last_run <> (SELECT restage.undone_run())
      OR k.vanished_run <> (SELECT restage.undone_run())
    )
  UNION
  SELECT CASE WHEN k.row_hash IS NULL THEN b.source_key::text ELSE jsonb_build_object('AlbumId', k.source_albumid)::text END
  FROM restage.before_image AS b
  LEFT JOIN restage_keymap.album AS k
    ON ARRAY[k.source_albumid::text] = b.source_key
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.album'
    AND (
      k.row_hash IS NULL
      OR (
        b.operation = 'updated'
        AND k.last_run <> (SELECT restage.undone_run())
        AND NOT restage.undo_option('inserts_only')
      )
      OR (
        b.operation = 'returned'
        AND k.vanished_run IS NOT NULL
      )
    )
  UNION
  SELECT b.source_key::text
  FROM restage.before_image AS b
  WHERE b.vanished_run = (SELECT restage.undone_run())
    AND b.table_name = 'public.album'
) AS l;

INSERT INTO pg_temp.restage_conflict (
  kind,
  table_name,
  row_key,
  rows
)
SELECT
  'not_kept',
  'public.album',
  NULL,
  c.rows - b.rows
FROM (
  SELECT coalesce(sum(c.rows), 0) AS rows
  FROM restage.row_count AS c
  WHERE c.run_id = (SELECT restage.undone_run())
    AND c.table_name = 'public.album'
    AND c.kind = 'updated'
) AS c
CROSS JOIN (
  SELECT count(*) AS rows
  FROM restage.before_image AS b
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.album'
    AND b.operation = 'updated'
) AS b
WHERE c.rows > b.rows;

-- A row is as the run left it where its hash, keys mapped back, is the key map's.
WITH found AS MATERIALIZED (
  SELECT
    t.tableoid AS part,
    t.ctid AS row_id,
    k.first_run = (SELECT restage.undone_run()) AS is_new,
    k.row_hash <> restage.row_hash(
      ROW(
        k.source_albumid,
        t.title,
        p1.source_artistid,
        coalesce(p2.source_artistid::text, 'final ' || t.reviewed_by)
      )::text,
      (NULL::restage_keymap.album).row_hash
    ) AS is_edited,
    jsonb_build_object('AlbumId', k.source_albumid)::text AS row_key
  FROM public.album AS t
  LEFT JOIN restage_keymap.artist AS p1
    ON p1.target_key = t.artistid
  LEFT JOIN restage_keymap.artist AS p2
    ON p2.target_key = t.reviewed_by
  JOIN restage_keymap.album AS k
    ON k.target_key = t.albumid
  WHERE (
    k.first_run = (SELECT restage.undone_run())
    AND k.matched_run IS NULL
  )
      OR (
        k.last_run = (SELECT restage.undone_run())
        AND k.first_run <> (SELECT restage.undone_run())
        AND NOT restage.undo_option('inserts_only')
      )
),
noted AS (
  INSERT INTO pg_temp.restage_undo (
    relation,
    part,
    row_id,
    is_new
  )
  SELECT
    'public.album'::regclass,
    f.part,
    f.row_id,
    f.is_new
  FROM found AS f
),
edited AS (
  INSERT INTO pg_temp.restage_conflict (
    kind,
    table_name,
    row_key
  )
  SELECT
    'edited',
    'public.album',
    f.row_key
  FROM found AS f
  WHERE f.is_edited
)
SELECT
  (
    SELECT count(*)
    FROM found AS f
    WHERE f.is_new
  ) AS rows,
  restage.count_rows(
    'public.album',
    'missing',
    (
      SELECT count(*)
      FROM restage_keymap.album AS k
      WHERE (
        k.first_run = (SELECT restage.undone_run())
        AND k.matched_run IS NULL
      )
    ) - (
      SELECT count(*)
      FROM found AS f
      WHERE f.is_new
    )
  ) AS missing;

INSERT INTO pg_temp.restage_conflict (
  kind,
  table_name,
  row_key,
  rows
)
SELECT
  'edited',
  'public.album',
  NULL,
  k.rows - u.rows
FROM (
  SELECT count(*) AS rows
  FROM restage_keymap.album AS k
  WHERE k.last_run = (SELECT restage.undone_run())
    AND k.first_run <> (SELECT restage.undone_run())
    AND NOT restage.undo_option('inserts_only')
) AS k
CROSS JOIN (
  SELECT count(*) AS rows
  FROM pg_temp.restage_undo AS u
  WHERE u.relation = 'public.album'::regclass
    AND NOT u.is_new
) AS u
WHERE k.rows > u.rows;

SELECT restage.find_other_sources(
  'public.album',
  'restage_keymap.album',
  'albumid'
) AS other_sources;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/001_dbo.Artist/20_find.sql
-- table:   public.artist
-- step:    20 find
-- purpose: find the rows that the run inserted, and what speaks against taking them back
-- source:  dbo.Artist
-- body:    sha256:f626fb1c1a202388b13c400c2cff0fd658f511072937075dbb1cf594a57edeb5
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- The rows are to stay as they are found.
LOCK TABLE public.artist IN SHARE ROW EXCLUSIVE MODE;

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

INSERT INTO pg_temp.restage_conflict (
  kind,
  table_name,
  row_key
)
SELECT
  'later_run',
  'public.artist',
  l.row_key
FROM (
  SELECT jsonb_build_object('ArtistId', k.source_artistid)::text AS row_key
  FROM restage_keymap.artist AS k
  WHERE k.first_run = (SELECT restage.undone_run())
    AND (
      k.last_run <> (SELECT restage.undone_run())
      OR k.vanished_run <> (SELECT restage.undone_run())
    )
  UNION
  SELECT CASE WHEN k.row_hash IS NULL THEN b.source_key::text ELSE jsonb_build_object('ArtistId', k.source_artistid)::text END
  FROM restage.before_image AS b
  LEFT JOIN restage_keymap.artist AS k
    ON ARRAY[k.source_artistid::text] = b.source_key
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.artist'
    AND (
      k.row_hash IS NULL
      OR (
        b.operation = 'updated'
        AND k.last_run <> (SELECT restage.undone_run())
        AND NOT restage.undo_option('inserts_only')
      )
      OR (
        b.operation = 'returned'
        AND k.vanished_run IS NOT NULL
      )
    )
  UNION
  SELECT b.source_key::text
  FROM restage.before_image AS b
  WHERE b.vanished_run = (SELECT restage.undone_run())
    AND b.table_name = 'public.artist'
) AS l;

INSERT INTO pg_temp.restage_conflict (
  kind,
  table_name,
  row_key,
  rows
)
SELECT
  'not_kept',
  'public.artist',
  NULL,
  c.rows - b.rows
FROM (
  SELECT coalesce(sum(c.rows), 0) AS rows
  FROM restage.row_count AS c
  WHERE c.run_id = (SELECT restage.undone_run())
    AND c.table_name = 'public.artist'
    AND c.kind = 'updated'
) AS c
CROSS JOIN (
  SELECT count(*) AS rows
  FROM restage.before_image AS b
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.artist'
    AND b.operation = 'updated'
) AS b
WHERE c.rows > b.rows;

-- A row is as the run left it where its hash, keys mapped back, is the key map's.
WITH found AS MATERIALIZED (
  SELECT
    t.tableoid AS part,
    t.ctid AS row_id,
    k.first_run = (SELECT restage.undone_run()) AS is_new,
    k.row_hash <> restage.row_hash(
      ROW(
        k.source_artistid,
        t.name
      )::text,
      (NULL::restage_keymap.artist).row_hash
    ) AS is_edited,
    jsonb_build_object('ArtistId', k.source_artistid)::text AS row_key
  FROM public.artist AS t
  JOIN restage_keymap.artist AS k
    ON k.target_key = t.artistid
  WHERE (
    k.first_run = (SELECT restage.undone_run())
    AND k.matched_run IS NULL
  )
      OR (
        k.last_run = (SELECT restage.undone_run())
        AND k.first_run <> (SELECT restage.undone_run())
        AND NOT restage.undo_option('inserts_only')
      )
),
noted AS (
  INSERT INTO pg_temp.restage_undo (
    relation,
    part,
    row_id,
    is_new
  )
  SELECT
    'public.artist'::regclass,
    f.part,
    f.row_id,
    f.is_new
  FROM found AS f
),
edited AS (
  INSERT INTO pg_temp.restage_conflict (
    kind,
    table_name,
    row_key
  )
  SELECT
    'edited',
    'public.artist',
    f.row_key
  FROM found AS f
  WHERE f.is_edited
)
SELECT
  (
    SELECT count(*)
    FROM found AS f
    WHERE f.is_new
  ) AS rows,
  restage.count_rows(
    'public.artist',
    'missing',
    (
      SELECT count(*)
      FROM restage_keymap.artist AS k
      WHERE (
        k.first_run = (SELECT restage.undone_run())
        AND k.matched_run IS NULL
      )
    ) - (
      SELECT count(*)
      FROM found AS f
      WHERE f.is_new
    )
  ) AS missing;

INSERT INTO pg_temp.restage_conflict (
  kind,
  table_name,
  row_key,
  rows
)
SELECT
  'edited',
  'public.artist',
  NULL,
  k.rows - u.rows
FROM (
  SELECT count(*) AS rows
  FROM restage_keymap.artist AS k
  WHERE k.last_run = (SELECT restage.undone_run())
    AND k.first_run <> (SELECT restage.undone_run())
    AND NOT restage.undo_option('inserts_only')
) AS k
CROSS JOIN (
  SELECT count(*) AS rows
  FROM pg_temp.restage_undo AS u
  WHERE u.relation = 'public.artist'::regclass
    AND NOT u.is_new
) AS u
WHERE k.rows > u.rows;

SELECT restage.find_other_sources(
  'public.artist',
  'restage_keymap.artist',
  'artistid'
) AS other_sources;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/30_conflicts.sql
-- step:    30 conflicts
-- purpose: find rows that refer to those of the run, and list all that is in the way
-- source:  stride
-- body:    sha256:c748f0faf63b0fdbd05b4b152b7ac8a3edfefcaeee2fb98cb765ca1b2e828382
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

ANALYZE pg_temp.restage_undo;

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

SELECT restage.find_references() AS rows;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT
  c.kind,
  c.table_name,
  c.other,
  c.message,
  array_to_string(c.row_keys, E'
') AS row_keys
FROM restage.undo_conflicts() AS c;

-- file:    undo/35_refuse.sql
-- step:    35 refuse
-- purpose: stop where something is in the way
-- source:  stride
-- body:    sha256:3ea55eeab29d9557f40beece3ed54eb311a6c302501d1fa390770ba57d9ccfd2
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

SELECT restage.refuse_undo();

-- file:    undo/002_dbo.Album/50_restore.sql
-- table:   public.album
-- step:    50 restore
-- purpose: write the rows that the run updated or marked as they were before
-- source:  dbo.Album
-- body:    sha256:667e92a57689fe655c2c2ed29fdcc3736ae1f754a458ccd49aac51e67f627b68
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH image AS MATERIALIZED (
  SELECT b.row_values
  FROM restage.before_image AS b
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.album'
    AND b.operation = 'updated'
    AND NOT restage.undo_option('inserts_only')
),
present AS MATERIALIZED (
  SELECT
    (
      SELECT count(*)
      FROM image
    ) AS images,
    count(*) AS rows
  FROM image AS b
  JOIN public.album AS t
    ON t.albumid = b.row_values[1]::integer
),
restored AS (
  UPDATE public.album AS t
  SET
    title = b.row_values[2]::varchar,
    artistid = b.row_values[3]::integer,
    reviewed_by = b.row_values[4]::integer
  FROM image AS b
  WHERE t.albumid = b.row_values[1]::integer
  RETURNING 1
)
SELECT
  restage.count_undone('public.album', 'restored', r.rows, p.rows) AS rows,
  restage.count_rows('public.album', 'missing', p.images - p.rows) AS missing
FROM present AS p
CROSS JOIN (
  SELECT count(*) AS rows
  FROM restored
) AS r;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/001_dbo.Artist/50_restore.sql
-- table:   public.artist
-- step:    50 restore
-- purpose: write the rows that the run updated or marked as they were before
-- source:  dbo.Artist
-- body:    sha256:899e4d2e1e534b88023eafe032f06f5d3a66cca418b4a88c8d80d0fb838fc59f
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH image AS MATERIALIZED (
  SELECT b.row_values
  FROM restage.before_image AS b
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.artist'
    AND b.operation = 'updated'
    AND NOT restage.undo_option('inserts_only')
),
present AS MATERIALIZED (
  SELECT
    (
      SELECT count(*)
      FROM image
    ) AS images,
    count(*) AS rows
  FROM image AS b
  JOIN public.artist AS t
    ON t.artistid = b.row_values[1]::integer
),
restored AS (
  UPDATE public.artist AS t
  SET
    name = b.row_values[2]::varchar
  FROM image AS b
  WHERE t.artistid = b.row_values[1]::integer
  RETURNING 1
)
SELECT
  restage.count_undone('public.artist', 'restored', r.rows, p.rows) AS rows,
  restage.count_rows('public.artist', 'missing', p.images - p.rows) AS missing
FROM present AS p
CROSS JOIN (
  SELECT count(*) AS rows
  FROM restored
) AS r;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/002_dbo.Album/60_delete.sql
-- table:   public.album
-- step:    60 delete
-- purpose: delete the rows that the run inserted
-- source:  dbo.Album
-- body:    sha256:a175fea2ed154c21b7c935f4d173a7c6570e3b06f823e1712785c6a907b18364
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH deleted AS (
  DELETE FROM public.album AS t
  USING pg_temp.restage_undo AS u
  WHERE u.is_new
    AND u.relation = 'public.album'::regclass
    AND t.tableoid = u.part
    AND t.ctid = u.row_id
  RETURNING 1
)
SELECT restage.count_undone(
  'public.album',
  'deleted',
  (
    SELECT count(*)
    FROM deleted
  ),
  (
    SELECT count(*)
    FROM pg_temp.restage_undo AS u
    WHERE u.is_new
      AND u.relation = 'public.album'::regclass
  )
) AS rows;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/001_dbo.Artist/60_delete.sql
-- table:   public.artist
-- step:    60 delete
-- purpose: delete the rows that the run inserted
-- source:  dbo.Artist
-- body:    sha256:a6317b200fd13a26f86b05c91a40da82d5683259d46b1f2123f4ef695b15a223
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH deleted AS (
  DELETE FROM public.artist AS t
  USING pg_temp.restage_undo AS u
  WHERE u.is_new
    AND u.relation = 'public.artist'::regclass
    AND t.tableoid = u.part
    AND t.ctid = u.row_id
  RETURNING 1
)
SELECT restage.count_undone(
  'public.artist',
  'deleted',
  (
    SELECT count(*)
    FROM deleted
  ),
  (
    SELECT count(*)
    FROM pg_temp.restage_undo AS u
    WHERE u.is_new
      AND u.relation = 'public.artist'::regclass
  )
) AS rows;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/002_dbo.Album/70_forget.sql
-- table:   public.album
-- step:    70 forget
-- purpose: make the key map what it was before the run
-- source:  dbo.Album
-- body:    sha256:47937a1e1b2a4a1c6cf572174b85d09ab71cf2e95530cd126e23e4fbc51fb013
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

UPDATE restage_keymap.album AS k
SET
  row_hash = restage.image_hash(b.row_hash, k.row_hash),
  last_run = b.last_run
FROM restage.before_image AS b
WHERE b.run_id = (SELECT restage.undone_run())
  AND b.table_name = 'public.album'
  AND b.operation = 'updated'
  AND b.source_key = ARRAY[k.source_albumid::text]
  AND NOT restage.undo_option('inserts_only');

UPDATE restage_keymap.album AS k
SET vanished_run = b.vanished_run
FROM restage.before_image AS b
WHERE b.run_id = (SELECT restage.undone_run())
  AND b.table_name = 'public.album'
  AND b.operation = 'returned'
  AND b.source_key = ARRAY[k.source_albumid::text];

UPDATE restage_keymap.album AS k
SET vanished_run = NULL
WHERE k.vanished_run = (SELECT restage.undone_run());

WITH forgotten AS (
  DELETE FROM restage_keymap.album AS k
  WHERE k.first_run = (SELECT restage.undone_run())
  RETURNING 1
)
SELECT restage.count_rows('public.album', 'forgotten', count(*)) AS rows
FROM forgotten;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/001_dbo.Artist/70_forget.sql
-- table:   public.artist
-- step:    70 forget
-- purpose: make the key map what it was before the run
-- source:  dbo.Artist
-- body:    sha256:60b986835ecb343ef024c404ec6550e5a2d041049bf03f212aba7609696b7629
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

UPDATE restage_keymap.artist AS k
SET
  row_hash = restage.image_hash(b.row_hash, k.row_hash),
  last_run = b.last_run
FROM restage.before_image AS b
WHERE b.run_id = (SELECT restage.undone_run())
  AND b.table_name = 'public.artist'
  AND b.operation = 'updated'
  AND b.source_key = ARRAY[k.source_artistid::text]
  AND NOT restage.undo_option('inserts_only');

UPDATE restage_keymap.artist AS k
SET vanished_run = b.vanished_run
FROM restage.before_image AS b
WHERE b.run_id = (SELECT restage.undone_run())
  AND b.table_name = 'public.artist'
  AND b.operation = 'returned'
  AND b.source_key = ARRAY[k.source_artistid::text];

UPDATE restage_keymap.artist AS k
SET vanished_run = NULL
WHERE k.vanished_run = (SELECT restage.undone_run());

WITH forgotten AS (
  DELETE FROM restage_keymap.artist AS k
  WHERE k.first_run = (SELECT restage.undone_run())
  RETURNING 1
)
SELECT restage.count_rows('public.artist', 'forgotten', count(*)) AS rows
FROM forgotten;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/90_account.sql
-- step:    90 account
-- purpose: check what was deferred, and mark the run as rolled back
-- source:  stride
-- body:    sha256:7c5ccd1aebf2b98e49940a619e24d4f67421a0ae508d5c8fc08f7e2d96a630a5
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

SET CONSTRAINTS ALL IMMEDIATE;

SELECT restage.close_undo();

