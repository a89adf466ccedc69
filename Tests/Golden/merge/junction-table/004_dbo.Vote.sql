-- file:    merge/004_dbo.Vote/10_stage.sql
-- table:   public.vote
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Vote, staged in restage_stage.vote
-- body:    sha256:ccfa14058544545ff134ca00877bb9fb012a08ff40a1c74a82683285150e44c3
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.vote;

CREATE UNLOGGED TABLE restage_stage.vote (
  voteid integer,
  playlistid integer,
  trackid integer,
  stars smallint
)
WITH (autovacuum_enabled = false);

-- file:    merge/004_dbo.Vote/15_check.sql
-- table:   public.vote
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Vote, staged in restage_stage.vote
-- body:    sha256:2094475bb00bc0245941923593c39eeab732ddb3f5f336891d62efa9b4fb3e87
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

-- The chunk that a row is from: by hand nobody says it.
ALTER TABLE restage_stage.vote ADD COLUMN IF NOT EXISTS chunk integer;

ANALYZE restage_stage.vote (voteid, playlistid, trackid);

SELECT restage.count_staged('public.vote', count(*)) AS staged
FROM restage_stage.vote AS s;

-- Numbers are sorted faster than they are hashed.
SET LOCAL enable_hashagg = off;

WITH repeated AS MATERIALIZED (
  SELECT
    s.voteid
  FROM restage_stage.vote AS s
  WHERE s.voteid IS NOT NULL
  GROUP BY
    s.voteid
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.vote AS s
  WHERE s.voteid IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.vote AS s
    ON s.voteid = r.voteid
),
refused AS (
  DELETE FROM restage_stage.vote AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('VoteId', s.voteid) AS source_key,
    jsonb_build_object('VoteId', s.voteid) AS value,
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
    'public.vote',
    r.source_key,
    'source key',
    ARRAY['voteid'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.vote', 'rejected', count(*)) AS rows
FROM recorded;

SET LOCAL enable_hashagg TO DEFAULT;

-- file:    merge/004_dbo.Vote/20_match.sql
-- table:   public.vote
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Vote, staged in restage_stage.vote
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/004_dbo.Vote/30_allocate.sql
-- table:   public.vote
-- step:    30 allocate
-- purpose: give every unseen row one new surrogate key
-- source:  dbo.Vote, staged in restage_stage.vote
-- body:    sha256:b2ff61033b32ea5cb2f89bf513a78e11463bb8bde230a516b9b6b53d2d4285da
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.vote', 'restage_keymap.vote') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.vote (
    source_voteid,
    target_key,
    row_hash,
    first_run,
    last_run,
    chunk
  )
  SELECT
    s.voteid,
    nextval('public.vote_voteid_seq'),
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id()),
    s.chunk
  FROM (
    SELECT
      s.voteid,
      restage.row_hash(
        ROW(
          s.voteid,
          s.playlistid,
          s.trackid,
          s.stars
        )::text,
        (NULL::restage_keymap.vote).row_hash
      ) AS row_hash,
      s.chunk
    FROM restage_stage.vote AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.vote AS k
      WHERE k.source_voteid = s.voteid
    )
    ORDER BY
      s.voteid
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.vote', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.vote'::regclass
  ) THEN
    ALTER TABLE restage_keymap.vote
      ADD PRIMARY KEY (source_voteid),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.vote'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.vote'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.vote;
  END IF;
END
$restage$;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.vote'
  AND c.kind = 'allocated';

-- file:    merge/004_dbo.Vote/35_orphans.sql
-- table:   public.vote
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Vote, staged in restage_stage.vote
-- body:    sha256:4fa5ce19c4762c8e7a633c63b64619cb7340f2c74a6d76aeeb3362c1dd789198
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- vote_playlistid_trackid_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.vote',
  'vote_playlistid_trackid_fkey',
  count(*),
  min(jsonb_build_object(
    'VoteId', s.voteid,
    'PlaylistId', s.playlistid,
    'TrackId', s.trackid
  )::text)
)
FROM restage_stage.vote AS s
WHERE s.playlistid IS NOT NULL
  AND s.trackid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.playlisttrack AS k
    WHERE k.source_playlistid = s.playlistid
      AND k.source_trackid = s.trackid
  )
HAVING count(*) > 0;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.vote'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/004_dbo.Vote/40_insert.sql
-- table:   public.vote
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Vote, staged in restage_stage.vote
-- body:    sha256:ef4aac50347f3a4b4ab5638c36f864195c3097a640cdadaed00c077328d28be5
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.vote', 'restage_keymap.vote') AS joins;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.vote (
    voteid,
    playlistid,
    trackid,
    stars
  )
  SELECT
    k.target_key,
    p1.target_key,
    p2.target_key,
    s.stars
  FROM restage_stage.vote AS s
  JOIN restage_keymap.vote AS k
    ON k.source_voteid = s.voteid
    AND k.first_run = (SELECT restage.run_id())
  JOIN restage_keymap.playlist AS p1
    ON p1.source_playlistid = s.playlistid
  JOIN restage_keymap.track AS p2
    ON p2.source_trackid = s.trackid
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.vote'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.vote', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.vote'
  AND c.kind = 'inserted';

-- file:    merge/004_dbo.Vote/50_update.sql
-- table:   public.vote
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Vote, staged in restage_stage.vote
-- body:    sha256:869ab18d9ab74742a3a576f65951e9fb97e7e4c64ad9de77046ba9f5af132b95
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.vote', 'restage_keymap.vote') AS joins;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.voteid,
    s.playlistid,
    s.trackid,
    s.stars,
    restage.row_hash(
      ROW(
        s.voteid,
        s.playlistid,
        s.trackid,
        s.stars
      )::text,
      (NULL::restage_keymap.vote).row_hash
    ) AS row_hash
  FROM restage_stage.vote AS s
  JOIN restage_keymap.vote AS k
    ON k.source_voteid = s.voteid
  WHERE NOT (SELECT restage.is_all_new('public.vote'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.voteid,
        s.playlistid,
        s.trackid,
        s.stars
      )::text,
      (NULL::restage_keymap.vote).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_voteid,
    row_to_json(t.*) AS row_data
  FROM public.vote AS t
  LEFT JOIN restage_keymap.playlist AS p1
    ON p1.target_key = t.playlistid
  LEFT JOIN restage_keymap.track AS p2
    ON p2.target_key = t.trackid
  JOIN restage_keymap.vote AS k
    ON k.target_key = t.voteid
  JOIN changed AS c
    ON k.source_voteid = c.voteid
  WHERE restage.row_hash(
      ROW(
        k.source_voteid,
        p1.source_playlistid,
        p2.source_trackid,
        t.stars
      )::text,
      (NULL::restage_keymap.vote).row_hash
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
    'public.vote',
    jsonb_build_object('source_voteid', d.source_voteid),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.vote AS t
  SET
    playlistid = p1.target_key,
    trackid = p2.target_key,
    stars = c.stars
  FROM changed AS c
  JOIN restage_keymap.vote AS k
    ON k.source_voteid = c.voteid
  JOIN restage_keymap.playlist AS p1
    ON p1.source_playlistid = c.playlistid
  JOIN restage_keymap.track AS p2
    ON p2.source_trackid = c.trackid
  WHERE t.voteid = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.vote AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id())
  FROM changed AS c
  WHERE k.source_voteid = c.voteid
)
SELECT
  restage.count_rows('public.vote', 'updated', count(*)) AS rows,
  restage.count_rows('public.vote', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/004_dbo.Vote/60_vanished.sql
-- table:   public.vote
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Vote, staged in restage_stage.vote
-- body:    sha256:b35a7ef90e31cb64a8789d5706546e0223405d4c8c3e72b9c8aea79ddd6d30b4
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.vote', 'restage_keymap.vote') AS joins;

-- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
-- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
WITH moved AS MATERIALIZED (
  SELECT
    k.source_voteid,
    k.chunk AS old_chunk,
    s.chunk AS new_chunk,
    k.vanished_run
  FROM restage_stage.vote AS s
  JOIN restage_keymap.vote AS k
    ON k.source_voteid = s.voteid
  WHERE k.first_run NOT IN (SELECT restage.run_id())
    AND s.chunk IS DISTINCT FROM k.chunk
    AND s.chunk IS NOT NULL
),
placed AS (
  UPDATE restage_keymap.vote AS k
  SET chunk = m.new_chunk
  FROM moved AS m
  WHERE k.source_voteid = m.source_voteid
)
SELECT restage.fail_skipped('public.vote', count(*), min(c.file))
FROM moved AS m
JOIN restage.chunk AS c
  ON c.chunk_id = m.old_chunk
WHERE c.run_id = (SELECT restage.run_id())
  AND c.table_name = 'public.vote'
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
    s.voteid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.vote, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.vote'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.vote AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND (SELECT restage.may_have_vanished('public.vote'))
    AND (
      k.chunk IS NULL
      OR k.chunk NOT IN (
        SELECT c.chunk_id
        FROM restage.chunk AS c
        WHERE c.run_id = (SELECT restage.run_id())
          AND c.table_name = 'public.vote'
          AND c.is_skipped
          AND c.chunk_id IS NOT NULL
      )
    )
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.vote AS s
      WHERE k.source_voteid = s.voteid
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE k.source_voteid = r.voteid
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_voteid,
    k.vanished_run
  FROM restage_keymap.vote AS k
  WHERE k.vanished_run IS NOT NULL
    AND (SELECT restage.may_have_vanished('public.vote'))
),
back AS MATERIALIZED (
  SELECT
    k.source_voteid,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.vote AS s
    ON k.source_voteid = s.voteid
  UNION
  SELECT
    k.source_voteid,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON k.source_voteid = r.voteid
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
    'public.vote',
    'returned',
    ARRAY[b.source_voteid::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.vote AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_voteid = b.source_voteid
  RETURNING 1
)
SELECT
  restage.count_rows('public.vote', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.vote', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/004_dbo.Vote/70_reset.sql
-- table:   public.vote
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Vote, staged in restage_stage.vote
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/004_dbo.Vote/90_account.sql
-- table:   public.vote
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Vote, staged in restage_stage.vote
-- body:    sha256:957fa260888177db5f7f72c520c96478974f5865745cb46a4c7c1f8e017e75c4
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.vote', 'restage_keymap.vote') AS joins;

-- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
SELECT restage.count_skipped('public.vote', k.rows) AS skipped
FROM restage.staged AS g
CROSS JOIN LATERAL restage.count_known('restage_keymap.vote') AS k (rows)
WHERE g.run_id = restage.run_id()
  AND g.table_name = 'public.vote'
  AND g.skipped_rows > 0;

SELECT restage.close_account('public.vote', count(*)) AS rows
FROM restage_stage.vote AS s
JOIN restage_keymap.vote AS k
  ON k.source_voteid = s.voteid
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.vote'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/004_dbo.Vote/content.sql
-- table:   public.vote
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Vote
-- body:    sha256:de93b8fe7cc3501ce39e5c2512b95f6493c827003efd1713ffcfb3d94621a77e
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
      s.voteid,
      s.playlistid,
      s.trackid,
      s.stars,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.vote'))
        AND r.table_name = 'public.vote'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.vote, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    k.source_voteid,
    p1.source_playlistid,
    p2.source_trackid,
    t.stars
  FROM public.vote AS t
  LEFT JOIN restage_keymap.playlist AS p1
    ON p1.target_key = t.playlistid
  LEFT JOIN restage_keymap.track AS p2
    ON p2.target_key = t.trackid
  JOIN restage_keymap.vote AS k
    ON k.target_key = t.voteid
  LEFT JOIN noted AS n
    ON k.source_voteid = n.voteid
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.voteid,
    n.playlistid,
    n.trackid,
    n.stars
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/004_dbo.Vote/counts.sql
-- table:   public.vote
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Vote
-- body:    sha256:0cd1575e9d68177d8ed005535b29e43f3990db333d2cf7da01d8993bd3abe633
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.voteid
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.vote, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.vote'))
    AND r.table_name = 'public.vote'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.vote AS t
    JOIN restage_keymap.vote AS k
      ON k.target_key = t.voteid
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE k.source_voteid = r.voteid
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.vote'))
  AND g.table_name = 'public.vote';

-- file:    verify/004_dbo.Vote/keys.sql
-- table:   public.vote
-- purpose: known = present, when every key has its final row
-- source:  dbo.Vote
-- body:    sha256:748c93019eb2168a204f6985f434f2d97789727ba886384ba577492730fbe780
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.vote AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.vote AS t
    JOIN restage_keymap.vote AS k
      ON k.target_key = t.voteid
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.vote AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/004_dbo.Vote/others.sql
-- table:   public.vote
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Vote
-- body:    sha256:c1db845ba27691b45940864bc487569f58c7d1c0c24b36dbe7da382a0c8da6f1
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.vote AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.vote AS k
  WHERE k.target_key = t.voteid
);

-- file:    verify/004_dbo.Vote/orphans.sql
-- table:   public.vote
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Vote
-- body:    sha256:6bd67c39a462128f71a5515a11eb41ad364f27dba2b48ee46a76d4ac4fd10067
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- vote_playlistid_trackid_fkey
SELECT count(*) AS orphans
FROM public.vote AS t
WHERE t.playlistid IS NOT NULL
  AND t.trackid IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.playlisttrack AS p
    WHERE p.playlistid = t.playlistid
      AND p.trackid = t.trackid
  );

