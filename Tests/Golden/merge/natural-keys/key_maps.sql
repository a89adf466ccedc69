-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:bca5a281a5c3ec5490f5f5e895388636f943f3ea23e1120ebe704a5ed9465d02
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 15_key_maps.sql

-- dbo.Genre
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.genre') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.genre (
    source_id integer NOT NULL,
    target_key integer NOT NULL,
    row_hash uuid NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json
  );

  COMMENT ON TABLE restage_keymap.genre IS 'Key map: which row of dbo.Genre of stride is which row of public.genre.';
  COMMENT ON COLUMN restage_keymap.genre.source_id IS 'Column Id of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.genre.target_key IS 'Value of column id of the final row.';
  COMMENT ON COLUMN restage_keymap.genre.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.genre.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.genre.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.genre.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.genre.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.genre.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
END
$restage$;

-- dbo.Track
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.track') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.track (
    source_id integer NOT NULL,
    target_key integer NOT NULL,
    row_hash uuid NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json
  );

  COMMENT ON TABLE restage_keymap.track IS 'Key map: which row of dbo.Track of stride is which row of public.track.';
  COMMENT ON COLUMN restage_keymap.track.source_id IS 'Column Id of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.track.target_key IS 'Value of column id of the final row.';
  COMMENT ON COLUMN restage_keymap.track.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.track.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.track.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.track.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.track.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.track.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
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
    ('stride', 'dbo', 'Genre', 'public', 'genre', 'restage_stage.genre', 'restage_keymap.genre', 'remap'),
    ('stride', 'dbo', 'Track', 'public', 'track', 'restage_stage.track', 'restage_keymap.track', 'remap')
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

