-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:c8af54c3f86c70fde28c0d23db2181c86ea813c8cfa57898393e8fc2172fa0fe
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
    ('dbo', 'Playlist', 'public', 'playlist', 'restage_stage.playlist', 'restage_keymap.playlist', 'remap'),
    ('dbo', 'Track', 'public', 'track', 'restage_stage.track', 'restage_keymap.track', 'remap'),
    ('dbo', 'PlaylistTrack', 'public', 'playlisttrack', 'restage_stage.playlisttrack', 'restage_keymap.playlisttrack', 'preserve'),
    ('dbo', 'Vote', 'public', 'vote', 'restage_stage.vote', 'restage_keymap.vote', 'remap')
) AS v (source_schema, source_table, target_schema, target_table, stage_table, key_map_table, keys);

-- dbo.Playlist
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.playlist') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.playlist (
    source_playlistid integer NOT NULL,
    target_key integer NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.playlist IS 'Key map: which row of dbo.Playlist of stride is which row of public.playlist.';
  COMMENT ON COLUMN restage_keymap.playlist.source_playlistid IS 'Column PlaylistId of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.playlist.target_key IS 'Value of column playlistid of the final row.';
  COMMENT ON COLUMN restage_keymap.playlist.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.playlist.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.playlist.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.playlist.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.playlist.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.playlist.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.playlist.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Track
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.track') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.track (
    source_trackid integer NOT NULL,
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
  COMMENT ON COLUMN restage_keymap.track.source_trackid IS 'Column TrackId of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.track.target_key IS 'Value of column trackid of the final row.';
  COMMENT ON COLUMN restage_keymap.track.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.track.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.track.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.track.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.track.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.track.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.track.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.PlaylistTrack
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.playlisttrack') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.playlisttrack (
    source_playlistid integer NOT NULL,
    source_trackid integer NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.playlisttrack IS 'Key map: which row of dbo.PlaylistTrack of stride is which row of public.playlisttrack.';
  COMMENT ON COLUMN restage_keymap.playlisttrack.source_playlistid IS 'Column PlaylistId of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.playlisttrack.source_trackid IS 'Column TrackId of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.playlisttrack.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.playlisttrack.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.playlisttrack.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.playlisttrack.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.playlisttrack.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.playlisttrack.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.playlisttrack.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Vote
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.vote') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.vote (
    source_voteid integer NOT NULL,
    target_key integer NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.vote IS 'Key map: which row of dbo.Vote of stride is which row of public.vote.';
  COMMENT ON COLUMN restage_keymap.vote.source_voteid IS 'Column VoteId of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.vote.target_key IS 'Value of column voteid of the final row.';
  COMMENT ON COLUMN restage_keymap.vote.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.vote.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.vote.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.vote.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.vote.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.vote.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.vote.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

