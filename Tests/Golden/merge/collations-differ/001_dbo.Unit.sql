-- file:    merge/001_dbo.Unit/10_stage.sql
-- table:   public.unit
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Unit, staged in restage_stage.unit
-- body:    sha256:7390913705135ae4a71d05b7837ce0a283acdd706c3ded29ef5c7e3ab858dbf3
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.unit;

CREATE UNLOGGED TABLE restage_stage.unit (
  symbol varchar(10) COLLATE public.ignoring_case,
  name varchar(20)
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.Unit/15_check.sql
-- table:   public.unit
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Unit, staged in restage_stage.unit
-- body:    sha256:b7fc53c707838a00ca8db71c98806b14165eab10c032247b4e630cf936af1f19
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.unit;

SELECT restage.count_staged('public.unit', count(*)) AS staged
FROM restage_stage.unit AS s;

WITH repeated AS MATERIALIZED (
  SELECT
    s.symbol
  FROM restage_stage.unit AS s
  WHERE s.symbol IS NOT NULL
  GROUP BY
    s.symbol
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.unit AS s
  WHERE s.symbol IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.unit AS s
    ON s.symbol = r.symbol
),
refused AS (
  DELETE FROM restage_stage.unit AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('Symbol', s.symbol) AS source_key,
    jsonb_build_object('Symbol', s.symbol) AS value,
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
    'public.unit',
    r.source_key,
    'source key',
    ARRAY['symbol'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.unit', 'rejected', count(*)) AS rows
FROM recorded;

-- file:    merge/001_dbo.Unit/20_match.sql
-- table:   public.unit
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Unit, staged in restage_stage.unit
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Unit/30_allocate.sql
-- table:   public.unit
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Unit, staged in restage_stage.unit
-- body:    sha256:2d924fd25619e48756c8da52674bfc7f9906794cd6de3b02d07d42d8941b69cd
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH allocated AS (
  INSERT INTO restage_keymap.unit (
    source_symbol,
    target_key,
    row_hash,
    first_run,
    last_run
  )
  SELECT
    s.symbol,
    s.symbol,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id())
  FROM (
    SELECT
      s.symbol,
      md5(ROW(
        s.symbol,
        s.name
      )::text)::uuid AS row_hash
    FROM restage_stage.unit AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.unit AS k
      WHERE k.source_symbol = s.symbol
    )
    ORDER BY
      s.symbol
  ) AS s
  RETURNING 1
)
SELECT restage.count_rows('public.unit', 'allocated', count(*)) AS rows
FROM allocated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

DO $restage$
BEGIN
  IF NOT EXISTS (
    SELECT
    FROM pg_catalog.pg_index AS i
    WHERE i.indrelid = 'restage_keymap.unit'::regclass
  ) THEN
    ALTER TABLE restage_keymap.unit
      ADD PRIMARY KEY (source_symbol),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.unit'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.unit'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.unit;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.unit'
  AND c.kind = 'allocated';

-- file:    merge/001_dbo.Unit/35_orphans.sql
-- table:   public.unit
-- step:    35 orphans
-- purpose: no foreign key to check
-- source:  dbo.Unit, staged in restage_stage.unit
-- body:    sha256:46f80ce7106095e397de36444e3d29029705e43bda7696aa74d1894b9fdbb68c
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.unit'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/001_dbo.Unit/40_insert.sql
-- table:   public.unit
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Unit, staged in restage_stage.unit
-- body:    sha256:c9ba606dbb4a3ee6dbb7d31f7b902a4fba8868e603c05e0ad68796c899641168
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

WITH inserted AS (
  INSERT INTO public.unit (
    symbol,
    name
  )
  SELECT
    s.symbol,
    s.name
  FROM restage_stage.unit AS s
  JOIN restage_keymap.unit AS k
    ON k.source_symbol = s.symbol
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.unit'
      AND c.kind = 'inserted'
  )
  RETURNING 1
)
SELECT restage.count_rows('public.unit', 'inserted', count(*)) AS rows
FROM inserted;

-- file:    merge/001_dbo.Unit/50_update.sql
-- table:   public.unit
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Unit, staged in restage_stage.unit
-- body:    sha256:659b9ce47d74ac3598a3d150d8e2451078a9639ede98373e675611ac2407fe93
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH changed AS MATERIALIZED (
  SELECT
    s.symbol,
    s.name,
    md5(ROW(
      s.symbol,
      s.name
    )::text)::uuid AS row_hash
  FROM restage_stage.unit AS s
  JOIN restage_keymap.unit AS k
    ON k.source_symbol = s.symbol
  WHERE k.first_run <> (SELECT restage.run_id())
    AND k.row_hash <> md5(ROW(
      s.symbol,
      s.name
    )::text)::uuid
),
edited AS MATERIALIZED (
  SELECT
    k.source_symbol,
    row_to_json(t.*) AS row_data
  FROM public.unit AS t
  JOIN restage_keymap.unit AS k
    ON k.source_symbol = t.symbol
  JOIN changed AS c
    ON k.source_symbol = c.symbol
  WHERE k.row_hash <> md5(ROW(
      t.symbol,
      t.name
    )::text)::uuid
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
    'public.unit',
    jsonb_build_object('source_symbol', d.source_symbol),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.unit AS t
  SET
    symbol = c.symbol,
    name = c.name
  FROM changed AS c
  JOIN restage_keymap.unit AS k
    ON k.source_symbol = c.symbol
  WHERE t.symbol = c.symbol
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.unit AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_symbol = c.symbol
)
SELECT
  restage.count_rows('public.unit', 'updated', count(*)) AS rows,
  restage.count_rows('public.unit', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

-- file:    merge/001_dbo.Unit/60_vanished.sql
-- table:   public.unit
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Unit, staged in restage_stage.unit
-- body:    sha256:a840b71b792e750dac36b0f5529b72c99fa7dbda997352be0bec066eeee397f2
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    s.symbol
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.unit, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.unit'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.unit AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run <> (SELECT restage.run_id())
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.unit AS s
      WHERE k.source_symbol = s.symbol
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_symbol = r.symbol
    )
  RETURNING 1
),
back AS MATERIALIZED (
  SELECT
    k.source_symbol,
    k.vanished_run
  FROM restage_keymap.unit AS k
  JOIN restage_stage.unit AS s
    ON k.source_symbol = s.symbol
  WHERE k.vanished_run IS NOT NULL
  UNION
  SELECT
    k.source_symbol,
    k.vanished_run
  FROM restage_keymap.unit AS k
  JOIN refused AS r
    ON k.source_symbol = r.symbol
  WHERE k.vanished_run IS NOT NULL
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
    'public.unit',
    'returned',
    ARRAY[b.source_symbol::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.unit AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_symbol = b.source_symbol
  RETURNING 1
)
SELECT
  restage.count_rows('public.unit', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.unit', 'returned', (SELECT count(*) FROM returned)) AS returned;

-- file:    merge/001_dbo.Unit/70_reset.sql
-- table:   public.unit
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Unit, staged in restage_stage.unit
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Unit/90_account.sql
-- table:   public.unit
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Unit, staged in restage_stage.unit
-- body:    sha256:6133155ecffa1f1d4a9403d33ded5dd9a77ed567466a3812da37bed9b87239eb
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

SELECT restage.close_account('public.unit', count(*)) AS rows
FROM restage_stage.unit AS s
JOIN restage_keymap.unit AS k
  ON k.source_symbol = s.symbol
WHERE k.last_run <> (SELECT restage.run_id());

-- file:    verify/001_dbo.Unit/content.sql
-- table:   public.unit
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Unit
-- body:    sha256:ee9b77dd3bebe4d78d627b882de8af2ed02e789cb64767de998b069a2b7ddf39
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f content.sql

SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;
SET client_encoding = 'UTF8';

COPY (
  WITH noted AS MATERIALIZED (
    SELECT
      s.symbol,
      s.name,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.unit'))
        AND r.table_name = 'public.unit'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.unit, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    t.symbol,
    t.name
  FROM public.unit AS t
  JOIN restage_keymap.unit AS k
    ON k.source_symbol = t.symbol
  LEFT JOIN noted AS n
    ON k.source_symbol = n.symbol
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.symbol,
    n.name
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/001_dbo.Unit/counts.sql
-- table:   public.unit
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Unit
-- body:    sha256:b62806dee6fe08a351febfbde045e14abc6435e02fb53f4fcf63e26b13c75918
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.symbol
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.unit, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.unit'))
    AND r.table_name = 'public.unit'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.unit AS t
    JOIN restage_keymap.unit AS k
      ON k.source_symbol = t.symbol
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_symbol = r.symbol
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.unit'))
  AND g.table_name = 'public.unit';

-- file:    verify/001_dbo.Unit/keys.sql
-- table:   public.unit
-- purpose: known = present, when every key has its final row
-- source:  dbo.Unit
-- body:    sha256:3f1ad0744685ff3ae62fcb1a2388f7d3a60ec5b5c924f11784fd9434c05e413f
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.unit AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.unit AS t
    JOIN restage_keymap.unit AS k
      ON k.source_symbol = t.symbol
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.unit AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/001_dbo.Unit/others.sql
-- table:   public.unit
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Unit
-- body:    sha256:ff235f69dcd8ad2f11ed71a00f7fac3bd10ebd8365500bb40156fb1ddcc1c5cc
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.unit AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.unit AS k
  WHERE k.source_symbol = t.symbol
);

-- file:    verify/001_dbo.Unit/unique.sql
-- table:   public.unit
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Unit
-- body:    sha256:780b2931cb0fe1ba9fc38d830eb647335188e234e53532b43d2f331e953ea33a
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- unit_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.unit
),
held AS (
  SELECT
    t.symbol AS symbol,
    k.first_run IS NOT NULL AS is_known
  FROM public.unit AS t
  LEFT JOIN restage_keymap.unit AS k
    ON k.source_symbol = t.symbol
)
SELECT
  jsonb_build_object('Symbol', s.symbol) AS value,
  jsonb_build_object('Symbol', s.symbol) AS staged_row,
  jsonb_build_object('Symbol', o.symbol) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.symbol = s.symbol
  AND ROW(s.symbol) < ROW(o.symbol)
UNION ALL
SELECT
  jsonb_build_object('Symbol', s.symbol) AS value,
  jsonb_build_object('Symbol', s.symbol) AS staged_row,
  jsonb_build_object('Symbol', t.symbol) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN o.symbol IS NULL THEN 'vanished'
    WHEN ROW(o.symbol) IS DISTINCT FROM ROW(t.symbol) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.symbol = s.symbol
LEFT JOIN restage_stage.unit AS o
  ON o.symbol = t.symbol
WHERE NOT (t.is_known AND ROW(s.symbol) IS NOT DISTINCT FROM ROW(t.symbol))
LIMIT 20;

