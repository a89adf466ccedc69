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

-- file:    undo/001_dbo.Employee/20_find.sql
-- table:   public.employee
-- step:    20 find
-- purpose: find the rows that the run inserted, and what speaks against taking them back
-- source:  dbo.Employee
-- body:    sha256:0248caf913addeae3bc1383f184369bd318f82c9b1e3310cf45f9402300f0984
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- The rows are to stay as they are found.
LOCK TABLE public.employee IN SHARE ROW EXCLUSIVE MODE;

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
  'public.employee',
  l.row_key
FROM (
  SELECT jsonb_build_object('Id', k.source_id)::text AS row_key
  FROM restage_keymap.employee AS k
  WHERE k.first_run = (SELECT restage.undone_run())
    AND (
      k.last_run <> (SELECT restage.undone_run())
      OR k.vanished_run <> (SELECT restage.undone_run())
    )
  UNION
  SELECT CASE WHEN k.row_hash IS NULL THEN b.source_key::text ELSE jsonb_build_object('Id', k.source_id)::text END
  FROM restage.before_image AS b
  LEFT JOIN restage_keymap.employee AS k
    ON ARRAY[k.source_id::text] = b.source_key
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.employee'
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
    AND b.table_name = 'public.employee'
) AS l;

INSERT INTO pg_temp.restage_conflict (
  kind,
  table_name,
  row_key,
  rows
)
SELECT
  'not_kept',
  'public.employee',
  NULL,
  c.rows - b.rows
FROM (
  SELECT coalesce(sum(c.rows), 0) AS rows
  FROM restage.row_count AS c
  WHERE c.run_id = (SELECT restage.undone_run())
    AND c.table_name = 'public.employee'
    AND c.kind = 'updated'
) AS c
CROSS JOIN (
  SELECT count(*) AS rows
  FROM restage.before_image AS b
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.employee'
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
        k.source_id,
        t.name,
        coalesce(p1.source_id::text, 'final ' || t.managerid)
      )::text,
      (NULL::restage_keymap.employee).row_hash
    ) AS is_edited,
    jsonb_build_object('Id', k.source_id)::text AS row_key
  FROM public.employee AS t
  LEFT JOIN restage_keymap.employee AS p1
    ON p1.target_key = t.managerid
  JOIN restage_keymap.employee AS k
    ON k.target_key = t.id
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
    'public.employee'::regclass,
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
    'public.employee',
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
    'public.employee',
    'missing',
    (
      SELECT count(*)
      FROM restage_keymap.employee AS k
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
  'public.employee',
  NULL,
  k.rows - u.rows
FROM (
  SELECT count(*) AS rows
  FROM restage_keymap.employee AS k
  WHERE k.last_run = (SELECT restage.undone_run())
    AND k.first_run <> (SELECT restage.undone_run())
    AND NOT restage.undo_option('inserts_only')
) AS k
CROSS JOIN (
  SELECT count(*) AS rows
  FROM pg_temp.restage_undo AS u
  WHERE u.relation = 'public.employee'::regclass
    AND NOT u.is_new
) AS u
WHERE k.rows > u.rows;

SELECT restage.find_other_sources(
  'public.employee',
  'restage_keymap.employee',
  'id'
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

-- file:    undo/001_dbo.Employee/50_restore.sql
-- table:   public.employee
-- step:    50 restore
-- purpose: write the rows that the run updated or marked as they were before
-- source:  dbo.Employee
-- body:    sha256:b12eaeb57992cb123eee221b2a5cced7f0d6acfc6291da45d9363f95c7cd468e
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
    AND b.table_name = 'public.employee'
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
  JOIN public.employee AS t
    ON t.id = b.row_values[1]::integer
),
restored AS (
  UPDATE public.employee AS t
  SET
    name = b.row_values[2]::varchar,
    managerid = b.row_values[3]::integer
  FROM image AS b
  WHERE t.id = b.row_values[1]::integer
  RETURNING 1
)
SELECT
  restage.count_undone('public.employee', 'restored', r.rows, p.rows) AS rows,
  restage.count_rows('public.employee', 'missing', p.images - p.rows) AS missing
FROM present AS p
CROSS JOIN (
  SELECT count(*) AS rows
  FROM restored
) AS r;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/001_dbo.Employee/60_delete.sql
-- table:   public.employee
-- step:    60 delete
-- purpose: delete the rows that the run inserted
-- source:  dbo.Employee
-- body:    sha256:161754283c9c11d0648b7a6ea628e20181524760b3ddf1ab4fa96ab31474ae35
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH deleted AS (
  DELETE FROM public.employee AS t
  USING pg_temp.restage_undo AS u
  WHERE u.is_new
    AND u.relation = 'public.employee'::regclass
    AND t.tableoid = u.part
    AND t.ctid = u.row_id
  RETURNING 1
)
SELECT restage.count_undone(
  'public.employee',
  'deleted',
  (
    SELECT count(*)
    FROM deleted
  ),
  (
    SELECT count(*)
    FROM pg_temp.restage_undo AS u
    WHERE u.is_new
      AND u.relation = 'public.employee'::regclass
  )
) AS rows;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/001_dbo.Employee/70_forget.sql
-- table:   public.employee
-- step:    70 forget
-- purpose: make the key map what it was before the run
-- source:  dbo.Employee
-- body:    sha256:7ec3d2688fe187f434cdabaa5598b6dbff47e6121e3caa5ccb8df0810a5e4969
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

UPDATE restage_keymap.employee AS k
SET
  row_hash = restage.image_hash(b.row_hash, k.row_hash),
  last_run = b.last_run
FROM restage.before_image AS b
WHERE b.run_id = (SELECT restage.undone_run())
  AND b.table_name = 'public.employee'
  AND b.operation = 'updated'
  AND b.source_key = ARRAY[k.source_id::text]
  AND NOT restage.undo_option('inserts_only');

UPDATE restage_keymap.employee AS k
SET vanished_run = b.vanished_run
FROM restage.before_image AS b
WHERE b.run_id = (SELECT restage.undone_run())
  AND b.table_name = 'public.employee'
  AND b.operation = 'returned'
  AND b.source_key = ARRAY[k.source_id::text];

UPDATE restage_keymap.employee AS k
SET vanished_run = NULL
WHERE k.vanished_run = (SELECT restage.undone_run());

WITH forgotten AS (
  DELETE FROM restage_keymap.employee AS k
  WHERE k.first_run = (SELECT restage.undone_run())
  RETURNING 1
)
SELECT restage.count_rows('public.employee', 'forgotten', count(*)) AS rows
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

