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

ALTER TABLE restage.staged
  ADD COLUMN since jsonb,
  ADD COLUMN watermark jsonb;

COMMENT ON COLUMN restage.staged.since IS 'Set where only rows were staged that changed since an earlier snapshot: its watermark. NULL for a whole table.';
COMMENT ON COLUMN restage.staged.watermark IS 'Up to where the source''s changes are loaded: the next snapshot of changed rows must begin here or earlier. NULL where the source has none.';

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
END
$restage$;

COMMENT ON FUNCTION restage.close_undo() IS 'Marks the run as rolled_back and removes its before images, which are used up.';

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
