-- Three roles for a target that several people and programs work on:
--
--   restage_owner    owns what restage makes; the first load and upgrades work as it
--   restage_loader   loads every night, verifies and takes runs back; cannot alter or drop a table of
--                    restage, a key map or a final table, nor delete from the audit
--   restage_auditor  reads
--
-- None of them can log in: grant them to roles that can. Schema restage must be installed. Needs a role
-- that may create roles (CREATEROLE) and owns the database, and the tables that were loaded before;
-- no superuser. Applied again it changes nothing but grants what was made since: apply it again after
-- an upgrade, and after a load by another role than restage_owner.
--
--   psql -X -1 -v ON_ERROR_STOP=1 -f roles.sql, or restage install --roles

DO $restage$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['restage_owner', 'restage_loader', 'restage_auditor'] LOOP
    IF NOT EXISTS (
      SELECT
      FROM pg_catalog.pg_roles AS r
      WHERE r.rolname = name
    ) THEN
      EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', name);
    END IF;
  END LOOP;
  -- To hand something over one has to be a member of who gets it. Since PostgreSQL 16 making a role
  -- does not say so much.
  FOREACH name IN ARRAY ARRAY['restage_owner', 'restage_loader'] LOOP
    IF NOT pg_catalog.pg_has_role(
      name,
      CASE WHEN pg_catalog.current_setting('server_version_num')::integer < 160000 THEN 'MEMBER' ELSE 'SET' END
    ) THEN
      EXECUTE pg_catalog.format('GRANT %I TO CURRENT_USER', name);
    END IF;
  END LOOP;
  IF NOT pg_catalog.pg_has_role('restage_owner', 'restage_loader', 'MEMBER') THEN
    GRANT restage_loader TO restage_owner;
  END IF;
END
$restage$;

COMMENT ON ROLE restage_owner IS 'Owns what restage makes: its schemas, key maps and final tables.';
COMMENT ON ROLE restage_loader IS 'Loads with restage into tables that are there; alters none of them.';
COMMENT ON ROLE restage_auditor IS 'Reads runs, audit, key maps and final tables of restage.';

DO $restage$
BEGIN
  EXECUTE pg_catalog.format('GRANT CREATE, TEMPORARY ON DATABASE %I TO restage_owner', pg_catalog.current_database());
  EXECUTE pg_catalog.format('GRANT TEMPORARY ON DATABASE %I TO restage_loader', pg_catalog.current_database());
END
$restage$;

-- Who owns what

ALTER SCHEMA restage OWNER TO restage_owner;
ALTER SCHEMA restage_keymap OWNER TO restage_owner;
-- Stage tables are made anew by each run, whoever made them before: the owner of their schema may.
ALTER SCHEMA restage_stage OWNER TO restage_loader;

DO $restage$
DECLARE
  object record;
BEGIN
  FOR object IN
    SELECT pg_catalog.format('ALTER TABLE %s OWNER TO restage_owner', c.oid::regclass) AS statement
    FROM pg_catalog.pg_class AS c
    WHERE c.relnamespace IN ('restage'::regnamespace, 'restage_keymap'::regnamespace)
      AND c.relkind IN ('r', 'v')
      AND c.relowner <> 'restage_owner'::regrole
    UNION ALL
    SELECT pg_catalog.format('ALTER FUNCTION %s OWNER TO restage_owner', p.oid::regprocedure)
    FROM pg_catalog.pg_proc AS p
    WHERE p.pronamespace = 'restage'::regnamespace
      AND p.proowner <> 'restage_owner'::regrole
  LOOP
    EXECUTE object.statement;
  END LOOP;
END
$restage$;

-- Runs, audit and key maps

GRANT USAGE ON SCHEMA restage, restage_keymap TO restage_loader, restage_auditor;
REVOKE ALL ON ALL TABLES IN SCHEMA restage FROM restage_loader, restage_auditor;
-- What was refused, displaced or executed is written once: a loader alters none of it.
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA restage TO restage_loader;
GRANT UPDATE ON restage.run, restage.step, restage.staged, restage.row_count, restage.table_map TO restage_loader;
-- Used up by a rollback.
GRANT DELETE ON restage.before_image TO restage_loader;
-- Outdated by the next load. Version 1.0 has no such table.
DO $restage$
BEGIN
  IF pg_catalog.to_regclass('restage.settled') IS NOT NULL THEN
    GRANT UPDATE, DELETE ON restage.settled TO restage_loader;
  END IF;
END
$restage$;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA restage_keymap TO restage_loader;
GRANT SELECT ON ALL TABLES IN SCHEMA restage, restage_keymap TO restage_auditor;

-- Final tables

GRANT USAGE, CREATE ON SCHEMA public TO restage_owner;
GRANT USAGE ON SCHEMA public TO restage_loader, restage_auditor;

DO $restage$
DECLARE
  final record;
  sequence regclass;
BEGIN
  FOR final IN
    SELECT
      c.oid::regclass AS relation,
      c.relnamespace::regnamespace AS schema
    FROM pg_catalog.pg_class AS c
    WHERE c.oid IN (
      SELECT pg_catalog.to_regclass(pg_catalog.format('%I.%I', m.target_schema, m.target_table))
      FROM restage.table_map AS m
    )
    ORDER BY c.oid
  LOOP
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %s TO restage_loader, restage_auditor', final.schema);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE %s TO restage_loader', final.relation);
    EXECUTE pg_catalog.format('GRANT SELECT ON TABLE %s TO restage_auditor', final.relation);
    FOR sequence IN
      SELECT s.oid
      FROM pg_catalog.pg_depend AS d
      JOIN pg_catalog.pg_class AS s
        ON s.oid = d.objid
        AND s.relkind = 'S'
      WHERE d.classid = 'pg_catalog.pg_class'::regclass
        AND d.refclassid = 'pg_catalog.pg_class'::regclass
        AND d.refobjid = final.relation
    LOOP
      EXECUTE pg_catalog.format('GRANT USAGE, SELECT, UPDATE ON SEQUENCE %s TO restage_loader', sequence);
    END LOOP;
  END LOOP;
END
$restage$;

-- What restage_owner makes later

ALTER DEFAULT PRIVILEGES FOR ROLE restage_owner GRANT USAGE ON SCHEMAS TO restage_loader, restage_auditor;
ALTER DEFAULT PRIVILEGES FOR ROLE restage_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO restage_loader;
ALTER DEFAULT PRIVILEGES FOR ROLE restage_owner GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO restage_loader;
ALTER DEFAULT PRIVILEGES FOR ROLE restage_owner GRANT SELECT ON TABLES TO restage_auditor;

-- Statistics of key maps belong to their owner until PostgreSQL 17, which lets others gather them.
DO $restage$
BEGIN
  IF pg_catalog.current_setting('server_version_num')::integer >= 170000 THEN
    GRANT MAINTAIN ON ALL TABLES IN SCHEMA restage_keymap TO restage_loader;
    ALTER DEFAULT PRIVILEGES FOR ROLE restage_owner IN SCHEMA restage_keymap
      GRANT MAINTAIN ON TABLES TO restage_loader;
  END IF;
END
$restage$;
