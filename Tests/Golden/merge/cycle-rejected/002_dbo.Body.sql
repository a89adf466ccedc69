-- file:    merge/002_dbo.Body/10_stage.sql
-- table:   public.body
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Body, staged in restage_stage.body
-- body:    sha256:86910a52498e1e10d6d2ff12cffd163cc509f7490119f4aead7e87a6889df2c3
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.body;

CREATE UNLOGGED TABLE restage_stage.body (
  id integer,
  headid integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Body/15_check.sql
-- table:   public.body
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Body, staged in restage_stage.body
-- body:    sha256:22b9c9a60241b5ac9dae38a296f8d3049e31b4875e009e302bb0517967b00978
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.body ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.body (id, headid);

SELECT restage.count_staged('public.body', count(*)) AS staged
FROM restage_stage.body AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.id
  FROM restage_stage.body AS s
  WHERE s.id IS NOT NULL
  GROUP BY
    s.id
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.body AS s
  WHERE s.id IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.body AS s
    ON s.id = r.id
),
refused AS (
  DELETE FROM restage_stage.body AS s
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
    'public.body',
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
SELECT restage.count_rows('public.body', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/002_dbo.Body/20_match.sql
-- table:   public.body
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Body, staged in restage_stage.body
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Body/30_allocate.sql
-- table:   public.body
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Body, staged in restage_stage.body
-- body:    sha256:ab0bff5e98315bd9b9f0817bf86d729c1d605026e66187f1621b3cf69956fd99
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
      AND g.table_name = 'public.head'
  ) THEN
    DROP TABLE IF EXISTS restage_stage.head;

    CREATE UNLOGGED TABLE restage_stage.head (
      id integer,
      tailid integer
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
SELECT restage.choose_joins('public.body', 'restage_keymap.body') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.body (
    source_id,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.id,
    nextval('public.body_id_seq'),
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
          s.headid
        )::text,
        (NULL::restage_keymap.body).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.body AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.body AS k
      WHERE k.source_id = s.id
    )
    ORDER BY
      s.id
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.body', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.body'::regclass
  ) THEN
    ALTER TABLE restage_keymap.body
      ADD PRIMARY KEY (source_id),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.body'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.body'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.body;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.body'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Body/35_orphans.sql
-- table:   public.body
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Body, staged in restage_stage.body
-- body:    sha256:c6e1ef5bd7529695a640575a680ed462be8ef47d8a348741af605a0bc96c1d5d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.body'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Body/40_insert.sql
-- table:   public.body
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Body, staged in restage_stage.body
-- body:    sha256:8299ce7bb71e098c8970554fd14850ddde3c0e83aa2a2d25668fa992d0b58d1d
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.body', 'restage_keymap.body') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.body (
    id,
    headid
  )
  SELECT
    k.target_key,
    p1.target_key
  FROM restage_stage.body AS s
  JOIN restage_keymap.body AS k
    ON k.source_id = s.id
    AND k.first_run = (SELECT restage.run_id())
  LEFT JOIN restage_keymap.head AS p1
    ON p1.source_id = s.headid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.body'
      AND c.kind = 'inserted'
  )
    AND (s.headid IS NULL OR p1.target_key IS NOT NULL);
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.body', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.body'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Body/50_update.sql
-- table:   public.body
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Body, staged in restage_stage.body
-- body:    sha256:015ecc23bc14c959f0530889417bcf8c6b603ccc07af1cd6feab4ea193937dfd
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.body', 'restage_keymap.body') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.id,
    s.headid,
    restage.row_hash(
      ROW(
        s.id,
        s.headid
      )::text,
      (NULL::restage_keymap.body).row_hash
    ) AS row_hash
  FROM restage_stage.body AS s
  JOIN restage_keymap.body AS k
    ON k.source_id = s.id
  WHERE NOT (SELECT restage.is_all_new('public.body'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.id,
        s.headid
      )::text,
      (NULL::restage_keymap.body).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_id,
    row_to_json(t.*) AS row_data
  FROM public.body AS t
  LEFT JOIN restage_keymap.head AS p1
    ON p1.target_key = t.headid
  JOIN restage_keymap.body AS k
    ON k.target_key = t.id
  JOIN changed AS c
    ON k.source_id = c.id
  WHERE restage.row_hash(
      ROW(
        k.source_id,
        coalesce(p1.source_id::text, 'final ' || t.headid)
      )::text,
      (NULL::restage_keymap.body).row_hash
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
    'public.body',
    jsonb_build_object('source_id', d.source_id),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.body AS t
  SET
    headid = p1.target_key
  FROM changed AS c
  JOIN restage_keymap.body AS k
    ON k.source_id = c.id
  LEFT JOIN restage_keymap.head AS p1
    ON p1.source_id = c.headid
  WHERE t.id = k.target_key
    AND (c.headid IS NULL OR p1.target_key IS NOT NULL)
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.body AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_id = c.id
)
SELECT
  restage.count_rows('public.body', 'updated', count(*)) AS rows,
  restage.count_rows('public.body', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.Body/60_vanished.sql
-- table:   public.body
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Body, staged in restage_stage.body
-- body:    sha256:4aa06044574c084b8f6220699b5fac3736e97596ba98597fb75a0a7f4a1e4bec
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.body', 'restage_keymap.body') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_id,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.body AS s
  JOIN restage_keymap.body AS k
    ON k.source_id = s.id
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.body AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_id = m.source_id
)
SELECT restage.fail_skipped('public.body', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.body'
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
  CROSS JOIN LATERAL json_populate_record(NULL::public.body, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.body'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.body AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.body'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.body'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.body AS s
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
  FROM restage_keymap.body AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.body'))
),
back AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.body AS s
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
    'public.body',
    'returned',
    ARRAY[b.source_id::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.body AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_id = b.source_id
  RETURNING 1
)
SELECT
  restage.count_rows('public.body', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.body', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Body/70_reset.sql
-- table:   public.body
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Body, staged in restage_stage.body
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Body/90_account.sql
-- table:   public.body
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Body, staged in restage_stage.body
-- body:    sha256:d6a668694206762029f56d814cd7b9bc1dbb3d81e8475c3f8bcf2bebc90c6a9f
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.body', 'restage_keymap.body') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.body', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.body') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.body'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.body', count(*)) AS rows
FROM restage_stage.body AS s
JOIN restage_keymap.body AS k
  ON k.source_id = s.id
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.body'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Body/content.sql
-- table:   public.body
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Body
-- body:    sha256:2124895d7e8e23c15fa3cc85b63c166548c973d431ab3d78cd4b5fc730cd8910
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
      s.headid,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.body'))
        AND r.table_name = 'public.body'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.body, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_id,
    coalesce(p1.source_id::text, 'final ' || t.headid)
  FROM public.body AS t
  LEFT JOIN restage_keymap.head AS p1
    ON p1.target_key = t.headid
  JOIN restage_keymap.body AS k
    ON k.target_key = t.id
  LEFT JOIN noted AS n
    ON k.source_id = n.id
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.id,
    n.headid::text
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Body/counts.sql
-- table:   public.body
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Body
-- body:    sha256:f8a3b26876aca49837a24e320914b41946ce2835bcb547bb551ecccc4494ce49
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.body, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.body'))
    AND r.table_name = 'public.body'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.body AS t
    JOIN restage_keymap.body AS k
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.body'))
  AND g.table_name = 'public.body';

-- file:    verify/002_dbo.Body/keys.sql
-- table:   public.body
-- purpose: known = present, when every key has its final row
-- source:  dbo.Body
-- body:    sha256:3323b2c12591275f7c480b55da2d40565d5d3103042b8f2db79e8bda512d92cf
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.body AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.body AS t
    JOIN restage_keymap.body AS k
      ON k.target_key = t.id
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.body AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Body/others.sql
-- table:   public.body
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Body
-- body:    sha256:bdf7a5cee057833c28698f23d7463292fbc7b361a96d41f99d0cec8550aa517f
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.body AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.body AS k
  WHERE k.target_key = t.id
);

-- file:    verify/002_dbo.Body/orphans.sql
-- table:   public.body
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Body
-- body:    sha256:bdec70f72939d94eb3f8e8ee4ac4698e8a7afac1c1b727c7f0a6dc7975a89ac5
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- body_headid_fkey
SELECT count(*) AS orphans
FROM public.body AS t
WHERE t.headid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.head AS p
    WHERE p.id = t.headid
  );

