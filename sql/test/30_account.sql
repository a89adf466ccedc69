-- The account of a table: it adds up, or the run cannot succeed.
BEGIN;
SELECT plan(18);

SELECT throws_ok($$ SELECT restage.count_rows('public.a', 'inserted', 1) $$, 'RS003', NULL, 'counting needs a run');
SELECT restage.begin_run('stride', '00000000-0000-4000-8000-000000000001');

SELECT throws_ok($$ SELECT restage.close_account('public.a', 0) $$, 'RS002', NULL, 'what was never staged has no account');
SELECT is(restage.count_staged('public.a', 10), 10::bigint, 'a run by hand counts what it staged');
SELECT is(restage.count_rows('public.a', 'inserted', 4), 4::bigint, 'count_rows returns what it adds');
SELECT restage.count_rows('public.a', 'inserted', 1);
SELECT restage.count_rows('public.a', 'rejected', 2);
SELECT restage.count_rows('public.a', 'vanished', 100);
SELECT is(
  (SELECT rows FROM restage.row_count WHERE kind = 'inserted'), 5::bigint,
  'counts of one kind add up'
);
SELECT is(restage.count_staged('public.a', 8), 10::bigint, 'rows that were refused still count as staged');
SELECT throws_ok($$ SELECT restage.count_staged('public.a', 7) $$, 'RS002', NULL, 'a stage table that lost a row is noticed');
SELECT throws_ok($$ SELECT restage.count_rows('public.a', 'lost', 1) $$, '23514', NULL, 'an unknown kind is refused');

SELECT throws_ok(
  $$ SELECT restage.close_account('public.a', 2) $$, 'RS002',
  'public.a: unknown rows in the snapshot, 10 staged, 9 accounted for: 5 inserted + 0 updated + 2 unchanged + 0 changed + 0 kept + 0 matched + 2 rejected + 0 filtered',
  'an account that does not add up names every number'
);
SELECT throws_ok(
  $$ SELECT restage.finish_run('00000000-0000-4000-8000-000000000001') $$, 'RS005', NULL,
  'a run with an open account cannot succeed'
);
SELECT is(restage.last_run('stride', 'public.a'), NULL, 'an open account is no run of the table');
SELECT is(restage.close_account('public.a', 3), 10::bigint, 'an account that adds up is closed');
SELECT is(restage.close_account('public.a', 3), 10::bigint, 'and can be closed again');
SELECT is(
  restage.last_run('stride', 'public.a'), '00000000-0000-4000-8000-000000000001',
  'the last run of the table is found'
);
SELECT is(restage.last_run('other', 'public.a'), NULL, 'but not for another source');
SELECT lives_ok(
  $$ SELECT restage.finish_run('00000000-0000-4000-8000-000000000001') $$,
  'a run with closed accounts succeeds'
);

SELECT restage.begin_run('stride', '00000000-0000-4000-8000-000000000002');
SELECT restage.record_staged('00000000-0000-4000-8000-000000000002', 'public.a', 10, 9, 1, 77);
SELECT throws_ok(
  $$ SELECT restage.close_account('public.a', 9) $$, 'RS002', NULL,
  'rows that a chunk holds and COPY did not take are noticed'
);
SELECT throws_ok(
  $$ SELECT restage.fail_orphans('public.a', 'a_b_fkey', 2, '{"BID": 4}') $$, 'RS001',
  'public.a: 2 staged rows are without a parent for foreign key a_b_fkey, such as {"BID": 4}',
  'orphans are named'
);

SELECT * FROM finish();
ROLLBACK;
