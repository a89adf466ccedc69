-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:55552c10fd5f1cda47d165cde990ce5e679e8b485b328addc9dcea736f2e3507
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
    ('dbo', 'Price', 'public', 'price', 'restage_stage.price', 'restage_keymap.price', 'preserve'),
    ('dbo', 'Sale', 'public', 'sale', 'restage_stage.sale', 'restage_keymap.sale', 'remap')
) AS v (source_schema, source_table, target_schema, target_table, stage_table, key_map_table, keys);

-- dbo.Price
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.price') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.price (
    source_item varchar(6) COLLATE public.ignoring_case NOT NULL,
    source_zone integer NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.price IS 'Key map: which row of dbo.Price of stride is which row of public.price.';
  COMMENT ON COLUMN restage_keymap.price.source_item IS 'Column Item of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.price.source_zone IS 'Column Zone of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.price.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.price.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.price.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.price.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.price.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.price.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.price.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Sale
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.sale') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.sale (
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

  COMMENT ON TABLE restage_keymap.sale IS 'Key map: which row of dbo.Sale of stride is which row of public.sale.';
  COMMENT ON COLUMN restage_keymap.sale.source_id IS 'Column Id of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.sale.target_key IS 'Value of column id of the final row.';
  COMMENT ON COLUMN restage_keymap.sale.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.sale.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.sale.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.sale.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.sale.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.sale.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.sale.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

