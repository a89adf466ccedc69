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
