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

-- file:    undo/002_dbo.Log/20_find.sql
-- table:   public.log
-- step:    20 find
-- purpose: find the rows that the run inserted, and what speaks against taking them back
-- source:  dbo.Log
-- body:    sha256:88cbf8ef492609f46a72a4066ac04e6773d07c2273795fe56340572ee5600523
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- The rows are to stay as they are found.
LOCK TABLE public.log IN SHARE ROW EXCLUSIVE MODE;

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
  'public.log',
  l.row_key
FROM (
  SELECT jsonb_build_object('row_hash', k.source_row_hash, 'occurrence', k.source_occurrence)::text AS row_key
  FROM restage_keymap.log AS k
  WHERE k.first_run = (SELECT restage.undone_run())
    AND (
      k.last_run <> (SELECT restage.undone_run())
      OR k.vanished_run <> (SELECT restage.undone_run())
    )
  UNION
  SELECT CASE WHEN k.row_hash IS NULL THEN b.source_key::text ELSE jsonb_build_object('row_hash', k.source_row_hash, 'occurrence', k.source_occurrence)::text END
  FROM restage.before_image AS b
  LEFT JOIN restage_keymap.log AS k
    ON ARRAY[k.source_row_hash::text, k.source_occurrence::text] = b.source_key
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.log'
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
    AND b.table_name = 'public.log'
  UNION
  SELECT jsonb_build_object('row_hash', k.source_row_hash, 'occurrence', k.source_occurrence)::text
  FROM restage_keymap.log AS k
  JOIN restage_keymap.log AS l
    ON l.source_row_hash = k.source_row_hash
    AND l.source_occurrence > k.source_occurrence
  WHERE k.first_run = (SELECT restage.undone_run())
    AND l.first_run <> (SELECT restage.undone_run())
) AS l;

WITH wanted AS MATERIALIZED (
  SELECT
    k.source_row_hash AS row_hash_,
    count(*) FILTER (WHERE k.first_run = (SELECT restage.undone_run())) AS wanted,
    count(*) FILTER (WHERE k.first_run <> (SELECT restage.undone_run())) AS others
  FROM restage_keymap.log AS k
  GROUP BY
    k.source_row_hash
  HAVING count(*) FILTER (WHERE k.first_run = (SELECT restage.undone_run())) > 0
),
present AS (
  SELECT
    h.part,
    h.row_id,
    h.row_hash_,
    row_number() OVER (PARTITION BY h.row_hash_) AS number,
    count(*) OVER (PARTITION BY h.row_hash_) AS rows
  FROM (
    SELECT
      t.tableoid AS part,
      t.ctid AS row_id,
      md5(ROW(
        coalesce(p1.source_hostid::text, 'final ' || t.hostid),
        t.line,
        t.row_hash,
        t.raw
      )::text)::uuid AS row_hash_
    FROM public.log AS t
    LEFT JOIN restage_keymap.host AS p1
      ON p1.target_key = t.hostid
  ) AS h
),
found AS MATERIALIZED (
  SELECT
    p.part,
    p.row_id,
    p.row_hash_
  FROM present AS p
  JOIN wanted AS w
    ON w.row_hash_ = p.row_hash_
  WHERE p.number <= least(w.wanted, p.rows - w.others)
),
noted AS (
  INSERT INTO pg_temp.restage_undo (
    relation,
    part,
    row_id,
    is_new
  )
  SELECT
    'public.log'::regclass,
    f.part,
    f.row_id,
    true
  FROM found AS f
),
missing AS MATERIALIZED (
  SELECT
    w.row_hash_,
    w.wanted - count(f.row_id) AS rows
  FROM wanted AS w
  LEFT JOIN found AS f
    ON f.row_hash_ = w.row_hash_
  GROUP BY
    w.row_hash_,
    w.wanted
  HAVING w.wanted > count(f.row_id)
),
edited AS (
  INSERT INTO pg_temp.restage_conflict (
    kind,
    table_name,
    row_key,
    rows
  )
  SELECT
    'edited',
    'public.log',
    jsonb_build_object('row_hash', m.row_hash_)::text,
    m.rows
  FROM missing AS m
)
SELECT
  (
    SELECT count(*)
    FROM found
  ) AS rows,
  restage.count_rows(
    'public.log',
    'missing',
    (
      SELECT coalesce(sum(m.rows), 0)::bigint
      FROM missing AS m
    )
  ) AS missing;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/001_dbo.Host/20_find.sql
-- table:   public.host
-- step:    20 find
-- purpose: find the rows that the run inserted, and what speaks against taking them back
-- source:  dbo.Host
-- body:    sha256:9bdaba2dace969e8260c87ec0abe4cca6f3ae51bfcfc2cbd98dedcd9a75a344b
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- The rows are to stay as they are found.
LOCK TABLE public.host IN SHARE ROW EXCLUSIVE MODE;

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
  'public.host',
  l.row_key
FROM (
  SELECT jsonb_build_object('HostId', k.source_hostid)::text AS row_key
  FROM restage_keymap.host AS k
  WHERE k.first_run = (SELECT restage.undone_run())
    AND (
      k.last_run <> (SELECT restage.undone_run())
      OR k.vanished_run <> (SELECT restage.undone_run())
    )
  UNION
  SELECT CASE WHEN k.row_hash IS NULL THEN b.source_key::text ELSE jsonb_build_object('HostId', k.source_hostid)::text END
  FROM restage.before_image AS b
  LEFT JOIN restage_keymap.host AS k
    ON ARRAY[k.source_hostid::text] = b.source_key
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.host'
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
    AND b.table_name = 'public.host'
) AS l;

INSERT INTO pg_temp.restage_conflict (
  kind,
  table_name,
  row_key,
  rows
)
SELECT
  'not_kept',
  'public.host',
  NULL,
  c.rows - b.rows
FROM (
  SELECT coalesce(sum(c.rows), 0) AS rows
  FROM restage.row_count AS c
  WHERE c.run_id = (SELECT restage.undone_run())
    AND c.table_name = 'public.host'
    AND c.kind = 'updated'
) AS c
CROSS JOIN (
  SELECT count(*) AS rows
  FROM restage.before_image AS b
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.host'
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
        k.source_hostid,
        t.name
      )::text,
      (NULL::restage_keymap.host).row_hash
    ) AS is_edited,
    jsonb_build_object('HostId', k.source_hostid)::text AS row_key
  FROM public.host AS t
  JOIN restage_keymap.host AS k
    ON k.target_key = t.hostid
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
    'public.host'::regclass,
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
    'public.host',
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
    'public.host',
    'missing',
    (
      SELECT count(*)
      FROM restage_keymap.host AS k
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
  'public.host',
  NULL,
  k.rows - u.rows
FROM (
  SELECT count(*) AS rows
  FROM restage_keymap.host AS k
  WHERE k.last_run = (SELECT restage.undone_run())
    AND k.first_run <> (SELECT restage.undone_run())
    AND NOT restage.undo_option('inserts_only')
) AS k
CROSS JOIN (
  SELECT count(*) AS rows
  FROM pg_temp.restage_undo AS u
  WHERE u.relation = 'public.host'::regclass
    AND NOT u.is_new
) AS u
WHERE k.rows > u.rows;

SELECT restage.find_other_sources(
  'public.host',
  'restage_keymap.host',
  'hostid'
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

-- file:    undo/001_dbo.Host/50_restore.sql
-- table:   public.host
-- step:    50 restore
-- purpose: write the rows that the run updated or marked as they were before
-- source:  dbo.Host
-- body:    sha256:0772357a08578dd77fc70d5aa8665d95b5e08afda1f12e3b61fea94c6f7326f2
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
    AND b.table_name = 'public.host'
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
  JOIN public.host AS t
    ON t.hostid = b.row_values[1]::integer
),
restored AS (
  UPDATE public.host AS t
  SET
    name = b.row_values[2]::varchar
  FROM image AS b
  WHERE t.hostid = b.row_values[1]::integer
  RETURNING 1
)
SELECT
  restage.count_undone('public.host', 'restored', r.rows, p.rows) AS rows,
  restage.count_rows('public.host', 'missing', p.images - p.rows) AS missing
FROM present AS p
CROSS JOIN (
  SELECT count(*) AS rows
  FROM restored
) AS r;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/002_dbo.Log/60_delete.sql
-- table:   public.log
-- step:    60 delete
-- purpose: delete the rows that the run inserted
-- source:  dbo.Log
-- body:    sha256:6d3b99495ca340914d7cfdd179b5261f88d31489f2ec4fba25d53f60fdec4ba0
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH deleted AS (
  DELETE FROM public.log AS t
  USING pg_temp.restage_undo AS u
  WHERE u.is_new
    AND u.relation = 'public.log'::regclass
    AND t.tableoid = u.part
    AND t.ctid = u.row_id
  RETURNING 1
)
SELECT restage.count_undone(
  'public.log',
  'deleted',
  (
    SELECT count(*)
    FROM deleted
  ),
  (
    SELECT count(*)
    FROM pg_temp.restage_undo AS u
    WHERE u.is_new
      AND u.relation = 'public.log'::regclass
  )
) AS rows;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/001_dbo.Host/60_delete.sql
-- table:   public.host
-- step:    60 delete
-- purpose: delete the rows that the run inserted
-- source:  dbo.Host
-- body:    sha256:52d5d06bf4321f07f5bdea121d75b14b1a0a886d810c310021632c5085ea8d58
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH deleted AS (
  DELETE FROM public.host AS t
  USING pg_temp.restage_undo AS u
  WHERE u.is_new
    AND u.relation = 'public.host'::regclass
    AND t.tableoid = u.part
    AND t.ctid = u.row_id
  RETURNING 1
)
SELECT restage.count_undone(
  'public.host',
  'deleted',
  (
    SELECT count(*)
    FROM deleted
  ),
  (
    SELECT count(*)
    FROM pg_temp.restage_undo AS u
    WHERE u.is_new
      AND u.relation = 'public.host'::regclass
  )
) AS rows;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/002_dbo.Log/70_forget.sql
-- table:   public.log
-- step:    70 forget
-- purpose: make the key map what it was before the run
-- source:  dbo.Log
-- body:    sha256:b05f3013e3fa43173c369e3948736b7495370f554ded3ab644c201cd10d09db3
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

UPDATE restage_keymap.log AS k
SET vanished_run = b.vanished_run
FROM restage.before_image AS b
WHERE b.run_id = (SELECT restage.undone_run())
  AND b.table_name = 'public.log'
  AND b.operation = 'returned'
  AND b.source_key = ARRAY[k.source_row_hash::text, k.source_occurrence::text];

UPDATE restage_keymap.log AS k
SET vanished_run = NULL
WHERE k.vanished_run = (SELECT restage.undone_run());

WITH forgotten AS (
  DELETE FROM restage_keymap.log AS k
  WHERE k.first_run = (SELECT restage.undone_run())
  RETURNING 1
)
SELECT restage.count_rows('public.log', 'forgotten', count(*)) AS rows
FROM forgotten;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/001_dbo.Host/70_forget.sql
-- table:   public.host
-- step:    70 forget
-- purpose: make the key map what it was before the run
-- source:  dbo.Host
-- body:    sha256:621bf150c06e4acb41a12c174d2fa176b4bb70792d360b63617aea48b2204421
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

UPDATE restage_keymap.host AS k
SET
  row_hash = restage.image_hash(b.row_hash, k.row_hash),
  last_run = b.last_run
FROM restage.before_image AS b
WHERE b.run_id = (SELECT restage.undone_run())
  AND b.table_name = 'public.host'
  AND b.operation = 'updated'
  AND b.source_key = ARRAY[k.source_hostid::text]
  AND NOT restage.undo_option('inserts_only');

UPDATE restage_keymap.host AS k
SET vanished_run = b.vanished_run
FROM restage.before_image AS b
WHERE b.run_id = (SELECT restage.undone_run())
  AND b.table_name = 'public.host'
  AND b.operation = 'returned'
  AND b.source_key = ARRAY[k.source_hostid::text];

UPDATE restage_keymap.host AS k
SET vanished_run = NULL
WHERE k.vanished_run = (SELECT restage.undone_run());

WITH forgotten AS (
  DELETE FROM restage_keymap.host AS k
  WHERE k.first_run = (SELECT restage.undone_run())
  RETURNING 1
)
SELECT restage.count_rows('public.host', 'forgotten', count(*)) AS rows
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

