-- file:    merge/001_dbo.Playlist/10_stage.sql
-- table:   public.playlist
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Playlist, staged in restage_stage.playlist
-- body:    sha256:716a40d0db4748813e3981ecc0bb39ca18a1ed6f2abbce1a5ce6e6c6da8908f7
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.playlist;

CREATE UNLOGGED TABLE restage_stage.playlist (
  playlistid integer,
  name varchar(40)
)
WITH (autovacuum_enabled = false);

-- file:    merge/001_dbo.Playlist/15_check.sql
-- table:   public.playlist
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Playlist, staged in restage_stage.playlist
-- body:    sha256:cbd835f0cab089f8df628b46907d1175e0ccb2336db6b8f349e92c5ff9dc0789
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.playlist ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.playlist (playlistid);

SELECT restage.count_staged('public.playlist', count(*)) AS staged
FROM restage_stage.playlist AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.playlistid
  FROM restage_stage.playlist AS s
  WHERE s.playlistid IS NOT NULL
  GROUP BY
    s.playlistid
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.playlist AS s
  WHERE s.playlistid IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.playlist AS s
    ON s.playlistid = r.playlistid
),
refused AS (
  DELETE FROM restage_stage.playlist AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('PlaylistId', s.playlistid) AS source_key,
    jsonb_build_object('PlaylistId', s.playlistid) AS value,
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
    'public.playlist',
    r.source_key,
    'source key',
    ARRAY['playlistid'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.playlist', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/001_dbo.Playlist/20_match.sql
-- table:   public.playlist
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Playlist, staged in restage_stage.playlist
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Playlist/30_allocate.sql
-- table:   public.playlist
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Playlist, staged in restage_stage.playlist
-- body:    sha256:69fab6639c752501bb1a4e64a6a40ee784d355e74c57cc6675e4ced586b9e491
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.playlist', 'restage_keymap.playlist') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.playlist (
    source_playlistid,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.playlistid,
    nextval('public.playlist_playlistid_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.playlistid,
      restage.row_hash(
        ROW(
          s.playlistid,
          s.name
        )::text,
        (NULL::restage_keymap.playlist).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.playlist AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.playlist AS k
      WHERE k.source_playlistid = s.playlistid
    )
    ORDER BY
      s.playlistid
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.playlist', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.playlist'::regclass
  ) THEN
    ALTER TABLE restage_keymap.playlist
      ADD PRIMARY KEY (source_playlistid),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.playlist'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.playlist'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.playlist;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.playlist'
  AND c.kind = 'allocated';

-- file:    merge/001_dbo.Playlist/35_orphans.sql
-- table:   public.playlist
-- step:    35 orphans
-- purpose: no foreign key to check
-- source:  dbo.Playlist, staged in restage_stage.playlist
-- body:    sha256:93209f72fc093d7db449841cbb995003e2e2052dbe5552f5fea0f3d552f1c1fa
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.playlist'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/001_dbo.Playlist/40_insert.sql
-- table:   public.playlist
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Playlist, staged in restage_stage.playlist
-- body:    sha256:230712723ea29c2ce59822ed80c6fba39426bea3b89cb4601617104a3658d2aa
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.playlist', 'restage_keymap.playlist') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.playlist (
    playlistid,
    name
  )
  SELECT
    k.target_key,
    s.name
  FROM restage_stage.playlist AS s
  JOIN restage_keymap.playlist AS k
    ON k.source_playlistid = s.playlistid
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.playlist'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.playlist', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.playlist'
  AND c.kind = 'inserted';

-- file:    merge/001_dbo.Playlist/50_update.sql
-- table:   public.playlist
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Playlist, staged in restage_stage.playlist
-- body:    sha256:f5014a8a34b609674e2ff1cbb5aef93b1a035dad763ac3a2bf206b82d9890d5e
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.playlist', 'restage_keymap.playlist') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.playlistid,
    s.name,
    restage.row_hash(
      ROW(
        s.playlistid,
        s.name
      )::text,
      (NULL::restage_keymap.playlist).row_hash
    ) AS row_hash
  FROM restage_stage.playlist AS s
  JOIN restage_keymap.playlist AS k
    ON k.source_playlistid = s.playlistid
  WHERE NOT (SELECT restage.is_all_new('public.playlist'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.playlistid,
        s.name
      )::text,
      (NULL::restage_keymap.playlist).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_playlistid,
    row_to_json(t.*) AS row_data
  FROM public.playlist AS t
  JOIN restage_keymap.playlist AS k
    ON k.target_key = t.playlistid
  JOIN changed AS c
    ON k.source_playlistid = c.playlistid
  WHERE restage.row_hash(
      ROW(
        k.source_playlistid,
        t.name
      )::text,
      (NULL::restage_keymap.playlist).row_hash
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
    'public.playlist',
    jsonb_build_object('source_playlistid', d.source_playlistid),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.playlist AS t
  SET
    name = c.name
  FROM changed AS c
  JOIN restage_keymap.playlist AS k
    ON k.source_playlistid = c.playlistid
  WHERE t.playlistid = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.playlist AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_playlistid = c.playlistid
)
SELECT
  restage.count_rows('public.playlist', 'updated', count(*)) AS rows,
  restage.count_rows('public.playlist', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/001_dbo.Playlist/60_vanished.sql
-- table:   public.playlist
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Playlist, staged in restage_stage.playlist
-- body:    sha256:f483a556f14e079e871533a4cb6ecbe80e84e23cc6c139133b83842dd7245ec0
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.playlist', 'restage_keymap.playlist') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_playlistid,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.playlist AS s
  JOIN restage_keymap.playlist AS k
    ON k.source_playlistid = s.playlistid
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.playlist AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_playlistid = m.source_playlistid
)
SELECT restage.fail_skipped('public.playlist', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.playlist'
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
    s.playlistid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.playlist, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.playlist'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.playlist AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.playlist'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.playlist'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.playlist AS s
      WHERE k.source_playlistid = s.playlistid
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_playlistid = r.playlistid
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_playlistid,
    k.vanished_run
  FROM restage_keymap.playlist AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.playlist'))
),
back AS MATERIALIZED (
  SELECT
    k.source_playlistid,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.playlist AS s
    ON k.source_playlistid = s.playlistid
  UNION
  SELECT
    k.source_playlistid,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_playlistid = r.playlistid
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
    'public.playlist',
    'returned',
    ARRAY[b.source_playlistid::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.playlist AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_playlistid = b.source_playlistid
  RETURNING 1
)
SELECT
  restage.count_rows('public.playlist', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.playlist', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/001_dbo.Playlist/70_reset.sql
-- table:   public.playlist
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Playlist, staged in restage_stage.playlist
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/001_dbo.Playlist/90_account.sql
-- table:   public.playlist
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Playlist, staged in restage_stage.playlist
-- body:    sha256:9e606fe6a4e8185ffe378eb9d090951382f0d0bdecce730dc1d19aca2cacd956
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.playlist', 'restage_keymap.playlist') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.playlist', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.playlist') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.playlist'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.playlist', count(*)) AS rows
FROM restage_stage.playlist AS s
JOIN restage_keymap.playlist AS k
  ON k.source_playlistid = s.playlistid
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.playlist'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/001_dbo.Playlist/content.sql
-- table:   public.playlist
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Playlist
-- body:    sha256:1d24033f544c373efb14923d87d73c039806367572644de874f8c69cb275b94b
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
      s.playlistid,
      s.name,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.playlist'))
        AND r.table_name = 'public.playlist'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.playlist, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_playlistid,
    t.name
  FROM public.playlist AS t
  JOIN restage_keymap.playlist AS k
    ON k.target_key = t.playlistid
  LEFT JOIN noted AS n
    ON k.source_playlistid = n.playlistid
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.playlistid,
    n.name
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/001_dbo.Playlist/counts.sql
-- table:   public.playlist
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Playlist
-- body:    sha256:080bfb5b5fbb891bfb1b90b8897a9aecab423aa5c966aeb6cceb146e7f0d7307
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.playlistid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.playlist, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.playlist'))
    AND r.table_name = 'public.playlist'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.playlist AS t
    JOIN restage_keymap.playlist AS k
      ON k.target_key = t.playlistid
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_playlistid = r.playlistid
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.playlist'))
  AND g.table_name = 'public.playlist';

-- file:    verify/001_dbo.Playlist/keys.sql
-- table:   public.playlist
-- purpose: known = present, when every key has its final row
-- source:  dbo.Playlist
-- body:    sha256:8de392d048c03b5f1ecab10840919a5e331f19bf9e4853a90e075585e794925a
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.playlist AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.playlist AS t
    JOIN restage_keymap.playlist AS k
      ON k.target_key = t.playlistid
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.playlist AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/001_dbo.Playlist/others.sql
-- table:   public.playlist
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Playlist
-- body:    sha256:82325c5077f0a9ba5bb26415c8ca2f88bbe9ba9719b042de445a4cad0efd94a4
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.playlist AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.playlist AS k
  WHERE k.target_key = t.playlistid
);

