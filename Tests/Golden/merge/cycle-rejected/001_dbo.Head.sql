-- file:    merge/001_dbo.Head/10_stage.sql
-- table:   public.head
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Head, staged in restage_stage.head
-- body:    sha256:d629eface7ead6a089773036820249bfc434e26dbc9a94dde7a86e1f567c8a6d
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.head;

CREATE UNLOGGED TABLE restage_stage.head (
  id integer,
  tailid integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.Head/15_check.sql
-- table:   public.head
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Head, staged in restage_stage.head
-- body:    sha256:bae7c6f9069d89acd74671d77be3796731bfe65d964075fe81fa93a6fe0010ce
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.head ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.head (id, tailid);

SELECT restage.count_staged('public.head', count(*)) AS staged
FROM restage_stage.head AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.id
  FROM restage_stage.head AS s
  WHERE s.id IS NOT NULL
  GROUP BY
    s.id
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.head AS s
  WHERE s.id IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.head AS s
    ON s.id = r.id
),
refused AS (
  DELETE FROM restage_stage.head AS s
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
    'public.head',
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
SELECT restage.count_rows('public.head', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/001_dbo.Head/20_match.sql
-- table:   public.head
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Head, staged in restage_stage.head
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Head/30_allocate.sql
-- table:   public.head
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Head, staged in restage_stage.head
-- body:    sha256:ecd130b850c2c80fa6c1e9efb4f6ac519e76c03174f913f4b855b084c3fdbc0d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Refuse rows without a parent, and the rows that hang on them.
DO $restage$
DECLARE
  refused_rows bigint;
  lost_rows bigint;
BEGIN
  IF NOT EXISTS (
    SELECT
    FROM restage.staged AS g
    WHERE g.run_id = restage.run_id()
      AND g.table_name = 'public.body'
  ) THEN
    DROP TABLE IF EXISTS restage_stage.body;

    CREATE UNLOGGED TABLE restage_stage.body (
      id integer,
      headid integer
    )
    WITH (autovacuum_enabled = false);
  END IF;
  IF NOT EXISTS (
    SELECT
    FROM restage.staged AS g
    WHERE g.run_id = restage.run_id()
      AND g.table_name = 'public.tail'
  ) THEN
    DROP TABLE IF EXISTS restage_stage.tail;

    CREATE UNLOGGED TABLE restage_stage.tail (
      id integer,
      bodyid integer
    )
    WITH (autovacuum_enabled = false);
  END IF;

  LOOP
    lost_rows := 0;
    -- public.head, head_tailid_fkey: on_orphan: reject
    WITH refused AS (
      DELETE FROM restage_stage.head AS s
      WHERE s.tailid IS NOT NULL
        AND NOT EXISTS (
          SELECT
          FROM restage_keymap.tail AS k
          WHERE k.source_id = s.tailid
        )
        AND NOT EXISTS (
          SELECT
          FROM restage_stage.tail AS p
          WHERE p.id = s.tailid
        )
      RETURNING
        jsonb_build_object('Id', s.id) AS source_key,
        jsonb_build_object('TailId', s.tailid) AS value,
        jsonb_build_object('Id', s.tailid) AS parent_key,
        row_to_json(s.*) AS row_data
    ),
    refused_parent AS MATERIALIZED (
      SELECT DISTINCT ON (p.source_key)
        p.source_key,
        p.message
      FROM restage.reject AS p
      WHERE p.run_id = (SELECT restage.run_id())
        AND p.table_name = 'public.tail'
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
        'public.head',
        r.source_key,
        'foreign key head_tailid_fkey',
        ARRAY['tailid'],
        r.value::text,
        'the parent public.tail ' || r.parent_key::text || CASE
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
    SELECT restage.count_rows('public.head', 'rejected', count(*)) AS rows
    INTO refused_rows
    FROM recorded;
    lost_rows := lost_rows + refused_rows;
    -- public.body, body_headid_fkey: on_orphan: reject
    WITH refused AS (
      DELETE FROM restage_stage.body AS s
      WHERE s.headid IS NOT NULL
        AND NOT EXISTS (
          SELECT
          FROM restage_keymap.head AS k
          WHERE k.source_id = s.headid
        )
        AND NOT EXISTS (
          SELECT
          FROM restage_stage.head AS p
          WHERE p.id = s.headid
        )
      RETURNING
        jsonb_build_object('Id', s.id) AS source_key,
        jsonb_build_object('HeadId', s.headid) AS value,
        jsonb_build_object('Id', s.headid) AS parent_key,
        row_to_json(s.*) AS row_data
    ),
    refused_parent AS MATERIALIZED (
      SELECT DISTINCT ON (p.source_key)
        p.source_key,
        p.message
      FROM restage.reject AS p
      WHERE p.run_id = (SELECT restage.run_id())
        AND p.table_name = 'public.head'
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
        'public.body',
        r.source_key,
        'foreign key body_headid_fkey',
        ARRAY['headid'],
        r.value::text,
        'the parent public.head ' || r.parent_key::text || CASE
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
    SELECT restage.count_rows('public.body', 'rejected', count(*)) AS rows
    INTO refused_rows
    FROM recorded;
    lost_rows := lost_rows + refused_rows;
    -- public.tail, tail_bodyid_fkey: on_orphan: reject
    WITH refused AS (
      DELETE FROM restage_stage.tail AS s
      WHERE s.bodyid IS NOT NULL
        AND NOT EXISTS (
          SELECT
          FROM restage_keymap.body AS k
          WHERE k.source_id = s.bodyid
        )
        AND NOT EXISTS (
          SELECT
          FROM restage_stage.body AS p
          WHERE p.id = s.bodyid
        )
      RETURNING
        jsonb_build_object('Id', s.id) AS source_key,
        jsonb_build_object('BodyId', s.bodyid) AS value,
        jsonb_build_object('Id', s.bodyid) AS parent_key,
        row_to_json(s.*) AS row_data
    ),
    refused_parent AS MATERIALIZED (
      SELECT DISTINCT ON (p.source_key)
        p.source_key,
        p.message
      FROM restage.reject AS p
      WHERE p.run_id = (SELECT restage.run_id())
        AND p.table_name = 'public.body'
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
        'public.tail',
        r.source_key,
        'foreign key tail_bodyid_fkey',
        ARRAY['bodyid'],
        r.value::text,
        'the parent public.body ' || r.parent_key::text || CASE
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
    SELECT restage.count_rows('public.tail', 'rejected', count(*)) AS rows
    INTO refused_rows
    FROM recorded;
    lost_rows := lost_rows + refused_rows;
    EXIT WHEN lost_rows = 0;
  END LOOP;
END
$restage$;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.head', 'restage_keymap.head') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.head (
    source_id,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.id,
    nextval('public.head_id_seq'),
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
          s.tailid
        )::text,
        (NULL::restage_keymap.head).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.head AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.head AS k
      WHERE k.source_id = s.id
    )
    ORDER BY
      s.id
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.head', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.head'::regclass
  ) THEN
    ALTER TABLE restage_keymap.head
      ADD PRIMARY KEY (source_id),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.head'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.head'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.head;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.head'
  AND c.kind = 'allocated';

-- file:    merge/001_dbo.Head/35_orphans.sql
-- table:   public.head
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Head, staged in restage_stage.head
-- body:    sha256:81d31df97fadc9a8349fc2b2a9a7d519589184612e9bb34262bedebf6ec99141
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.head'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/001_dbo.Head/40_insert.sql
-- table:   public.head
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Head, staged in restage_stage.head
-- body:    sha256:0e14d36e54ed09a89541420479fe747fb9b680a3236796a5a2489d0f31520b41
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.head', 'restage_keymap.head') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  WITH waiting AS MATERIALIZED (
    -- Columns whose foreign key the target checks at once: empty in step 40, filled in step 50.
    SELECT a.attname AS column_name
    FROM pg_catalog.pg_constraint AS c
    JOIN pg_catalog.pg_attribute AS a
      ON a.attrelid = c.conrelid
      AND a.attnum = ANY (c.conkey)
    WHERE c.contype = 'f'
      AND NOT c.condeferrable
      AND c.conrelid = 'public.head'::regclass
      AND c.confrelid IN ('public.tail'::regclass)
  )
  INSERT INTO public.head (
    id,
    tailid
  )
  SELECT
    k.target_key,
    CASE WHEN 'tailid' NOT IN (SELECT w.column_name FROM waiting AS w) THEN p1.target_key END
  FROM restage_stage.head AS s
  JOIN restage_keymap.head AS k
    ON k.source_id = s.id
    AND k.first_run = (SELECT restage.run_id())
  LEFT JOIN restage_keymap.tail AS p1
    ON p1.source_id = s.tailid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.head'
      AND c.kind = 'inserted'
  )
    AND (s.tailid IS NULL OR p1.target_key IS NOT NULL);
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.head', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.head'
  AND c.kind = 'inserted';

-- file:    merge/001_dbo.Head/50_update.sql
-- table:   public.head
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Head, staged in restage_stage.head
-- body:    sha256:9c94e4c8f278e933002d84ee78ed857ecbfe4c44eb52ea7ad601b1e5c564b34d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.head', 'restage_keymap.head') AS joins;

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
    AND c.conrelid = 'public.head'::regclass
    AND c.confrelid IN ('public.tail'::regclass)
),
filled AS (
  UPDATE public.head AS t
  SET
    tailid = CASE
      WHEN 'tailid' IN (SELECT w.column_name FROM waiting AS w) THEN p1.target_key
      ELSE t.tailid
    END
  FROM restage_stage.head AS s
  JOIN restage_keymap.head AS k
    ON k.source_id = s.id
  LEFT JOIN restage_keymap.tail AS p1
    ON p1.source_id = s.tailid
  WHERE EXISTS (SELECT FROM waiting)
    AND k.first_run = (SELECT restage.run_id())
    AND k.matched_run IS NULL
    AND t.id = k.target_key
    AND t.tailid IS NULL AND p1.target_key IS NOT NULL
  RETURNING 1
)
SELECT count(*) AS filled
FROM filled;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.id,
    s.tailid,
    restage.row_hash(
      ROW(
        s.id,
        s.tailid
      )::text,
      (NULL::restage_keymap.head).row_hash
    ) AS row_hash
  FROM restage_stage.head AS s
  JOIN restage_keymap.head AS k
    ON k.source_id = s.id
  WHERE NOT (SELECT restage.is_all_new('public.head'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.id,
        s.tailid
      )::text,
      (NULL::restage_keymap.head).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_id,
    row_to_json(t.*) AS row_data
  FROM public.head AS t
  LEFT JOIN restage_keymap.tail AS p1
    ON p1.target_key = t.tailid
  JOIN restage_keymap.head AS k
    ON k.target_key = t.id
  JOIN changed AS c
    ON k.source_id = c.id
  WHERE restage.row_hash(
      ROW(
        k.source_id,
        coalesce(p1.source_id::text, 'final ' || t.tailid)
      )::text,
      (NULL::restage_keymap.head).row_hash
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
    'public.head',
    jsonb_build_object('source_id', d.source_id),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.head AS t
  SET
    tailid = p1.target_key
  FROM changed AS c
  JOIN restage_keymap.head AS k
    ON k.source_id = c.id
  LEFT JOIN restage_keymap.tail AS p1
    ON p1.source_id = c.tailid
  WHERE t.id = k.target_key
    AND (c.tailid IS NULL OR p1.target_key IS NOT NULL)
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.head AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_id = c.id
)
SELECT
  restage.count_rows('public.head', 'updated', count(*)) AS rows,
  restage.count_rows('public.head', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/001_dbo.Head/60_vanished.sql
-- table:   public.head
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Head, staged in restage_stage.head
-- body:    sha256:44c0f5b75b1fe4c5fa805168fdc4c01a43d383e83b5f7cadcb95d2244b881d14
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.head', 'restage_keymap.head') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_id,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.head AS s
  JOIN restage_keymap.head AS k
    ON k.source_id = s.id
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.head AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_id = m.source_id
)
SELECT restage.fail_skipped('public.head', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.head'
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
  CROSS JOIN LATERAL json_populate_record(NULL::public.head, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.head'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.head AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.head'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.head'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.head AS s
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
  FROM restage_keymap.head AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.head'))
),
back AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.head AS s
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
    'public.head',
    'returned',
    ARRAY[b.source_id::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.head AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_id = b.source_id
  RETURNING 1
)
SELECT
  restage.count_rows('public.head', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.head', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/001_dbo.Head/70_reset.sql
-- table:   public.head
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Head, staged in restage_stage.head
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Head/90_account.sql
-- table:   public.head
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Head, staged in restage_stage.head
-- body:    sha256:bcc0fa467d1fd3c048337bf6031a078cea938d8fc020ca252d3958dfe87021b2
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.head', 'restage_keymap.head') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.head', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.head') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.head'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.head', count(*)) AS rows
FROM restage_stage.head AS s
JOIN restage_keymap.head AS k
  ON k.source_id = s.id
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.head'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/001_dbo.Head/content.sql
-- table:   public.head
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Head
-- body:    sha256:95695fcd7d18d72cf564be67523ce9397d0c46540645aea767091de893b2f77e
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
      s.tailid,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.head'))
        AND r.table_name = 'public.head'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.head, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_id,
    coalesce(p1.source_id::text, 'final ' || t.tailid)
  FROM public.head AS t
  LEFT JOIN restage_keymap.tail AS p1
    ON p1.target_key = t.tailid
  JOIN restage_keymap.head AS k
    ON k.target_key = t.id
  LEFT JOIN noted AS n
    ON k.source_id = n.id
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.id,
    n.tailid::text
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/001_dbo.Head/counts.sql
-- table:   public.head
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Head
-- body:    sha256:d4b740a3c54fe0334124f8879954a09d6cf4bac30a31593d4aa945feab3352e3
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.head, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.head'))
    AND r.table_name = 'public.head'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.head AS t
    JOIN restage_keymap.head AS k
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.head'))
  AND g.table_name = 'public.head';

-- file:    verify/001_dbo.Head/keys.sql
-- table:   public.head
-- purpose: known = present, when every key has its final row
-- source:  dbo.Head
-- body:    sha256:d0d467628d084f5dbe22da2947acc87d9c25dc7d3eca618a76be0a5ebbeaf721
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.head AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.head AS t
    JOIN restage_keymap.head AS k
      ON k.target_key = t.id
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.head AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/001_dbo.Head/others.sql
-- table:   public.head
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Head
-- body:    sha256:fbe6b814421fbffd325965cd4d87422cc9a0339334164a6e5091f4c4a13a40c2
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.head AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.head AS k
  WHERE k.target_key = t.id
);

-- file:    verify/001_dbo.Head/orphans.sql
-- table:   public.head
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Head
-- body:    sha256:d3890493978514341ed2b161715c584849d3371ce244b8102625297cacda3a6a
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- head_tailid_fkey
SELECT count(*) AS orphans
FROM public.head AS t
WHERE t.tailid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.tail AS p
    WHERE p.id = t.tailid
  );

