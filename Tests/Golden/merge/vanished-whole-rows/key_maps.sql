-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:35adfe939284b9ec1ab3fd14d339dd13496ded7b543b708ddba0dc11303813fe
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
    ('dbo', 'Host', 'public', 'host', 'restage_stage.host', 'restage_keymap.host', 'remap'),
    ('dbo', 'Log', 'public', 'log', 'restage_stage.log', 'restage_keymap.log', 'preserve')
) AS v (source_schema, source_table, target_schema, target_table, stage_table, key_map_table, keys);

-- dbo.Host
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.host') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.host (
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

  COMMENT ON TABLE restage_keymap.host IS 'Key map: which row of dbo.Host of stride is which row of public.host.';
  COMMENT ON COLUMN restage_keymap.host.source_id IS 'Column Id of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.host.target_key IS 'Value of column id of the final row.';
  COMMENT ON COLUMN restage_keymap.host.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.host.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.host.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.host.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.host.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.host.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.host.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Log
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.log') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.log (
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

  COMMENT ON TABLE restage_keymap.log IS 'Key map: which row of dbo.Log of stride is which row of public.log.';
  COMMENT ON COLUMN restage_keymap.log.source_row_hash IS 'Hash of the whole row in the source, which is all that identifies it.';
  COMMENT ON COLUMN restage_keymap.log.source_occurrence IS 'Number of the row among equal ones, from 1.';
  COMMENT ON COLUMN restage_keymap.log.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.log.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.log.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.log.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.log.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.log.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.log.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

