-- How a stage table is joined with its key map: by lookups only where few rows are staged beside many.
BEGIN;
SELECT plan(9);

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
SELECT is(current_setting('random_page_cost'), '1.1', 'over the index');

SELECT restage.count_staged('public.b', 100);
SELECT is(restage.choose_joins('public.b', 'restage_keymap.a'), 'hash joins', 'a hundred are not');
SELECT is(current_setting('enable_nestloop'), 'off', 'whatever was chosen before');

SELECT * FROM finish();
ROLLBACK;
