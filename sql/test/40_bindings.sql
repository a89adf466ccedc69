-- What a load is bound to: a source to its database, a source table to final table and key map.
BEGIN;
SELECT plan(22);

SELECT restage.claim_source('shop', 'ShopDB');
SELECT lives_ok($$ SELECT restage.claim_source('shop', 'ShopDB') $$, 'a source may be claimed again');
SELECT throws_ok(
  $$ SELECT restage.claim_source('shop', 'Shop DB') $$, 'RS008',
  'source ''shop'' is database ''ShopDB'', not ''Shop DB''', 'but not for another database'
);
SELECT is((SELECT first_run FROM restage.source), NULL, 'by hand nobody knows the run');
SELECT restage.begin_run('other', '00000000-0000-4000-8000-000000000001');
SELECT restage.claim_source('other', 'Other');
SELECT is(
  (SELECT first_run FROM restage.source WHERE source_name = 'other'), '00000000-0000-4000-8000-000000000001',
  'within a run it is remembered'
);

CREATE TABLE restage_keymap.shop_foo (source_id integer);
CREATE TABLE public.foo (id integer);
SELECT restage.claim_table('shop', 'dbo', 'foo', 'public', 'foo', 'restage_stage.shop_foo', 'restage_keymap.shop_foo', 'remap');
SELECT results_eq(
  'SELECT source_table, target_table, key_map_table FROM restage.table_map',
  $$ VALUES ('foo', 'foo', 'restage_keymap.shop_foo') $$, 'a table is registered'
);
PREPARE foo AS SELECT problem, advice FROM restage.table_problems('shop', 'dbo', 'foo', $1, $2, $3);
SELECT is_empty($$ EXECUTE foo('public', 'foo', 'restage_keymap.shop_foo') $$, 'as it was loaded it may be loaded again');
SELECT results_eq(
  $$ EXECUTE foo('public', 'foo_1', 'restage_keymap.shop_foo_1') $$,
  $$ VALUES (
    'dbo.foo was loaded as public.foo and would now be public.foo_1',
    'in the mapping: tables: { "dbo.foo": { rename: "foo" } }'
  ) $$, 'not as another table'
);
SELECT results_eq(
  $$ EXECUTE foo('Sales', 'foo', 'restage_keymap.shop_foo') $$,
  $$ VALUES (
    'dbo.foo was loaded as public.foo and would now be "Sales".foo',
    'in the mapping: tables: { "dbo.foo": { rename: "public.foo" } }'
  ) $$, 'nor in another schema'
);
SELECT results_eq(
  $$ EXECUTE foo('public', 'foo', 'restage_keymap.shop_foo_1') $$,
  $$ VALUES (
    'the rows of dbo.foo are remembered in key map restage_keymap.shop_foo and would now be looked for in restage_keymap.shop_foo_1',
    NULL
  ) $$, 'nor by another key map'
);
SELECT throws_ok(
  $$ SELECT restage.claim_table('shop', 'dbo', 'foo', 'public', 'foo_1', 's', 'k', 'remap') $$, 'RS007',
  'dbo.foo was loaded as public.foo and would now be public.foo_1', 'claiming it otherwise is refused'
);
SELECT throws_ok(
  $$ SELECT restage.claim_table('shop', 'dbo', 'FOO', 'public', 'foo', 's', 'k', 'remap') $$, 'RS007',
  'dbo.FOO would be loaded into public.foo, which has the rows of dbo.foo', 'its final table is not for another'
);
SELECT throws_ok(
  $$ SELECT restage.claim_table('shop', 'dbo', 'bar', 'public', 'bar', 's', 'restage_keymap.shop_foo', 'remap') $$,
  'RS007',
  'dbo.bar would be remembered in key map restage_keymap.shop_foo, which belongs to dbo.foo of source ''shop''',
  'nor is its key map'
);
SELECT throws_ok(
  $$ SELECT restage.claim_table('other', 'dbo', 'foo', 'public', 'foo', 's', 'restage_keymap.shop_foo', 'remap') $$,
  'RS007', NULL, 'nor for another source'
);
SELECT lives_ok(
  $$ SELECT restage.claim_table('other', 'dbo', 'foo', 'public', 'foo', 's', 'restage_keymap.other_foo', 'remap') $$,
  'which may have the final table with a key map of its own'
);
SELECT restage.claim_table('shop', 'dbo', 'foo', 'public', 'foo', 'restage_stage.shop_foo', 'restage_keymap.shop_foo', 'preserve');
SELECT is(
  (SELECT keys FROM restage.table_map WHERE source_name = 'shop'), 'preserve', 'what else is known of a table may change'
);

-- Final table and key map belong together.
INSERT INTO public.foo VALUES (1);
SELECT is_empty($$ EXECUTE foo('public', 'foo', 'restage_keymap.shop_foo') $$, 'rows that no run loaded are an application''s');
SELECT restage.begin_run('shop', '00000000-0000-4000-8000-000000000002');
SELECT restage.count_rows('public.foo', 'allocated', 1);
SELECT restage.finish_run('00000000-0000-4000-8000-000000000002');
SELECT results_eq(
  $$ EXECUTE foo('public', 'foo', 'restage_keymap.shop_foo') $$,
  $$ VALUES (
    'key map restage_keymap.shop_foo of dbo.foo is empty, so that every row would be loaded a second time into public.foo',
    'restore the key map; or, to load all rows anew, empty public.foo first'
  ) $$, 'a key map that lost its rows is noticed'
);
SELECT restage.begin_run('shop', '00000000-0000-4000-8000-000000000003');
SELECT restage.count_rows('public.foo', 'deleted', 1);
SELECT restage.finish_run('00000000-0000-4000-8000-000000000003');
SELECT is_empty($$ EXECUTE foo('public', 'foo', 'restage_keymap.shop_foo') $$, 'one whose rows were deleted has lost none');
SELECT restage.begin_run('shop', '00000000-0000-4000-8000-000000000004');
SELECT restage.count_rows('public.foo', 'allocated', 1);
SELECT restage.finish_run('00000000-0000-4000-8000-000000000004');
INSERT INTO restage_keymap.shop_foo VALUES (1);
SELECT is_empty($$ EXECUTE foo('public', 'foo', 'restage_keymap.shop_foo') $$, 'with them all is well');
ALTER TABLE public.foo RENAME TO foo_away;
SELECT is(
  (SELECT problem FROM restage.table_problems('shop', 'dbo', 'foo', 'public', 'foo', 'restage_keymap.shop_foo')),
  'final table public.foo is not in the target, and key map restage_keymap.shop_foo remembers its rows',
  'a final table that is gone is noticed'
);
ALTER TABLE public.foo_away RENAME TO foo;
DROP TABLE restage_keymap.shop_foo;
SELECT is(
  (SELECT problem FROM restage.table_problems('shop', 'dbo', 'foo', 'public', 'foo', 'restage_keymap.shop_foo')),
  'key map restage_keymap.shop_foo of dbo.foo is not in the target, so that every row would be loaded a second time into public.foo',
  'a key map that is gone is noticed'
);
TRUNCATE public.foo;
SELECT is_empty($$ EXECUTE foo('public', 'foo', 'restage_keymap.shop_foo') $$, 'nothing can be doubled where there is nothing');

SELECT * FROM finish();
ROLLBACK;
