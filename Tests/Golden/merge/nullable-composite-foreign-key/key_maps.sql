-- file:    ddl/15_key_maps.sql
-- purpose: make the key maps: which source row became which final row
-- source:  stride
-- body:    sha256:26cb2deb418c38b7900d0b1fed04c3bb9089fd18d26e17978a52ee071125e774
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
    ('dbo', 'Tenant', 'public', 'tenant', 'restage_stage.tenant', 'restage_keymap.tenant', 'remap'),
    ('dbo', 'Region', 'public', 'region', 'restage_stage.region', 'restage_keymap.region', 'remap'),
    ('dbo', 'Office', 'public', 'office', 'restage_stage.office', 'restage_keymap.office', 'preserve'),
    ('dbo', 'Desk', 'public', 'desk', 'restage_stage.desk', 'restage_keymap.desk', 'remap')
) AS v (source_schema, source_table, target_schema, target_table, stage_table, key_map_table, keys);

-- dbo.Tenant
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.tenant') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.tenant (
    source_tenantid integer NOT NULL,
    target_key integer NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.tenant IS 'Key map: which row of dbo.Tenant of stride is which row of public.tenant.';
  COMMENT ON COLUMN restage_keymap.tenant.source_tenantid IS 'Column TenantId of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.tenant.target_key IS 'Value of column tenantid of the final row.';
  COMMENT ON COLUMN restage_keymap.tenant.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.tenant.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.tenant.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.tenant.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.tenant.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.tenant.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.tenant.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Region
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.region') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.region (
    source_regionid integer NOT NULL,
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
  COMMENT ON COLUMN restage_keymap.region.source_regionid IS 'Column RegionId of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.region.target_key IS 'Value of column regionid of the final row.';
  COMMENT ON COLUMN restage_keymap.region.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.region.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.region.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.region.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.region.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.region.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.region.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Office
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.office') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.office (
    source_tenantid integer NOT NULL,
    source_regionid integer NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.office IS 'Key map: which row of dbo.Office of stride is which row of public.office.';
  COMMENT ON COLUMN restage_keymap.office.source_tenantid IS 'Column TenantId of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.office.source_regionid IS 'Column RegionId of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.office.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.office.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.office.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.office.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.office.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.office.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.office.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

-- dbo.Desk
DO $restage$
BEGIN
  IF to_regclass('restage_keymap.desk') IS NOT NULL THEN
    RETURN;
  END IF;

  CREATE TABLE restage_keymap.desk (
    source_deskid integer NOT NULL,
    target_key integer NOT NULL,
    row_hash bigint NOT NULL,
    first_run uuid NOT NULL,
    last_run uuid NOT NULL,
    vanished_run uuid,
    matched_run uuid,
    matched_row json,
    chunk integer
  );

  COMMENT ON TABLE restage_keymap.desk IS 'Key map: which row of dbo.Desk of stride is which row of public.desk.';
  COMMENT ON COLUMN restage_keymap.desk.source_deskid IS 'Column DeskId of the row''s key in the source.';
  COMMENT ON COLUMN restage_keymap.desk.target_key IS 'Value of column deskid of the final row.';
  COMMENT ON COLUMN restage_keymap.desk.row_hash IS 'Hash of the row as it was loaded last: tells whether it changed since.';
  COMMENT ON COLUMN restage_keymap.desk.first_run IS 'The run that loaded the row first.';
  COMMENT ON COLUMN restage_keymap.desk.last_run IS 'The run that wrote the row last.';
  COMMENT ON COLUMN restage_keymap.desk.vanished_run IS 'The run that found the row gone from the source; NULL while it is there.';
  COMMENT ON COLUMN restage_keymap.desk.matched_run IS 'The run that recognised the final row by its natural key; NULL for rows that restage loaded.';
  COMMENT ON COLUMN restage_keymap.desk.matched_row IS 'The row as the source has it, while restage has not written the final row it recognised.';
  COMMENT ON COLUMN restage_keymap.desk.chunk IS 'The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown.';
END
$restage$;

