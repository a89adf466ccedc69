-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:addc5d9e0b127abcbb6e86a519dd292d31e482a60dfd9bdb0ba6c98be8a9752e
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
    ('dbo', 'Region', 'public', 'region', 'restage_stage.region', 'restage_keymap.region', 'remap'),
    ('dbo', 'Unit', 'public', 'unit', 'restage_stage.unit', 'restage_keymap.unit', 'preserve'),
    ('dbo', 'Measure', 'public', 'measure', 'restage_stage.measure', 'restage_keymap.measure', 'remap')
) AS v (source_schema, source_table, target_schema, target_table, stage_table, key_map_table, keys);

-- dbo.Region
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.region') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.region (
    source_id integer NOT NULL,
    target_key integer NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.region IS 'Key map: which row of dbo.Region of stride is which row of public.region.';
  COMMENT ON COLUMN restage_keymap.region.source_id IS 'Column Id of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.region.target_key IS 'Value of column id of the final row.';
  COMMENT ON COLUMN restage_keymap.region.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.region.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.region.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.region.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.region.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.region.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.region.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Unit
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.unit') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.unit (
    source_code varchar(6) NOT NULL,
    target_key varchar(6) NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.unit IS 'Key map: which row of dbo.Unit of stride is which row of public.unit.';
  COMMENT ON COLUMN restage_keymap.unit.source_code IS 'Column Code of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.unit.target_key IS 'Value of column code of the final row.';
  COMMENT ON COLUMN restage_keymap.unit.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.unit.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.unit.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.unit.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.unit.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.unit.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.unit.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Measure
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.measure') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.measure (
    source_id integer NOT NULL,
    target_key integer NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.measure IS 'Key map: which row of dbo.Measure of stride is which row of public.measure.';
  COMMENT ON COLUMN restage_keymap.measure.source_id IS 'Column Id of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.measure.target_key IS 'Value of column id of the final row.';
  COMMENT ON COLUMN restage_keymap.measure.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.measure.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.measure.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.measure.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.measure.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.measure.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.measure.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

