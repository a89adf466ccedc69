-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:e2a8a0445a9d6a9fd7f7ab775d37156f767e3a68b5473526094c60312e63be63
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
    ('dbo', 'User', 'public', 'user', 'restage_stage."user"', 'restage_keymap."user"', 'remap'),
    ('dbo', 'Table', 'public', 'table', 'restage_stage."table"', 'restage_keymap."table"', 'preserve')
) AS v (source_schema, source_table, target_schema, target_table, stage_table, key_map_table, keys);

-- dbo.User
DO $restage$
BEGIN
  IF to_regclass('restage_keymap."user"') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap."user" (
    source_order integer NOT NULL,
    target_key integer NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap."user" IS 'Key map: which row of dbo.User of stride is which row of public."user".';
  COMMENT ON COLUMN restage_keymap."user".source_order IS 'Column Order of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap."user".target_key IS 'Value of column order of the final row.';
  COMMENT ON COLUMN restage_keymap."user".row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap."user".first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap."user".last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap."user".vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap."user".matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap."user".matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap."user".chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Table
DO $restage$
BEGIN
  IF to_regclass('restage_keymap."table"') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap."table" (
    source_from integer NOT NULL,
    source_where integer NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap."table" IS 'Key map: which row of dbo.Table of stride is which row of public."table".';
  COMMENT ON COLUMN restage_keymap."table".source_from IS 'Column From of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap."table".source_where IS 'Column Where of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap."table".row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap."table".first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap."table".last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap."table".vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap."table".matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap."table".matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap."table".chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

