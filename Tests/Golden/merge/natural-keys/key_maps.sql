-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:652c05e72e05c46c4f7398b44798bbd7256d5359e88c5226faf185dec947c243
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
    ('dbo', 'Genre', 'public', 'genre', 'restage_stage.genre', 'restage_keymap.genre', 'remap'),
    ('dbo', 'Track', 'public', 'track', 'restage_stage.track', 'restage_keymap.track', 'remap')
) AS v (source_schema, source_table, target_schema, target_table, stage_table, key_map_table, keys);

-- dbo.Genre
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.genre') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.genre (
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

  COMMENT ON TABLE restage_keymap.genre IS 'Key map: which row of dbo.Genre of stride is which row of public.genre.';
  COMMENT ON COLUMN restage_keymap.genre.source_id IS 'Column Id of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.genre.target_key IS 'Value of column id of the final row.';
  COMMENT ON COLUMN restage_keymap.genre.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.genre.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.genre.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.genre.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.genre.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.genre.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.genre.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
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
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
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
  COMMENT ON COLUMN restage_keymap.track.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

