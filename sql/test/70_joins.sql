-- How a stage table is joined with its key map: by lookups only where few rows are staged beside many.
BEGIN;
SELECT plan(24);

CREATE TABLE restage_keymap.a (source_id integer PRIMARY KEY);

SELECT restage.begin_run('stride', '00000000-0000-4000-8000-000000000001');
SELECT is(restage.choose_joins('public.a', 'restage_keymap.a'), 'hash joins', 'nothing is known of a table that was not staged');
SELECT restage.count_staged('public.a', 10);
INSERT INTO restage_keymap.a SELECT generate_series(1, 1000);
SELECT is(restage.choose_joins('public.a', 'restage_keymap.a'), 'hash joins', 'nor of a key map that was not analysed');
SELECT is(current_setting('enable_nestloop'), 'off', 'then no loop is risked');
SELECT is(current_setting('jit'), 'off', 'and nothing is compiled');

ANALYZE restage_keymap.a;
SELECT is(restage.choose_joins('public.a', 'restage_keymap.a'), 'lookups', 'ten rows beside a thousand are looked up');
SELECT is(current_setting('enable_nestloop'), 'on', 'in a loop');
SELECT is(current_setting('random_page_cost'), '0.5', 'over the index');
SELECT is(current_setting('seq_page_cost'), '4', 'which is dearer to read whole');

SELECT restage.count_staged('public.b', 100);
SELECT is(restage.choose_joins('public.b', 'restage_keymap.a'), 'hash joins', 'a hundred are not');
SELECT is(current_setting('enable_nestloop'), 'off', 'whatever was chosen before');

-- What need not be looked for, by the numbers of rows.
CREATE TABLE restage_keymap.c (source_id integer PRIMARY KEY, vanished_run uuid);
INSERT INTO restage_keymap.c SELECT generate_series(1, 5);
INSERT INTO restage_keymap.c VALUES (6, '00000000-0000-4000-8000-000000000009');
SELECT results_eq($$ SELECT restage.count_known('restage_keymap.c') $$, ARRAY[5::bigint], 'vanished rows are not counted');

SELECT is(restage.is_all_new('public.c'), false, 'of a table that was not staged nothing is known');
SELECT is(restage.may_have_vanished('public.c'), true, 'nor what has vanished');
SELECT restage.record_staged(restage.run_id(), 'public.c', 10, 4, 0, NULL, 6, 'files', 9, 0);
SELECT is(restage.is_all_new('public.c'), false, 'before keys are given rows may be known');
SELECT is(restage.may_have_vanished('public.c'), true, 'and rows may have vanished');
SELECT restage.count_rows('public.c', 'allocated', 1);
SELECT is(restage.is_all_new('public.c'), false, 'one of four is new');
SELECT is(restage.may_have_vanished('public.c'), false, 'the others and the skipped ones are those that were known');
SELECT restage.count_rows('public.c', 'rejected', 1);
SELECT is(restage.may_have_vanished('public.c'), true, 'not if one was refused');
UPDATE restage.row_count SET rows = 0 WHERE table_name = 'public.c' AND kind = 'rejected';
SELECT is(restage.may_have_vanished('public.c'), false, 'none was');
UPDATE restage.staged SET vanished_rows = 1 WHERE table_name = 'public.c';
SELECT is(restage.may_have_vanished('public.c'), true, 'one that had vanished may be back');
UPDATE restage.staged SET vanished_rows = 0, known_rows = 10 WHERE table_name = 'public.c';
SELECT is(restage.may_have_vanished('public.c'), true, 'one that was known is missing');
UPDATE restage.staged SET vanished_rows = NULL, known_rows = NULL WHERE table_name = 'public.c';
SELECT is(restage.may_have_vanished('public.c'), true, 'by hand nobody counted');
SELECT restage.count_rows('public.c', 'allocated', 3);
SELECT is(restage.is_all_new('public.c'), true, 'four of four are new');
SELECT is(restage.is_all_new('public.b'), false, 'of this table alone');

SELECT * FROM finish();
ROLLBACK;
