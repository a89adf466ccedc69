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

-- file:    undo/002_dbo.Worker/20_find.sql
-- table:   public.worker
-- step:    20 find
-- purpose: find the rows that the run inserted, and what speaks against taking them back
-- source:  dbo.Worker
-- body:    sha256:3fe7da0f24b5f967557159f225657d295b5b1ed679de99df13c6a3c375be65e3
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- The rows are to stay as they are found.
LOCK TABLE public.worker IN SHARE ROW EXCLUSIVE MODE;

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
  'public.worker',
  l.row_key
FROM (
  SELECT jsonb_build_object('Id', k.source_id)::text AS row_key
  FROM restage_keymap.worker AS k
  WHERE k.first_run = (SELECT restage.undone_run())
    AND (
      k.last_run <> (SELECT restage.undone_run())
      OR k.vanished_run <> (SELECT restage.undone_run())
    )
  UNION
  SELECT CASE WHEN k.row_hash IS NULL THEN b.source_key::text ELSE jsonb_build_object('Id', k.source_id)::text END
  FROM restage.before_image AS b
  LEFT JOIN restage_keymap.worker AS k
    ON ARRAY[k.source_id::text] = b.source_key
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.worker'
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
    AND b.table_name = 'public.worker'
) AS l;

INSERT INTO pg_temp.restage_conflict (
  kind,
  table_name,
  row_key,
  rows
)
SELECT
  'not_kept',
  'public.worker',
  NULL,
  c.rows - b.rows
FROM (
  SELECT coalesce(sum(c.rows), 0) AS rows
  FROM restage.row_count AS c
  WHERE c.run_id = (SELECT restage.undone_run())
    AND c.table_name = 'public.worker'
    AND c.kind = 'updated'
) AS c
CROSS JOIN (
  SELECT count(*) AS rows
  FROM restage.before_image AS b
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.worker'
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
        p1.source_id
      )::text,
      (NULL::restage_keymap.worker).row_hash
    ) AS is_edited,
    jsonb_build_object('Id', k.source_id)::text AS row_key
  FROM public.worker AS t
  LEFT JOIN restage_keymap.department AS p1
    ON p1.target_key = t.departmentid
  JOIN restage_keymap.worker AS k
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
    'public.worker'::regclass,
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
    'public.worker',
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
    'public.worker',
    'missing',
    (
      SELECT count(*)
      FROM restage_keymap.worker AS k
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
  'public.worker',
  NULL,
  k.rows - u.rows
FROM (
  SELECT count(*) AS rows
  FROM restage_keymap.worker AS k
  WHERE k.last_run = (SELECT restage.undone_run())
    AND k.first_run <> (SELECT restage.undone_run())
    AND NOT restage.undo_option('inserts_only')
) AS k
CROSS JOIN (
  SELECT count(*) AS rows
  FROM pg_temp.restage_undo AS u
  WHERE u.relation = 'public.worker'::regclass
    AND NOT u.is_new
) AS u
WHERE k.rows > u.rows;

SELECT restage.find_other_sources(
  'public.worker',
  'restage_keymap.worker',
  'id'
) AS other_sources;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/001_dbo.Department/20_find.sql
-- table:   public.department
-- step:    20 find
-- purpose: find the rows that the run inserted, and what speaks against taking them back
-- source:  dbo.Department
-- body:    sha256:edd36b65a1b1c33b8586bb12218013a8b1f53f1330475e1879895ee67cb757ca
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- The rows are to stay as they are found.
LOCK TABLE public.department IN SHARE ROW EXCLUSIVE MODE;

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
  'public.department',
  l.row_key
FROM (
  SELECT jsonb_build_object('Id', k.source_id)::text AS row_key
  FROM restage_keymap.department AS k
  WHERE k.first_run = (SELECT restage.undone_run())
    AND (
      k.last_run <> (SELECT restage.undone_run())
      OR k.vanished_run <> (SELECT restage.undone_run())
    )
  UNION
  SELECT CASE WHEN k.row_hash IS NULL THEN b.source_key::text ELSE jsonb_build_object('Id', k.source_id)::text END
  FROM restage.before_image AS b
  LEFT JOIN restage_keymap.department AS k
    ON ARRAY[k.source_id::text] = b.source_key
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.department'
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
    AND b.table_name = 'public.department'
) AS l;

INSERT INTO pg_temp.restage_conflict (
  kind,
  table_name,
  row_key,
  rows
)
SELECT
  'not_kept',
  'public.department',
  NULL,
  c.rows - b.rows
FROM (
  SELECT coalesce(sum(c.rows), 0) AS rows
  FROM restage.row_count AS c
  WHERE c.run_id = (SELECT restage.undone_run())
    AND c.table_name = 'public.department'
    AND c.kind = 'updated'
) AS c
CROSS JOIN (
  SELECT count(*) AS rows
  FROM restage.before_image AS b
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.department'
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
        coalesce(p1.source_id::text, 'final ' || t.headid)
      )::text,
      (NULL::restage_keymap.department).row_hash
    ) AS is_edited,
    jsonb_build_object('Id', k.source_id)::text AS row_key
  FROM public.department AS t
  LEFT JOIN restage_keymap.worker AS p1
    ON p1.target_key = t.headid
  JOIN restage_keymap.department AS k
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
    'public.department'::regclass,
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
    'public.department',
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
    'public.department',
    'missing',
    (
      SELECT count(*)
      FROM restage_keymap.department AS k
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
  'public.department',
  NULL,
  k.rows - u.rows
FROM (
  SELECT count(*) AS rows
  FROM restage_keymap.department AS k
  WHERE k.last_run = (SELECT restage.undone_run())
    AND k.first_run <> (SELECT restage.undone_run())
    AND NOT restage.undo_option('inserts_only')
) AS k
CROSS JOIN (
  SELECT count(*) AS rows
  FROM pg_temp.restage_undo AS u
  WHERE u.relation = 'public.department'::regclass
    AND NOT u.is_new
) AS u
WHERE k.rows > u.rows;

SELECT restage.find_other_sources(
  'public.department',
  'restage_keymap.department',
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

-- file:    undo/002_dbo.Worker/50_restore.sql
-- table:   public.worker
-- step:    50 restore
-- purpose: write the rows that the run updated or marked as they were before
-- source:  dbo.Worker
-- body:    sha256:ac281e7a6b309420ab2c47b87b1bb511fbf497e6f79a92690f1e0e58aa241d75
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

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH image AS MATERIALIZED (
  SELECT b.row_values
  FROM restage.before_image AS b
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.worker'
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
  JOIN public.worker AS t
    ON t.id = b.row_values[1]::integer
),
restored AS (
  UPDATE public.worker AS t
  SET
    name = b.row_values[2]::varchar,
    departmentid = b.row_values[3]::integer
  FROM image AS b
  WHERE t.id = b.row_values[1]::integer
  RETURNING 1
)
SELECT
  restage.count_undone('public.worker', 'restored', r.rows, p.rows) AS rows,
  restage.count_rows('public.worker', 'missing', p.images - p.rows) AS missing
FROM present AS p
CROSS JOIN (
  SELECT count(*) AS rows
  FROM restored
) AS r;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/001_dbo.Department/50_restore.sql
-- table:   public.department
-- step:    50 restore
-- purpose: write the rows that the run updated or marked as they were before
-- source:  dbo.Department
-- body:    sha256:a676b6be32018918f26188d94360692dd672d2677e1eca62b5f602f63e0cf2d6
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

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH waiting AS MATERIALIZED (
  -- Columns whose foreign key the target checks at once: empty in step 40, filled in step 50.
  SELECT a.attname AS column_name
  FROM pg_catalog.pg_constraint AS c
  JOIN pg_catalog.pg_attribute AS a
    ON a.attrelid = c.conrelid
    AND a.attnum = ANY (c.conkey)
  WHERE c.contype = 'f'
    AND NOT c.condeferrable
    AND c.conrelid = 'public.department'::regclass
    AND c.confrelid IN ('public.worker'::regclass)
),
emptied AS (
  UPDATE public.department AS t
  SET
    headid = CASE WHEN 'headid' NOT IN (SELECT w.column_name FROM waiting AS w) THEN t.headid END
  FROM pg_temp.restage_undo AS u
  WHERE EXISTS (SELECT FROM waiting)
    AND u.is_new
    AND u.relation = 'public.department'::regclass
    AND t.tableoid = u.part
    AND t.ctid = u.row_id
  RETURNING
    u.part,
    u.row_id,
    t.ctid AS new_row_id
)
UPDATE pg_temp.restage_undo AS u
SET row_id = e.new_row_id
FROM emptied AS e
WHERE u.part = e.part
  AND u.row_id = e.row_id;

WITH image AS MATERIALIZED (
  SELECT b.row_values
  FROM restage.before_image AS b
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.department'
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
  JOIN public.department AS t
    ON t.id = b.row_values[1]::integer
),
restored AS (
  UPDATE public.department AS t
  SET
    name = b.row_values[2]::varchar,
    headid = b.row_values[3]::integer
  FROM image AS b
  WHERE t.id = b.row_values[1]::integer
  RETURNING 1
)
SELECT
  restage.count_undone('public.department', 'restored', r.rows, p.rows) AS rows,
  restage.count_rows('public.department', 'missing', p.images - p.rows) AS missing
FROM present AS p
CROSS JOIN (
  SELECT count(*) AS rows
  FROM restored
) AS r;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/002_dbo.Worker/60_delete.sql
-- table:   public.worker
-- step:    60 delete
-- purpose: delete the rows that the run inserted
-- source:  dbo.Worker
-- body:    sha256:ae537d4be135964afacded9abf69a6d777dc1c1d39041be0b4561372bc8cf956
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH deleted AS (
  DELETE FROM public.worker AS t
  USING pg_temp.restage_undo AS u
  WHERE u.is_new
    AND u.relation = 'public.worker'::regclass
    AND t.tableoid = u.part
    AND t.ctid = u.row_id
  RETURNING 1
)
SELECT restage.count_undone(
  'public.worker',
  'deleted',
  (
    SELECT count(*)
    FROM deleted
  ),
  (
    SELECT count(*)
    FROM pg_temp.restage_undo AS u
    WHERE u.is_new
      AND u.relation = 'public.worker'::regclass
  )
) AS rows;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/001_dbo.Department/60_delete.sql
-- table:   public.department
-- step:    60 delete
-- purpose: delete the rows that the run inserted
-- source:  dbo.Department
-- body:    sha256:f5b30a41832228ae5c1a940f09c6c0d330c4fe8be76cd27593f447b1963d807c
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH deleted AS (
  DELETE FROM public.department AS t
  USING pg_temp.restage_undo AS u
  WHERE u.is_new
    AND u.relation = 'public.department'::regclass
    AND t.tableoid = u.part
    AND t.ctid = u.row_id
  RETURNING 1
)
SELECT restage.count_undone(
  'public.department',
  'deleted',
  (
    SELECT count(*)
    FROM deleted
  ),
  (
    SELECT count(*)
    FROM pg_temp.restage_undo AS u
    WHERE u.is_new
      AND u.relation = 'public.department'::regclass
  )
) AS rows;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/002_dbo.Worker/70_forget.sql
-- table:   public.worker
-- step:    70 forget
-- purpose: make the key map what it was before the run
-- source:  dbo.Worker
-- body:    sha256:903869c1ff2eef82466bdfb96f0d2fb8608f3f0290d1279cecb245d10e206937
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

UPDATE restage_keymap.worker AS k
SET
  row_hash = restage.image_hash(b.row_hash, k.row_hash),
  last_run = b.last_run
FROM restage.before_image AS b
WHERE b.run_id = (SELECT restage.undone_run())
  AND b.table_name = 'public.worker'
  AND b.operation = 'updated'
  AND b.source_key = ARRAY[k.source_id::text]
  AND NOT restage.undo_option('inserts_only');

UPDATE restage_keymap.worker AS k
SET vanished_run = b.vanished_run
FROM restage.before_image AS b
WHERE b.run_id = (SELECT restage.undone_run())
  AND b.table_name = 'public.worker'
  AND b.operation = 'returned'
  AND b.source_key = ARRAY[k.source_id::text];

UPDATE restage_keymap.worker AS k
SET vanished_run = NULL
WHERE k.vanished_run = (SELECT restage.undone_run());

WITH forgotten AS (
  DELETE FROM restage_keymap.worker AS k
  WHERE k.first_run = (SELECT restage.undone_run())
  RETURNING 1
)
SELECT restage.count_rows('public.worker', 'forgotten', count(*)) AS rows
FROM forgotten;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/001_dbo.Department/70_forget.sql
-- table:   public.department
-- step:    70 forget
-- purpose: make the key map what it was before the run
-- source:  dbo.Department
-- body:    sha256:a2c509079dc06c6395350e3d26720835325cefc5c18d16f53be08231201de98d
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

UPDATE restage_keymap.department AS k
SET
  row_hash = restage.image_hash(b.row_hash, k.row_hash),
  last_run = b.last_run
FROM restage.before_image AS b
WHERE b.run_id = (SELECT restage.undone_run())
  AND b.table_name = 'public.department'
  AND b.operation = 'updated'
  AND b.source_key = ARRAY[k.source_id::text]
  AND NOT restage.undo_option('inserts_only');

UPDATE restage_keymap.department AS k
SET vanished_run = b.vanished_run
FROM restage.before_image AS b
WHERE b.run_id = (SELECT restage.undone_run())
  AND b.table_name = 'public.department'
  AND b.operation = 'returned'
  AND b.source_key = ARRAY[k.source_id::text];

UPDATE restage_keymap.department AS k
SET vanished_run = NULL
WHERE k.vanished_run = (SELECT restage.undone_run());

WITH forgotten AS (
  DELETE FROM restage_keymap.department AS k
  WHERE k.first_run = (SELECT restage.undone_run())
  RETURNING 1
)
SELECT restage.count_rows('public.department', 'forgotten', count(*)) AS rows
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

