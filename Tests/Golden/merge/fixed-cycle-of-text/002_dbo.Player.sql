-- file:    merge/002_dbo.Player/10_stage.sql
-- table:   public.player
-- step:    10 stage
-- purpose: make an empty stage table for the rows of this run
-- source:  dbo.Player, staged in restage_stage.player
-- body:    sha256:36db68acc06a435bc5d4ecdc4d4d10c506a516e0f00b72d6204ee364add0b6ef
-- by hand: psql -X -v ON_ERROR_STOP=1 -f 10_stage.sql

DROP TABLE IF EXISTS restage_stage.player;

CREATE UNLOGGED TABLE restage_stage.player (
  nick varchar(9),
  code varchar(9),
  no integer
)
WITH (autovacuum_enabled = false);

-- file:    merge/002_dbo.Player/15_check.sql
-- table:   public.player
-- step:    15 check
-- purpose: count, and refuse rows whose source key is NULL or not unique
-- source:  dbo.Player, staged in restage_stage.player
-- body:    sha256:db99a97cb8f965dc798b9b16ec2b6da680ab4755d851fc96b632a6a8bb1982f5
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 15_check.sql

ANALYZE restage_stage.player (nick, code, no);

SELECT restage.count_staged('public.player', count(*)) AS staged
FROM restage_stage.player AS s;

WITH repeated AS MATERIALIZED (
  SELECT
    rtrim(s.nick) AS nick
  FROM restage_stage.player AS s
  WHERE s.nick IS NOT NULL
  GROUP BY
    rtrim(s.nick)
  HAVING count(*) > 1
),
bad AS (
  SELECT
    s.ctid AS row_id,
    'the source key is NULL' AS message
  FROM restage_stage.player AS s
  WHERE s.nick IS NULL
  UNION ALL
  SELECT
    s.ctid AS row_id,
    'several staged rows have this source key' AS message
  FROM repeated AS r
  JOIN restage_stage.player AS s
    ON rtrim(s.nick) = r.nick
),
refused AS (
  DELETE FROM restage_stage.player AS s
  USING bad AS b
  WHERE s.ctid = b.row_id
  RETURNING
    jsonb_build_object('Nick', s.nick) AS source_key,
    jsonb_build_object('Nick', s.nick) AS value,
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
    'public.player',
    r.source_key,
    'source key',
    ARRAY['nick'],
    r.value::text,
    r.message,
    false,
    r.row_data
  FROM refused AS r
  RETURNING 1
)
SELECT restage.count_rows('public.player', 'rejected', count(*)) AS rows
FROM recorded;

-- file:    merge/002_dbo.Player/20_match.sql
-- table:   public.player
-- step:    20 match
-- purpose: nothing: the mapping names no natural_key
-- source:  dbo.Player, staged in restage_stage.player
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 20_match.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Player/30_allocate.sql
-- table:   public.player
-- step:    30 allocate
-- purpose: remember every unseen row in the key map
-- source:  dbo.Player, staged in restage_stage.player
-- body:    sha256:e3842817bad792244b8ef0b0f18a6d00f01cdf3ef9daa69fabc57f313e3d2f51
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 30_allocate.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.player', 'restage_keymap.player') AS joins;

DO $restage$
DECLARE
  allocated_rows bigint;
BEGIN
  INSERT INTO restage_keymap.player (
    source_nick,
    target_key,
    row_hash,
    first_run,
    last_run
  )
  SELECT
    s.nick,
    s.nick,
    s.row_hash,
    (SELECT restage.run_id()),
    (SELECT restage.run_id())
  FROM (
    SELECT
      s.nick,
      restage.row_hash(
        ROW(
          s.nick,
          s.code,
          s.no
        )::text,
        (NULL::restage_keymap.player).row_hash
      ) AS row_hash
    FROM restage_stage.player AS s
    WHERE NOT EXISTS (
      SELECT
      FROM restage_keymap.player AS k
      WHERE rtrim(k.source_nick) = rtrim(s.nick)
    )
    ORDER BY
      s.nick
  ) AS s;
  GET DIAGNOSTICS allocated_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.player', 'allocated', allocated_rows);
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
    WHERE i.indrelid = 'restage_keymap.player'::regclass
  ) THEN
    ALTER TABLE restage_keymap.player
      ADD PRIMARY KEY (source_nick),
      ADD UNIQUE (target_key);
  END IF;

  IF EXISTS (
    SELECT
    FROM restage.row_count AS c
    JOIN pg_catalog.pg_class AS r
      ON r.oid = 'restage_keymap.player'::regclass
    WHERE c.run_id = restage.run_id()
      AND c.table_name = 'public.player'
      AND c.kind = 'allocated'
      AND c.rows * 10 > r.reltuples
      AND c.rows > 0
  ) THEN
    ANALYZE restage_keymap.player;
  END IF;
END
$restage$;

-- Keys that differ from those of the key map in case or trailing blanks.
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

UPDATE restage_keymap.player AS k
SET
  source_nick = s.nick,
  target_key = CASE
    WHEN k.first_run = (SELECT restage.run_id()) THEN s.nick
    ELSE k.target_key
  END
FROM restage_stage.player AS s
WHERE rtrim(k.source_nick) = rtrim(s.nick)
  AND k.source_nick COLLATE "C" <> s.nick COLLATE "C";

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.player'
  AND c.kind = 'allocated';

-- file:    merge/002_dbo.Player/35_orphans.sql
-- table:   public.player
-- step:    35 orphans
-- purpose: find rows whose parent is in no key map
-- source:  dbo.Player, staged in restage_stage.player
-- body:    sha256:df1c491e03667cb8dfb224f2dd4038b0925e92d3fe1d687b6aa92f5f7b396afe
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 35_orphans.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- player_code_no_fkey: on_orphan: fail
SELECT restage.fail_orphans(
  'public.player',
  'player_code_no_fkey',
  count(*),
  min(jsonb_build_object(
    'Nick', s.nick,
    'Code', s.code,
    'No', s.no
  )::text)
)
FROM restage_stage.player AS s
WHERE s.code IS NOT NULL
  AND s.no IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM restage_keymap.team AS k
    WHERE rtrim(k.source_code) = rtrim(s.code)
      AND k.source_no = s.no
  )
HAVING count(*) > 0;

-- player_code_no_fkey: where it differs in trailing blanks, the parent's spelling
-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH spelling AS MATERIALIZED (
  SELECT DISTINCT ON (s.ctid)
    s.ctid AS row_id,
    jsonb_build_object('Nick', s.nick) AS source_key,
    jsonb_build_object(
      'Code', s.code,
      'No', s.no
    ) AS value,
    row_to_json(s.*) AS row_data,
    k.source_code
  FROM restage_stage.player AS s
  JOIN restage_keymap.team AS k
    ON rtrim(k.source_code) = rtrim(s.code)
    AND k.source_no = s.no
  WHERE NOT EXISTS (
    SELECT
    FROM restage_keymap.team AS k
    WHERE k.source_code = s.code
      AND k.source_no = s.no
  )
  ORDER BY
    s.ctid,
    k.vanished_run NULLS FIRST,
    k.source_code
),
respelled AS (
  UPDATE restage_stage.player AS s
  SET
    code = c.source_code
  FROM spelling AS c
  WHERE s.ctid = c.row_id
  RETURNING
    s.nick,
    restage.row_hash(
      ROW(
        s.nick,
        s.code,
        s.no
      )::text,
      (NULL::restage_keymap.player).row_hash
    ) AS row_hash
),
rehashed AS (
  UPDATE restage_keymap.player AS k
  SET row_hash = n.row_hash
  FROM respelled AS n
  WHERE k.first_run = (SELECT restage.run_id())
    AND rtrim(k.source_nick) = rtrim(n.nick)
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
    'public.player',
    r.source_key,
    'spelling player_code_no_fkey',
    ARRAY['code'],
    r.value::text,
    'differs from the parent''s key in trailing blanks; loaded as the parent has it',
    true,
    r.row_data
  FROM spelling AS r
  RETURNING 1
)
SELECT restage.count_rows('public.player', 'respelled', count(*)) AS rows
FROM recorded;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

SELECT count(*) AS rows
FROM restage.reject AS r
WHERE r.run_id = restage.run_id()
  AND r.table_name = 'public.player'
  AND r.rule LIKE 'foreign key %';

-- file:    merge/002_dbo.Player/40_insert.sql
-- table:   public.player
-- step:    40 insert
-- purpose: insert the unseen rows with their new keys
-- source:  dbo.Player, staged in restage_stage.player
-- body:    sha256:6715107163aebed969d54f54bfabab86086662b46353a2d05b82616d31d3bc97
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 40_insert.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.player', 'restage_keymap.player') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

DO $restage$
DECLARE
  inserted_rows bigint;
BEGIN
  INSERT INTO public.player (
    nick,
    code,
    no
  )
  SELECT
    s.nick,
    s.code,
    s.no
  FROM restage_stage.player AS s
  JOIN restage_keymap.player AS k
    ON rtrim(k.source_nick) = rtrim(s.nick)
    AND k.first_run = (SELECT restage.run_id())
  WHERE NOT EXISTS (
    SELECT
    FROM restage.row_count AS c
    WHERE c.run_id = (SELECT restage.run_id())
      AND c.table_name = 'public.player'
      AND c.kind = 'inserted'
  );
  GET DIAGNOSTICS inserted_rows = ROW_COUNT;
  PERFORM restage.count_rows('public.player', 'inserted', inserted_rows);
END
$restage$;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

SELECT c.rows
FROM restage.row_count AS c
WHERE c.run_id = restage.run_id()
  AND c.table_name = 'public.player'
  AND c.kind = 'inserted';

-- file:    merge/002_dbo.Player/50_update.sql
-- table:   public.player
-- step:    50 update
-- purpose: carry over the rows that changed in the source
-- source:  dbo.Player, staged in restage_stage.player
-- body:    sha256:a0cbd192c068646b66afa941b4002a6cbdd54a87e0c86a6fc9d79771dda6c49b
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 50_update.sql

-- Texts of values depend on these, and hashes of rows on the texts.
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.player', 'restage_keymap.player') AS joins;

-- What can wait is checked at the end of the transaction, when all rows are in place.
SET CONSTRAINTS ALL DEFERRED;

WITH changed AS MATERIALIZED (
  -- Known rows whose hash is another than when they were loaded last.
  SELECT
    s.nick,
    s.code,
    s.no,
    restage.row_hash(
      ROW(
        s.nick,
        s.code,
        s.no
      )::text,
      (NULL::restage_keymap.player).row_hash
    ) AS row_hash
  FROM restage_stage.player AS s
  JOIN restage_keymap.player AS k
    ON rtrim(k.source_nick) = rtrim(s.nick)
  WHERE NOT (SELECT restage.is_all_new('public.player'))
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND k.row_hash <> restage.row_hash(
      ROW(
        s.nick,
        s.code,
        s.no
      )::text,
      (NULL::restage_keymap.player).row_hash
    )
),
edited AS MATERIALIZED (
  -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
  -- nor that of the staged row.
  SELECT
    k.source_nick,
    row_to_json(t.*) AS row_data
  FROM public.player AS t
  JOIN restage_keymap.player AS k
    ON k.target_key = t.nick
  JOIN changed AS c
    ON rtrim(k.source_nick) = rtrim(c.nick)
  WHERE restage.row_hash(
      ROW(
        t.nick,
        t.code,
        t.no
      )::text,
      (NULL::restage_keymap.player).row_hash
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
    'public.player',
    jsonb_build_object('source_nick', d.source_nick),
    'edited',
    'overwritten',
    d.row_data
  FROM edited AS d
  RETURNING 1
),
updated AS (
  UPDATE public.player AS t
  SET
    nick = c.nick,
    code = c.code,
    no = c.no
  FROM changed AS c
  JOIN restage_keymap.player AS k
    ON rtrim(k.source_nick) = rtrim(c.nick)
  WHERE t.nick = k.target_key
  RETURNING 1
),
remembered AS (
  UPDATE restage_keymap.player AS k
  SET
    row_hash = c.row_hash,
    last_run = (SELECT restage.run_id()),
    target_key = c.nick
  FROM changed AS c
  WHERE rtrim(k.source_nick) = rtrim(c.nick)
)
SELECT
  restage.count_rows('public.player', 'updated', count(*)) AS rows,
  restage.count_rows('public.player', 'overwritten', (SELECT count(*) FROM noted)) AS overwritten
FROM updated;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    merge/002_dbo.Player/60_vanished.sql
-- table:   public.player
-- step:    60 vanished
-- purpose: note rows that vanished from the source since they were loaded
-- source:  dbo.Player, staged in restage_stage.player
-- body:    sha256:97dc42cc2cb42508b39cc84c0029d45670d5fa0bc892939c16e255abd0982a22
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 60_vanished.sql

-- A nested loop would not end where the planner takes a full key map for an empty one.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;

WITH refused AS MATERIALIZED (
  SELECT
    s.nick
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.player, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.run_id())
    AND r.table_name = 'public.player'
    AND NOT r.is_loaded
),
vanished AS (
  UPDATE restage_keymap.player AS k
  SET vanished_run = (SELECT restage.run_id())
  WHERE k.vanished_run IS NULL
    AND k.first_run NOT IN (SELECT restage.run_id())
    AND NOT EXISTS (
      SELECT
      FROM restage_stage.player AS s
      WHERE rtrim(k.source_nick) = rtrim(s.nick)
    )
    AND NOT EXISTS (
      SELECT
      FROM refused AS r
      WHERE rtrim(k.source_nick) = rtrim(r.nick)
    )
  RETURNING 1
),
gone AS MATERIALIZED (
  SELECT
    k.source_nick,
    k.vanished_run
  FROM restage_keymap.player AS k
  WHERE k.vanished_run IS NOT NULL
),
back AS MATERIALIZED (
  SELECT
    k.source_nick,
    k.vanished_run
  FROM gone AS k
  JOIN restage_stage.player AS s
    ON rtrim(k.source_nick) = rtrim(s.nick)
  UNION
  SELECT
    k.source_nick,
    k.vanished_run
  FROM gone AS k
  JOIN refused AS r
    ON rtrim(k.source_nick) = rtrim(r.nick)
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
    'public.player',
    'returned',
    ARRAY[b.source_nick::text],
    b.vanished_run
  FROM back AS b
),
returned AS (
  UPDATE restage_keymap.player AS k
  SET vanished_run = NULL
  FROM back AS b
  WHERE k.source_nick = b.source_nick
  RETURNING 1
)
SELECT
  restage.count_rows('public.player', 'vanished', (SELECT count(*) FROM vanished)) AS rows,
  restage.count_rows('public.player', 'returned', (SELECT count(*) FROM returned)) AS returned;

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;

-- file:    merge/002_dbo.Player/70_reset.sql
-- table:   public.player
-- step:    70 reset
-- purpose: no sequence to move
-- source:  dbo.Player, staged in restage_stage.player
-- body:    sha256:758ab08d68efe36665a429d7030f84004c6fa3e0a84fd563c926051963e26801
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 70_reset.sql

SELECT 0::bigint AS rows;

-- file:    merge/002_dbo.Player/90_account.sql
-- table:   public.player
-- step:    90 account
-- purpose: prove that every staged row is accounted for
-- source:  dbo.Player, staged in restage_stage.player
-- body:    sha256:849faf607bd32ac0b1dc5b2350788cea55ad7409df7269394fe38b8e4b78f9d5
-- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \
--          psql -X -1 -v ON_ERROR_STOP=1 -f 90_account.sql

-- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
SELECT restage.choose_joins('public.player', 'restage_keymap.player') AS joins;

SELECT restage.close_account('public.player', count(*)) AS rows
FROM restage_stage.player AS s
JOIN restage_keymap.player AS k
  ON rtrim(k.source_nick) = rtrim(s.nick)
WHERE k.last_run NOT IN (SELECT restage.run_id())
  AND NOT (SELECT restage.is_all_new('public.player'));

SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL jit TO DEFAULT;
SET LOCAL seq_page_cost TO DEFAULT;
SET LOCAL random_page_cost TO DEFAULT;

-- file:    verify/002_dbo.Player/content.sql
-- table:   public.player
-- purpose: print the snapshot's rows as the target remembers them
-- source:  dbo.Player
-- body:    sha256:9f2aaa637208149197d455f1ff79b07e81812d7d9eb5c703f66e41298c3b6b71
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
      s.nick,
      s.code,
      s.no,
      r.is_loaded
    FROM (
      SELECT
        r.row_data,
        r.is_loaded,
        r.rule,
        first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT restage.last_run('stride', 'public.player'))
        AND r.table_name = 'public.player'
    ) AS r
    CROSS JOIN LATERAL json_populate_record(NULL::public.player, r.row_data) AS s
    WHERE r.rule = r.first_rule
  )
  SELECT
    t.nick,
    CASE WHEN rtrim(n.code) = rtrim(t.code) THEN n.code ELSE t.code END,
    t.no
  FROM public.player AS t
  JOIN restage_keymap.player AS k
    ON k.target_key = t.nick
  LEFT JOIN noted AS n
    ON rtrim(k.source_nick) = rtrim(n.nick)
  WHERE k.vanished_run IS NULL
    AND n.is_loaded IS NOT FALSE
  UNION ALL
  SELECT
    n.nick,
    n.code,
    n.no
  FROM noted AS n
  WHERE NOT n.is_loaded
) TO STDOUT WITH (FORMAT csv);

-- file:    verify/002_dbo.Player/counts.sql
-- table:   public.player
-- purpose: snapshot_rows = present + rejected, when all is well
-- source:  dbo.Player
-- body:    sha256:0912bfaee3978deb57f38ae6c3a9a0c6a4aba3e9aa05a7b3f904ab3680cf8874
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f counts.sql

WITH refused AS MATERIALIZED (
  SELECT
    s.nick
  FROM restage.reject AS r
  CROSS JOIN LATERAL json_populate_record(NULL::public.player, r.row_data) AS s
  WHERE r.run_id = (SELECT restage.last_run('stride', 'public.player'))
    AND r.table_name = 'public.player'
    AND NOT r.is_loaded
)
SELECT
  coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
  (
    SELECT count(*)
    FROM public.player AS t
    JOIN restage_keymap.player AS k
      ON k.target_key = t.nick
    WHERE k.vanished_run IS NULL
      AND NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE rtrim(k.source_nick) = rtrim(r.nick)
      )
  ) AS present,
  (
    SELECT count(*)
    FROM refused
  ) AS rejected
FROM restage.staged AS g
WHERE g.run_id = (SELECT restage.last_run('stride', 'public.player'))
  AND g.table_name = 'public.player';

-- file:    verify/002_dbo.Player/keys.sql
-- table:   public.player
-- purpose: known = present, when every key has its final row
-- source:  dbo.Player
-- body:    sha256:ebe81f56fda1b93813a223d9ea2809dd854d80a2e888ec9f41ced72eab022a33
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f keys.sql

SELECT
  (
    SELECT count(*)
    FROM restage_keymap.player AS k
    WHERE k.vanished_run IS NULL
  ) AS known,
  (
    SELECT count(*)
    FROM public.player AS t
    JOIN restage_keymap.player AS k
      ON k.target_key = t.nick
    WHERE k.vanished_run IS NULL
  ) AS present,
  (
    SELECT count(*)
    FROM restage_keymap.player AS k
    WHERE k.vanished_run IS NOT NULL
  ) AS vanished;

-- file:    verify/002_dbo.Player/others.sql
-- table:   public.player
-- purpose: count final rows that the key map does not know: not from this source
-- source:  dbo.Player
-- body:    sha256:944991a58c5fd1596b12723b9e2198fe375dd2130efcc26df2c51a3b53d675c1
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f others.sql

SELECT count(*) AS others
FROM public.player AS t
WHERE NOT EXISTS (
  SELECT
  FROM restage_keymap.player AS k
  WHERE k.target_key = t.nick
);

-- file:    verify/002_dbo.Player/orphans.sql
-- table:   public.player
-- purpose: count final rows without their parent; 0 for each foreign key, when all is well
-- source:  dbo.Player
-- body:    sha256:acd685f47fadfd3fb38783e87823661d0915fcf80059340bec0fa68d522afe98
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f orphans.sql

-- player_code_no_fkey
SELECT count(*) AS orphans
FROM public.player AS t
WHERE t.code IS NOT NULL
  AND t.no IS NOT NULL
  AND NOT EXISTS (
    SELECT
    FROM public.team AS p
    WHERE p.code = t.code
      AND p.no = t.no
  );

-- file:    verify/002_dbo.Player/unique.sql
-- table:   public.player
-- purpose: after a run that ended with "duplicate key": rows that claim the same values
-- source:  dbo.Player
-- body:    sha256:c6a75dfb9d22b3f7a15f0537bcf34eb36bc8bcc4283a2eb8f284c2a80d1e880f
-- by hand: psql -X -q -v ON_ERROR_STOP=1 -f unique.sql

-- player_pkey
WITH staged AS (
  SELECT *
  FROM restage_stage.player
),
held AS (
  SELECT
    t.nick AS nick,
    k.first_run IS NOT NULL AS is_known
  FROM public.player AS t
  LEFT JOIN restage_keymap.player AS k
    ON k.target_key = t.nick
)
SELECT
  jsonb_build_object('Nick', s.nick) AS value,
  jsonb_build_object('Nick', s.nick) AS staged_row,
  jsonb_build_object('Nick', o.nick) AS holder,
  'staged' AS state
FROM staged AS s
JOIN staged AS o
  ON o.nick = s.nick
  AND ROW(s.nick) < ROW(o.nick)
UNION ALL
SELECT
  jsonb_build_object('Nick', s.nick) AS value,
  jsonb_build_object('Nick', s.nick) AS staged_row,
  jsonb_build_object('Nick', t.nick) AS holder,
  CASE
    WHEN NOT t.is_known THEN 'unknown'
    WHEN o.nick IS NULL THEN 'vanished'
    WHEN ROW(o.nick) IS DISTINCT FROM ROW(t.nick) THEN 'changing'
    ELSE 'kept'
  END AS state
FROM staged AS s
JOIN held AS t
  ON t.nick = s.nick
LEFT JOIN restage_stage.player AS o
  ON o.nick = t.nick
WHERE NOT (t.is_known AND ROW(s.nick) IS NOT DISTINCT FROM ROW(t.nick))
LIMIT 20;

