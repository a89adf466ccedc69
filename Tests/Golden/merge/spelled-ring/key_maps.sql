-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:87e3cf5da008a47a9aa7ebb57dc72fa7b9b157246d4b6b1c68e0bdb0e9d0203f
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
    ('dbo', 'Head', 'public', 'head', 'restage_stage.head', 'restage_keymap.head', 'preserve'),
    ('dbo', 'Body', 'public', 'body', 'restage_stage.body', 'restage_keymap.body', 'preserve'),
    ('dbo', 'Tail', 'public', 'tail', 'restage_stage.tail', 'restage_keymap.tail', 'preserve')
) AS v (source_schema, source_table, target_schema, target_table, stage_table, key_map_table, keys);

-- dbo.Head
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.head') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.head (
    source_code varchar(6) NOT NULL,
    target_key varchar(6) NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.head IS 'Key map: which row of dbo.Head of stride is which row of public.head.';
  COMMENT ON COLUMN restage_keymap.head.source_code IS 'Column Code of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.head.target_key IS 'Value of column code of the final row.';
  COMMENT ON COLUMN restage_keymap.head.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.head.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.head.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.head.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.head.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.head.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.head.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Body
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.body') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.body (
    source_code varchar(6) NOT NULL,
    target_key varchar(6) NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.body IS 'Key map: which row of dbo.Body of stride is which row of public.body.';
  COMMENT ON COLUMN restage_keymap.body.source_code IS 'Column Code of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.body.target_key IS 'Value of column code of the final row.';
  COMMENT ON COLUMN restage_keymap.body.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.body.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.body.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.body.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.body.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.body.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.body.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Tail
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.tail') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.tail (
    source_code varchar(6) NOT NULL,
    target_key varchar(6) NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.tail IS 'Key map: which row of dbo.Tail of stride is which row of public.tail.';
  COMMENT ON COLUMN restage_keymap.tail.source_code IS 'Column Code of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.tail.target_key IS 'Value of column code of the final row.';
  COMMENT ON COLUMN restage_keymap.tail.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.tail.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.tail.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.tail.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.tail.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.tail.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.tail.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

