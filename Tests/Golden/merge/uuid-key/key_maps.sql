-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:6afe37a6f124fd918cd43ef5fafef4651d51eed48c7ca2eeed396f6a6e44891b
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
    ('dbo', 'Device', 'public', 'device', 'restage_stage.device', 'restage_keymap.device', 'remap'),
    ('dbo', 'Reading', 'public', 'reading', 'restage_stage.reading', 'restage_keymap.reading', 'remap')
) AS v (source_schema, source_table, target_schema, target_table, stage_table, key_map_table, keys);

-- dbo.Device
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.device') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.device (
    source_deviceid uuid NOT NULL,
    target_key uuid NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.device IS 'Key map: which row of dbo.Device of stride is which row of public.device.';
  COMMENT ON COLUMN restage_keymap.device.source_deviceid IS 'Column DeviceId of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.device.target_key IS 'Value of column deviceid of the final row.';
  COMMENT ON COLUMN restage_keymap.device.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.device.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.device.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.device.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.device.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.device.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.device.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Reading
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.reading') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.reading (
    source_readingid bigint NOT NULL,
    target_key bigint NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.reading IS 'Key map: which row of dbo.Reading of stride is which row of public.reading.';
  COMMENT ON COLUMN restage_keymap.reading.source_readingid IS 'Column ReadingId of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.reading.target_key IS 'Value of column readingid of the final row.';
  COMMENT ON COLUMN restage_keymap.reading.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.reading.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.reading.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.reading.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.reading.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.reading.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.reading.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

