-- Schema restage from version 1.0 to version 1.1: afterwards it has the same objects as one that
-- restage--1.1.sql made (sql/test/run compares), and the rows that it had.
--
-- The same file is the update script of the extension (ALTER EXTENSION restage UPDATE) and plain SQL
-- (psql -X -1 -v ON_ERROR_STOP=1 -f restage--1.0--1.1.sql), which restage install and restage load
-- apply. It needs the role that owns schema restage; no run may be at work.

DO $restage$
DECLARE
  found text;
BEGIN
  IF to_regprocedure('restage.version()') IS NOT NULL THEN
    EXECUTE 'SELECT restage.version()' INTO found;
  END IF;
  IF found IS DISTINCT FROM '1.0' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'RS004',
      MESSAGE = format('schema restage has version %s, this script is for version 1.0', coalesce(found, 'none')),
      HINT = 'restage install brings any earlier version up to date.';
  END IF;
END
$restage$;

-- Tables

COMMENT ON COLUMN restage.run.status IS 'running, succeeded, failed, or interrupted: its loader died before it could say how it ended. rolled_back: a later run took it back. Only a run that succeeded is in the target, and of one that committed table by table the tables whose account is closed (restage.staged).';
COMMENT ON COLUMN restage.run.options IS 'What a rollback was told: force, inserts_only. Of a load that commits table by table: commit, and tables, those it is about. definitions: begun by a load that makes the final tables one by one, made once all of them are there.';
COMMENT ON COLUMN restage.staged.closed_at IS 'When the account of the table was found to add up, at the end of the transaction that merged it: a table that has it is in the target.';
COMMENT ON COLUMN restage.reject.rule IS 'source key; natural key; foreign key, or spelling, and the name of the foreign key.';
COMMENT ON COLUMN restage.reject.is_loaded IS 'True where the row was loaded all the same: with the foreign key set to NULL (on_orphan: null), with the parent''s spelling of it, or known under another key before (natural_key).';

ALTER TABLE restage.staged
  ADD COLUMN since jsonb,
  ADD COLUMN watermark jsonb;

COMMENT ON COLUMN restage.staged.since IS 'Set where only rows were staged that changed since an earlier snapshot: its watermark. NULL for a whole table.';
COMMENT ON COLUMN restage.staged.watermark IS 'Up to where the source''s changes are loaded: the next snapshot of changed rows must begin here or earlier. NULL where the source has none.';

ALTER TABLE restage.staged ADD COLUMN skipped_rows bigint NOT NULL DEFAULT 0;
ALTER TABLE restage.staged ADD COLUMN merge_sha256 text;
ALTER TABLE restage.staged ADD COLUMN known_rows bigint;
ALTER TABLE restage.staged ADD COLUMN vanished_rows bigint;
COMMENT ON COLUMN restage.staged.skipped_rows IS 'Rows of chunks that were not staged, because an earlier run had loaded the very same chunk.';
COMMENT ON COLUMN restage.staged.merge_sha256 IS 'SHA-256 of the table''s merge files, where a later run may skip unchanged chunks; NULL where it may not.';
COMMENT ON COLUMN restage.staged.known_rows IS 'Rows of the key map that had not vanished, counted before anything was staged; NULL where nobody counted.';
COMMENT ON COLUMN restage.staged.vanished_rows IS 'Rows of the key map that were noted as vanished then; NULL where nobody counted.';

ALTER TABLE restage.row_count DROP CONSTRAINT row_count_kind_check;
ALTER TABLE restage.row_count ADD CONSTRAINT row_count_kind_check CHECK (kind IN (
  'allocated', 'inserted', 'updated', 'unchanged', 'changed', 'kept', 'matched', 'rejected', 'filtered', 'transformed', 'nulled', 'respelled', 'overwritten', 'vanished', 'returned', 'deleted', 'marked', 'skipped',
  'restored', 'forgotten', 'missing'
));
COMMENT ON COLUMN restage.row_count.kind IS 'In the account: inserted, updated, unchanged (known and not written), changed (differs, and the mapping says report), kept (changed, but the final row was edited and the mapping says on_conflict: keep), matched (recognised by its natural key), rejected, filtered (left out by the mapping''s where). Beside it: transformed (went through the mapping''s expr and add), allocated (new in the key map), nulled (loaded without a parent), respelled (loaded with the parent''s spelling of a key), overwritten (among the updated: the final row had been edited), vanished (known and staged no longer), returned (vanished before and staged again), deleted (vanished, and the final row deleted), marked (mark_column set or emptied), skipped (in chunks that were not staged, and known one by one). Of a rollback: deleted (final rows), restored (as they were before the run), forgotten (rows of the key map), missing (gone from the final table before).';

ALTER TABLE restage.chunk ADD COLUMN chunk_id integer;
ALTER TABLE restage.chunk ADD COLUMN is_skipped boolean NOT NULL DEFAULT false;
COMMENT ON TABLE restage.chunk IS 'The chunks of the snapshot that a run loaded: a later run can tell by their hashes which are unchanged.';
COMMENT ON COLUMN restage.chunk.chunk_id IS 'What key maps call the chunk (column chunk); a chunk keeps it from run to run, whatever its number. NULL where the table''s chunks are not told apart.';
COMMENT ON COLUMN restage.chunk.is_skipped IS 'True where the chunk was not staged: an earlier run had loaded the very same.';

CREATE TABLE restage.settled (
  source_name text NOT NULL,
  table_name text NOT NULL,
  run_id uuid NOT NULL REFERENCES restage.run ON DELETE CASCADE,
  merge_sha256 text NOT NULL,
  PRIMARY KEY (source_name, table_name)
);

CREATE INDEX settled_run_id_idx ON restage.settled (run_id);

COMMENT ON TABLE restage.settled IS 'Tables whose key map stands for the chunks of one run, row by row and with nothing left to decide: chunks that are the same in the next snapshot need not be staged. Rows may be deleted at any time; the next load then stages the whole table.';
COMMENT ON COLUMN restage.settled.source_name IS 'Name of the source, as the mapping gives it.';
COMMENT ON COLUMN restage.settled.table_name IS 'The final table.';
COMMENT ON COLUMN restage.settled.run_id IS 'The run whose chunks (restage.chunk) these are.';
COMMENT ON COLUMN restage.settled.merge_sha256 IS 'SHA-256 of the table''s merge files: under another plan nothing is skipped.';

-- Key maps that are there already.
DO $restage$
DECLARE
  key_map regclass;
BEGIN
  FOR key_map IN
    SELECT to_regclass(m.key_map_table)
    FROM restage.table_map AS m
    WHERE to_regclass(m.key_map_table) IS NOT NULL
    ORDER BY m.key_map_table
  LOOP
    EXECUTE format('ALTER TABLE %s ADD COLUMN IF NOT EXISTS chunk integer', key_map);
    EXECUTE format(
      'COMMENT ON COLUMN %s.chunk IS %L',
      key_map,
      'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.'
    );
  END LOOP;
END
$restage$;

-- pg_dump leaves rows of an extension's tables out unless it is told, of new tables too; as plain SQL
-- there is no extension to tell, and nothing to do.
DO $restage$
DECLARE
  relation regclass;
BEGIN
  FOR relation IN
    SELECT c.oid
    FROM pg_class AS c
    WHERE c.relnamespace = 'restage'::regnamespace
      AND c.relkind IN ('r', 'S')
    ORDER BY c.oid
  LOOP
    PERFORM pg_extension_config_dump(relation, '');
  END LOOP;
EXCEPTION
  WHEN feature_not_supported THEN
    NULL;
END
$restage$;

-- Functions

CREATE OR REPLACE FUNCTION restage.version() RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $restage$
  SELECT '1.1'::text;
$restage$;

COMMENT ON FUNCTION restage.mark_interrupted() IS 'Marks runs as interrupted that are still called running though their loader is gone, and returns how many. What such a run had not committed was rolled back by the server.';

CREATE OR REPLACE FUNCTION restage.forget_unmerged(run uuid) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $restage$
DECLARE
  unmerged record;
  sequence regclass;
  has_rows boolean;
  forgotten bigint := 0;
  deleted bigint;
BEGIN
  FOR unmerged IN
    SELECT
      g.table_name,
      to_regclass(g.table_name) AS final_table,
      to_regclass(m.key_map_table) AS key_map,
      coalesce(r.options ->> 'definitions' = 'begun', false) AS is_made
    FROM restage.run AS r
    JOIN restage.staged AS g
      ON g.run_id = r.id
    LEFT JOIN restage.table_map AS m
      ON m.source_name = r.source_name
      AND to_regclass(format('%I.%I', m.target_schema, m.target_table)) = to_regclass(g.table_name)
    WHERE r.id = forget_unmerged.run
      AND r.options ->> 'commit' = 'table'
      AND g.closed_at IS NULL
    ORDER BY g.table_name
  LOOP
    IF unmerged.key_map IS NOT NULL THEN
      EXECUTE format('DELETE FROM %s AS k WHERE k.first_run = $1', unmerged.key_map) USING forget_unmerged.run;
      GET DIAGNOSTICS deleted = ROW_COUNT;
      forgotten := forgotten + deleted;
    END IF;
    -- A table that the run made and that never had a row: keys are given from the beginning again.
    IF unmerged.is_made AND unmerged.final_table IS NOT NULL THEN
      EXECUTE format('SELECT EXISTS (SELECT FROM %s)', unmerged.final_table) INTO has_rows;
      FOR sequence IN
        SELECT d.objid
        FROM pg_depend AS d
        JOIN pg_class AS c
          ON c.oid = d.objid
          AND c.relkind = 'S'
        WHERE d.classid = 'pg_class'::regclass
          AND d.refclassid = 'pg_class'::regclass
          AND d.refobjid = unmerged.final_table
          AND d.deptype = 'i'
          AND NOT has_rows
      LOOP
        EXECUTE format('ALTER SEQUENCE %s RESTART', sequence);
      END LOOP;
    END IF;
    DELETE FROM restage.reject AS x
    WHERE x.run_id = forget_unmerged.run
      AND x.table_name = unmerged.table_name;
    DELETE FROM restage.row_count AS x
    WHERE x.run_id = forget_unmerged.run
      AND x.table_name = unmerged.table_name;
    DELETE FROM restage.chunk AS x
    WHERE x.run_id = forget_unmerged.run
      AND x.table_name = unmerged.table_name;
    DELETE FROM restage.staged AS x
    WHERE x.run_id = forget_unmerged.run
      AND x.table_name = unmerged.table_name;
  END LOOP;
  RETURN forgotten;
END
$restage$;

COMMENT ON FUNCTION restage.forget_unmerged(uuid) IS 'Makes the key maps what they were where a run that commits table by table died between keys and rows: without its keys, its counts and its rejects of tables whose account is not closed. Returns the number of keys. Only for a run that has no loader any more.';

CREATE OR REPLACE FUNCTION restage.begin_run(
  source_name text,
  id uuid DEFAULT gen_random_uuid(),
  source_kind text DEFAULT NULL,
  snapshot text DEFAULT NULL,
  mode text DEFAULT 'load',
  tool_version text DEFAULT NULL,
  plan_sha256 text DEFAULT NULL
) RETURNS uuid
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $restage$
BEGIN
  PERFORM restage.mark_interrupted();
  -- Keys without rows that a dead run left would look like rows that are loaded.
  PERFORM restage.forget_unmerged(r.id)
  FROM restage.run AS r
  WHERE r.source_name = begin_run.source_name
    AND r.status IN ('failed', 'interrupted')
    AND r.options ->> 'commit' = 'table';
  INSERT INTO restage.run (
    id,
    source_name,
    source_kind,
    snapshot,
    mode,
    tool_version,
    plan_sha256,
    backend_pid,
    backend_started_at
  )
  SELECT
    begin_run.id,
    begin_run.source_name,
    begin_run.source_kind,
    begin_run.snapshot,
    begin_run.mode,
    begin_run.tool_version,
    begin_run.plan_sha256,
    a.pid,
    a.backend_start
  FROM pg_stat_get_activity(pg_backend_pid()) AS a;
  PERFORM set_config('restage.run_id', begin_run.id::text, false);
  RETURN begin_run.id;
END
$restage$;

COMMENT ON FUNCTION restage.begin_run(text, uuid, text, text, text, text, text) IS 'Begins a run, sets restage.run_id for the session and returns the run''s id. Runs whose loader is gone are marked as interrupted first.';

CREATE OR REPLACE FUNCTION restage.begin_undo(
  undone uuid,
  id uuid DEFAULT gen_random_uuid(),
  force boolean DEFAULT false,
  inserts_only boolean DEFAULT false,
  mode text DEFAULT 'rollback',
  tool_version text DEFAULT NULL,
  plan_sha256 text DEFAULT NULL
) RETURNS uuid
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $restage$
DECLARE
  earlier restage.run;
  problem text;
BEGIN
  SELECT r.* INTO earlier
  FROM restage.run AS r
  WHERE r.id = begin_undo.undone;
  problem := CASE
    WHEN earlier.id IS NULL THEN 'there is no such run'
    WHEN earlier.status = 'rolled_back' THEN 'it is rolled back already'
    -- A load that committed table by table and died left whole tables.
    WHEN earlier.status <> 'succeeded' AND NOT EXISTS (
      SELECT
      FROM restage.staged AS g
      WHERE g.run_id = earlier.id
        AND g.closed_at IS NOT NULL
    ) THEN 'it is ' || earlier.status || ' and changed nothing'
    WHEN earlier.status = 'running' THEN 'it is running'
    WHEN earlier.mode <> 'load' THEN 'it is a ' || earlier.mode || ', not a load'
  END;
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'RS005',
      MESSAGE = format('run %s cannot be taken back: %s', begin_undo.undone, problem);
  END IF;
  PERFORM restage.begin_run(
    source_name => earlier.source_name,
    id => begin_undo.id,
    mode => begin_undo.mode,
    tool_version => begin_undo.tool_version,
    plan_sha256 => begin_undo.plan_sha256
  );
  UPDATE restage.run AS r
  SET
    undoes = begin_undo.undone,
    options = jsonb_build_object('force', begin_undo.force, 'inserts_only', begin_undo.inserts_only)
  WHERE r.id = begin_undo.id;
  RETURN begin_undo.id;
END
$restage$;

COMMENT ON FUNCTION restage.begin_undo(uuid, uuid, boolean, boolean, text, text, text) IS 'Begins the rollback of a run as a run of its own, sets restage.run_id for the session and returns its id. Raises RS005 when there is nothing to take back. force: rows that were edited in the target since are no reason to stop. inserts_only: updates stay as they are.';

-- Signatures that got longer.
DROP FUNCTION restage.record_staged(uuid, text, bigint, bigint, bigint, bigint);
DROP FUNCTION restage.record_chunk(uuid, text, integer, text, bigint, bigint, text);

CREATE OR REPLACE FUNCTION restage.record_staged(
  run uuid,
  table_name text,
  chunk_rows bigint,
  staged_rows bigint,
  export_rejects bigint DEFAULT 0,
  identity_last_value bigint DEFAULT NULL,
  skipped_rows bigint DEFAULT 0,
  merge_sha256 text DEFAULT NULL,
  known_rows bigint DEFAULT NULL,
  vanished_rows bigint DEFAULT NULL
) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $restage$
  INSERT INTO restage.staged AS g (
    run_id,
    table_name,
    chunk_rows,
    staged_rows,
    skipped_rows,
    export_rejects,
    identity_last_value,
    merge_sha256,
    known_rows,
    vanished_rows
  )
  VALUES (
    record_staged.run,
    record_staged.table_name,
    record_staged.chunk_rows,
    record_staged.staged_rows,
    record_staged.skipped_rows,
    record_staged.export_rejects,
    record_staged.identity_last_value,
    record_staged.merge_sha256,
    record_staged.known_rows,
    record_staged.vanished_rows
  )
  ON CONFLICT (run_id, table_name) DO UPDATE
  SET
    chunk_rows = excluded.chunk_rows,
    staged_rows = excluded.staged_rows,
    skipped_rows = excluded.skipped_rows,
    export_rejects = excluded.export_rejects,
    identity_last_value = excluded.identity_last_value,
    merge_sha256 = excluded.merge_sha256,
    known_rows = excluded.known_rows,
    vanished_rows = excluded.vanished_rows;
$restage$;

COMMENT ON FUNCTION restage.record_staged(uuid, text, bigint, bigint, bigint, bigint, bigint, text, bigint, bigint) IS 'Remembers what was staged for a table: rows by the manifest, rows that COPY took, rows that the export refused, last identity value of the source, rows of skipped chunks, where a later run may skip chunks, the hash of the table''s merge files, and the key map''s rows that had not vanished and that had, where they were counted before.';

CREATE OR REPLACE FUNCTION restage.record_chunk(
  run uuid,
  table_name text,
  number integer,
  file text,
  rows bigint,
  bytes bigint,
  hash text,
  chunk_id integer DEFAULT NULL,
  is_skipped boolean DEFAULT false
) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $restage$
  INSERT INTO restage.chunk (
    run_id,
    table_name,
    number,
    file,
    rows,
    bytes,
    hash,
    chunk_id,
    is_skipped
  )
  VALUES (
    record_chunk.run,
    record_chunk.table_name,
    record_chunk.number,
    record_chunk.file,
    record_chunk.rows,
    record_chunk.bytes,
    record_chunk.hash,
    record_chunk.chunk_id,
    record_chunk.is_skipped
  );
$restage$;

COMMENT ON FUNCTION restage.record_chunk(uuid, text, integer, text, bigint, bigint, text, integer, boolean) IS 'Remembers a chunk that was staged, or skipped.';

CREATE OR REPLACE FUNCTION restage.count_staged(table_name text, rows bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $restage$
DECLARE
  run uuid := restage.run_id();
  found bigint;
  recorded bigint;
BEGIN
  -- From here on the key map stands for no run's chunks, until the account of this one is closed.
  DELETE FROM restage.settled AS d
  USING restage.run AS r
  WHERE r.id = run
    AND d.source_name = r.source_name
    AND d.table_name = count_staged.table_name;
  -- Rows that were refused are no longer in the stage table: counted again, they still belong to it.
  SELECT count_staged.rows + coalesce(sum(c.rows), 0) INTO found
  FROM restage.row_count AS c
  WHERE c.run_id = run
    AND c.table_name = count_staged.table_name
    AND c.kind IN ('rejected', 'filtered');
  SELECT g.staged_rows INTO recorded
  FROM restage.staged AS g
  WHERE g.run_id = run
    AND g.table_name = count_staged.table_name;
  IF recorded IS NULL THEN
    PERFORM restage.record_staged(run, count_staged.table_name, NULL, found);
  ELSIF recorded <> found THEN
    RAISE EXCEPTION USING
      ERRCODE = 'RS002',
      MESSAGE = format('%s: COPY took %s rows, the stage table holds %s', count_staged.table_name, recorded, found),
      HINT = 'Something else wrote to the stage table. Nothing was merged; run again.';
  END IF;
  RETURN found;
END
$restage$;

COMMENT ON FUNCTION restage.count_staged(text, bigint) IS 'Holds the rows found in a stage table to what COPY took (RS002), or remembers them where nothing was recorded, as in a run by hand. Whatever was settled of the table no longer is.';

COMMENT ON COLUMN restage.before_image.row_hash IS 'The key map''s row_hash before, by restage.hash_image.';

-- Hashes of rows. Their bodies are bound when they are made, so that no search_path decides about them, and the
-- planner puts them in the place of the call.
CREATE OR REPLACE FUNCTION restage.row_hash(row_text text, kind bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.hashtextextended(row_text COLLATE pg_catalog."C", 0);

COMMENT ON FUNCTION restage.row_hash(text, bigint) IS 'The hash of a row''s text as key maps keep it in row_hash. kind: NULL, of the type of that column.';

CREATE OR REPLACE FUNCTION restage.row_hash(row_text text, kind uuid) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.md5(row_text)::pg_catalog.uuid;

COMMENT ON FUNCTION restage.row_hash(text, uuid) IS 'The hash of a row''s text as key maps of version 1.0 keep it in row_hash. kind: NULL, of the type of that column.';

CREATE OR REPLACE FUNCTION restage.hash_image(row_hash bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.lpad(pg_catalog.to_hex(row_hash), 32, '0')::pg_catalog.uuid;

COMMENT ON FUNCTION restage.hash_image(bigint) IS 'A key map''s row_hash as restage.before_image keeps it: its 8 bytes behind 8 zero bytes.';

CREATE OR REPLACE FUNCTION restage.hash_image(row_hash uuid) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN row_hash;

COMMENT ON FUNCTION restage.hash_image(uuid) IS 'A key map''s row_hash as restage.before_image keeps it.';

CREATE OR REPLACE FUNCTION restage.image_hash(image uuid, kind bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ('x' || pg_catalog.right(pg_catalog.replace(image::pg_catalog.text, '-', ''), 16))::pg_catalog.bit(64)::bigint;

COMMENT ON FUNCTION restage.image_hash(uuid, bigint) IS 'The row_hash that restage.hash_image(bigint) was given. kind: any value of the key map''s column.';

CREATE OR REPLACE FUNCTION restage.image_hash(image uuid, kind uuid) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN image;

COMMENT ON FUNCTION restage.image_hash(uuid, uuid) IS 'The row_hash that restage.hash_image(uuid) was given. kind: any value of the key map''s column.';

CREATE OR REPLACE FUNCTION restage.choose_joins(table_name text, key_map regclass) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $restage$
DECLARE
  staged_rows bigint;
  known_rows real;
  are_few boolean;
BEGIN
  SELECT g.staged_rows INTO staged_rows
  FROM restage.staged AS g
  WHERE g.run_id = restage.run_id()
    AND g.table_name = choose_joins.table_name;
  -- As of the last ANALYZE: where the planner takes a full key map for an empty one, they are not few.
  SELECT r.reltuples INTO known_rows
  FROM pg_catalog.pg_class AS r
  WHERE r.oid = choose_joins.key_map;
  -- Sixteen is on the safe side of where both ways cost the same.
  are_few := coalesce(staged_rows * 16 < known_rows, false);
  PERFORM set_config('jit', 'off', true);
  PERFORM set_config('enable_nestloop', are_few::text, true);
  IF are_few THEN
    -- To read a key map whole costs more than its pages: every row is hashed or looked for in a hash table.
    PERFORM set_config('seq_page_cost', '4', true);
    PERFORM set_config('random_page_cost', '0.5', true);
  END IF;
  RETURN CASE WHEN are_few THEN 'lookups' ELSE 'hash joins' END;
END
$restage$;

COMMENT ON FUNCTION restage.choose_joins(text, regclass) IS 'Sets for this transaction how the planner joins a stage table with its key map: lookups in the index where few rows are staged beside many known ones, else hash joins, since a nested loop over many would not end.';

CREATE OR REPLACE FUNCTION restage.is_all_new(table_name text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $restage$
  SELECT EXISTS (
    SELECT
    FROM restage.staged AS g
    JOIN restage.row_count AS c
      ON c.run_id = g.run_id
      AND c.table_name = g.table_name
    WHERE g.run_id = restage.run_id()
      AND g.table_name = is_all_new.table_name
      AND c.kind = 'allocated'
      AND c.rows = g.staged_rows
  );
$restage$;

COMMENT ON FUNCTION restage.is_all_new(text) IS 'Whether every staged row of a table is one that no run had seen before, as in a first load: then no known row need be looked for.';

CREATE OR REPLACE FUNCTION restage.may_have_vanished(table_name text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $restage$
  -- Where nobody counted, known_rows is NULL and rows may have vanished.
  SELECT NOT EXISTS (
    SELECT
    FROM restage.staged AS g
    JOIN restage.row_count AS c
      ON c.run_id = g.run_id
      AND c.table_name = g.table_name
    WHERE g.run_id = restage.run_id()
      AND g.table_name = may_have_vanished.table_name
      AND c.kind = 'allocated'
      AND g.known_rows + c.rows = g.skipped_rows + g.staged_rows
      AND g.vanished_rows = 0
      AND NOT EXISTS (
        SELECT
        FROM restage.row_count AS o
        WHERE o.run_id = g.run_id
          AND o.table_name = g.table_name
          AND o.kind IN ('matched', 'rejected', 'filtered')
          AND o.rows > 0
      )
  );
$restage$;

COMMENT ON FUNCTION restage.may_have_vanished(text) IS 'Whether a known row of a table may be missing in the snapshot, or one that vanished may be back: not where the known rows are as many as the skipped and the staged ones that are not new.';

CREATE OR REPLACE FUNCTION restage.fail_skipped(table_name text, rows bigint, sample text) RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $restage$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'RS002',
    MESSAGE = format(
      '%s: %s staged rows are known from chunks that were not staged because they are unchanged, one of them %s',
      fail_skipped.table_name,
      fail_skipped.rows,
      fail_skipped.sample
    ),
    HINT = 'Nothing of this run is kept. The source has these rows twice. Load again with --all-chunks, which stages every row and names them.';
END
$restage$;

COMMENT ON FUNCTION restage.fail_skipped(text, bigint, text) IS 'Raises RS002: staged rows that the key map knows from a skipped chunk, which holds them as well.';

CREATE OR REPLACE FUNCTION restage.count_known(key_map regclass) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $restage$
BEGIN
  -- RETURN QUERY, since it may read a large key map with several processes.
  RETURN QUERY EXECUTE format('SELECT count(*) FROM %s AS k WHERE k.vanished_run IS NULL', count_known.key_map);
END
$restage$;

COMMENT ON FUNCTION restage.count_known(regclass) IS 'Counts the rows of a key map that have not vanished.';

CREATE OR REPLACE FUNCTION restage.count_skipped(table_name text, known bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $restage$
#variable_conflict use_column
DECLARE
  run uuid := restage.run_id();
  skipped bigint;
  expected bigint;
BEGIN
  SELECT
    g.skipped_rows,
    g.known_rows + (
      SELECT coalesce(sum(CASE WHEN c.kind = 'vanished' THEN - c.rows ELSE c.rows END), 0)
      FROM restage.row_count AS c
      WHERE c.run_id = g.run_id
        AND c.table_name = g.table_name
        AND c.kind IN ('allocated', 'returned', 'vanished')
    )
  INTO
    skipped,
    expected
  FROM restage.staged AS g
  WHERE g.run_id = run
    AND g.table_name = count_skipped.table_name;
  IF skipped > 0 AND count_skipped.known IS DISTINCT FROM expected THEN
    RAISE EXCEPTION USING
      ERRCODE = 'RS002',
      MESSAGE = format(
        '%s: %s rows were not staged because their chunks are unchanged; the key map should know %s rows in all, and knows %s',
        count_skipped.table_name,
        skipped,
        coalesce(expected::text, 'an unknown number of'),
        count_skipped.known
      ),
      HINT = 'Nothing of this run is kept. Rows that were deleted from the key map during the run are a usual cause. Load again with --all-chunks, which stages every row.';
  END IF;
  -- Set and not added: a second call finds the same.
  INSERT INTO restage.row_count AS c (
    run_id,
    table_name,
    kind,
    rows
  )
  VALUES (
    run,
    count_skipped.table_name,
    'skipped',
    coalesce(skipped, 0)
  )
  ON CONFLICT (run_id, table_name, kind) DO UPDATE
  SET rows = excluded.rows;
  RETURN coalesce(skipped, 0);
END
$restage$;

COMMENT ON FUNCTION restage.count_skipped(text, bigint) IS 'Holds the rows of the key map that have not vanished to those that were counted when chunks were skipped, with what the run added and took since (RS002), and remembers the rows of skipped chunks.';

CREATE OR REPLACE FUNCTION restage.close_account(table_name text, unchanged bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $restage$
#variable_conflict use_column
DECLARE
  run uuid := restage.run_id();
  staged restage.staged;
  accounted bigint;
  skipped bigint;
  terms text;
BEGIN
  -- Set and not added, so that a second call with the same rows finds the same account.
  INSERT INTO restage.row_count AS c (
    run_id,
    table_name,
    kind,
    rows
  )
  VALUES (
    run,
    close_account.table_name,
    'unchanged',
    close_account.unchanged
  )
  ON CONFLICT (run_id, table_name, kind) DO UPDATE
  SET rows = excluded.rows;

  SELECT g.* INTO staged
  FROM restage.staged AS g
  WHERE g.run_id = run
    AND g.table_name = close_account.table_name;
  SELECT
    sum(coalesce(c.rows, 0)),
    string_agg(coalesce(c.rows, 0) || ' ' || t.kind, ' + ' ORDER BY t.position)
  INTO
    accounted,
    terms
  FROM unnest(ARRAY['inserted', 'updated', 'unchanged', 'changed', 'kept', 'matched', 'rejected', 'filtered'])
    WITH ORDINALITY AS t (kind, position)
  LEFT JOIN restage.row_count AS c
    ON c.run_id = run
    AND c.table_name = close_account.table_name
    AND c.kind = t.kind;

  IF staged.run_id IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'RS002',
      MESSAGE = format('%s: nothing was recorded as staged by this run', close_account.table_name),
      HINT = 'Run the steps of the table from 15_check.sql on.';
  END IF;
  SELECT coalesce(sum(c.rows), 0) INTO skipped
  FROM restage.row_count AS c
  WHERE c.run_id = run
    AND c.table_name = close_account.table_name
    AND c.kind = 'skipped';
  IF staged.staged_rows <> accounted
    OR staged.skipped_rows <> skipped
    OR staged.staged_rows + skipped <> coalesce(staged.chunk_rows, staged.staged_rows) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'RS002',
      MESSAGE = format(
        '%s: %s rows in the snapshot, %s staged%s, %s accounted for: %s',
        close_account.table_name,
        coalesce(staged.chunk_rows::text, 'unknown'),
        staged.staged_rows,
        coalesce(' and ' || nullif(greatest(skipped, staged.skipped_rows), 0) || ' skipped', ''),
        accounted,
        terms
      ),
      HINT = concat_ws(
        ' ',
        'Nothing of this run is kept. Rows of the final table that were deleted by hand while the key map knows them are a usual cause: restage verify --level keys finds them.',
        -- Triggers that may return NULL for a row: BEFORE, FOR EACH ROW, on INSERT or UPDATE, switched on.
        (
          SELECT 'So are triggers that leave rows out; the table has: ' || string_agg(quote_ident(g.tgname), ', ' ORDER BY g.tgname) || '.'
          FROM pg_trigger AS g
          WHERE g.tgrelid = to_regclass(close_account.table_name)
            AND g.tgtype & 3 = 3
            AND g.tgtype & 20 <> 0
            AND g.tgenabled IN ('O', 'A')
            AND NOT g.tgisinternal
        )
      );
  END IF;
  UPDATE restage.staged AS g
  SET closed_at = clock_timestamp()
  WHERE g.run_id = run
    AND g.table_name = close_account.table_name;
  PERFORM restage.settle(close_account.table_name);
  RETURN staged.staged_rows + skipped;
END
$restage$;

COMMENT ON FUNCTION restage.close_account(text, bigint) IS 'Proves that every row of a table is accounted for: rows in the snapshot = staged + skipped, and staged = inserted + updated + unchanged + changed + kept + matched + rejected + filtered. Raises RS002 with all numbers when it is not; returns the number of staged and skipped rows.';

CREATE OR REPLACE FUNCTION restage.settle(table_name text) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $restage$
DECLARE
  run uuid := restage.run_id();
BEGIN
  INSERT INTO restage.settled AS d (
    source_name,
    table_name,
    run_id,
    merge_sha256
  )
  SELECT
    r.source_name,
    g.table_name,
    g.run_id,
    g.merge_sha256
  FROM restage.staged AS g
  JOIN restage.run AS r
    ON r.id = g.run_id
  WHERE g.run_id = run
    AND g.table_name = settle.table_name
    AND g.merge_sha256 IS NOT NULL
    AND g.export_rejects = 0
    AND g.closed_at IS NOT NULL
    -- Every row of the snapshot is known by its chunk.
    AND g.chunk_rows = (
      SELECT coalesce(sum(c.rows), 0)
      FROM restage.chunk AS c
      WHERE c.run_id = g.run_id
        AND c.table_name = g.table_name
        AND c.chunk_id IS NOT NULL
    )
    -- Rows that are not as the source has them are to be looked at again every time.
    AND NOT EXISTS (
      SELECT
      FROM restage.row_count AS c
      WHERE c.run_id = g.run_id
        AND c.table_name = g.table_name
        AND c.kind IN ('rejected', 'nulled', 'respelled', 'changed', 'kept', 'matched', 'filtered', 'transformed')
        AND c.rows > 0
    )
  ON CONFLICT ON CONSTRAINT settled_pkey DO UPDATE
  SET
    run_id = excluded.run_id,
    merge_sha256 = excluded.merge_sha256;
  RETURN FOUND;
END
$restage$;

COMMENT ON FUNCTION restage.settle(text) IS 'Remembers that the key map of a table stands for the chunks of the current run, where all chunks are known and no row is left to be looked at again; false where it does not.';

CREATE OR REPLACE FUNCTION restage.guard_vanished(
  table_name text,
  going bigint,
  known bigint,
  max_rows bigint DEFAULT NULL,
  max_percent numeric DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $restage$
DECLARE
  run uuid := restage.run_id();
  staged restage.staged;
  vanished bigint;
  allowed bigint;
BEGIN
  SELECT g.* INTO staged
  FROM restage.staged AS g
  WHERE g.run_id = run
    AND g.table_name = guard_vanished.table_name;
  SELECT greatest(guard_vanished.going, coalesce(sum(c.rows), 0)) INTO vanished
  FROM restage.row_count AS c
  WHERE c.run_id = run
    AND c.table_name = guard_vanished.table_name
    AND c.kind = 'vanished';
  -- Where the export refused rows, nothing is taken for gone.
  IF vanished = 0
    OR staged.export_rejects > 0
    OR coalesce(current_setting('restage.allow_shrink', true), '') = 'on' THEN
    RETURN;
  END IF;
  allowed := coalesce(
    guard_vanished.max_rows,
    ceil(guard_vanished.known * guard_vanished.max_percent / 100)::bigint
  );
  IF staged.staged_rows + staged.skipped_rows > 0 AND vanished <= allowed THEN
    RETURN;
  END IF;
  RAISE EXCEPTION USING
    ERRCODE = 'RS010',
    MESSAGE = format(
      '%s: %s of %s known rows vanished from the source, %s',
      guard_vanished.table_name,
      vanished,
      guard_vanished.known,
      CASE
        WHEN staged.staged_rows + staged.skipped_rows = 0 THEN 'which holds none any more'
        ELSE format(
          'max_vanished allows %s%s', allowed,
          coalesce(' (' || guard_vanished.max_percent || '%)', '')
        )
      END
    ),
    HINT = 'Nothing of this run is kept. If the rows are really gone: load --allow-shrink (by hand: SET restage.allow_shrink = ''on''), or raise max_vanished in the mapping.';
END
$restage$;

COMMENT ON FUNCTION restage.guard_vanished(text, bigint, bigint, bigint, numeric) IS 'Ends the merge (RS010) when more rows vanished, or would be deleted, than the mapping allows, or when a table that had rows has none, unless restage.allow_shrink is on.';

CREATE OR REPLACE FUNCTION restage.undo_conflicts() RETURNS TABLE (
  kind text,
  table_name text,
  other text,
  rows bigint,
  row_keys text[],
  message text
)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $restage$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT
    g.kind,
    g.table_name,
    g.other,
    g.rows,
    g.row_keys,
    CASE g.kind
      WHEN 'later_run' THEN format('%s rows of %s were written or marked by later runs', g.rows, g.table_name)
      WHEN 'edited' THEN format('%s rows of %s were changed in the target since', g.rows, g.table_name)
      WHEN 'not_kept' THEN format('%s rows of %s were updated and not kept as they were before', g.rows, g.table_name)
      WHEN 'rekeyed' THEN format('%s rows of %s are known by another key of the source since the run, and keep it', g.rows, g.table_name)
      WHEN 'deleted' THEN format('%s rows of %s were deleted and are not put back', g.rows, g.table_name)
      WHEN 'referenced' THEN format('%s rows of %s refer to rows of %s that the run inserted', g.rows, g.other, g.table_name)
      WHEN 'other_source' THEN format('%s rows of %s belong to source %s as well', g.rows, g.table_name, g.other)
    END
  FROM (
    SELECT
      c.kind,
      c.table_name,
      c.other,
      sum(c.rows)::bigint AS rows,
      array_agg(c.row_key ORDER BY c.number) FILTER (WHERE c.number <= 20 AND c.row_key IS NOT NULL) AS row_keys
    FROM (
      SELECT
        f.*,
        row_number() OVER (
          PARTITION BY f.kind, f.table_name, f.other
          ORDER BY length(f.row_key), f.row_key
        ) AS number
      FROM pg_temp.restage_conflict AS f
    ) AS c
    WHERE NOT (c.kind = 'edited' AND restage.undo_option('force'))
      AND NOT (c.kind IN ('not_kept', 'rekeyed', 'deleted') AND restage.undo_option('inserts_only'))
    GROUP BY c.kind, c.table_name, c.other
  ) AS g
  ORDER BY g.kind, g.table_name, g.other;
END
$restage$;

COMMENT ON FUNCTION restage.undo_conflicts() IS 'What keeps a rollback from being done: of each kind, table and cause the number of rows and the keys of the first 20.';

CREATE OR REPLACE FUNCTION restage.close_undo() RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $restage$
DECLARE
  undone uuid := restage.undone_run();
BEGIN
  UPDATE restage.run AS r
  SET status = 'rolled_back'
  WHERE r.id = undone
    AND r.status IN ('succeeded', 'failed', 'interrupted');
  IF NOT FOUND THEN
    RAISE EXCEPTION USING
      ERRCODE = 'RS005',
      MESSAGE = format('run %s is no longer in the target', undone);
  END IF;
  DELETE FROM restage.before_image AS b
  WHERE b.run_id = undone;
  DELETE FROM restage.settled AS d
  USING
    restage.staged AS g,
    restage.run AS r
  WHERE r.id = undone
    AND g.run_id = r.id
    AND d.source_name = r.source_name
    AND d.table_name = g.table_name;
END
$restage$;

COMMENT ON FUNCTION restage.close_undo() IS 'Marks the run as rolled_back and removes its before images, which are used up. Whatever was settled of its tables no longer is.';

CREATE OR REPLACE FUNCTION restage.record_watermark(
  run uuid,
  table_name text,
  since jsonb,
  watermark jsonb
) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $restage$
  UPDATE restage.staged AS g
  SET
    since = record_watermark.since,
    watermark = record_watermark.watermark
  WHERE g.run_id = record_watermark.run
    AND g.table_name = record_watermark.table_name;
$restage$;

COMMENT ON FUNCTION restage.record_watermark(uuid, text, jsonb, jsonb) IS 'Remembers of a staged table since when changed rows were read, NULL for all rows, and up to where.';
