-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:8bc3860532a6186e7791ab4700a2ed60f3a0e5f69a2e30d98dfc208887b1b5bc
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
    ('dbo', 'Region', 'public', 'region', 'restage_stage.region', 'restage_keymap.region', 'preserve'),
    ('dbo', 'Place', 'public', 'place', 'restage_stage.place', 'restage_keymap.place', 'remap'),
    ('dbo', 'Flag', 'public', 'flag', 'restage_stage.flag', 'restage_keymap.flag', 'preserve'),
    ('dbo', 'Visit', 'public', 'visit', 'restage_stage.visit', 'restage_keymap.visit', 'preserve')
) AS v (source_schema, source_table, target_schema, target_table, stage_table, key_map_table, keys);

-- dbo.Region
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.region') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.region (
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

  COMMENT ON TABLE restage_keymap.region IS 'Key map: which row of dbo.Region of stride is which row of public.region.';
  COMMENT ON COLUMN restage_keymap.region.source_code IS 'Column Code of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.region.target_key IS 'Value of column code of the final row.';
  COMMENT ON COLUMN restage_keymap.region.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.region.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.region.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.region.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.region.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.region.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.region.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Place
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.place') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.place (
    source_placeid integer NOT NULL,
    target_key integer NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.place IS 'Key map: which row of dbo.Place of stride is which row of public.place.';
  COMMENT ON COLUMN restage_keymap.place.source_placeid IS 'Column PlaceId of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.place.target_key IS 'Value of column placeid of the final row.';
  COMMENT ON COLUMN restage_keymap.place.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.place.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.place.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.place.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.place.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.place.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.place.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Flag
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.flag') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.flag (
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

  COMMENT ON TABLE restage_keymap.flag IS 'Key map: which row of dbo.Flag of stride is which row of public.flag.';
  COMMENT ON COLUMN restage_keymap.flag.source_code IS 'Column Code of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.flag.target_key IS 'Value of column code of the final row.';
  COMMENT ON COLUMN restage_keymap.flag.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.flag.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.flag.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.flag.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.flag.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.flag.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.flag.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Visit
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.visit') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.visit (
    source_row_hash uuid NOT NULL,
    source_occurrence integer NOT NULL,
    row_hash uuid NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.visit IS 'Key map: which row of dbo.Visit of stride is which row of public.visit.';
  COMMENT ON COLUMN restage_keymap.visit.source_row_hash IS 'Hash of the whole row in the source, which is all that identifies it.';
  COMMENT ON COLUMN restage_keymap.visit.source_occurrence IS 'Number of the row among equal ones, from 1.';
  COMMENT ON COLUMN restage_keymap.visit.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.visit.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.visit.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.visit.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.visit.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.visit.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.visit.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

