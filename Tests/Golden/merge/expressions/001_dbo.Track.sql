-- file:    merge/001_dbo.Track/10_stage.sql
-- table:   public.track
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:c00937eac97a1c4f7107cbbe380c4f1b9c1a2d65cf468eb07777e92bdd88dace
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.track;

CREATE UNLOGGED TABLE restage_stage.track (
  id integer,
  name varchar(20),
  price integer,
  kind char(1),
  summary text,
  "loaded at" timestamptz
)
WITH (autovacuum_enabled = false);

-- The mapping's expressions, read before they are needed.
SELECT
  (btrim(name)),
  (price * 2),
  (name || ':' || price),
  (now())
FROM restage_stage.track AS s
WHERE (kind <> 'x' -- no drafts
)
LIMIT 0;

-- file:    merge/001_dbo.Track/15_check.sql
-- table:   public.track
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:d4ac8a321686c2d8e26e6e6df2b5de6e2306faf69bd609f79c1ea63de1a3c015
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

SELECT restage.count_staged('public.track', count(*)) AS staged
FROM restage_stage.track AS s;

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- where
WITH filtered AS (
  DELETE FROM restage_stage.track AS s
  WHERE (kind <> 'x' -- no drafts
) IS NOT TRUE
    AND NOT EXISTS (
      SELECT
      FROM restage.row_count AS c
      WHERE c.run_id = (SELECT restage.run_id())
        AND c.table_name = 'public.track'
        AND c.kind = 'filtered'
    )
  RETURNING 1
)
SELECT restage.count_rows('public.track', 'filtered', count(*)) AS filtered
FROM filtered;

-- expr and add
WITH transformed AS (
  UPDATE restage_stage.track AS s
  SET
    name = (btrim(name)),
    price = (price * 2),
    summary = (name || ':' || price),
    "loaded at" = (now())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.track'
      AND c.kind = 'transformed'
  )
  RETURNING 1
)
SELECT restage.count_rows('public.track', 'transformed', count(*)) AS transformed
FROM transformed;

ANALYZE restage_stage.track;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.id
  FROM restage_stage.track AS s
  WHERE s.id IS NOT NULL
  GROUP BY
    s.id
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.track AS s
  WHERE s.id IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.track AS s
    ON s.id = r.id
),
refused AS (
  DELETE FROM restage_stage.track AS s
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
    'public.track',
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
SELECT restage.count_rows('public.track', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/001_dbo.Track/20_match.sql
-- table:   public.track
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Track/30_allocate.sql
-- table:   public.track
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:05e1c3166ef97c50602b69a3bc7dcfa798c1d4e9b97e6dccf3d715500872aee0
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.track', 'restage_keymap.track') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.track (
    source_id,
    target_key,
    row_hash,
    first_run,
    last_run
  )
  SELECT
    s.id,
    nextval('public.track_id_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id())
  FROM (
    SELECT
      s.id,
      restage.row_hash(
        ROW(
          s.id,
          s.name,
          s.price,
          s.kind
        )::text,
        (NULL::restage_keymap.track).row_hash
      ) AS row_hash
    FROM restage_stage.track AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.track AS k
      WHERE k.source_id = s.id
    )
    ORDER BY
      s.id
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.track', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.track'::regclass
  ) THEN
    ALTER TABLE restage_keymap.track
      ADD PRIMARY KEY (source_id),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.track'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.track'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.track;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.track'
  AND c.kind = 'allocated';

-- file:    merge/001_dbo.Track/35_orphans.sql
-- table:   public.track
-- step:    35 orphans
-- purpose: no foreign key to check
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:de3cefb95d0fad2c32693580d071ec40166775dcaa6a12893f2e019fa56fad55
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.track'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/001_dbo.Track/40_insert.sql
-- table:   public.track
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:4135cc028b06507317d07aa2593cb151ac78c5a7add80e13b526c45b05e144db
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.track', 'restage_keymap.track') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.track (
    id,
    name,
    price,
    kind,
    summary,
    "loaded at"
  )
  SELECT
    k.target_key,
    s.name,
    s.price,
    s.kind,
    s.summary,
    s."loaded at"
  FROM restage_stage.track AS s
  JOIN restage_keymap.track AS k
    ON k.source_id = s.id
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.track'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.track', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.track'
  AND c.kind = 'inserted';

-- file:    merge/001_dbo.Track/50_update.sql
-- table:   public.track
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:a82a3b8493304c50377d391a63ba37479f8d5b752a436b38b085b9d8414b1fb8
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.track', 'restage_keymap.track') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.id,
    s.name,
    s.price,
    s.kind,
    s.summary,
    s."loaded at",
    restage.row_hash(
      ROW(
        s.id,
        s.name,
        s.price,
        s.kind
      )::text,
      (NULL::restage_keymap.track).row_hash
    ) AS row_hash
  FROM restage_stage.track AS s
  JOIN restage_keymap.track AS k
    ON k.source_id = s.id
  WHERE NOT (SELECT restage.is_all_new('public.track'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.id,
        s.name,
        s.price,
        s.kind
      )::text,
      (NULL::restage_keymap.track).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_id,
    row_to_json(t.*) AS row_data
  FROM public.track AS t
  JOIN restage_keymap.track AS k
    ON k.target_key = t.id
  JOIN changed AS c
    ON k.source_id = c.id
  WHERE restage.row_hash(
      ROW(
        k.source_id,
        t.name,
        t.price,
        t.kind
      )::text,
      (NULL::restage_keymap.track).row_hash
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
    'public.track',
    jsonb_build_object('source_id', d.source_id),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.track AS t
  SET
    name = c.name,
    price = c.price,
    kind = c.kind,
    summary = c.summary,
    "loaded at" = c."loaded at"
  FROM changed AS c
  JOIN restage_keymap.track AS k
    ON k.source_id = c.id
  WHERE t.id = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.track AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_id = c.id
)
SELECT
  restage.count_rows('public.track', 'updated', count(*)) AS rows,
  restage.count_rows('public.track', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/001_dbo.Track/60_vanished.sql
-- table:   public.track
-- step:    60 vanished
-- purpose: note rows that vanished from the source, and delete them
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:02cb8c485bcdfb6324fb68fe7575d396da67c6c40f50640a166c23baf003f8b0
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.track, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.track'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.track AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.track AS s
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
  FROM restage_keymap.track AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_id,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.track AS s
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
    'public.track',
    'returned',
    ARRAY[b.source_id::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.track AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_id = b.source_id
  RETURNING 1
)
SELECT
  restage.count_rows('public.track', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.track', 'returned', (SELECT count(*) FROM returned)) AS returned;

SELECT restage.guard_vanished(
  table_name => 'public.track',
  going => (
    WITH candidates AS MATERIALIZED (
      SELECT t.ctid AS row_id
      FROM public.track AS t
      JOIN restage_keymap.track AS k
        ON k.target_key = t.id
      WHERE k.vanished_run IS NOT NULL
        AND k.matched_run IS NULL
        AND NOT EXISTS (
          SELECT
          FROM restage.staged AS g
          WHERE g.run_id = (SELECT restage.run_id())
            AND g.table_name = 'public.track'
            AND g.export_rejects > 0
        )
        AND NOT EXISTS (
          SELECT
          FROM restage.shared_keys('stride', 'public', 'track') AS o (target_key)
          WHERE o.target_key = k.target_key::text
        )
    ),
    held AS MATERIALIZED (
      SELECT h.row_id
      FROM restage.held_rows(
        table_name => 'public.track',
        row_ids => ARRAY(SELECT c.row_id FROM candidates AS c),
        self_included => false
      ) AS h (row_id)
    )
    SELECT count(*)
    FROM candidates AS c
    WHERE NOT EXISTS (
      SELECT
      FROM held AS h
      WHERE h.row_id = c.row_id
    )
  ),
  known => (
    SELECT count(*)
    FROM restage_keymap.track AS k
  ),
  max_percent => 100
);

WITH candidates AS MATERIALIZED (
  SELECT
    t.ctid AS row_id,
    k.source_id
  FROM public.track AS t
  JOIN restage_keymap.track AS k
    ON k.target_key = t.id
  WHERE k.vanished_run IS NOT NULL
    AND k.matched_run IS NULL
    AND NOT EXISTS (
      SELECT
      FROM restage.staged AS g
      WHERE g.run_id = (SELECT restage.run_id())
        AND g.table_name = 'public.track'
        AND g.export_rejects > 0
    )
    AND NOT EXISTS (
      SELECT
      FROM restage.shared_keys('stride', 'public', 'track') AS o (target_key)
      WHERE o.target_key = k.target_key::text
    )
),
held AS MATERIALIZED (
  SELECT h.row_id
  FROM restage.held_rows(
    table_name => 'public.track',
    row_ids => ARRAY(SELECT c.row_id FROM candidates AS c),
    self_included => true
  ) AS h (row_id)
),
gone AS (
  SELECT c.*
  FROM candidates AS c
  WHERE NOT EXISTS (
    SELECT
    FROM held AS h
    WHERE h.row_id = c.row_id
  )
),
deleted AS (
  DELETE FROM public.track AS t
  USING gone AS g
  WHERE t.ctid = g.row_id
  RETURNING
    g.source_id,
    row_to_json(t.*) AS row_data
),
forgotten AS (
  DELETE FROM restage_keymap.track AS k
  USING deleted AS d
  WHERE k.source_id = d.source_id
),
recorded AS (
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
    'public.track',
    jsonb_build_object('source_id', d.source_id),
    'vanished',
    'deleted',
    d.row_data
  FROM deleted AS d
  RETURNING 1
)
SELECT restage.count_rows('public.track', 'deleted', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/001_dbo.Track/70_reset.sql
-- table:   public.track
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Track/90_account.sql
-- table:   public.track
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Track, staged in restage_stage.track
-- body:    sha256:877952ae16dbc14b4dc881bffb50474b1319285058b585bbbdb000d50686a6dc
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.track', 'restage_keymap.track') AS joins;

SELECT restage.close_account('public.track', count(*)) AS rows
FROM restage_stage.track AS s
JOIN restage_keymap.track AS k
  ON k.source_id = s.id
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.track'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/001_dbo.Track/content.sql
-- table:   public.track
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Track
-- body:    sha256:8ef8236f0403309fcd8dc1d23a78ef25cdf1bbc515d2133541e24f2fa82aa231
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
      s.name,
      s.price,
      s.kind,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.track'))
        AND r.table_name = 'public.track'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.track, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_id,
    t.name,
    t.price,
    t.kind
  FROM public.track AS t
  JOIN restage_keymap.track AS k
    ON k.target_key = t.id
  LEFT JOIN noted AS n
    ON k.source_id = n.id
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.id,
    n.name,
    n.price,
    n.kind
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/001_dbo.Track/counts.sql
-- table:   public.track
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Track
-- body:    sha256:54dde63b9b07db6a3145b5aa31305ac378c9e9fd8557c228ae2ce900be3ad3a8
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.id
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.track, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.track'))
    AND r.table_name = 'public.track'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.track AS t
    JOIN restage_keymap.track AS k
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
  ) AS rejected,
  (
    SELECT coalesce(sum(c.rows), 0)
    FROM restage.row_count AS c
    WHERE c.run_id = g.run_id
      AND c.table_name = g.table_name
      AND c.kind = 'filtered'
  ) AS filtered
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.track'))
  AND g.table_name = 'public.track';

-- file:    verify/001_dbo.Track/keys.sql
-- table:   public.track
-- purpose: known = present, when every key has its final row
-- source:  dbo.Track
-- body:    sha256:c95559a21a847d5c0068797ffa6078489070721bc4e241b907ef11f1eaff12f0
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.track AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.track AS t
    JOIN restage_keymap.track AS k
      ON k.target_key = t.id
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.track AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/001_dbo.Track/others.sql
-- table:   public.track
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Track
-- body:    sha256:8a8a08167c9b0eb1e4400549fcf05833bbb4d9a50d5fd4f7a3f06dce69b80b96
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.track AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.track AS k
  WHERE k.target_key = t.id
);

