-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:8b2d914d732c86f20826bd3be4e34aa6ca2449f83a4fa7e7d526c96a7127b8c7
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
    ('dbo', 'Department', 'public', 'department', 'restage_stage.department', 'restage_keymap.department', 'remap'),
    ('dbo', 'Worker', 'public', 'worker', 'restage_stage.worker', 'restage_keymap.worker', 'remap')
) AS v (source_schema, source_table, target_schema, target_table, stage_table, key_map_table, keys);

-- dbo.Department
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.department') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.department (
    source_id integer NOT NULL,
    target_key integer NOT NULL,
    row_hash uuid NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid
  );

  COMMENT ON TABLE restage_keymap.department IS 'Key map: which row of dbo.Department of stride is which row of public.department.';
  COMMENT ON COLUMN restage_keymap.department.source_id IS 'Column Id of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.department.target_key IS 'Value of column id of the final row.';
  COMMENT ON COLUMN restage_keymap.department.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.department.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.department.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.department.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
END
$restage$;

-- dbo.Worker
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.worker') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.worker (
    source_id integer NOT NULL,
    target_key integer NOT NULL,
    row_hash uuid NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid
  );

  COMMENT ON TABLE restage_keymap.worker IS 'Key map: which row of dbo.Worker of stride is which row of public.worker.';
  COMMENT ON COLUMN restage_keymap.worker.source_id IS 'Column Id of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.worker.target_key IS 'Value of column id of the final row.';
  COMMENT ON COLUMN restage_keymap.worker.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.worker.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.worker.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.worker.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
END
$restage$;

