-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:c008ce7fa0194ee518d7552e35f3ff8e66bfe386b4c96d8a640efb810c7a29c2
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 15_key_maps.sql

-- dbo.Person
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.person') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.person (
    source_personid integer NOT NULL,
    target_key integer NOT NULL,
    row_hash uuid NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json
  );

  COMMENT ON TABLE restage_keymap.person IS 'Key map: which row of dbo.Person of stride is which row of public.person.';
  COMMENT ON COLUMN restage_keymap.person.source_personid IS 'Column PersonId of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.person.target_key IS 'Value of column personid of the final row.';
  COMMENT ON COLUMN restage_keymap.person.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.person.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.person.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.person.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.person.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.person.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
END
$restage$;

-- dbo.Employee
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.employee') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.employee (
    source_personid integer NOT NULL,
    target_key integer NOT NULL,
    row_hash uuid NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json
  );

  COMMENT ON TABLE restage_keymap.employee IS 'Key map: which row of dbo.Employee of stride is which row of public.employee.';
  COMMENT ON COLUMN restage_keymap.employee.source_personid IS 'Column PersonId of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.employee.target_key IS 'Value of column personid of the final row.';
  COMMENT ON COLUMN restage_keymap.employee.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.employee.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.employee.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.employee.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.employee.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.employee.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
END
$restage$;

-- dbo.Manager
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.manager') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.manager (
    source_personid integer NOT NULL,
    target_key integer NOT NULL,
    row_hash uuid NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json
  );

  COMMENT ON TABLE restage_keymap.manager IS 'Key map: which row of dbo.Manager of stride is which row of public.manager.';
  COMMENT ON COLUMN restage_keymap.manager.source_personid IS 'Column PersonId of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.manager.target_key IS 'Value of column personid of the final row.';
  COMMENT ON COLUMN restage_keymap.manager.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.manager.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.manager.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.manager.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.manager.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.manager.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
END
$restage$;

-- Which table became which.
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
  v.source_name,
  v.source_schema,
  v.source_table,
  v.target_schema,
  v.target_table,
  v.stage_table,
  v.key_map_table,
  v.keys
FROM (
  VALUES
    ('stride', 'dbo', 'Person', 'public', 'person', 'restage_stage.person', 'restage_keymap.person', 'remap'),
    ('stride', 'dbo', 'Employee', 'public', 'employee', 'restage_stage.employee', 'restage_keymap.employee', 'preserve'),
    ('stride', 'dbo', 'Manager', 'public', 'manager', 'restage_stage.manager', 'restage_keymap.manager', 'preserve')
) AS v (source_name, source_schema, source_table, target_schema, target_table, stage_table, key_map_table, keys)
WHERE NOT EXISTS (
  SELECT
  FROM restage.table_map AS m
  WHERE m.source_name = v.source_name
    AND m.source_schema = v.source_schema
    AND m.source_table = v.source_table
    AND m.target_schema = v.target_schema
    AND m.target_table = v.target_table
    AND m.stage_table = v.stage_table
    AND m.key_map_table = v.key_map_table
    AND m.keys = v.keys
)
ON CONFLICT (source_name, source_schema, source_table) DO UPDATE
SET
  target_schema = excluded.target_schema,
  target_table = excluded.target_table,
  stage_table = excluded.stage_table,
  key_map_table = excluded.key_map_table,
  keys = excluded.keys;

