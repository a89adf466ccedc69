-- Chunks that were not staged: proven by the key map, and remembered only where nothing is left open.
BEGIN;
SELECT plan(15);

SELECT restage.begin_run('stride', '00000000-0000-4000-8000-000000000001');
SELECT restage.record_staged('00000000-0000-4000-8000-000000000001', 'public.a', 10, 10, 0, NULL, 0, 'files');
SELECT restage.record_chunk('00000000-0000-4000-8000-000000000001', 'public.a', 1, 'data/a/000001.csv', 6, 60, 'h1', 1);
SELECT restage.record_chunk('00000000-0000-4000-8000-000000000001', 'public.a', 2, 'data/a/000002.csv', 4, 40, 'h2', 2);
SELECT restage.count_staged('public.a', 10);
SELECT restage.count_rows('public.a', 'inserted', 10);
SELECT is(restage.count_skipped('public.a', 10), 0::bigint, 'nothing was skipped');
SELECT is(restage.close_account('public.a', 0), 10::bigint, 'all rows are accounted for');
SELECT results_eq(
  $$ SELECT source_name, table_name, run_id, merge_sha256 FROM restage.settled $$,
  $$ VALUES ('stride', 'public.a', '00000000-0000-4000-8000-000000000001'::uuid, 'files') $$,
  'the key map stands for the chunks of the run'
);
SELECT restage.finish_run('00000000-0000-4000-8000-000000000001');

SELECT restage.begin_run('stride', '00000000-0000-4000-8000-000000000002');
SELECT restage.record_staged('00000000-0000-4000-8000-000000000002', 'public.a', 10, 4, 0, NULL, 6, 'files', 10, 0);
SELECT restage.record_chunk('00000000-0000-4000-8000-000000000002', 'public.a', 1, 'data/a/000001.csv', 6, 60, 'h1', 1, true);
SELECT restage.record_chunk('00000000-0000-4000-8000-000000000002', 'public.a', 2, 'data/a/000002.csv', 4, 40, 'h3', 2);
SELECT restage.count_staged('public.a', 4);
SELECT is_empty('SELECT 1 FROM restage.settled', 'while a run merges the table, it stands for none');
SELECT throws_ok(
  $$ SELECT restage.close_account('public.a', 4) $$, 'RS002',
  'public.a: 10 rows in the snapshot, 4 staged and 6 skipped, 4 accounted for: 0 inserted + 0 updated + 4 unchanged + 0 changed + 0 kept + 0 matched + 0 rejected + 0 filtered',
  'what was skipped has to be proven'
);
SELECT throws_ok(
  $$ SELECT restage.count_skipped('public.a', 9) $$, 'RS002',
  'public.a: 6 rows were not staged because their chunks are unchanged; the key map should know 10 rows in all, and knows 9',
  'a row that has left the key map is noticed'
);
SELECT restage.count_rows('public.a', 'allocated', 2);
SELECT restage.count_rows('public.a', 'vanished', 1);
SELECT restage.count_rows('public.a', 'returned', 3);
SELECT throws_ok(
  $$ SELECT restage.count_skipped('public.a', 10) $$, 'RS002',
  'public.a: 6 rows were not staged because their chunks are unchanged; the key map should know 14 rows in all, and knows 10',
  'so is one that this run added and that is gone'
);
DELETE FROM restage.row_count WHERE run_id = restage.run_id() AND kind IN ('allocated', 'vanished', 'returned');
SELECT throws_ok(
  $$ SELECT restage.fail_skipped('public.a', 2, 'data/a/000001.csv') $$, 'RS002',
  'public.a: 2 staged rows are known from chunks that were not staged because they are unchanged, one of them data/a/000001.csv',
  'a row that is staged and skipped at once is one row too many'
);
SELECT is(restage.count_skipped('public.a', 10), 6::bigint, 'all of them are known');
SELECT is(restage.count_skipped('public.a', 10), 6::bigint, 'and can be counted again');
SELECT restage.count_rows('public.a', 'rejected', 1);
SELECT is(restage.close_account('public.a', 3), 10::bigint, 'staged and skipped rows are the rows of the snapshot');
SELECT is_empty('SELECT 1 FROM restage.settled', 'a rejected row is to be looked at again: nothing is settled');
UPDATE restage.row_count SET kind = 'nulled' WHERE run_id = restage.run_id() AND kind = 'rejected';
SELECT is(restage.settle('public.a'), false, 'so is a row without its parent');
DELETE FROM restage.row_count WHERE run_id = restage.run_id() AND kind = 'nulled';
UPDATE restage.chunk SET chunk_id = NULL WHERE run_id = restage.run_id() AND number = 2;
SELECT is(restage.settle('public.a'), false, 'and nothing is settled while a chunk is unknown');
UPDATE restage.chunk SET chunk_id = 2 WHERE run_id = restage.run_id() AND number = 2;
SELECT is(restage.settle('public.a'), true, 'else it is');

SELECT * FROM finish();
ROLLBACK;
