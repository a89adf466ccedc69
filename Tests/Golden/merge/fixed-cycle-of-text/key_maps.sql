-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:497f90b08114f62426ba5081a6c31160daf3339cdfbd7623402e73604162d096
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
    ('dbo', 'Team', 'public', 'team', 'restage_stage.team', 'restage_keymap.team', 'preserve'),
    ('dbo', 'Player', 'public', 'player', 'restage_stage.player', 'restage_keymap.player', 'preserve')
) AS v (source_schema, source_table, target_schema, target_table, stage_table, key_map_table, keys);

-- dbo.Team
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.team') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.team (
    source_code varchar(9) NOT NULL,
    source_no integer NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.team IS 'Key map: which row of dbo.Team of stride is which row of public.team.';
  COMMENT ON COLUMN restage_keymap.team.source_code IS 'Column Code of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.team.source_no IS 'Column No of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.team.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.team.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.team.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.team.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.team.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.team.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.team.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Player
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.player') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.player (
    source_nick varchar(9) NOT NULL,
    target_key varchar(9) NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.player IS 'Key map: which row of dbo.Player of stride is which row of public.player.';
  COMMENT ON COLUMN restage_keymap.player.source_nick IS 'Column Nick of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.player.target_key IS 'Value of column nick of the final row.';
  COMMENT ON COLUMN restage_keymap.player.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.player.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.player.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.player.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.player.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.player.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.player.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

