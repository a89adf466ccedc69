-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:e86ac81afa437794314ea0af40583c8e67155013d80a10fc15c0bd7fc3682002
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
    ('dbo', 'Country', 'public', 'country', 'restage_stage.country', 'restage_keymap.country', 'preserve'),
    ('dbo', 'Pair', 'public', 'pair', 'restage_stage.pair', 'restage_keymap.pair', 'preserve')
) AS v (source_schema, source_table, target_schema, target_table, stage_table, key_map_table, keys);

-- dbo.Country
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.country') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.country (
    source_code char(2) COLLATE public.ignoring_case NOT NULL,
    target_key char(2) COLLATE public.ignoring_case NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.country IS 'Key map: which row of dbo.Country of stride is which row of public.country.';
  COMMENT ON COLUMN restage_keymap.country.source_code IS 'Column Code of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.country.target_key IS 'Value of column code of the final row.';
  COMMENT ON COLUMN restage_keymap.country.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.country.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.country.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.country.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.country.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.country.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.country.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Pair
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.pair') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.pair (
    source_a integer NOT NULL,
    source_b integer NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.pair IS 'Key map: which row of dbo.Pair of stride is which row of public.pair.';
  COMMENT ON COLUMN restage_keymap.pair.source_a IS 'Column A of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.pair.source_b IS 'Column B of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.pair.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.pair.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.pair.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.pair.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.pair.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.pair.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.pair.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

