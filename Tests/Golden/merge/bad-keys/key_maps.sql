-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:f17d384b85033656f4cd40e71483b5f054be3b88fc0bd8512c614a35b01db2fa
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 15_key_maps.sql

-- dbo.Item
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.item') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.item (
    source_code varchar(10) NOT NULL,
    source_lot integer NOT NULL,
    row_hash uuid NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json
  );

  COMMENT ON TABLE restage_keymap.item IS 'Key map: which row of dbo.Item of stride is which row of public.item.';
  COMMENT ON COLUMN restage_keymap.item.source_code IS 'Column Code of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.item.source_lot IS 'Column Lot of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.item.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.item.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.item.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.item.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.item.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.item.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
END
$restage$;

-- dbo.Part
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.part') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.part (
    source_partid integer NOT NULL,
    target_key integer NOT NULL,
    row_hash uuid NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json
  );

  COMMENT ON TABLE restage_keymap.part IS 'Key map: which row of dbo.Part of stride is which row of public.part.';
  COMMENT ON COLUMN restage_keymap.part.source_partid IS 'Column PartId of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.part.target_key IS 'Value of column partid of the final row.';
  COMMENT ON COLUMN restage_keymap.part.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.part.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.part.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.part.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.part.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.part.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
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
    ('stride', 'dbo', 'Item', 'public', 'item', 'restage_stage.item', 'restage_keymap.item', 'preserve'),
    ('stride', 'dbo', 'Part', 'public', 'part', 'restage_stage.part', 'restage_keymap.part', 'remap')
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

