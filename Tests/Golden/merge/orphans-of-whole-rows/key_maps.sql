-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:8ffb90fcc5a52c4e88668dacb12592babd9822417dc8bb1c524796d5664765f3
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
    ('dbo', 'Nulled', 'public', 'nulled', 'restage_stage.nulled', 'restage_keymap.nulled', 'preserve'),
    ('dbo', 'Refused', 'public', 'refused', 'restage_stage.refused', 'restage_keymap.refused', 'preserve'),
    ('dbo', 'Town', 'public', 'town', 'restage_stage.town', 'restage_keymap.town', 'preserve'),
    ('dbo', 'Visit', 'public', 'visit', 'restage_stage.visit', 'restage_keymap.visit', 'preserve')
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

-- dbo.Nulled
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.nulled') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.nulled (
    source_row_hash uuid NOT NULL,
    source_occurrence integer NOT NULL,
    row_hash uuid NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.nulled IS 'Key map: which row of dbo.Nulled of stride is which row of public.nulled.';
  COMMENT ON COLUMN restage_keymap.nulled.source_row_hash IS 'Hash of the whole row in the source, which is all that identifies it.';
  COMMENT ON COLUMN restage_keymap.nulled.source_occurrence IS 'Number of the row among equal ones, from 1.';
  COMMENT ON COLUMN restage_keymap.nulled.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.nulled.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.nulled.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.nulled.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.nulled.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.nulled.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.nulled.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Refused
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.refused') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.refused (
    source_row_hash uuid NOT NULL,
    source_occurrence integer NOT NULL,
    row_hash uuid NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.refused IS 'Key map: which row of dbo.Refused of stride is which row of public.refused.';
  COMMENT ON COLUMN restage_keymap.refused.source_row_hash IS 'Hash of the whole row in the source, which is all that identifies it.';
  COMMENT ON COLUMN restage_keymap.refused.source_occurrence IS 'Number of the row among equal ones, from 1.';
  COMMENT ON COLUMN restage_keymap.refused.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.refused.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.refused.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.refused.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.refused.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.refused.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.refused.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Town
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.town') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.town (
    source_code varchar(9) NOT NULL,
    source_no integer NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.town IS 'Key map: which row of dbo.Town of stride is which row of public.town.';
  COMMENT ON COLUMN restage_keymap.town.source_code IS 'Column Code of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.town.source_no IS 'Column No of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.town.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.town.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.town.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.town.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.town.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.town.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.town.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Visit
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.visit') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.visit (
    source_row_hash uuid NOT NULL,
    source_occurrence integer NOT NULL,
    row_hash uuid NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.visit IS 'Key map: which row of dbo.Visit of stride is which row of public.visit.';
  COMMENT ON COLUMN restage_keymap.visit.source_row_hash IS 'Hash of the whole row in the source, which is all that identifies it.';
  COMMENT ON COLUMN restage_keymap.visit.source_occurrence IS 'Number of the row among equal ones, from 1.';
  COMMENT ON COLUMN restage_keymap.visit.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.visit.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.visit.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.visit.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.visit.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.visit.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.visit.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

