-- The rollback of a run: what can be taken back, what keeps it from being done.
BEGIN;
SELECT plan(18);

SELECT restage.begin_run('stride', '00000000-0000-4000-8000-000000000001');
SELECT throws_ok(
  $$ SELECT restage.begin_undo('00000000-0000-4000-8000-000000000001') $$, 'RS005',
  'run 00000000-0000-4000-8000-000000000001 cannot be taken back: it is running and changed nothing',
  'a run that is at work cannot be taken back'
);
SELECT throws_ok(
  $$ SELECT restage.begin_undo('00000000-0000-4000-8000-00000000000f') $$, 'RS005', NULL,
  'nor one that is not there'
);
SELECT throws_ok('SELECT restage.undone_run()', 'RS005', NULL, 'a load takes nothing back');
SELECT restage.finish_run('00000000-0000-4000-8000-000000000001');

SELECT is(
  restage.begin_undo('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002', force => true),
  '00000000-0000-4000-8000-000000000002', 'a rollback keeps the id it is given'
);
SELECT is(restage.undone_run(), '00000000-0000-4000-8000-000000000001', 'it knows what it takes back');
SELECT ok(restage.undo_option('force'), 'it knows what it was told');
SELECT ok(NOT restage.undo_option('inserts_only'), 'and what it was not told');
SELECT results_eq(
  $$ SELECT source_name, mode, status FROM restage.run WHERE undoes IS NOT NULL $$,
  $$ VALUES ('stride', 'rollback', 'running') $$,
  'it is a run of its own'
);

CREATE TABLE public.parent (id integer PRIMARY KEY, code text UNIQUE);
CREATE TABLE public."Child" (a integer, b integer, code text REFERENCES public.parent (code), PRIMARY KEY (b, a));
INSERT INTO public.parent VALUES (1, 'x'), (2, 'y');
INSERT INTO public."Child" SELECT 1, n, 'x' FROM generate_series(1, 30) AS n;
CREATE TEMPORARY TABLE restage_undo (relation oid, part oid, row_id tid, is_new boolean) ON COMMIT DROP;
CREATE TEMPORARY TABLE restage_conflict (kind text, table_name text, other text, row_key text, rows bigint DEFAULT 1) ON COMMIT DROP;
SELECT lives_ok('SELECT restage.refuse_undo()', 'without conflicts there is no refusal');
INSERT INTO restage_undo SELECT 'public.parent'::regclass, tableoid, ctid, true FROM public.parent;
SELECT is(restage.find_references(), 30::bigint, 'rows that refer are found');
SELECT results_eq(
  $$ SELECT kind, table_name, other, rows, cardinality(row_keys), row_keys[1] FROM restage.undo_conflicts() $$,
  $$ VALUES ('referenced', 'public.parent', 'public."Child" ("Child_code_fkey")', 30::bigint, 20, '{"a": 1, "b": 1}') $$,
  'their number and the first twenty are listed'
);
SELECT throws_ok(
  'SELECT restage.refuse_undo()', 'RS006',
  'run 00000000-0000-4000-8000-000000000001 cannot be taken back: 30 rows of public."Child" ("Child_code_fkey") refer to rows of public.parent that the run inserted',
  'and end the rollback'
);
INSERT INTO restage_undo SELECT 'public."Child"'::regclass, tableoid, ctid, true FROM public."Child";
DELETE FROM restage_conflict;
SELECT is(restage.find_references(), 0::bigint, 'rows that go themselves are no obstacle');
INSERT INTO restage_conflict VALUES ('edited', 'public.parent', NULL, '1');
SELECT is_empty('SELECT FROM restage.undo_conflicts()', 'forced, edited rows are none either');

SELECT throws_ok(
  $$ SELECT restage.count_undone('public.parent', 'deleted', 1, 2) $$, 'RS002',
  'public.parent: 1 rows deleted, 2 expected', 'a step that does less than was found is noticed'
);
SELECT restage.close_undo();
SELECT is(
  (SELECT status FROM restage.run WHERE id = '00000000-0000-4000-8000-000000000001'),
  'rolled_back', 'in the end the run is rolled back'
);
SELECT throws_ok('SELECT restage.close_undo()', 'RS005', NULL, 'which happens once');
SELECT throws_ok(
  $$ SELECT restage.begin_undo('00000000-0000-4000-8000-000000000001') $$, 'RS005',
  'run 00000000-0000-4000-8000-000000000001 cannot be taken back: it is rolled back already',
  'and not again'
);

SELECT * FROM finish();
ROLLBACK;
