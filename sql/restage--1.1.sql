-- The database part of restage: runs, their audit, what was staged, counted and refused, and the
-- registry of key maps.
--
-- The same file is the script of the extension (CREATE EXTENSION restage) and plain SQL for servers
-- that take no files (psql -X -1 -v ON_ERROR_STOP=1 -f restage--1.1.sql). It needs a role that may
-- create schemas in the database, no superuser. Applied again it changes nothing.
--
-- Errors raised here have SQLSTATEs of their own:
--   RS001  rows without their parent (on_orphan: fail)
--   RS002  the account of a table does not add up
--   RS003  the setting restage.run_id is missing, or names no run
--   RS004  another version of this schema is installed
--   RS005  a run is not in the state that the call needs
--   RS006  rows depend on what a rollback would take back
--   RS007  a table was loaded into another final table or key map than the plan now says
--   RS008  a source's name belongs to another database
--   RS010  more rows vanished from the source than may (max_vanished)
--   RS011  a natural key stands on several rows
--   RS012  rows were edited in the target (on_conflict: fail)

DO $restage$
DECLARE
  found text;
BEGIN
  IF to_regprocedure('restage.version()') IS NULL THEN
    RETURN;
  END IF;
  EXECUTE 'SELECT restage.version()' INTO found;
  IF found <> '1.1' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'RS004',
      MESSAGE = format('schema restage has version %s, this script is version 1.1', found),
      HINT = 'Apply the upgrade script restage--' || found || '--*.sql, or use the restage that installed it.';
  END IF;
END
$restage$;

-- Schemas

CREATE SCHEMA IF NOT EXISTS restage;
COMMENT ON SCHEMA restage IS 'Runs of restage, their audit, rejects and the registry of key maps.';

CREATE SCHEMA IF NOT EXISTS restage_stage;
COMMENT ON SCHEMA restage_stage IS 'Stage tables of restage: scratch, made anew by each run.';

CREATE SCHEMA IF NOT EXISTS restage_keymap;
COMMENT ON SCHEMA restage_keymap IS 'Key maps of restage: which row of the source became which row of the target. Without them the next run loads every row again.';

-- Tables

CREATE TABLE IF NOT EXISTS restage.run (
  id uuid PRIMARY KEY,
  source_name text NOT NULL,
  source_kind text,
  snapshot text,
  mode text NOT NULL,
  tool_version text,
  plan_sha256 text,
  status text NOT NULL DEFAULT 'running' CHECK (status IN (
    'running', 'succeeded', 'failed', 'interrupted', 'rolled_back'
  )),
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  error text,
  backend_pid integer NOT NULL,
  backend_started_at timestamptz,
  undoes uuid REFERENCES restage.run ON DELETE SET NULL,
  options jsonb NOT NULL DEFAULT '{}',
  CHECK ((status = 'running') = (finished_at IS NULL))
);

COMMENT ON TABLE restage.run IS 'One row for each run: a load from its first statement to its end.';
COMMENT ON COLUMN restage.run.id IS 'Id of the run; key maps, audit and rejects refer to it.';
COMMENT ON COLUMN restage.run.source_name IS 'Name of the source, as the mapping gives it.';
COMMENT ON COLUMN restage.run.source_kind IS 'What the snapshot was read from: backup, bacpac, server, csv.';
COMMENT ON COLUMN restage.run.snapshot IS 'Folder of the snapshot that was loaded.';
COMMENT ON COLUMN restage.run.mode IS 'load, or rollback of an earlier run; rehearsal of either: everything is done and not kept.';
COMMENT ON COLUMN restage.run.tool_version IS 'Version of restage.';
COMMENT ON COLUMN restage.run.plan_sha256 IS 'SHA-256 of the plan: every SQL file of it in one number.';
COMMENT ON COLUMN restage.run.status IS 'running, succeeded, failed, or interrupted: its loader died before it could say how it ended. rolled_back: a later run took it back. Only a run that succeeded is in the target, and of one that committed table by table the tables whose account is closed (restage.staged).';
COMMENT ON COLUMN restage.run.started_at IS 'When the run began.';
COMMENT ON COLUMN restage.run.finished_at IS 'When it ended, or was found dead; NULL while it is running.';
COMMENT ON COLUMN restage.run.error IS 'Why it failed.';
COMMENT ON COLUMN restage.run.backend_pid IS 'Process of the server that the loader''s control connection talks to.';
COMMENT ON COLUMN restage.run.backend_started_at IS 'When that process began: tells it from a later one of the same number.';
COMMENT ON COLUMN restage.run.undoes IS 'The run that this one takes back; NULL for a load.';
COMMENT ON COLUMN restage.run.options IS 'What a rollback was told: force, inserts_only. Of a load that commits table by table: commit, and tables, those it is about. definitions: begun by a load that makes the final tables one by one, made once all of them are there.';

CREATE TABLE IF NOT EXISTS restage.step (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id uuid NOT NULL REFERENCES restage.run ON DELETE CASCADE,
  table_name text,
  operation text NOT NULL,
  rows_affected bigint,
  status text NOT NULL CHECK (status IN ('running', 'succeeded', 'failed', 'skipped')),
  error_message text,
  started_at timestamptz NOT NULL,
  completed_at timestamptz,
  metadata jsonb NOT NULL DEFAULT '{}'
);

CREATE INDEX IF NOT EXISTS step_run_id_idx ON restage.step (run_id, id);

COMMENT ON TABLE restage.step IS 'The audit: one row for each SQL file that a run executed.';
COMMENT ON COLUMN restage.step.id IS 'Number of the row, ascending in the order of execution.';
COMMENT ON COLUMN restage.step.run_id IS 'The run.';
COMMENT ON COLUMN restage.step.table_name IS 'The final table; NULL for a step that belongs to no single table.';
COMMENT ON COLUMN restage.step.operation IS 'The step, as its file is called: 10 stage, 40 insert ….';
COMMENT ON COLUMN restage.step.rows_affected IS 'What the step counted: the column rows of its last result.';
COMMENT ON COLUMN restage.step.status IS 'running, succeeded, failed or skipped.';
COMMENT ON COLUMN restage.step.error_message IS 'What the server said, with its SQLSTATE.';
COMMENT ON COLUMN restage.step.started_at IS 'When the step began.';
COMMENT ON COLUMN restage.step.completed_at IS 'When it ended.';
COMMENT ON COLUMN restage.step.metadata IS 'At least file (the path below the plan''s folder) and sha256 (of the file that was executed).';

CREATE OR REPLACE VIEW restage.migration_audit AS
SELECT
  s.id,
  s.run_id,
  s.table_name,
  s.operation,
  s.rows_affected,
  s.status,
  s.error_message,
  s.started_at,
  s.completed_at,
  s.metadata
FROM restage.step AS s;

COMMENT ON VIEW restage.migration_audit IS 'The audit under the name and with the columns that reports rely on; the rows are those of restage.step.';
COMMENT ON COLUMN restage.migration_audit.id IS 'Number of the row, ascending in the order of execution.';
COMMENT ON COLUMN restage.migration_audit.run_id IS 'The run.';
COMMENT ON COLUMN restage.migration_audit.table_name IS 'The final table.';
COMMENT ON COLUMN restage.migration_audit.operation IS 'The step.';
COMMENT ON COLUMN restage.migration_audit.rows_affected IS 'What the step counted.';
COMMENT ON COLUMN restage.migration_audit.status IS 'running, succeeded, failed or skipped.';
COMMENT ON COLUMN restage.migration_audit.error_message IS 'What the server said.';
COMMENT ON COLUMN restage.migration_audit.started_at IS 'When the step began.';
COMMENT ON COLUMN restage.migration_audit.completed_at IS 'When it ended.';
COMMENT ON COLUMN restage.migration_audit.metadata IS 'At least file and sha256.';

CREATE TABLE IF NOT EXISTS restage.staged (
  run_id uuid NOT NULL REFERENCES restage.run ON DELETE CASCADE,
  table_name text NOT NULL,
  chunk_rows bigint,
  staged_rows bigint NOT NULL,
  export_rejects bigint NOT NULL DEFAULT 0,
  identity_last_value bigint,
  closed_at timestamptz,
  since jsonb,
  watermark jsonb,
  skipped_rows bigint NOT NULL DEFAULT 0,
  merge_sha256 text,
  known_rows bigint,
  vanished_rows bigint,
  PRIMARY KEY (run_id, table_name)
);

CREATE INDEX IF NOT EXISTS staged_table_name_idx ON restage.staged (table_name);

COMMENT ON TABLE restage.staged IS 'What a run staged, table by table: the left side of the account.';
COMMENT ON COLUMN restage.staged.run_id IS 'The run.';
COMMENT ON COLUMN restage.staged.table_name IS 'The final table.';
COMMENT ON COLUMN restage.staged.chunk_rows IS 'Rows that the snapshot''s chunks hold by its manifest; NULL for a run by hand.';
COMMENT ON COLUMN restage.staged.staged_rows IS 'Rows that arrived in the stage table.';
COMMENT ON COLUMN restage.staged.export_rejects IS 'Rows of the source that no chunk holds: the export refused them, or the source counts them and they were not found. Unless it is 0, no row is taken for gone.';
COMMENT ON COLUMN restage.staged.identity_last_value IS 'The last value that the source''s identity column handed out; NULL without one.';
COMMENT ON COLUMN restage.staged.closed_at IS 'When the account of the table was found to add up, at the end of the transaction that merged it: a table that has it is in the target.';
COMMENT ON COLUMN restage.staged.since IS 'Set where only rows were staged that changed since an earlier snapshot: its watermark. NULL for a whole table.';
COMMENT ON COLUMN restage.staged.watermark IS 'Up to where the source''s changes are loaded: the next snapshot of changed rows must begin here or earlier. NULL where the source has none.';
COMMENT ON COLUMN restage.staged.skipped_rows IS 'Rows of chunks that were not staged, because an earlier run had loaded the very same chunk.';
COMMENT ON COLUMN restage.staged.merge_sha256 IS 'SHA-256 of the table''s merge files, where a later run may skip unchanged chunks; NULL where it may not.';
COMMENT ON COLUMN restage.staged.known_rows IS 'Rows of the key map that had not vanished, counted before anything was staged; NULL where nobody counted.';
COMMENT ON COLUMN restage.staged.vanished_rows IS 'Rows of the key map that were noted as vanished then; NULL where nobody counted.';

CREATE TABLE IF NOT EXISTS restage.row_count (
  run_id uuid NOT NULL REFERENCES restage.run ON DELETE CASCADE,
  table_name text NOT NULL,
  kind text NOT NULL CHECK (kind IN (
    'allocated', 'inserted', 'updated', 'unchanged', 'changed', 'kept', 'matched', 'rejected', 'filtered', 'transformed', 'nulled', 'respelled', 'overwritten', 'vanished', 'returned', 'deleted', 'marked', 'skipped',
    'restored', 'forgotten', 'missing'
  )),
  rows bigint NOT NULL,
  PRIMARY KEY (run_id, table_name, kind)
);

COMMENT ON TABLE restage.row_count IS 'What became of the staged rows: the right side of the account, and what is counted beside it.';
COMMENT ON COLUMN restage.row_count.run_id IS 'The run.';
COMMENT ON COLUMN restage.row_count.table_name IS 'The final table.';
COMMENT ON COLUMN restage.row_count.kind IS 'In the account: inserted, updated, unchanged (known and not written), changed (differs, and the mapping says report), kept (changed, but the final row was edited and the mapping says on_conflict: keep), matched (recognised by its natural key), rejected, filtered (left out by the mapping''s where). Beside it: transformed (went through the mapping''s expr and add), allocated (new in the key map), nulled (loaded without a parent), respelled (loaded with the parent''s spelling of a key), overwritten (among the updated: the final row had been edited), vanished (known and staged no longer), returned (vanished before and staged again), deleted (vanished, and the final row deleted), marked (mark_column set or emptied), skipped (in chunks that were not staged, and known one by one). Of a rollback: deleted (final rows), restored (as they were before the run), forgotten (rows of the key map), missing (gone from the final table before).';
COMMENT ON COLUMN restage.row_count.rows IS 'Number of rows.';

CREATE TABLE IF NOT EXISTS restage.reject (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id uuid NOT NULL REFERENCES restage.run ON DELETE CASCADE,
  table_name text NOT NULL,
  source_key jsonb,
  rule text NOT NULL,
  column_names text[],
  value text,
  message text NOT NULL,
  is_loaded boolean NOT NULL DEFAULT false,
  row_data json
);

CREATE INDEX IF NOT EXISTS reject_run_id_idx ON restage.reject (run_id, table_name);

COMMENT ON TABLE restage.reject IS 'Staged rows that were refused, or loaded with a foreign key set to NULL or spelled as the parent spells it: whole, as they were staged, and with the reason.';
COMMENT ON COLUMN restage.reject.id IS 'Number of the reject.';
COMMENT ON COLUMN restage.reject.run_id IS 'The run that refused the row.';
COMMENT ON COLUMN restage.reject.table_name IS 'The final table that the row was meant for.';
COMMENT ON COLUMN restage.reject.source_key IS 'The row''s source key, under the source''s column names.';
COMMENT ON COLUMN restage.reject.rule IS 'source key; natural key; foreign key, or spelling, and the name of the foreign key.';
COMMENT ON COLUMN restage.reject.column_names IS 'The columns that the reason is about, under their names in the target.';
COMMENT ON COLUMN restage.reject.value IS 'What these columns hold.';
COMMENT ON COLUMN restage.reject.message IS 'The reason in words.';
COMMENT ON COLUMN restage.reject.is_loaded IS 'True where the row was loaded all the same: with the foreign key set to NULL (on_orphan: null), with the parent''s spelling of it, or known under another key before (natural_key).';
COMMENT ON COLUMN restage.reject.row_data IS 'The staged row. json and not jsonb, which would drop the sign of -0 and the spelling of a json column.';

CREATE TABLE IF NOT EXISTS restage.source (
  source_name text PRIMARY KEY,
  database_name text NOT NULL,
  first_run uuid,
  claimed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE restage.source IS 'Which database a source''s name stands for: rows of another one are never taken for its rows.';
COMMENT ON COLUMN restage.source.source_name IS 'Name of the source, as the mapping gives it.';
COMMENT ON COLUMN restage.source.database_name IS 'The database''s own name. A database that was renamed: UPDATE restage.source SET database_name = ….';
COMMENT ON COLUMN restage.source.first_run IS 'The run that loaded the source first; NULL where it was loaded by hand and did not say.';
COMMENT ON COLUMN restage.source.claimed_at IS 'When that was.';

CREATE TABLE IF NOT EXISTS restage.displaced (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id uuid NOT NULL REFERENCES restage.run ON DELETE CASCADE,
  table_name text NOT NULL,
  source_key jsonb NOT NULL,
  reason text NOT NULL CHECK (reason IN ('vanished', 'edited')),
  action text NOT NULL CHECK (action IN ('deleted', 'overwritten', 'kept')),
  row_data json NOT NULL
);

CREATE INDEX IF NOT EXISTS displaced_run_id_idx ON restage.displaced (run_id, table_name);

COMMENT ON TABLE restage.displaced IS 'Final rows that a run deleted, overwrote, or left alone against the source: whole, as it found them.';
COMMENT ON COLUMN restage.displaced.id IS 'Number of the row.';
COMMENT ON COLUMN restage.displaced.run_id IS 'The run that found the row so.';
COMMENT ON COLUMN restage.displaced.table_name IS 'The final table.';
COMMENT ON COLUMN restage.displaced.source_key IS 'The source key, under the names of the key map''s columns.';
COMMENT ON COLUMN restage.displaced.reason IS 'vanished: the source no longer has the row. edited: the final row was not as restage had written it when its source row changed.';
COMMENT ON COLUMN restage.displaced.action IS 'deleted (on_vanished: delete), overwritten (on_conflict: overwrite) or kept (on_conflict: keep).';
COMMENT ON COLUMN restage.displaced.row_data IS 'The final row as it was before.';

CREATE TABLE IF NOT EXISTS restage.table_map (
  source_name text NOT NULL,
  source_schema text NOT NULL,
  source_table text NOT NULL,
  target_schema text NOT NULL,
  target_table text NOT NULL,
  stage_table text NOT NULL,
  key_map_table text NOT NULL,
  keys text NOT NULL CHECK (keys IN ('remap', 'preserve')),
  PRIMARY KEY (source_name, source_schema, source_table)
);

CREATE UNIQUE INDEX IF NOT EXISTS table_map_key_map_table_idx ON restage.table_map (key_map_table);
CREATE INDEX IF NOT EXISTS table_map_target_idx ON restage.table_map (target_schema, target_table);

COMMENT ON TABLE restage.table_map IS 'Which table of which source became which final table, and where its stage table and key map are.';
COMMENT ON COLUMN restage.table_map.source_name IS 'Name of the source, as the mapping gives it.';
COMMENT ON COLUMN restage.table_map.source_schema IS 'Schema in the source.';
COMMENT ON COLUMN restage.table_map.source_table IS 'Table in the source.';
COMMENT ON COLUMN restage.table_map.target_schema IS 'Schema of the final table.';
COMMENT ON COLUMN restage.table_map.target_table IS 'Name of the final table.';
COMMENT ON COLUMN restage.table_map.stage_table IS 'The stage table, with its schema and quoted where it must be, as it stands in SQL.';
COMMENT ON COLUMN restage.table_map.key_map_table IS 'The key map, with its schema and quoted where it must be, as it stands in SQL.';
COMMENT ON COLUMN restage.table_map.keys IS 'remap: rows get new surrogate keys. preserve: they keep the source''s keys.';

CREATE TABLE IF NOT EXISTS restage.chunk (
  run_id uuid NOT NULL REFERENCES restage.run ON DELETE CASCADE,
  table_name text NOT NULL,
  number integer NOT NULL,
  file text NOT NULL,
  rows bigint NOT NULL,
  bytes bigint NOT NULL,
  hash text NOT NULL,
  chunk_id integer,
  is_skipped boolean NOT NULL DEFAULT false,
  PRIMARY KEY (run_id, table_name, number)
);

COMMENT ON TABLE restage.chunk IS 'The chunks of the snapshot that a run loaded: a later run can tell by their hashes which are unchanged.';
COMMENT ON COLUMN restage.chunk.run_id IS 'The run.';
COMMENT ON COLUMN restage.chunk.table_name IS 'The final table.';
COMMENT ON COLUMN restage.chunk.number IS 'Number of the chunk within its table, from 1.';
COMMENT ON COLUMN restage.chunk.file IS 'Path of the chunk below the snapshot''s folder.';
COMMENT ON COLUMN restage.chunk.rows IS 'Rows in the chunk.';
COMMENT ON COLUMN restage.chunk.bytes IS 'Bytes of the chunk.';
COMMENT ON COLUMN restage.chunk.hash IS 'XXH3-128 of the chunk in hex, as the manifest has it.';
COMMENT ON COLUMN restage.chunk.chunk_id IS 'What key maps call the chunk (column chunk); a chunk keeps it from run to run, whatever its number. NULL where the table''s chunks are not told apart.';
COMMENT ON COLUMN restage.chunk.is_skipped IS 'True where the chunk was not staged: an earlier run had loaded the very same.';

CREATE TABLE IF NOT EXISTS restage.settled (
  source_name text NOT NULL,
  table_name text NOT NULL,
  run_id uuid NOT NULL REFERENCES restage.run ON DELETE CASCADE,
  merge_sha256 text NOT NULL,
  PRIMARY KEY (source_name, table_name)
);

CREATE INDEX IF NOT EXISTS settled_run_id_idx ON restage.settled (run_id);

COMMENT ON TABLE restage.settled IS 'Tables whose key map stands for the chunks of one run, row by row and with nothing left to decide: chunks that are the same in the next snapshot need not be staged. Rows may be deleted at any time; the next load then stages the whole table.';
COMMENT ON COLUMN restage.settled.source_name IS 'Name of the source, as the mapping gives it.';
COMMENT ON COLUMN restage.settled.table_name IS 'The final table.';
COMMENT ON COLUMN restage.settled.run_id IS 'The run whose chunks (restage.chunk) these are.';
COMMENT ON COLUMN restage.settled.merge_sha256 IS 'SHA-256 of the table''s merge files: under another plan nothing is skipped.';

CREATE TABLE IF NOT EXISTS restage.before_image (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id uuid NOT NULL REFERENCES restage.run ON DELETE CASCADE,
  table_name text NOT NULL,
  operation text NOT NULL CHECK (operation IN ('updated', 'returned', 'marked')),
  source_key text[] NOT NULL,
  target_key text,
  column_names text[],
  row_values text[],
  row_hash uuid,
  last_run uuid,
  matched_row json,
  vanished_run uuid,
  marked_at timestamptz,
  CHECK (operation <> 'updated' OR num_nulls(column_names, row_values, row_hash, last_run) = 0),
  CHECK (operation <> 'returned' OR vanished_run IS NOT NULL)
);

CREATE INDEX IF NOT EXISTS before_image_run_id_idx ON restage.before_image (run_id, table_name);

COMMENT ON TABLE restage.before_image IS 'What a run wrote over, so that it can be taken back: final rows that it updated, where the mapping says keep_before, and notes and marks of vanished rows.';
COMMENT ON COLUMN restage.before_image.id IS 'Number of the image.';
COMMENT ON COLUMN restage.before_image.run_id IS 'The run that wrote over it.';
COMMENT ON COLUMN restage.before_image.table_name IS 'The final table.';
COMMENT ON COLUMN restage.before_image.operation IS 'updated: a final row as it was. returned: the key map''s note of a vanished row that was staged again. marked: what the mark column held.';
COMMENT ON COLUMN restage.before_image.source_key IS 'The source key as the key map has it, each column as text.';
COMMENT ON COLUMN restage.before_image.target_key IS 'The key map''s target_key as text; NULL where it has none.';
COMMENT ON COLUMN restage.before_image.column_names IS 'Columns of the final row that the source feeds.';
COMMENT ON COLUMN restage.before_image.row_values IS 'Their values as PostgreSQL prints them, in the same order: text brings every type back as it was.';
COMMENT ON COLUMN restage.before_image.row_hash IS 'The key map''s row_hash before, by restage.hash_image.';
COMMENT ON COLUMN restage.before_image.last_run IS 'The key map''s last_run before.';
COMMENT ON COLUMN restage.before_image.matched_row IS 'The key map''s matched_row before.';
COMMENT ON COLUMN restage.before_image.marked_at IS 'The mark column before; NULL where it was empty.';
COMMENT ON COLUMN restage.before_image.vanished_run IS 'The key map''s vanished_run before, of a row that returned.';

CREATE TABLE IF NOT EXISTS restage.sql_text (
  sha256 text PRIMARY KEY,
  body text NOT NULL
);

COMMENT ON TABLE restage.sql_text IS 'Generated SQL files, each text once however many runs have it.';
COMMENT ON COLUMN restage.sql_text.sha256 IS 'SHA-256 of the text in hex, as sha256sum prints it for the file.';
COMMENT ON COLUMN restage.sql_text.body IS 'The file''s whole text.';

CREATE TABLE IF NOT EXISTS restage.undo_file (
  run_id uuid NOT NULL REFERENCES restage.run ON DELETE CASCADE,
  number integer NOT NULL,
  path text NOT NULL,
  table_name text,
  operation text NOT NULL,
  sha256 text NOT NULL REFERENCES restage.sql_text,
  PRIMARY KEY (run_id, number)
);

COMMENT ON TABLE restage.undo_file IS 'How a run is taken back: the SQL files, written with the run, that restage rollback executes.';
COMMENT ON COLUMN restage.undo_file.run_id IS 'The run that they take back.';
COMMENT ON COLUMN restage.undo_file.number IS 'Order of execution, from 1.';
COMMENT ON COLUMN restage.undo_file.path IS 'Path of the file below the plan''s folder.';
COMMENT ON COLUMN restage.undo_file.table_name IS 'The final table; NULL for a file about no single table.';
COMMENT ON COLUMN restage.undo_file.operation IS 'The step, as its file is called.';
COMMENT ON COLUMN restage.undo_file.sha256 IS 'The text, in restage.sql_text.';

-- pg_dump leaves rows of an extension's tables out unless it is told; as plain SQL there is no
-- extension to tell, and nothing to do.
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

COMMENT ON FUNCTION restage.version() IS 'Version of schema restage.';

CREATE OR REPLACE FUNCTION restage.run_id() RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $restage$
DECLARE
  setting text := nullif(current_setting('restage.run_id', true), '');
  found uuid;
BEGIN
  IF setting IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'RS003',
      MESSAGE = 'the setting restage.run_id is missing, so nobody knows which run this belongs to',
      HINT = 'By hand: SELECT restage.begin_run(''<source name>''); sets it for the session. With psql: PGOPTIONS=''-c restage.run_id=<uuid>''.';
  END IF;
  SELECT r.id INTO found
  FROM restage.run AS r
  WHERE r.id::text = lower(setting);
  IF found IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'RS003',
      MESSAGE = format('the setting restage.run_id is ''%s'', which is no run', setting),
      HINT = 'restage.run lists the runs; restage.begin_run(''<source name>'') begins one.';
  END IF;
  RETURN found;
END
$restage$;

COMMENT ON FUNCTION restage.run_id() IS 'The run that the session works for: the setting restage.run_id, held against restage.run. Raises RS003.';

CREATE OR REPLACE FUNCTION restage.mark_interrupted() RETURNS bigint
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $restage$
  WITH dead AS (
    UPDATE restage.run AS r
    SET
      status = 'interrupted',
      finished_at = clock_timestamp(),
      error = 'the loader''s connection ended before the run did'
    WHERE r.status = 'running'
      AND NOT EXISTS (
        SELECT
        FROM pg_stat_activity AS a
        WHERE a.pid = r.backend_pid
          -- Other roles' backend_start may be hidden from us: then the process counts as alive.
          AND coalesce(a.backend_start = r.backend_started_at, true)
      )
    RETURNING r.id
  ),
  stopped AS (
    UPDATE restage.step AS s
    SET
      status = 'failed',
      completed_at = clock_timestamp(),
      error_message = 'the loader''s connection ended before the step did'
    FROM dead AS d
    WHERE s.run_id = d.id
      AND s.status = 'running'
  )
  SELECT count(*)
  FROM dead;
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

CREATE OR REPLACE FUNCTION restage.finish_run(run uuid) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $restage$
DECLARE
  found text;
  run_mode text;
  open_tables text;
BEGIN
  SELECT r.status, r.mode INTO found, run_mode
  FROM restage.run AS r
  WHERE r.id = finish_run.run
  FOR UPDATE;
  IF found IS DISTINCT FROM 'running' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'RS005',
      MESSAGE = format('run %s cannot succeed: %s', finish_run.run, coalesce('it is ' || found, 'there is no such run'));
  END IF;
  SELECT string_agg(g.table_name, ', ' ORDER BY g.table_name) INTO open_tables
  FROM restage.staged AS g
  WHERE g.run_id = finish_run.run
    AND g.closed_at IS NULL;
  IF open_tables IS NOT NULL AND run_mode <> 'rehearsal' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'RS005',
      MESSAGE = format('run %s cannot succeed: the account is not closed for %s', finish_run.run, open_tables),
      HINT = 'Step 90 (90_account.sql) of each table closes its account.';
  END IF;
  UPDATE restage.run AS r
  SET
    status = 'succeeded',
    finished_at = clock_timestamp()
  WHERE r.id = finish_run.run;
END
$restage$;

COMMENT ON FUNCTION restage.finish_run(uuid) IS 'Ends a run as succeeded; refused (RS005) while a staged table''s account is not closed. Belongs into the transaction of the merge.';

CREATE OR REPLACE FUNCTION restage.fail_run(run uuid, error text) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $restage$
BEGIN
  UPDATE restage.step AS s
  SET
    status = 'failed',
    completed_at = clock_timestamp(),
    error_message = coalesce(s.error_message, fail_run.error)
  FROM restage.run AS r
  WHERE r.id = fail_run.run
    AND r.status = 'running'
    AND s.run_id = r.id
    AND s.status = 'running';
  UPDATE restage.run AS r
  SET
    status = 'failed',
    finished_at = clock_timestamp(),
    error = fail_run.error
  WHERE r.id = fail_run.run
    AND r.status = 'running';
  RETURN FOUND;
END
$restage$;

COMMENT ON FUNCTION restage.fail_run(uuid, text) IS 'Ends a run as failed; false, and nothing is changed, when it is not running. Belongs behind the rollback of the merge.';

CREATE OR REPLACE FUNCTION restage.record_step(
  run uuid,
  table_name text,
  operation text,
  rows_affected bigint,
  status text DEFAULT 'succeeded',
  error_message text DEFAULT NULL,
  started_at timestamptz DEFAULT clock_timestamp(),
  completed_at timestamptz DEFAULT clock_timestamp(),
  metadata jsonb DEFAULT '{}'
) RETURNS bigint
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $restage$
  INSERT INTO restage.step (
    run_id,
    table_name,
    operation,
    rows_affected,
    status,
    error_message,
    started_at,
    completed_at,
    metadata
  )
  VALUES (
    record_step.run,
    record_step.table_name,
    record_step.operation,
    record_step.rows_affected,
    record_step.status,
    record_step.error_message,
    record_step.started_at,
    record_step.completed_at,
    record_step.metadata
  )
  RETURNING id;
$restage$;

COMMENT ON FUNCTION restage.record_step(uuid, text, text, bigint, text, text, timestamptz, timestamptz, jsonb) IS 'Writes a row of the audit and returns its id. metadata should hold file and sha256.';

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

CREATE OR REPLACE FUNCTION restage.count_rows(table_name text, kind text, rows bigint) RETURNS bigint
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $restage$
  INSERT INTO restage.row_count AS c (
    run_id,
    table_name,
    kind,
    rows
  )
  VALUES (
    restage.run_id(),
    count_rows.table_name,
    count_rows.kind,
    count_rows.rows
  )
  ON CONFLICT (run_id, table_name, kind) DO UPDATE
  SET rows = c.rows + excluded.rows;
  SELECT count_rows.rows;
$restage$;

COMMENT ON FUNCTION restage.count_rows(text, text, bigint) IS 'Adds to what the current run counted of a kind of row of a table, and returns what was added.';

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

CREATE OR REPLACE FUNCTION restage.claim_source(source_name text, database_name text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $restage$
DECLARE
  found text;
BEGIN
  SELECT s.database_name INTO found
  FROM restage.source AS s
  WHERE s.source_name = claim_source.source_name;
  IF found IS NULL THEN
    INSERT INTO restage.source (
      source_name,
      database_name,
      first_run
    )
    VALUES (
      claim_source.source_name,
      claim_source.database_name,
      nullif(current_setting('restage.run_id', true), '')::uuid
    );
  ELSIF found <> claim_source.database_name THEN
    RAISE EXCEPTION USING
      ERRCODE = 'RS008',
      MESSAGE = format('source ''%s'' is database ''%s'', not ''%s''', claim_source.source_name, found, claim_source.database_name),
      HINT = 'Give this source a name of its own in the mapping (source: NAME). Where it is the same database under a new name, UPDATE restage.source.';
  END IF;
END
$restage$;

COMMENT ON FUNCTION restage.claim_source(text, text) IS 'Binds a source''s name to a database, the first time; raises RS008 for another database later.';

CREATE OR REPLACE FUNCTION restage.table_problems(
  source_name text,
  source_schema text,
  source_table text,
  target_schema text,
  target_table text,
  key_map_table text
) RETURNS TABLE (problem text, advice text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $restage$
DECLARE
  source text := source_schema || '.' || source_table;
  target text := format('%I.%I', target_schema, target_table);
  loaded restage.table_map;
  other restage.table_map;
  final_table regclass := to_regclass(target);
  key_map regclass := to_regclass(key_map_table);
  has_rows boolean := false;
  has_keys boolean := false;
BEGIN
  SELECT m.* INTO loaded
  FROM restage.table_map AS m
  WHERE m.source_name = table_problems.source_name
    AND m.source_schema = table_problems.source_schema
    AND m.source_table = table_problems.source_table;

  -- What the table was loaded as.
  IF (loaded.target_schema, loaded.target_table) <> (target_schema, target_table) THEN
    problem := format('%s was loaded as %I.%I and would now be %s', source, loaded.target_schema, loaded.target_table, target);
    advice := format(
      'in the mapping: tables: { %s: { rename: %s } }',
      to_json(source),
      to_json(CASE
        WHEN loaded.target_schema = target_schema AND loaded.target_table NOT LIKE '%.%' THEN loaded.target_table
        ELSE loaded.target_schema || '.' || loaded.target_table
      END)
    );
    RETURN NEXT;
    RETURN;
  END IF;
  IF loaded.key_map_table <> key_map_table THEN
    problem := format('the rows of %s are remembered in key map %s and would now be looked for in %s', source, loaded.key_map_table, key_map_table);
    advice := NULL;
    RETURN NEXT;
    RETURN;
  END IF;

  -- Whose final table and key map these are.
  SELECT m.* INTO other
  FROM restage.table_map AS m
  WHERE m.source_name = table_problems.source_name
    AND m.target_schema = table_problems.target_schema
    AND m.target_table = table_problems.target_table
    AND (m.source_schema, m.source_table) <> (table_problems.source_schema, table_problems.source_table)
  LIMIT 1;
  IF other.source_name IS NOT NULL THEN
    problem := format('%s would be loaded into %s, which has the rows of %s.%s', source, target, other.source_schema, other.source_table);
    advice := NULL;
    RETURN NEXT;
    RETURN;
  END IF;
  SELECT m.* INTO other
  FROM restage.table_map AS m
  WHERE m.key_map_table = table_problems.key_map_table
    AND (m.source_name, m.source_schema, m.source_table)
      <> (table_problems.source_name, table_problems.source_schema, table_problems.source_table);
  IF other.source_name IS NOT NULL THEN
    problem := format('%s would be remembered in key map %s, which belongs to %s.%s of source ''%s''', source, key_map_table, other.source_schema, other.source_table, other.source_name);
    advice := NULL;
    RETURN NEXT;
    RETURN;
  END IF;

  -- Whether final table and key map still belong together.
  IF loaded.source_name IS NULL THEN
    RETURN;
  END IF;
  IF final_table IS NOT NULL THEN
    EXECUTE format('SELECT EXISTS (SELECT FROM %s)', final_table) INTO has_rows;
  END IF;
  IF key_map IS NOT NULL THEN
    EXECUTE format('SELECT EXISTS (SELECT FROM %s)', key_map) INTO has_keys;
  END IF;
  IF final_table IS NULL AND has_keys THEN
    problem := format('final table %s is not in the target, and key map %s remembers its rows', target, key_map_table);
    advice := format('restore the table; or, to load all its rows anew, DROP TABLE %s', key_map_table);
    RETURN NEXT;
  ELSIF has_rows AND NOT has_keys AND (
    key_map IS NULL
    -- As many rows as came into it and were not deleted again, key map row and final row together.
    OR (
      SELECT sum(CASE c.kind WHEN 'allocated' THEN c.rows ELSE -c.rows END)
      FROM restage.row_count AS c
      JOIN restage.run AS r
        ON r.id = c.run_id
      WHERE r.source_name = table_problems.source_name
        AND r.status = 'succeeded'
        AND r.mode = 'load'
        AND c.table_name = target
        AND c.kind IN ('allocated', 'deleted')
    ) > 0
  ) THEN
    problem := format(
      'key map %s of %s is %s, so that every row would be loaded a second time into %s',
      key_map_table,
      source,
      CASE WHEN key_map IS NULL THEN 'not in the target' ELSE 'empty' END,
      target
    );
    advice := format('restore the key map; or, to load all rows anew, empty %s first', target);
    RETURN NEXT;
  END IF;
END
$restage$;

COMMENT ON FUNCTION restage.table_problems(text, text, text, text, text, text) IS 'Why a source table may not be loaded into a final table by a key map: what restage.table_map says otherwise, and what is gone. No row when all is well.';

CREATE OR REPLACE FUNCTION restage.claim_table(
  source_name text,
  source_schema text,
  source_table text,
  target_schema text,
  target_table text,
  stage_table text,
  key_map_table text,
  keys text
) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $restage$
DECLARE
  found record;
BEGIN
  SELECT p.problem, p.advice INTO found
  FROM restage.table_problems(source_name, source_schema, source_table, target_schema, target_table, key_map_table) AS p
  LIMIT 1;
  IF found.problem IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'RS007',
      MESSAGE = found.problem,
      HINT = coalesce(found.advice, 'Give the table that is new another name in the mapping (rename).');
  END IF;
  INSERT INTO restage.table_map AS m (
    source_name,
    source_schema,
    source_table,
    target_schema,
    target_table,
    stage_table,
    key_map_table,
    keys
  )
  SELECT
    claim_table.source_name,
    claim_table.source_schema,
    claim_table.source_table,
    claim_table.target_schema,
    claim_table.target_table,
    claim_table.stage_table,
    claim_table.key_map_table,
    claim_table.keys
  WHERE NOT EXISTS (
    SELECT
    FROM restage.table_map AS m
    WHERE m.source_name = claim_table.source_name
      AND m.source_schema = claim_table.source_schema
      AND m.source_table = claim_table.source_table
      AND m.stage_table = claim_table.stage_table
      AND m.keys = claim_table.keys
  )
  ON CONFLICT ON CONSTRAINT table_map_pkey DO UPDATE
  SET
    stage_table = excluded.stage_table,
    keys = excluded.keys;
END
$restage$;

COMMENT ON FUNCTION restage.claim_table(text, text, text, text, text, text, text, text) IS 'Binds a source table to its final table and its key map, the first time; raises RS007 when it is bound to others, or others to them. Writes nothing where all is as it was.';

CREATE OR REPLACE FUNCTION restage.fail_orphans(
  table_name text,
  foreign_key text,
  rows bigint,
  sample text
) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $restage$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'RS001',
    MESSAGE = format(
      '%s: %s without a parent for foreign key %s, such as %s',
      fail_orphans.table_name,
      CASE WHEN fail_orphans.rows = 1 THEN '1 staged row is' ELSE fail_orphans.rows || ' staged rows are' END,
      fail_orphans.foreign_key,
      fail_orphans.sample
    ),
    HINT = 'Nothing of this run is kept. Correct the source, load the parent''s table too, or let the mapping decide: on_orphan: reject or null.';
END
$restage$;

COMMENT ON FUNCTION restage.fail_orphans(text, text, bigint, text) IS 'Ends the merge (RS001) because of rows whose parent is in no key map.';

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

CREATE OR REPLACE FUNCTION restage.foreign_keys_to(parents oid[])
RETURNS TABLE (name name, child regclass, parent regclass, acts boolean, pairs text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $restage$
SELECT
  c.conname AS name,
  c.conrelid::regclass AS child,
  c.confrelid::regclass AS parent,
  c.confdeltype IN ('c', 'n', 'd') AS acts,
  (
    SELECT string_agg(
      format(
        'p.%I OPERATOR(%I.%s) c.%I%s',
        pa.attname, n.nspname, o.oprname, ca.attname,
        CASE
          WHEN pa.attcollation <> ca.attcollation
            THEN (SELECT format(' COLLATE %I.%I', cn.nspname, l.collname) FROM pg_collation AS l JOIN pg_namespace AS cn ON cn.oid = l.collnamespace WHERE l.oid = pa.attcollation)
          ELSE ''
        END
      ),
      ' AND ' ORDER BY k.place
    )
    FROM unnest(c.conkey, c.confkey, c.conpfeqop) WITH ORDINALITY AS k (child_column, parent_column, operator, place)
    JOIN pg_attribute AS ca
      ON ca.attrelid = c.conrelid
      AND ca.attnum = k.child_column
    JOIN pg_attribute AS pa
      ON pa.attrelid = c.confrelid
      AND pa.attnum = k.parent_column
    JOIN pg_operator AS o
      ON o.oid = k.operator
    JOIN pg_namespace AS n
      ON n.oid = o.oprnamespace
  ) AS pairs
FROM pg_constraint AS c
WHERE c.contype = 'f'
  AND c.conparentid = 0
  AND c.confrelid = ANY (parents);
$restage$;

COMMENT ON FUNCTION restage.foreign_keys_to(oid[]) IS 'Foreign keys, ours and others, that lead to these tables. acts: deleting a parent changes the child (CASCADE, SET NULL, SET DEFAULT). pairs: the condition that joins a child c to its parent p, with the constraint''s own operators.';

CREATE OR REPLACE FUNCTION restage.held_rows(
  table_name text,
  row_ids tid[],
  self_included boolean DEFAULT true
) RETURNS SETOF tid
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $restage$
DECLARE
  reference record;
BEGIN
  IF cardinality(row_ids) = 0 THEN
    RETURN;
  END IF;
  FOR reference IN
    SELECT f.*
    FROM restage.foreign_keys_to(ARRAY[held_rows.table_name::regclass::oid]) AS f
    WHERE self_included
      OR f.child <> f.parent
    ORDER BY f.child, f.name
  LOOP
    -- Where nobody may look, all rows count as held.
    IF NOT has_table_privilege(reference.child, 'SELECT') THEN
      RAISE WARNING 'no row of % is deleted: % refers to it (%), and its rows may not be read', reference.parent, reference.child, reference.name;
      RETURN QUERY SELECT r.row_id FROM unnest(row_ids) AS r (row_id);
      RETURN;
    END IF;
    -- A constraint that acts (CASCADE, SET NULL, SET DEFAULT) would change rows that come in between
    -- here and the end without a word; one that does not stops the run.
    IF reference.acts AND reference.child <> reference.parent AND has_table_privilege(reference.child, 'UPDATE, DELETE, TRUNCATE') THEN
      EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', reference.child);
    END IF;
    RETURN QUERY EXECUTE format(
      $query$
        SELECT p.ctid
        FROM %s AS p
        WHERE p.ctid = ANY ($1)
          AND EXISTS (
            SELECT
            FROM %s AS c
            WHERE %s%s
          )
      $query$,
      reference.parent,
      reference.child,
      reference.pairs,
      CASE WHEN reference.child = reference.parent THEN ' AND c.ctid <> p.ctid' ELSE '' END
    ) USING row_ids;
  END LOOP;
END
$restage$;

COMMENT ON FUNCTION restage.held_rows(text, tid[], boolean) IS 'Which of these rows of a final table others refer to, by any foreign key that the database has, ours or an application''s. self_included: also by rows of the table itself.';

CREATE OR REPLACE FUNCTION restage.shared_keys(source_name text, target_schema text, target_table text) RETURNS SETOF text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $restage$
DECLARE
  key_map text;
BEGIN
  FOR key_map IN
    SELECT m.key_map_table
    FROM restage.table_map AS m
    WHERE m.source_name <> shared_keys.source_name
      AND m.target_schema = shared_keys.target_schema
      AND m.target_table = shared_keys.target_table
      AND EXISTS (
        SELECT
        FROM pg_attribute AS a
        WHERE a.attrelid = to_regclass(m.key_map_table)
          AND a.attname = 'target_key'
      )
  LOOP
    RETURN QUERY EXECUTE format('SELECT k.target_key::text FROM %s AS k', key_map);
  END LOOP;
END
$restage$;

COMMENT ON FUNCTION restage.shared_keys(text, text, text) IS 'Keys of final rows that other sources know too: their key maps share these rows.';

CREATE OR REPLACE FUNCTION restage.fail_natural_key(
  table_name text,
  side text,
  keys bigint,
  sample text
) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $restage$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'RS011',
    MESSAGE = format(
      '%s: %s of the natural key on several %s: %s',
      fail_natural_key.table_name,
      CASE WHEN fail_natural_key.keys = 1 THEN '1 value stands' ELSE fail_natural_key.keys || ' values stand' END,
      fail_natural_key.side,
      fail_natural_key.sample
    ),
    HINT = 'Nothing of this run is kept. Which row is meant cannot be known: correct the rows, or name more columns in natural_key.';
END
$restage$;

COMMENT ON FUNCTION restage.fail_natural_key(text, text, bigint, text) IS 'Ends the merge (RS011) because values of a natural key stand on several rows.';

CREATE OR REPLACE FUNCTION restage.fail_edited(table_name text, rows bigint, sample text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $restage$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'RS012',
    MESSAGE = format(
      '%s: %s changed in the source and edited in the target since: %s',
      fail_edited.table_name,
      CASE WHEN fail_edited.rows = 1 THEN '1 row was' ELSE fail_edited.rows || ' rows were' END,
      fail_edited.sample
    ),
    HINT = 'Nothing of this run is kept. Undo the edits, or let the mapping decide: on_conflict: overwrite or keep.';
END
$restage$;

COMMENT ON FUNCTION restage.fail_edited(text, bigint, text) IS 'Ends the merge (RS012) because rows that changed in the source were edited in the target (on_conflict: fail).';

CREATE OR REPLACE FUNCTION restage.last_run(source_name text, table_name text) RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $restage$
  SELECT r.id
  FROM restage.staged AS g
  JOIN restage.run AS r
    ON r.id = g.run_id
  WHERE r.source_name = last_run.source_name
    AND g.table_name = last_run.table_name
    AND g.closed_at IS NOT NULL
    AND r.status <> 'rolled_back'
  ORDER BY r.started_at DESC
  LIMIT 1;
$restage$;

COMMENT ON FUNCTION restage.last_run(text, text) IS 'The last run that loaded a table from a source and closed its account: its rejects are the ones that still hold.';

-- Rollback of a run

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

CREATE OR REPLACE FUNCTION restage.undone_run() RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $restage$
DECLARE
  run uuid := restage.run_id();
  found uuid;
BEGIN
  SELECT r.undoes INTO found
  FROM restage.run AS r
  WHERE r.id = run;
  IF found IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'RS005',
      MESSAGE = format('run %s is not the rollback of another', run),
      HINT = 'By hand: SELECT restage.begin_undo(''<run to take back>''); begins one.';
  END IF;
  RETURN found;
END
$restage$;

COMMENT ON FUNCTION restage.undone_run() IS 'The run that the current run takes back. Raises RS005 where it takes none back.';

CREATE OR REPLACE FUNCTION restage.undo_option(name text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $restage$
  SELECT coalesce((r.options ->> undo_option.name)::boolean, false)
  FROM restage.run AS r
  WHERE r.id = restage.run_id();
$restage$;

COMMENT ON FUNCTION restage.undo_option(text) IS 'Whether the rollback was begun with an option: force, inserts_only.';

CREATE OR REPLACE FUNCTION restage.row_key(relation regclass, alias text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $restage$
  SELECT coalesce(
    (
      SELECT format(
        'jsonb_build_object(%s)::text',
        string_agg(format('%L, %I.%I', a.attname, row_key.alias, a.attname), ', ' ORDER BY array_position(i.indkey::int2[], a.attnum))
      )
      FROM pg_index AS i
      JOIN pg_attribute AS a
        ON a.attrelid = i.indrelid
        AND a.attnum = ANY (i.indkey::int2[])
      WHERE i.indrelid = row_key.relation
        AND i.indisprimary
      HAVING count(*) > 0
    ),
    format('%L || %I.ctid', 'row at ', row_key.alias)
  );
$restage$;

COMMENT ON FUNCTION restage.row_key(regclass, text) IS 'SQL that names a row of a table for a person: its primary key, else its place.';

CREATE OR REPLACE FUNCTION restage.find_references() RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $restage$
DECLARE
  reference record;
  found bigint := 0;
  added bigint;
BEGIN
  FOR reference IN
    SELECT f.*
    FROM restage.foreign_keys_to(ARRAY(SELECT u.relation FROM pg_temp.restage_undo AS u)) AS f
    ORDER BY f.parent, f.child, f.name
  LOOP
    -- A constraint that acts (CASCADE, SET NULL, SET DEFAULT) would change rows that come in between
    -- here and the end without a word; one that does not stops the rollback.
    IF reference.acts AND NOT EXISTS (
      SELECT
      FROM pg_temp.restage_undo AS u
      WHERE u.relation = reference.child
    ) THEN
      EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', reference.child);
    END IF;
    EXECUTE format(
      $query$
        INSERT INTO pg_temp.restage_conflict (kind, table_name, other, row_key)
        SELECT 'referenced', %L, %L, %s
        FROM pg_temp.restage_undo AS u
        JOIN %s AS p
          ON p.tableoid = u.part
          AND p.ctid = u.row_id
        JOIN %s AS c
          ON %s
        WHERE u.is_new
          AND u.relation = %s
          AND NOT EXISTS (
            SELECT
            FROM pg_temp.restage_undo AS d
            WHERE d.part = c.tableoid
              AND d.row_id = c.ctid
          )
      $query$,
      reference.parent::text,
      format('%s (%I)', reference.child, reference.name),
      restage.row_key(reference.child, 'c'),
      reference.parent,
      reference.child,
      reference.pairs,
      reference.parent::oid
    );
    GET DIAGNOSTICS added = ROW_COUNT;
    found := found + added;
  END LOOP;
  RETURN found;
END
$restage$;

COMMENT ON FUNCTION restage.find_references() IS 'Notes in restage_conflict the rows of any table that refer to a row in restage_undo and stay themselves, and returns how many. Follows the foreign keys that the database has, ours and others.';

CREATE OR REPLACE FUNCTION restage.find_other_sources(table_name text, key_map text, key_column text) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $restage$
DECLARE
  other record;
  found bigint := 0;
  added bigint;
BEGIN
  FOR other IN
    SELECT
      m.key_map_table,
      m.source_name
    FROM restage.table_map AS m
    WHERE to_regclass(format('%I.%I', m.target_schema, m.target_table)) = find_other_sources.table_name::regclass
      AND m.key_map_table <> find_other_sources.key_map
      AND EXISTS (
        SELECT
        FROM pg_attribute AS a
        WHERE a.attrelid = to_regclass(m.key_map_table)
          AND a.attname = 'target_key'
          AND NOT a.attisdropped
      )
    ORDER BY m.key_map_table
  LOOP
    EXECUTE format(
      $query$
        INSERT INTO pg_temp.restage_conflict (kind, table_name, other, row_key)
        SELECT 'other_source', %L, %L, to_jsonb(k)::text
        FROM pg_temp.restage_undo AS u
        JOIN %s AS t
          ON t.tableoid = u.part
          AND t.ctid = u.row_id
        JOIN %s AS k
          ON k.target_key = t.%I
        WHERE u.is_new
          AND u.relation = %s
      $query$,
      find_other_sources.table_name,
      other.source_name,
      find_other_sources.table_name,
      other.key_map_table,
      find_other_sources.key_column,
      find_other_sources.table_name::regclass::oid
    );
    GET DIAGNOSTICS added = ROW_COUNT;
    found := found + added;
  END LOOP;
  RETURN found;
END
$restage$;

COMMENT ON FUNCTION restage.find_other_sources(text, text, text) IS 'Notes in restage_conflict the rows in restage_undo that the key map of another source knows too, and returns how many.';

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

CREATE OR REPLACE FUNCTION restage.refuse_undo() RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $restage$
DECLARE
  problems text;
BEGIN
  SELECT string_agg(c.message, '; ') INTO problems
  FROM restage.undo_conflicts() AS c;
  IF problems IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'RS006',
      MESSAGE = format('run %s cannot be taken back: %s', restage.undone_run(), problems),
      HINT = 'Nothing was changed. Take later runs back first; remove or change the rows that refer to it. force => true gives up what was changed in the target, inserts_only => true leaves updates and deletions as they are.';
  END IF;
END
$restage$;

COMMENT ON FUNCTION restage.refuse_undo() IS 'Ends a rollback (RS006) when there are conflicts; does nothing otherwise.';

CREATE OR REPLACE FUNCTION restage.count_undone(table_name text, kind text, rows bigint, expected bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $restage$
BEGIN
  IF count_undone.rows <> count_undone.expected THEN
    RAISE EXCEPTION USING
      ERRCODE = 'RS002',
      MESSAGE = format('%s: %s rows %s, %s expected', count_undone.table_name, count_undone.rows, count_undone.kind, count_undone.expected),
      HINT = 'Nothing of this rollback is kept. A trigger or a rule of the table is a usual cause.';
  END IF;
  RETURN restage.count_rows(count_undone.table_name, count_undone.kind, count_undone.rows);
END
$restage$;

COMMENT ON FUNCTION restage.count_undone(text, text, bigint, bigint) IS 'Counts what a step of a rollback did, and ends it (RS002) when that is not what was found before.';

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
