-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:bc3c4f12faba7883eb75430ad91c51c89dbbeab0ef58cd318d566ed72c748f3b
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 15_key_maps.sql

-- dbo.TTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTT
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt (
    source_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_5291242f integer NOT NULL,
    source_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_52911d9a integer NOT NULL,
    row_hash uuid NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json
  );

  COMMENT ON TABLE restage_keymap.ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt IS 'Key map: which row of dbo.TTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTT of stride is which row of public.ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt.';
  COMMENT ON COLUMN restage_keymap.ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt.source_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_5291242f IS 'Column aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1 of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt.source_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_52911d9a IS 'Column aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa2 of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
END
$restage$;

-- dbo.UUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUU
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu (
    source_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb_a17131fe integer NOT NULL,
    target_key integer NOT NULL,
    row_hash uuid NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json
  );

  COMMENT ON TABLE restage_keymap.uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu IS 'Key map: which row of dbo.UUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUU of stride is which row of public.uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu.';
  COMMENT ON COLUMN restage_keymap.uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu.source_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb_a17131fe IS 'Column bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu.target_key IS 'Value of column bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb of the final row.';
  COMMENT ON COLUMN restage_keymap.uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
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
    ('stride', 'dbo', 'TTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTT', 'public', 'ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt', 'restage_stage.ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt', 'restage_keymap.ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt', 'preserve'),
    ('stride', 'dbo', 'UUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUU', 'public', 'uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu', 'restage_stage.uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu', 'restage_keymap.uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu', 'remap')
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

