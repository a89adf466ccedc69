-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:e7e965dd1f10b1a2787634e5f2bfbea4edd99556d5f8eb66d583aa0bd3a66c62
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
    ('dbo', 'Track', 'public', 'track', 'restage_stage.track', 'restage_keymap.track', 'remap'),
    ('dbo', 'Tag', 'public', 'tag', 'restage_stage.tag', 'restage_keymap.tag', 'preserve'),
    ('dbo', 'Line', 'public', 'line', 'restage_stage.line', 'restage_keymap.line', 'preserve')
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

-- dbo.Tag
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.tag') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.tag (
    source_genreid integer NOT NULL,
    source_no integer NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.tag IS 'Key map: which row of dbo.Tag of stride is which row of public.tag.';
  COMMENT ON COLUMN restage_keymap.tag.source_genreid IS 'Column GenreId of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.tag.source_no IS 'Column No of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.tag.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.tag.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.tag.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.tag.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.tag.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.tag.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.tag.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Line
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.line') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.line (
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

  COMMENT ON TABLE restage_keymap.line IS 'Key map: which row of dbo.Line of stride is which row of public.line.';
  COMMENT ON COLUMN restage_keymap.line.source_row_hash IS 'Hash of the whole row in the source, which is all that identifies it.';
  COMMENT ON COLUMN restage_keymap.line.source_occurrence IS 'Number of the row among equal ones, from 1.';
  COMMENT ON COLUMN restage_keymap.line.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.line.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.line.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.line.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.line.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.line.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.line.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

