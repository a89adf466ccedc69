-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:ed03a0aa7d3a6d8365040255ba187edd144c60140b341d02d8c8fd20e6d7fea9
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
    ('dbo', 'Half', 'public', 'half', 'restage_stage.half', 'restage_keymap.half', 'preserve'),
    ('dbo', 'Two', 'public', 'two', 'restage_stage.two', 'restage_keymap.two', 'preserve'),
    ('dbo', 'Small', 'public', 'small', 'restage_stage.small', 'restage_keymap.small', 'preserve')
) AS v (source_schema, source_table, target_schema, target_table, stage_table, key_map_table, keys);

-- dbo.Half
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.half') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.half (
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

  COMMENT ON TABLE restage_keymap.half IS 'Key map: which row of dbo.Half of stride is which row of public.half.';
  COMMENT ON COLUMN restage_keymap.half.source_id IS 'Column Id of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.half.target_key IS 'Value of column id of the final row.';
  COMMENT ON COLUMN restage_keymap.half.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.half.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.half.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.half.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.half.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.half.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.half.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Two
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.two') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.two (
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

  COMMENT ON TABLE restage_keymap.two IS 'Key map: which row of dbo.Two of stride is which row of public.two.';
  COMMENT ON COLUMN restage_keymap.two.source_id IS 'Column Id of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.two.target_key IS 'Value of column id of the final row.';
  COMMENT ON COLUMN restage_keymap.two.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.two.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.two.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.two.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.two.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.two.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.two.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Small
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.small') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.small (
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

  COMMENT ON TABLE restage_keymap.small IS 'Key map: which row of dbo.Small of stride is which row of public.small.';
  COMMENT ON COLUMN restage_keymap.small.source_id IS 'Column Id of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.small.target_key IS 'Value of column id of the final row.';
  COMMENT ON COLUMN restage_keymap.small.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.small.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.small.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.small.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.small.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.small.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.small.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

