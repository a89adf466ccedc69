-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:802a97875204b9bf67c4975d71f015ca7c9cfa3ad99c213461d71d94004cd9d6
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
    ('dbo', 'Parent', 'public', 'parent', 'restage_stage.parent', 'restage_keymap.parent', 'remap'),
    ('dbo', 'Child', 'public', 'child', 'restage_stage.child', 'restage_keymap.child', 'remap'),
    ('dbo', 'Grandchild', 'public', 'grandchild', 'restage_stage.grandchild', 'restage_keymap.grandchild', 'remap')
) AS v (source_schema, source_table, target_schema, target_table, stage_table, key_map_table, keys);

-- dbo.Parent
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.parent') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.parent (
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

  COMMENT ON TABLE restage_keymap.parent IS 'Key map: which row of dbo.Parent of stride is which row of public.parent.';
  COMMENT ON COLUMN restage_keymap.parent.source_id IS 'Column Id of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.parent.target_key IS 'Value of column id of the final row.';
  COMMENT ON COLUMN restage_keymap.parent.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.parent.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.parent.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.parent.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.parent.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.parent.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.parent.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Child
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.child') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.child (
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

  COMMENT ON TABLE restage_keymap.child IS 'Key map: which row of dbo.Child of stride is which row of public.child.';
  COMMENT ON COLUMN restage_keymap.child.source_id IS 'Column Id of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.child.target_key IS 'Value of column id of the final row.';
  COMMENT ON COLUMN restage_keymap.child.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.child.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.child.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.child.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.child.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.child.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.child.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Grandchild
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.grandchild') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.grandchild (
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

  COMMENT ON TABLE restage_keymap.grandchild IS 'Key map: which row of dbo.Grandchild of stride is which row of public.grandchild.';
  COMMENT ON COLUMN restage_keymap.grandchild.source_id IS 'Column Id of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.grandchild.target_key IS 'Value of column id of the final row.';
  COMMENT ON COLUMN restage_keymap.grandchild.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.grandchild.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.grandchild.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.grandchild.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.grandchild.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.grandchild.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.grandchild.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

