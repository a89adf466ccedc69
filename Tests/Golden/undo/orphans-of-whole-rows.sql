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

-- file:    undo/005_dbo.Visit/20_find.sql
-- table:   public.visit
-- step:    20 find
-- purpose: find the rows that the run inserted, and what speaks against taking them back
-- source:  dbo.Visit
-- body:    sha256:a896a23ccbf0199c0a281fb3e63fa3e52fb7947374066da25f76cdcfc1649fad
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- The rows are to stay as they are found.
LOCK TABLE public.visit IN SHARE ROW EXCLUSIVE MODE;

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
  'public.visit',
  l.row_key
FROM (
  SELECT jsonb_build_object('row_hash', k.source_row_hash, 'occurrence', k.source_occurrence)::text AS row_key
  FROM restage_keymap.visit AS k
  WHERE k.first_run = (SELECT restage.undone_run())
    AND (
      k.last_run <> (SELECT restage.undone_run())
      OR k.vanished_run <> (SELECT restage.undone_run())
    )
  UNION
  SELECT CASE WHEN k.row_hash IS NULL THEN b.source_key::text ELSE jsonb_build_object('row_hash', k.source_row_hash, 'occurrence', k.source_occurrence)::text END
  FROM restage.before_image AS b
  LEFT JOIN restage_keymap.visit AS k
    ON ARRAY[k.source_row_hash::text, k.source_occurrence::text] = b.source_key
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.visit'
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
    AND b.table_name = 'public.visit'
  UNION
  SELECT jsonb_build_object('row_hash', k.source_row_hash, 'occurrence', k.source_occurrence)::text
  FROM restage_keymap.visit AS k
  JOIN restage_keymap.visit AS l
    ON l.source_row_hash = k.source_row_hash
    AND l.source_occurrence > k.source_occurrence
  WHERE k.first_run = (SELECT restage.undone_run())
    AND l.first_run <> (SELECT restage.undone_run())
) AS l;

WITH nulled AS MATERIALIZED (
  SELECT
    r.run_id,
    r.row_hash,
    md5(ROW(
      CASE WHEN 'code' = ANY (r.emptied) THEN NULL ELSE s.code END,
      CASE WHEN 'no' = ANY (r.emptied) THEN NULL ELSE s.no END,
      CASE WHEN 'mark' = ANY (r.emptied) THEN NULL ELSE s.mark END
    )::text)::uuid AS loaded_hash
  FROM (
    SELECT
      r.run_id,
      (r.source_key ->> 'row_hash')::uuid AS row_hash,
      array_agg(DISTINCT c.name) AS emptied,
      min(r.row_data::text)::json AS row_data
    FROM restage.reject AS r
    CROSS JOIN LATERAL unnest(r.column_names) AS c (name)
    WHERE r.table_name = 'public.visit'
      AND r.is_loaded
    GROUP BY
      r.run_id,
      r.source_key ->> 'row_hash'
  ) AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.visit, r.row_data) AS s
),
wanted AS MATERIALIZED (
  SELECT
    coalesce(n.loaded_hash, k.source_row_hash) AS row_hash,
    count(*) FILTER (WHERE k.first_run = (SELECT restage.undone_run())) AS wanted,
    count(*) FILTER (WHERE k.first_run <> (SELECT restage.undone_run())) AS others
  FROM restage_keymap.visit AS k
  LEFT JOIN nulled AS n
    ON n.run_id = k.first_run
    AND n.row_hash = k.source_row_hash
  GROUP BY
    coalesce(n.loaded_hash, k.source_row_hash)
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
        t.code,
        t.no,
        t.mark
      )::text)::uuid AS row_hash
    FROM public.visit AS t
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
    'public.visit'::regclass,
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
    'public.visit',
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
    'public.visit',
    'missing',
    (
      SELECT coalesce(sum(m.rows), 0)::bigint
      FROM missing AS m
    )
  ) AS missing;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/004_dbo.Town/20_find.sql
-- table:   public.town
-- step:    20 find
-- purpose: find the rows that the run inserted, and what speaks against taking them back
-- source:  dbo.Town
-- body:    sha256:bff1d75b3e504c8acaa78653548595d66f9fa0f47cddb8b2d36d5eea5dc9b158
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- The rows are to stay as they are found.
LOCK TABLE public.town IN SHARE ROW EXCLUSIVE MODE;

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
  'public.town',
  l.row_key
FROM (
  SELECT jsonb_build_object('Code', k.source_code, 'No', k.source_no)::text AS row_key
  FROM restage_keymap.town AS k
  WHERE k.first_run = (SELECT restage.undone_run())
    AND (
      k.last_run <> (SELECT restage.undone_run())
      OR k.vanished_run <> (SELECT restage.undone_run())
    )
  UNION
  SELECT CASE WHEN k.row_hash IS NULL THEN b.source_key::text ELSE jsonb_build_object('Code', k.source_code, 'No', k.source_no)::text END
  FROM restage.before_image AS b
  LEFT JOIN restage_keymap.town AS k
    ON ARRAY[k.source_code::text, k.source_no::text] = b.source_key
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.town'
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
    AND b.table_name = 'public.town'
) AS l;

INSERT INTO pg_temp.restage_conflict (
  kind,
  table_name,
  row_key,
  rows
)
SELECT
  'not_kept',
  'public.town',
  NULL,
  c.rows - b.rows
FROM (
  SELECT coalesce(sum(c.rows), 0) AS rows
  FROM restage.row_count AS c
  WHERE c.run_id = (SELECT restage.undone_run())
    AND c.table_name = 'public.town'
    AND c.kind = 'updated'
) AS c
CROSS JOIN (
  SELECT count(*) AS rows
  FROM restage.before_image AS b
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.town'
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
        t.code,
        t.no,
        t.mark
      )::text,
      (NULL::restage_keymap.town).row_hash
    ) AS is_edited,
    jsonb_build_object('Code', k.source_code, 'No', k.source_no)::text AS row_key
  FROM public.town AS t
  JOIN restage_keymap.town AS k
    ON rtrim(k.source_code) = rtrim(t.code)
    AND k.source_no = t.no
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
    'public.town'::regclass,
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
    'public.town',
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
    'public.town',
    'missing',
    (
      SELECT count(*)
      FROM restage_keymap.town AS k
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
  'public.town',
  NULL,
  k.rows - u.rows
FROM (
  SELECT count(*) AS rows
  FROM restage_keymap.town AS k
  WHERE k.last_run = (SELECT restage.undone_run())
    AND k.first_run <> (SELECT restage.undone_run())
    AND NOT restage.undo_option('inserts_only')
) AS k
CROSS JOIN (
  SELECT count(*) AS rows
  FROM pg_temp.restage_undo AS u
  WHERE u.relation = 'public.town'::regclass
    AND NOT u.is_new
) AS u
WHERE k.rows > u.rows;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/003_dbo.Refused/20_find.sql
-- table:   public.refused
-- step:    20 find
-- purpose: find the rows that the run inserted, and what speaks against taking them back
-- source:  dbo.Refused
-- body:    sha256:0990ef00cd4ee8cf7cebdd768110e15ddf53e9e742fff7c37836af6d8f440018
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- The rows are to stay as they are found.
LOCK TABLE public.refused IN SHARE ROW EXCLUSIVE MODE;

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
  'public.refused',
  l.row_key
FROM (
  SELECT jsonb_build_object('row_hash', k.source_row_hash, 'occurrence', k.source_occurrence)::text AS row_key
  FROM restage_keymap.refused AS k
  WHERE k.first_run = (SELECT restage.undone_run())
    AND (
      k.last_run <> (SELECT restage.undone_run())
      OR k.vanished_run <> (SELECT restage.undone_run())
    )
  UNION
  SELECT CASE WHEN k.row_hash IS NULL THEN b.source_key::text ELSE jsonb_build_object('row_hash', k.source_row_hash, 'occurrence', k.source_occurrence)::text END
  FROM restage.before_image AS b
  LEFT JOIN restage_keymap.refused AS k
    ON ARRAY[k.source_row_hash::text, k.source_occurrence::text] = b.source_key
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.refused'
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
    AND b.table_name = 'public.refused'
  UNION
  SELECT jsonb_build_object('row_hash', k.source_row_hash, 'occurrence', k.source_occurrence)::text
  FROM restage_keymap.refused AS k
  JOIN restage_keymap.refused AS l
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
  FROM restage_keymap.refused AS k
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
        coalesce(p1.source_id::text, 'final ' || t.parentid),
        t.note
      )::text)::uuid AS row_hash
    FROM public.refused AS t
    LEFT JOIN restage_keymap.parent AS p1
      ON p1.target_key = t.parentid
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
    'public.refused'::regclass,
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
    'public.refused',
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
    'public.refused',
    'missing',
    (
      SELECT coalesce(sum(m.rows), 0)::bigint
      FROM missing AS m
    )
  ) AS missing;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/002_dbo.Nulled/20_find.sql
-- table:   public.nulled
-- step:    20 find
-- purpose: find the rows that the run inserted, and what speaks against taking them back
-- source:  dbo.Nulled
-- body:    sha256:8c43daefbb6b5c9fc2fd1a8050399bf53bdbdf27125586414ad450ca5c1c282b
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- The rows are to stay as they are found.
LOCK TABLE public.nulled IN SHARE ROW EXCLUSIVE MODE;

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
  'public.nulled',
  l.row_key
FROM (
  SELECT jsonb_build_object('row_hash', k.source_row_hash, 'occurrence', k.source_occurrence)::text AS row_key
  FROM restage_keymap.nulled AS k
  WHERE k.first_run = (SELECT restage.undone_run())
    AND (
      k.last_run <> (SELECT restage.undone_run())
      OR k.vanished_run <> (SELECT restage.undone_run())
    )
  UNION
  SELECT CASE WHEN k.row_hash IS NULL THEN b.source_key::text ELSE jsonb_build_object('row_hash', k.source_row_hash, 'occurrence', k.source_occurrence)::text END
  FROM restage.before_image AS b
  LEFT JOIN restage_keymap.nulled AS k
    ON ARRAY[k.source_row_hash::text, k.source_occurrence::text] = b.source_key
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.nulled'
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
    AND b.table_name = 'public.nulled'
  UNION
  SELECT jsonb_build_object('row_hash', k.source_row_hash, 'occurrence', k.source_occurrence)::text
  FROM restage_keymap.nulled AS k
  JOIN restage_keymap.nulled AS l
    ON l.source_row_hash = k.source_row_hash
    AND l.source_occurrence > k.source_occurrence
  WHERE k.first_run = (SELECT restage.undone_run())
    AND l.first_run <> (SELECT restage.undone_run())
) AS l;

WITH nulled AS MATERIALIZED (
  SELECT
    r.run_id,
    r.row_hash,
    md5(ROW(
      CASE WHEN 'parentid' = ANY (r.emptied) THEN NULL ELSE s.parentid END,
      CASE WHEN 'otherid' = ANY (r.emptied) THEN NULL ELSE s.otherid END
    )::text)::uuid AS loaded_hash
  FROM (
    SELECT
      r.run_id,
      (r.source_key ->> 'row_hash')::uuid AS row_hash,
      array_agg(DISTINCT c.name) AS emptied,
      min(r.row_data::text)::json AS row_data
    FROM restage.reject AS r
    CROSS JOIN LATERAL unnest(r.column_names) AS c (name)
    WHERE r.table_name = 'public.nulled'
      AND r.is_loaded
    GROUP BY
      r.run_id,
      r.source_key ->> 'row_hash'
  ) AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.nulled, r.row_data) AS s
),
wanted AS MATERIALIZED (
  SELECT
    coalesce(n.loaded_hash, k.source_row_hash) AS row_hash,
    count(*) FILTER (WHERE k.first_run = (SELECT restage.undone_run())) AS wanted,
    count(*) FILTER (WHERE k.first_run <> (SELECT restage.undone_run())) AS others
  FROM restage_keymap.nulled AS k
  LEFT JOIN nulled AS n
    ON n.run_id = k.first_run
    AND n.row_hash = k.source_row_hash
  GROUP BY
    coalesce(n.loaded_hash, k.source_row_hash)
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
        coalesce(p1.source_id::text, 'final ' || t.parentid),
        coalesce(p2.source_id::text, 'final ' || t.otherid)
      )::text)::uuid AS row_hash
    FROM public.nulled AS t
    LEFT JOIN restage_keymap.parent AS p1
      ON p1.target_key = t.parentid
    LEFT JOIN restage_keymap.parent AS p2
      ON p2.target_key = t.otherid
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
    'public.nulled'::regclass,
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
    'public.nulled',
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
    'public.nulled',
    'missing',
    (
      SELECT coalesce(sum(m.rows), 0)::bigint
      FROM missing AS m
    )
  ) AS missing;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/001_dbo.Parent/20_find.sql
-- table:   public.parent
-- step:    20 find
-- purpose: find the rows that the run inserted, and what speaks against taking them back
-- source:  dbo.Parent
-- body:    sha256:42bb5ba8d0d0997022eae396ae52231232979c8cb2ed899afe26670f59bc683c
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- The rows are to stay as they are found.
LOCK TABLE public.parent IN SHARE ROW EXCLUSIVE MODE;

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
  'public.parent',
  l.row_key
FROM (
  SELECT jsonb_build_object('Id', k.source_id)::text AS row_key
  FROM restage_keymap.parent AS k
  WHERE k.first_run = (SELECT restage.undone_run())
    AND (
      k.last_run <> (SELECT restage.undone_run())
      OR k.vanished_run <> (SELECT restage.undone_run())
    )
  UNION
  SELECT CASE WHEN k.row_hash IS NULL THEN b.source_key::text ELSE jsonb_build_object('Id', k.source_id)::text END
  FROM restage.before_image AS b
  LEFT JOIN restage_keymap.parent AS k
    ON ARRAY[k.source_id::text] = b.source_key
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.parent'
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
    AND b.table_name = 'public.parent'
) AS l;

INSERT INTO pg_temp.restage_conflict (
  kind,
  table_name,
  row_key,
  rows
)
SELECT
  'not_kept',
  'public.parent',
  NULL,
  c.rows - b.rows
FROM (
  SELECT coalesce(sum(c.rows), 0) AS rows
  FROM restage.row_count AS c
  WHERE c.run_id = (SELECT restage.undone_run())
    AND c.table_name = 'public.parent'
    AND c.kind = 'updated'
) AS c
CROSS JOIN (
  SELECT count(*) AS rows
  FROM restage.before_image AS b
  WHERE b.run_id = (SELECT restage.undone_run())
    AND b.table_name = 'public.parent'
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
      (NULL::restage_keymap.parent).row_hash
    ) AS is_edited,
    jsonb_build_object('Id', k.source_id)::text AS row_key
  FROM public.parent AS t
  JOIN restage_keymap.parent AS k
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
    'public.parent'::regclass,
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
    'public.parent',
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
    'public.parent',
    'missing',
    (
      SELECT count(*)
      FROM restage_keymap.parent AS k
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
  'public.parent',
  NULL,
  k.rows - u.rows
FROM (
  SELECT count(*) AS rows
  FROM restage_keymap.parent AS k
  WHERE k.last_run = (SELECT restage.undone_run())
    AND k.first_run <> (SELECT restage.undone_run())
    AND NOT restage.undo_option('inserts_only')
) AS k
CROSS JOIN (
  SELECT count(*) AS rows
  FROM pg_temp.restage_undo AS u
  WHERE u.relation = 'public.parent'::regclass
    AND NOT u.is_new
) AS u
WHERE k.rows > u.rows;

SELECT restage.find_other_sources(
  'public.parent',
  'restage_keymap.parent',
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

-- file:    undo/004_dbo.Town/50_restore.sql
-- table:   public.town
-- step:    50 restore
-- purpose: write the rows that the run updated or marked as they were before
-- source:  dbo.Town
-- body:    sha256:f742bbc55d3f57ec801de5710d654d0d3d44107119ee3b97b6a0cb12b8edda6a
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
    AND b.table_name = 'public.town'
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
  JOIN public.town AS t
    ON rtrim(t.code) = rtrim(b.row_values[1]::varchar)
    AND t.no = b.row_values[2]::integer
),
restored AS (
  UPDATE public.town AS t
  SET
    code = b.row_values[1]::varchar,
    mark = b.row_values[3]::integer
  FROM image AS b
  WHERE rtrim(t.code) = rtrim(b.row_values[1]::varchar)
    AND t.no = b.row_values[2]::integer
  RETURNING 1
)
SELECT
  restage.count_undone('public.town', 'restored', r.rows, p.rows) AS rows,
  restage.count_rows('public.town', 'missing', p.images - p.rows) AS missing
FROM present AS p
CROSS JOIN (
  SELECT count(*) AS rows
  FROM restored
) AS r;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/001_dbo.Parent/50_restore.sql
-- table:   public.parent
-- step:    50 restore
-- purpose: write the rows that the run updated or marked as they were before
-- source:  dbo.Parent
-- body:    sha256:2613fd83f4306abd67977adf5c74ebdcbd6528281840c992a1104119e7185277
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
    AND b.table_name = 'public.parent'
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
  JOIN public.parent AS t
    ON t.id = b.row_values[1]::integer
),
restored AS (
  UPDATE public.parent AS t
  SET
    name = b.row_values[2]::varchar
  FROM image AS b
  WHERE t.id = b.row_values[1]::integer
  RETURNING 1
)
SELECT
  restage.count_undone('public.parent', 'restored', r.rows, p.rows) AS rows,
  restage.count_rows('public.parent', 'missing', p.images - p.rows) AS missing
FROM present AS p
CROSS JOIN (
  SELECT count(*) AS rows
  FROM restored
) AS r;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/005_dbo.Visit/60_delete.sql
-- table:   public.visit
-- step:    60 delete
-- purpose: delete the rows that the run inserted
-- source:  dbo.Visit
-- body:    sha256:b41730b6d0d9d34d37c6e565e811ffc5799e12ea853dc822e508f598d31aee28
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH deleted AS (
  DELETE FROM public.visit AS t
  USING pg_temp.restage_undo AS u
  WHERE u.is_new
    AND u.relation = 'public.visit'::regclass
    AND t.tableoid = u.part
    AND t.ctid = u.row_id
  RETURNING 1
)
SELECT restage.count_undone(
  'public.visit',
  'deleted',
  (
    SELECT count(*)
    FROM deleted
  ),
  (
    SELECT count(*)
    FROM pg_temp.restage_undo AS u
    WHERE u.is_new
      AND u.relation = 'public.visit'::regclass
  )
) AS rows;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/004_dbo.Town/60_delete.sql
-- table:   public.town
-- step:    60 delete
-- purpose: delete the rows that the run inserted
-- source:  dbo.Town
-- body:    sha256:1d7d3e65f387bad63c28b642bddff6cda6b7f0649aadaf0b9e95ad7af372f44a
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH deleted AS (
  DELETE FROM public.town AS t
  USING pg_temp.restage_undo AS u
  WHERE u.is_new
    AND u.relation = 'public.town'::regclass
    AND t.tableoid = u.part
    AND t.ctid = u.row_id
  RETURNING 1
)
SELECT restage.count_undone(
  'public.town',
  'deleted',
  (
    SELECT count(*)
    FROM deleted
  ),
  (
    SELECT count(*)
    FROM pg_temp.restage_undo AS u
    WHERE u.is_new
      AND u.relation = 'public.town'::regclass
  )
) AS rows;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/003_dbo.Refused/60_delete.sql
-- table:   public.refused
-- step:    60 delete
-- purpose: delete the rows that the run inserted
-- source:  dbo.Refused
-- body:    sha256:c8f8834e7d3ba00177b01ce78277f0881f6026bdb0df890eec3f80d96c91df2d
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH deleted AS (
  DELETE FROM public.refused AS t
  USING pg_temp.restage_undo AS u
  WHERE u.is_new
    AND u.relation = 'public.refused'::regclass
    AND t.tableoid = u.part
    AND t.ctid = u.row_id
  RETURNING 1
)
SELECT restage.count_undone(
  'public.refused',
  'deleted',
  (
    SELECT count(*)
    FROM deleted
  ),
  (
    SELECT count(*)
    FROM pg_temp.restage_undo AS u
    WHERE u.is_new
      AND u.relation = 'public.refused'::regclass
  )
) AS rows;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/002_dbo.Nulled/60_delete.sql
-- table:   public.nulled
-- step:    60 delete
-- purpose: delete the rows that the run inserted
-- source:  dbo.Nulled
-- body:    sha256:f1655fa682d8f3cfec01ecce2da40d74e67b42a66522be3c3251a1f0b80de8e5
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH deleted AS (
  DELETE FROM public.nulled AS t
  USING pg_temp.restage_undo AS u
  WHERE u.is_new
    AND u.relation = 'public.nulled'::regclass
    AND t.tableoid = u.part
    AND t.ctid = u.row_id
  RETURNING 1
)
SELECT restage.count_undone(
  'public.nulled',
  'deleted',
  (
    SELECT count(*)
    FROM deleted
  ),
  (
    SELECT count(*)
    FROM pg_temp.restage_undo AS u
    WHERE u.is_new
      AND u.relation = 'public.nulled'::regclass
  )
) AS rows;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/001_dbo.Parent/60_delete.sql
-- table:   public.parent
-- step:    60 delete
-- purpose: delete the rows that the run inserted
-- source:  dbo.Parent
-- body:    sha256:497550ab0f207ef8d3b76f7edb99c400dd9577460f0a7b53e3f2fe64ab20b7d0
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH deleted AS (
  DELETE FROM public.parent AS t
  USING pg_temp.restage_undo AS u
  WHERE u.is_new
    AND u.relation = 'public.parent'::regclass
    AND t.tableoid = u.part
    AND t.ctid = u.row_id
  RETURNING 1
)
SELECT restage.count_undone(
  'public.parent',
  'deleted',
  (
    SELECT count(*)
    FROM deleted
  ),
  (
    SELECT count(*)
    FROM pg_temp.restage_undo AS u
    WHERE u.is_new
      AND u.relation = 'public.parent'::regclass
  )
) AS rows;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/005_dbo.Visit/70_forget.sql
-- table:   public.visit
-- step:    70 forget
-- purpose: make the key map what it was before the run
-- source:  dbo.Visit
-- body:    sha256:1cbb46e0d5573d4f4067debb854c7119d124b67319da90b616d4c6c15b27fb7e
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

UPDATE restage_keymap.visit AS k
SET vanished_run = b.vanished_run
FROM restage.before_image AS b
WHERE b.run_id = (SELECT restage.undone_run())
  AND b.table_name = 'public.visit'
  AND b.operation = 'returned'
  AND b.source_key = ARRAY[k.source_row_hash::text, k.source_occurrence::text];

UPDATE restage_keymap.visit AS k
SET vanished_run = NULL
WHERE k.vanished_run = (SELECT restage.undone_run());

WITH forgotten AS (
  DELETE FROM restage_keymap.visit AS k
  WHERE k.first_run = (SELECT restage.undone_run())
  RETURNING 1
)
SELECT restage.count_rows('public.visit', 'forgotten', count(*)) AS rows
FROM forgotten;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/004_dbo.Town/70_forget.sql
-- table:   public.town
-- step:    70 forget
-- purpose: make the key map what it was before the run
-- source:  dbo.Town
-- body:    sha256:abac2275d6c91faebf92e7dc7c11fa4e5c70c461f7f239b32326c760c3ee6927
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

UPDATE restage_keymap.town AS k
SET
  row_hash = restage.image_hash(b.row_hash, k.row_hash),
  last_run = b.last_run,
  source_code = b.row_values[1]::varchar
FROM restage.before_image AS b
WHERE b.run_id = (SELECT restage.undone_run())
  AND b.table_name = 'public.town'
  AND b.operation = 'updated'
  AND b.source_key = ARRAY[k.source_code::text, k.source_no::text]
  AND NOT restage.undo_option('inserts_only');

UPDATE restage_keymap.town AS k
SET vanished_run = b.vanished_run
FROM restage.before_image AS b
WHERE b.run_id = (SELECT restage.undone_run())
  AND b.table_name = 'public.town'
  AND b.operation = 'returned'
  AND b.source_key = ARRAY[k.source_code::text, k.source_no::text];

UPDATE restage_keymap.town AS k
SET vanished_run = NULL
WHERE k.vanished_run = (SELECT restage.undone_run());

WITH forgotten AS (
  DELETE FROM restage_keymap.town AS k
  WHERE k.first_run = (SELECT restage.undone_run())
  RETURNING 1
)
SELECT restage.count_rows('public.town', 'forgotten', count(*)) AS rows
FROM forgotten;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/003_dbo.Refused/70_forget.sql
-- table:   public.refused
-- step:    70 forget
-- purpose: make the key map what it was before the run
-- source:  dbo.Refused
-- body:    sha256:243c80534ef68e68aa303e5be8bd2f03953e0533406f20df72e13983273d2ecc
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

UPDATE restage_keymap.refused AS k
SET vanished_run = b.vanished_run
FROM restage.before_image AS b
WHERE b.run_id = (SELECT restage.undone_run())
  AND b.table_name = 'public.refused'
  AND b.operation = 'returned'
  AND b.source_key = ARRAY[k.source_row_hash::text, k.source_occurrence::text];

UPDATE restage_keymap.refused AS k
SET vanished_run = NULL
WHERE k.vanished_run = (SELECT restage.undone_run());

WITH forgotten AS (
  DELETE FROM restage_keymap.refused AS k
  WHERE k.first_run = (SELECT restage.undone_run())
  RETURNING 1
)
SELECT restage.count_rows('public.refused', 'forgotten', count(*)) AS rows
FROM forgotten;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/002_dbo.Nulled/70_forget.sql
-- table:   public.nulled
-- step:    70 forget
-- purpose: make the key map what it was before the run
-- source:  dbo.Nulled
-- body:    sha256:f4a5f876e259139985837152039a777cd478b6ce85a90b24c9307c4b70451b71
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

UPDATE restage_keymap.nulled AS k
SET vanished_run = b.vanished_run
FROM restage.before_image AS b
WHERE b.run_id = (SELECT restage.undone_run())
  AND b.table_name = 'public.nulled'
  AND b.operation = 'returned'
  AND b.source_key = ARRAY[k.source_row_hash::text, k.source_occurrence::text];

UPDATE restage_keymap.nulled AS k
SET vanished_run = NULL
WHERE k.vanished_run = (SELECT restage.undone_run());

WITH forgotten AS (
  DELETE FROM restage_keymap.nulled AS k
  WHERE k.first_run = (SELECT restage.undone_run())
  RETURNING 1
)
SELECT restage.count_rows('public.nulled', 'forgotten', count(*)) AS rows
FROM forgotten;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    undo/001_dbo.Parent/70_forget.sql
-- table:   public.parent
-- step:    70 forget
-- purpose: make the key map what it was before the run
-- source:  dbo.Parent
-- body:    sha256:649581acceae8837694303827492912371b8030e3f95a9ec35c8a0108623af16
-- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
--          transaction; `restage rollback RUN --print` prints just that for psql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

UPDATE restage_keymap.parent AS k
SET
  row_hash = restage.image_hash(b.row_hash, k.row_hash),
  last_run = b.last_run
FROM restage.before_image AS b
WHERE b.run_id = (SELECT restage.undone_run())
  AND b.table_name = 'public.parent'
  AND b.operation = 'updated'
  AND b.source_key = ARRAY[k.source_id::text]
  AND NOT restage.undo_option('inserts_only');

UPDATE restage_keymap.parent AS k
SET vanished_run = b.vanished_run
FROM restage.before_image AS b
WHERE b.run_id = (SELECT restage.undone_run())
  AND b.table_name = 'public.parent'
  AND b.operation = 'returned'
  AND b.source_key = ARRAY[k.source_id::text];

UPDATE restage_keymap.parent AS k
SET vanished_run = NULL
WHERE k.vanished_run = (SELECT restage.undone_run());

WITH forgotten AS (
  DELETE FROM restage_keymap.parent AS k
  WHERE k.first_run = (SELECT restage.undone_run())
  RETURNING 1
)
SELECT restage.count_rows('public.parent', 'forgotten', count(*)) AS rows
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

