-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:5b45d4bcb319d852d05f6965dd2e044290094967c624af2c2595a1f98a8d382f
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 15_key_maps.sql

-- dbo.Country
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.country') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.country (
    source_code char(3) COLLATE public.ignoring_case NOT NULL,
    target_key char(3) COLLATE public.ignoring_case NOT NULL,
    row_hash uuid NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json
  );

  COMMENT ON TABLE restage_keymap.country IS 'Key map: which row of dbo.Country of stride is which row of public.country.';
  COMMENT ON COLUMN restage_keymap.country.source_code IS 'Column Code of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.country.target_key IS 'Value of column code of the final row.';
  COMMENT ON COLUMN restage_keymap.country.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.country.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.country.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.country.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.country.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.country.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
END
$restage$;

-- dbo.City
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.city') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.city (
    source_cityid integer NOT NULL,
    target_key integer NOT NULL,
    row_hash uuid NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json
  );

  COMMENT ON TABLE restage_keymap.city IS 'Key map: which row of dbo.City of stride is which row of public.city.';
  COMMENT ON COLUMN restage_keymap.city.source_cityid IS 'Column CityId of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.city.target_key IS 'Value of column cityid of the final row.';
  COMMENT ON COLUMN restage_keymap.city.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.city.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.city.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.city.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.city.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.city.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
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
    ('stride', 'dbo', 'Country', 'public', 'country', 'restage_stage.country', 'restage_keymap.country', 'preserve'),
    ('stride', 'dbo', 'City', 'public', 'city', 'restage_stage.city', 'restage_keymap.city', 'remap')
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

