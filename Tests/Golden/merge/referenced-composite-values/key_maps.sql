-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:304e83d182b138b07f30c61d83233c5ace64532fcd75e61b4a91790521535bb3
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
    ('dbo', 'Region', 'public', 'region', 'restage_stage.region', 'restage_keymap.region', 'remap'),
    ('dbo', 'Shelf', 'public', 'shelf', 'restage_stage.shelf', 'restage_keymap.shelf', 'preserve'),
    ('dbo', 'Book', 'public', 'book', 'restage_stage.book', 'restage_keymap.book', 'remap'),
    ('dbo', 'Slot', 'public', 'slot', 'restage_stage.slot', 'restage_keymap.slot', 'preserve')
) AS v (source_schema, source_table, target_schema, target_table, stage_table, key_map_table, keys);

-- dbo.Region
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.region') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.region (
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

  COMMENT ON TABLE restage_keymap.region IS 'Key map: which row of dbo.Region of stride is which row of public.region.';
  COMMENT ON COLUMN restage_keymap.region.source_id IS 'Column Id of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.region.target_key IS 'Value of column id of the final row.';
  COMMENT ON COLUMN restage_keymap.region.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.region.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.region.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.region.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.region.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.region.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.region.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Shelf
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.shelf') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.shelf (
    source_room integer NOT NULL,
    source_no integer NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.shelf IS 'Key map: which row of dbo.Shelf of stride is which row of public.shelf.';
  COMMENT ON COLUMN restage_keymap.shelf.source_room IS 'Column Room of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.shelf.source_no IS 'Column No of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.shelf.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.shelf.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.shelf.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.shelf.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.shelf.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.shelf.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.shelf.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Book
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.book') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.book (
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

  COMMENT ON TABLE restage_keymap.book IS 'Key map: which row of dbo.Book of stride is which row of public.book.';
  COMMENT ON COLUMN restage_keymap.book.source_id IS 'Column Id of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.book.target_key IS 'Value of column id of the final row.';
  COMMENT ON COLUMN restage_keymap.book.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.book.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.book.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.book.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.book.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.book.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.book.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Slot
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.slot') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.slot (
    source_room integer NOT NULL,
    source_no integer NOT NULL,
    source_side char(1) NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.slot IS 'Key map: which row of dbo.Slot of stride is which row of public.slot.';
  COMMENT ON COLUMN restage_keymap.slot.source_room IS 'Column Room of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.slot.source_no IS 'Column No of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.slot.source_side IS 'Column Side of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.slot.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.slot.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.slot.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.slot.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.slot.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.slot.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.slot.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

