-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:6e2dce5171c961f709f8e73da0b34bbe79ae77cef71bb208550181074d5bc166
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
    ('dbo', 'Customer"; DROP', 'public', 'Customer"; DROP TABLE x; --', 'restage_stage."Customer""; DROP TABLE x; --"', 'restage_keymap."Customer""; DROP TABLE x; --"', 'remap'),
    ('dbo', '100% /* order', 'public', '100% /* order', 'restage_stage."100% /* order"', 'restage_keymap."100% /* order"', 'preserve')
) AS v (source_schema, source_table, target_schema, target_table, stage_table, key_map_table, keys);

-- dbo.Customer"; DROP
DO $restage$
BEGIN
  IF to_regclass('restage_keymap."Customer""; DROP TABLE x; --"') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap."Customer""; DROP TABLE x; --" (
    "source_Customer""ID" integer NOT NULL,
    target_key integer NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap."Customer""; DROP TABLE x; --" IS 'Key map: which row of dbo.Customer"; DROP of stride is which row of public."Customer""; DROP TABLE x; --".';
  COMMENT ON COLUMN restage_keymap."Customer""; DROP TABLE x; --"."source_Customer""ID" IS 'Column Customer"ID of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap."Customer""; DROP TABLE x; --".target_key IS 'Value of column Customer"ID of the final row.';
  COMMENT ON COLUMN restage_keymap."Customer""; DROP TABLE x; --".row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap."Customer""; DROP TABLE x; --".first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap."Customer""; DROP TABLE x; --".last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap."Customer""; DROP TABLE x; --".vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap."Customer""; DROP TABLE x; --".matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap."Customer""; DROP TABLE x; --".matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap."Customer""; DROP TABLE x; --".chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.100% /* order
DO $restage$
BEGIN
  IF to_regclass('restage_keymap."100% /* order"') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap."100% /* order" (
    source_r integer NOT NULL,
    source_k integer NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap."100% /* order" IS 'Key map: which row of dbo.100% /* order of stride is which row of public."100% /* order".';
  COMMENT ON COLUMN restage_keymap."100% /* order".source_r IS 'Column r of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap."100% /* order".source_k IS 'Column k of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap."100% /* order".row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap."100% /* order".first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap."100% /* order".last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap."100% /* order".vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap."100% /* order".matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap."100% /* order".matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap."100% /* order".chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

