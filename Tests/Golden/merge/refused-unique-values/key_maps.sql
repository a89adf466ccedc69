-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:b9b0bce7df1e254dcf827298d9d4eea857375ea69c9a3f659c862872f6e86df1
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
    ('dbo', 'Country', 'public', 'country', 'restage_stage.country', 'restage_keymap.country', 'remap'),
    ('dbo', 'City', 'public', 'city', 'restage_stage.city', 'restage_keymap.city', 'remap'),
    ('dbo', 'Town', 'public', 'town', 'restage_stage.town', 'restage_keymap.town', 'remap'),
    ('dbo', 'Stamp', 'public', 'stamp', 'restage_stage.stamp', 'restage_keymap.stamp', 'preserve')
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

-- dbo.Country
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.country') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.country (
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

  COMMENT ON TABLE restage_keymap.country IS 'Key map: which row of dbo.Country of stride is which row of public.country.';
  COMMENT ON COLUMN restage_keymap.country.source_id IS 'Column Id of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.country.target_key IS 'Value of column id of the final row.';
  COMMENT ON COLUMN restage_keymap.country.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.country.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.country.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.country.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.country.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.country.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.country.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.City
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.city') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.city (
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

  COMMENT ON TABLE restage_keymap.city IS 'Key map: which row of dbo.City of stride is which row of public.city.';
  COMMENT ON COLUMN restage_keymap.city.source_id IS 'Column Id of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.city.target_key IS 'Value of column id of the final row.';
  COMMENT ON COLUMN restage_keymap.city.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.city.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.city.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.city.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.city.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.city.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.city.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Town
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.town') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.town (
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

  COMMENT ON TABLE restage_keymap.town IS 'Key map: which row of dbo.Town of stride is which row of public.town.';
  COMMENT ON COLUMN restage_keymap.town.source_id IS 'Column Id of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.town.target_key IS 'Value of column id of the final row.';
  COMMENT ON COLUMN restage_keymap.town.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.town.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.town.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.town.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.town.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.town.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.town.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Stamp
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.stamp') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.stamp (
    source_no integer NOT NULL,
    target_key integer NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.stamp IS 'Key map: which row of dbo.Stamp of stride is which row of public.stamp.';
  COMMENT ON COLUMN restage_keymap.stamp.source_no IS 'Column No of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.stamp.target_key IS 'Value of column no of the final row.';
  COMMENT ON COLUMN restage_keymap.stamp.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.stamp.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.stamp.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.stamp.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.stamp.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.stamp.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.stamp.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

