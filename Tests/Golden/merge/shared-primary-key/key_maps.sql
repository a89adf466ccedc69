-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:3fa293db21f72e5dc7ce4e74757eaf8f9e0bf315026694d1eae27a1efd689267
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 15_key_maps.sql

-- Which database the source's name stands for; refused (RS008) for another one.
SELECT restage.claim_source('stride', 'stride');

-- Which table became which; refused (RS007) where it became another one.
SELECT restage.claim_table(
  'stride',
  v.source_schema,
  v.source_table,
  v.target_schema,
  v.target_table,
  v.stage_table,
  v.key_map_table,
  v.keys
)
FROM (
  VALUES
    ('dbo', 'Person', 'public', 'person', 'restage_stage.person', 'restage_keymap.person', 'remap'),
    ('dbo', 'Employee', 'public', 'employee', 'restage_stage.employee', 'restage_keymap.employee', 'preserve'),
    ('dbo', 'Manager', 'public', 'manager', 'restage_stage.manager', 'restage_keymap.manager', 'preserve')
) AS v (source_schema, source_table, target_schema, target_table, stage_table, key_map_table, keys);

-- dbo.Person
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.person') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.person (
    source_personid integer NOT NULL,
    target_key integer NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
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
  COMMENT ON COLUMN restage_keymap.person.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
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
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
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
  COMMENT ON COLUMN restage_keymap.employee.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
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
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
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
  COMMENT ON COLUMN restage_keymap.manager.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

