-- What the script makes: schemas, relations, columns; a comment on each; pinned functions.
BEGIN;
SELECT plan(13);

SELECT has_schema('restage');
SELECT has_schema('restage_stage');
SELECT has_schema('restage_keymap');

SELECT bag_eq(
  $$ SELECT relname FROM pg_class WHERE relnamespace = 'restage'::regnamespace AND relkind = 'r' $$,
  ARRAY[
    'run', 'step', 'staged', 'row_count', 'reject', 'displaced', 'source', 'table_map', 'chunk', 'settled', 'before_image', 'sql_text', 'undo_file'
  ]::name[],
  'the tables are these'
);

SELECT columns_are(
  'restage', 'migration_audit',
  ARRAY['id', 'run_id', 'table_name', 'operation', 'rows_affected', 'status', 'error_message', 'started_at', 'completed_at', 'metadata']
);
SELECT col_type_is('restage', 'migration_audit', 'run_id', 'uuid', 'audit: run_id is a uuid');
SELECT col_type_is('restage', 'migration_audit', 'metadata', 'jsonb', 'audit: metadata is jsonb');

SELECT columns_are(
  'restage', 'table_map',
  ARRAY['source_name', 'source_schema', 'source_table', 'target_schema', 'target_table', 'stage_table', 'key_map_table', 'keys']
);

SELECT is_empty(
  $$
    SELECT c.relname
    FROM pg_class AS c
    WHERE c.relnamespace = 'restage'::regnamespace
      AND c.relkind IN ('r', 'v')
      AND obj_description(c.oid, 'pg_class') IS NULL
  $$,
  'every relation has a comment'
);
SELECT is_empty(
  $$
    SELECT c.relname, a.attname
    FROM pg_class AS c
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'restage'::regnamespace
      AND c.relkind IN ('r', 'v')
      AND col_description(c.oid, a.attnum) IS NULL
  $$,
  'every column has a comment'
);
SELECT is_empty(
  $$
    SELECT p.proname
    FROM pg_proc AS p
    WHERE p.pronamespace = 'restage'::regnamespace
      AND obj_description(p.oid, 'pg_proc') IS NULL
  $$,
  'every function has a comment'
);
SELECT is_empty(
  $$
    SELECT p.proname
    FROM pg_proc AS p
    WHERE p.pronamespace = 'restage'::regnamespace
      AND NOT coalesce(p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false)
      -- Bound when it was made.
      AND p.prosqlbody IS NULL
  $$,
  'every function pins its search_path'
);
SELECT is(restage.version(), '1.1', 'the version is that of the script');

SELECT * FROM finish();
ROLLBACK;
