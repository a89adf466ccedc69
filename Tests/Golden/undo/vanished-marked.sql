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

-- file:    undo/002_dbo.Line/20_find.sql
-- table:   public.line
-- step:    20 find
-- purpose: find the rows that the run inserted, and what speaks against taking them back
-- source:  dbo.Line
-- body:    sha256:0b4efebc39606622e1c39abaece181ea14c26fce0c71e0c5dab89e6f06c30bd2
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- The rows are to stay as they are found.
LOCK TABLE public.line IN SHARE ROW EXCLUSIVE MODE;

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
  'public.line',
  l.row_key
FROM (
  SELECT jsonb_build_object('row_hash', k.source_row_hash, 'occurrence', k.source_occurrence)::text AS row_key
  FROM restage_keymap.line AS k
  WHERE k.first_run = (SELECT restage.undone_run())
    AND (
      k.last_run <> (SELECT restage.undone_run())
      OR k.vanished_run <> (SELECT restage.undone_run())
    )
  UNION
  SELECT CASE WHEN k.row_hash IS NULL THEN b.source_key::text ELSE jsonb_build_object('row_hash', k.source_row_hash, 'occurrence', k.source_occurrence)::text END
  FROM restage.before_image AS b
  LEFT JOIN restage_keymap.line AS k
    ON ARRAY[k.source_row_hash::text, k.source_occurrence::text] = b.source_key
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.line'
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
    AND b.table_name = 'public.line'
  UNION
  SELECT jsonb_build_object('row_hash', k.source_row_hash, 'occurrence', k.source_occurrence)::text
  FROM restage_keymap.line AS k
  JOIN restage_keymap.line AS l
    ON l.source_row_hash = k.source_row_hash
    AND l.source_occurrence > k.source_occurrence
  WHERE k.first_run = (SELECT restage.undone_run())
    AND l.first_run <> (SELECT restage.undone_run())
) AS l;

WITH wanted AS MATERIALIZED (
  SELECT
    k.source_row_hash AS row_hash,
    count(*) FILTER (WHERE k.first_run = (SELECT restage.undone_run())) AS wanted,
    count(*) FILTER (WHERE k.first_run <> (SELECT restage.undone_run())) AS others
  FROM restage_keymap.line AS k
  GROUP BY
    k.source_row_hash
  HAVING count(*) FILTER (WHERE k.first_run = (SELECT restage.undone_run())) > 0
),
present AS (
  SELECT
    h.part,
    h.row_id,
    h.row_hash,
    row_number() OVER (PARTITION BY h.row_hash) AS number,
    count(*) OVER (PARTITION BY h.row_hash) AS rows
  FROM (
    SELECT
      t.tableoid AS part,
      t.ctid AS row_id,
      md5(ROW(
        t.text
      )::text)::uuid AS row_hash
    FROM public.line AS t
  ) AS h
),
found AS MATERIALIZED (
  SELECT
    p.part,
    p.row_id,
    p.row_hash
  FROM present AS p
  JOIN wanted AS w
    ON w.row_hash = p.row_hash
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
    'public.line'::regclass,
    f.part,
    f.row_id,
    true
  FROM found AS f
),
missing AS MATERIALIZED (
  SELECT
    w.row_hash,
    w.wanted - count(f.row_id) AS rows
  FROM wanted AS w
  LEFT JOIN found AS f
    ON f.row_hash = w.row_hash
  GROUP BY
    w.row_hash,
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
    'public.line',
    jsonb_build_object('row_hash', m.row_hash)::text,
    m.rows
  FROM missing AS m
)
SELECT
  (
    SELECT count(*)
    FROM found
  ) AS rows,
  restage.count_rows(
    'public.line',
    'missing',
    (
      SELECT coalesce(sum(m.rows), 0)::bigint
      FROM missing AS m
    )
  ) AS missing;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/001_dbo.Artist/20_find.sql
-- table:   public.artist
-- step:    20 find
-- purpose: find the rows that the run inserted, and what speaks against taking them back
-- source:  dbo.Artist
-- body:    sha256:7144fc6f87f6a56c7f27550af47857585f78c3f8b365321bfe7997f073ca1767
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
  SELECT jsonb_build_object('Id', k.source_id)::text AS row_key
  FROM restage_keymap.artist AS k
  WHERE k.first_run = (SELECT restage.undone_run())
    AND (
      k.last_run <> (SELECT restage.undone_run())
      OR k.vanished_run <> (SELECT restage.undone_run())
    )
  UNION
  SELECT CASE WHEN k.row_hash IS NULL THEN b.source_key::text ELSE jsonb_build_object('Id', k.source_id)::text END
  FROM restage.before_image AS b
  LEFT JOIN restage_keymap.artist AS k
    ON ARRAY[k.source_id::text] = b.source_key
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
        k.source_id,
        t.name
      )::text,
      (NULL::restage_keymap.artist).row_hash
    ) AS is_edited,
    jsonb_build_object('Id', k.source_id)::text AS row_key
  FROM public.artist AS t
  JOIN restage_keymap.artist AS k
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

-- file:    undo/002_dbo.Line/50_restore.sql
-- table:   public.line
-- step:    50 restore
-- purpose: write the rows that the run updated or marked as they were before
-- source:  dbo.Line
-- body:    sha256:c2f10bb865c73c8a7cf50e8db3b02d3597c9f14fe051c31aa0b30c75dcdf2983
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
  SELECT
    t.tableoid AS part,
    t.ctid AS row_id,
    b.marked_at
  FROM (
    SELECT
      h.row_id,
      h.row_hash,
      row_number() OVER (PARTITION BY h.row_hash ORDER BY h.marked_at DESC NULLS FIRST)::integer AS occurrence
    FROM (
      SELECT
        t.ctid AS row_id,
        t.gone_at AS marked_at,
        md5(ROW(
          t.text
        )::text)::uuid AS row_hash
      FROM public.line AS t
    ) AS h
  ) AS s
  JOIN restage_keymap.line AS k
    ON k.source_row_hash = s.row_hash
    AND k.source_occurrence = s.occurrence
  JOIN public.line AS t
    ON t.ctid = s.row_id
  JOIN restage.before_image AS b
    ON b.source_key = ARRAY[k.source_row_hash::text, k.source_occurrence::text]
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.line'
    AND b.operation = 'marked'
),
restored AS (
  UPDATE public.line AS t
  SET gone_at = b.marked_at
  FROM image AS b
  WHERE t.tableoid = b.part
    AND t.ctid = b.row_id
  RETURNING 1
)
SELECT count(*) AS rows
FROM restored;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/001_dbo.Artist/50_restore.sql
-- table:   public.artist
-- step:    50 restore
-- purpose: write the rows that the run updated or marked as they were before
-- source:  dbo.Artist
-- body:    sha256:b7c89abdffacd2cf53c53d1e42e7f59460b955377b7e81995928cf7b60ae34fb
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
  SELECT
    t.tableoid AS part,
    t.ctid AS row_id,
    b.marked_at
  FROM public.artist AS t
  JOIN restage_keymap.artist AS k
    ON k.target_key = t.id
  JOIN restage.before_image AS b
    ON b.source_key = ARRAY[k.source_id::text]
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.artist'
    AND b.operation = 'marked'
),
restored AS (
  UPDATE public.artist AS t
  SET "gone at" = b.marked_at
  FROM image AS b
  WHERE t.tableoid = b.part
    AND t.ctid = b.row_id
  RETURNING 1
)
SELECT count(*) AS rows
FROM restored;

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
    ON t.id = b.row_values[1]::integer
),
restored AS (
  UPDATE public.artist AS t
  SET
    name = b.row_values[2]::varchar
  FROM image AS b
  WHERE t.id = b.row_values[1]::integer
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

-- file:    undo/002_dbo.Line/60_delete.sql
-- table:   public.line
-- step:    60 delete
-- purpose: delete the rows that the run inserted
-- source:  dbo.Line
-- body:    sha256:bc6902d29468967d024689f8c32a23e8a84ab8a98a0e2974daa0833de80aa618
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH deleted AS (
  DELETE FROM public.line AS t
  USING pg_temp.restage_undo AS u
  WHERE u.is_new
    AND u.relation = 'public.line'::regclass
    AND t.tableoid = u.part
    AND t.ctid = u.row_id
  RETURNING 1
)
SELECT restage.count_undone(
  'public.line',
  'deleted',
  (
    SELECT count(*)
    FROM deleted
  ),
  (
    SELECT count(*)
    FROM pg_temp.restage_undo AS u
    WHERE u.is_new
      AND u.relation = 'public.line'::regclass
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

-- file:    undo/002_dbo.Line/70_forget.sql
-- table:   public.line
-- step:    70 forget
-- purpose: make the key map what it was before the run
-- source:  dbo.Line
-- body:    sha256:351faec7fd9f5f31368b412a28663be9c87f6f6ed0bc1e48d5002952e07902b7
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

UPDATE restage_keymap.line AS k
SET vanished_run = b.vanished_run
FROM restage.before_image AS b
WHERE b.run_id = (SELECT restage.undone_run())
  AND b.table_name = 'public.line'
  AND b.operation = 'returned'
  AND b.source_key = ARRAY[k.source_row_hash::text, k.source_occurrence::text];

UPDATE restage_keymap.line AS k
SET vanished_run = NULL
WHERE k.vanished_run = (SELECT restage.undone_run());

WITH forgotten AS (
  DELETE FROM restage_keymap.line AS k
  WHERE k.first_run = (SELECT restage.undone_run())
  RETURNING 1
)
SELECT restage.count_rows('public.line', 'forgotten', count(*)) AS rows
FROM forgotten;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/001_dbo.Artist/70_forget.sql
-- table:   public.artist
-- step:    70 forget
-- purpose: make the key map what it was before the run
-- source:  dbo.Artist
-- body:    sha256:76677436103f458410ad002be0c5a327fd8e02ffb170484674ef2378e5f72dc2
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
  AND b.source_key = ARRAY[k.source_id::text]
  AND NOT restage.undo_option('inserts_only');

UPDATE restage_keymap.artist AS k
SET vanished_run = b.vanished_run
FROM restage.before_image AS b
WHERE b.run_id = (SELECT restage.undone_run())
  AND b.table_name = 'public.artist'
  AND b.operation = 'returned'
  AND b.source_key = ARRAY[k.source_id::text];

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

