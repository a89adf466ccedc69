-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:6f4c1a54f324bdd2a064357620253486fd6f016592e3afebcb4d011b6159677c
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
    ('dbo', 'Ledger', 'public', 'ledger', 'restage_stage.ledger', 'restage_keymap.ledger', 'preserve'),
    ('dbo', 'Entry', 'public', 'entry', 'restage_stage.entry', 'restage_keymap.entry', 'remap')
) AS v (source_schema, source_table, target_schema, target_table, stage_table, key_map_table, keys);

-- dbo.Ledger
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.ledger') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.ledger (
    source_year smallint NOT NULL,
    source_number integer NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.ledger IS 'Key map: which row of dbo.Ledger of stride is which row of public.ledger.';
  COMMENT ON COLUMN restage_keymap.ledger.source_year IS 'Column Year of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.ledger.source_number IS 'Column Number of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.ledger.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.ledger.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.ledger.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.ledger.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.ledger.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.ledger.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.ledger.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Entry
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.entry') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.entry (
    source_entryid integer NOT NULL,
    target_key integer NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.entry IS 'Key map: which row of dbo.Entry of stride is which row of public.entry.';
  COMMENT ON COLUMN restage_keymap.entry.source_entryid IS 'Column EntryId of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.entry.target_key IS 'Value of column entryid of the final row.';
  COMMENT ON COLUMN restage_keymap.entry.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.entry.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.entry.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.entry.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.entry.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.entry.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.entry.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

