-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:b375b79ab41bcddab7a67bc5ec51c559319d44f3c289e0f0573ff7764f239b0e
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
    ('dbo', 'Unit', 'public', 'unit', 'restage_stage.unit', 'restage_keymap.unit', 'preserve'),
    ('dbo', 'UnitText', 'public', 'unittext', 'restage_stage.unittext', 'restage_keymap.unittext', 'preserve')
) AS v (source_schema, source_table, target_schema, target_table, stage_table, key_map_table, keys);

-- dbo.Unit
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.unit') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.unit (
    source_code varchar(6) COLLATE public.ignoring_case NOT NULL,
    target_key varchar(6) COLLATE public.ignoring_case NOT NULL,
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

-- dbo.UnitText
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.unittext') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.unittext (
    source_code varchar(6) COLLATE public.ignoring_case NOT NULL,
    target_key varchar(6) COLLATE public.ignoring_case NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.unittext IS 'Key map: which row of dbo.UnitText of stride is which row of public.unittext.';
  COMMENT ON COLUMN restage_keymap.unittext.source_code IS 'Column Code of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.unittext.target_key IS 'Value of column code of the final row.';
  COMMENT ON COLUMN restage_keymap.unittext.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.unittext.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.unittext.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.unittext.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.unittext.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.unittext.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.unittext.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

