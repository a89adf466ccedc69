-- file:    merge/002_dbo.Sale/10_stage.sql
-- table:   public.sale
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Sale, staged in restage_stage.sale
-- body:    sha256:7768a2e7df6564b651264431e7f47ac25b037da81bf4b4ea13ee9b9701affeb8
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.sale;

CREATE UNLOGGED TABLE restage_stage.sale (
  id integer,
  item varchar(6) COLLATE public.ignoring_case,
  zone integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Sale/15_check.sql
-- table:   public.sale
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Sale, staged in restage_stage.sale
-- body:    sha256:63c2ae3ad9a7dfb028bef6b52794da45263c2c3f35e4b5ee86d451d30c7d4b4c
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.sale (id, item, zone);

SELECT restage.count_staged('public.sale', count(*)) AS staged
FROM restage_stage.sale AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.id
  FROM restage_stage.sale AS s
  WHERE s.id IS NOT NULL
  GROUP BY
    s.id
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.sale AS s
  WHERE s.id IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.sale AS s
    ON s.id = r.id
),
refused AS (
  DELETE FROM restage_stage.sale AS s
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
    'public.sale',
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
SELECT restage.count_rows('public.sale', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/002_dbo.Sale/20_match.sql
-- table:   public.sale
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Sale, staged in restage_stage.sale
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Sale/30_allocate.sql
-- table:   public.sale
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Sale, staged in restage_stage.sale
-- body:    sha256:27ea6498a11bee3702f5236c00c100e34033bc01821e904219064abde854b78b
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.sale', 'restage_keymap.sale') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.sale (
    source_id,
    target_key,
    row_hash,
    first_run,
    last_run
  )
  SELECT
    s.id,
    nextval('public.sale_id_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id())
  FROM (
    SELECT
      s.id,
      restage.row_hash(
        ROW(
          s.id,
          s.item,
          s.zone
        )::text,
        (NULL::restage_keymap.sale).row_hash
      ) AS row_hash
    FROM restage_stage.sale AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.sale AS k
      WHERE k.source_id = s.id
    )
    ORDER BY
      s.id
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.sale', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.sale'::regclass
  ) THEN
    ALTER TABLE restage_keymap.sale
      ADD PRIMARY KEY (source_id),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.sale'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.sale'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.sale;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.sale'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Sale/35_orphans.sql
-- table:   public.sale
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Sale, staged in restage_stage.sale
-- body:    sha256:36b13d028d35a2b8315a24ff96e3924af683016fc1355473107ca0d88e9e3f8a
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- sale_item_zone_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.sale',
  'sale_item_zone_fkey',
  count(*),
  min(jsonb_build_object(
    'Id', s.id,
    'Item', s.item,
    'Zone', s.zone
  )::text)
)
FROM restage_stage.sale AS s
WHERE s.item IS NOT NULL
  AND s.zone IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.price AS k
    WHERE rtrim(k.source_item) = rtrim(s.item)
      AND k.source_zone = s.zone
  )
HAVING count(*) > 0;

-- sale_item_zone_fkey: where it differs in trailing blanks, the parent's spelling
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH spelling AS MATERIALIZED (
  SELECT DISTINCT ON (s.ctid)
    s.ctid AS row_id,
    jsonb_build_object('Id', s.id) AS source_key,
    jsonb_build_object(
      'Item', s.item,
      'Zone', s.zone
    ) AS value,
    row_to_json(s.*) AS row_data,
    k.source_item
  FROM restage_stage.sale AS s
  JOIN restage_keymap.price AS k
    ON rtrim(k.source_item) = rtrim(s.item)
    AND k.source_zone = s.zone
  WHERE NOT EXISTS (
    SELECT
    FROM restage_keymap.price AS k
    WHERE k.source_item = s.item
      AND k.source_zone = s.zone
  )
  ORDER BY
    s.ctid,
    k.vanished_run NULLS FIRST,
    k.source_item
),
respelled AS (
  UPDATE restage_stage.sale AS s
  SET
    item = c.source_item
  FROM spelling AS c
  WHERE s.ctid = c.row_id
  RETURNING
    s.id,
    restage.row_hash(
      ROW(
        s.id,
        s.item,
        s.zone
      )::text,
      (NULL::restage_keymap.sale).row_hash
    ) AS row_hash
),
rehashed AS (
  UPDATE restage_keymap.sale AS k
  SET row_hash = n.row_hash
  FROM respelled AS n
  WHERE k.first_run = (SELECT restage.run_id())
    AND k.source_id = n.id
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
    'public.sale',
    r.source_key,
    'spelling sale_item_zone_fkey',
    ARRAY['item'],
    r.value::text,
    'differs from the parent''s key in trailing blanks; loaded as the parent has it',
    true,
    r.row_data
  FROM spelling AS r
  RETURNING 1
)
SELECT restage.count_rows('public.sale', 'respelled', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.sale'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Sale/40_insert.sql
-- table:   public.sale
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Sale, staged in restage_stage.sale
-- body:    sha256:feaa0df137ac712f12867ce355297402ec95a57fe34a62a935c0c7b3a4018124
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.sale', 'restage_keymap.sale') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.sale (
    id,
    item,
    zone
  )
  SELECT
    k.target_key,
    s.item,
    s.zone
  FROM restage_stage.sale AS s
  JOIN restage_keymap.sale AS k
    ON k.source_id = s.id
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.sale'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.sale', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.sale'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Sale/50_update.sql
-- table:   public.sale
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Sale, staged in restage_stage.sale
-- body:    sha256:d3091af819dd22a19c4369c36f7fd16a74ff6fff39a6231bff65e1d4b9ec8372
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.sale', 'restage_keymap.sale') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.id,
    s.item,
    s.zone,
    restage.row_hash(
      ROW(
        s.id,
        s.item,
        s.zone
      )::text,
      (NULL::restage_keymap.sale).row_hash
    ) AS row_hash
  FROM restage_stage.sale AS s
  JOIN restage_keymap.sale AS k
    ON k.source_id = s.id
  WHERE NOT (SELECT restage.is_all_new('public.sale'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.id,
        s.item,
        s.zone
      )::text,
      (NULL::restage_keymap.sale).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_id,
    row_to_json(t.*) AS row_data
  FROM public.sale AS t
  JOIN restage_keymap.sale AS k
    ON k.target_key = t.id
  JOIN changed AS c
    ON k.source_id = c.id
  WHERE restage.row_hash(
      ROW(
        k.source_id,
        t.item,
        t.zone
      )::text,
      (NULL::restage_keymap.sale).row_hash
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
    'public.sale',
    jsonb_build_object('source_id', d.source_id),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.sale AS t
  SET
    item = c.item,
    zone = c.zone
  FROM changed AS c
  JOIN restage_keymap.sale AS k
    ON k.source_id = c.id
  WHERE t.id = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.sale AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_id = c.id
)
SELECT
  restage.count_rows('public.sale', 'updated', count(*)) AS rows,
  restage.count_rows('public.sale', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.Sale/60_vanished.sql
-- table:   public.sale
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Sale, staged in restage_stage.sale
-- body:    sha256:0c4158ddef1232302479161ec782ff9399af3abfe847a05df5ee72fddc3a55c4
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.sale, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.sale'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.sale AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.sale AS s
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
  FROM restage_keymap.sale AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.sale AS s
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
    'public.sale',
    'returned',
    ARRAY[b.source_id::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.sale AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_id = b.source_id
  RETURNING 1
)
SELECT
  restage.count_rows('public.sale', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.sale', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Sale/70_reset.sql
-- table:   public.sale
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Sale, staged in restage_stage.sale
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Sale/90_account.sql
-- table:   public.sale
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Sale, staged in restage_stage.sale
-- body:    sha256:bc783086a61911dd4696b3ee530159c93bf2fc7138e46d4b8f447fb4dc6ae61a
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.sale', 'restage_keymap.sale') AS joins;

SELECT restage.close_account('public.sale', count(*)) AS rows
FROM restage_stage.sale AS s
JOIN restage_keymap.sale AS k
  ON k.source_id = s.id
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.sale'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Sale/content.sql
-- table:   public.sale
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Sale
-- body:    sha256:7291d31995ab620fe485272a15fa1cffa7a1a727159c423d7de928454c070cb8
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
      s.item,
      s.zone,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.sale'))
        AND r.table_name = 'public.sale'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.sale, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_id,
    CASE WHEN rtrim(n.item) = rtrim(t.item) THEN n.item ELSE t.item END,
    t.zone
  FROM public.sale AS t
  JOIN restage_keymap.sale AS k
    ON k.target_key = t.id
  LEFT JOIN noted AS n
    ON k.source_id = n.id
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.id,
    n.item,
    n.zone
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Sale/counts.sql
-- table:   public.sale
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Sale
-- body:    sha256:130b2316db140378a09f5f87f33e9e1dbd780c21c9aa53ed3b46a412e3b3ef54
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.sale, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.sale'))
    AND r.table_name = 'public.sale'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.sale AS t
    JOIN restage_keymap.sale AS k
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
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.sale'))
  AND g.table_name = 'public.sale';

-- file:    verify/002_dbo.Sale/keys.sql
-- table:   public.sale
-- purpose: known = present, when every key has its final row
-- source:  dbo.Sale
-- body:    sha256:5a99ec285fb42af314bbccd2c6909cc4d56379ecf4d39bfbb8d7d918fb51d646
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.sale AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.sale AS t
    JOIN restage_keymap.sale AS k
      ON k.target_key = t.id
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.sale AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Sale/others.sql
-- table:   public.sale
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Sale
-- body:    sha256:d3116e0c3ab38a300847fecf4e27e71a459c55f9d1889b39a986dc11c6ce398c
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.sale AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.sale AS k
  WHERE k.target_key = t.id
);

-- file:    verify/002_dbo.Sale/orphans.sql
-- table:   public.sale
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Sale
-- body:    sha256:3ae9ade0c0ff09ffaf1c110da5ed88c72ff801bc24ee9c7f66c5f334f04de9ce
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- sale_item_zone_fkey
SELECT count(*) AS orphans
FROM public.sale AS t
WHERE t.item IS NOT NULL
  AND t.zone IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.price AS p
    WHERE p.item = t.item
      AND p.zone = t.zone
  );

