-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:811363f2b730a4f4fd8a399d2e529f88e1ef81f2d23878c341d88f7271094a0a
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
    ('dbo', 'Item', 'public', 'item', 'restage_stage.item', 'restage_keymap.item', 'remap')
) AS v (source_schema, source_table, target_schema, target_table, stage_table, key_map_table, keys);

-- dbo.Item
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.item') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.item (
    source_itemid integer NOT NULL,
    target_key integer NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.item IS 'Key map: which row of dbo.Item of stride is which row of public.item.';
  COMMENT ON COLUMN restage_keymap.item.source_itemid IS 'Column ItemId of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.item.target_key IS 'Value of column itemid of the final row.';
  COMMENT ON COLUMN restage_keymap.item.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.item.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.item.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.item.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.item.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.item.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.item.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

