-- A run's life: begun, found by its setting, ended once.
BEGIN;
SELECT plan(20);

SELECT throws_ok('SELECT restage.run_id()', 'RS003', NULL, 'without the setting there is no run');
SET restage.run_id = 'nonsense';
SELECT throws_ok('SELECT restage.run_id()', 'RS003', NULL, 'a setting that is no uuid is refused');
SET restage.run_id = '00000000-0000-4000-8000-000000000000';
SELECT throws_ok('SELECT restage.run_id()', 'RS003', NULL, 'a setting that names no run is refused');

SELECT is(
  restage.begin_run('stride', '00000000-0000-4000-8000-000000000001', 'backup', 'staging/x', tool_version => '1.0.0'),
  '00000000-0000-4000-8000-000000000001', 'a run keeps the id it is given'
);
SELECT is(restage.run_id(), '00000000-0000-4000-8000-000000000001', 'begin_run sets restage.run_id');
SELECT results_eq(
  $$ SELECT source_name, source_kind, snapshot, mode, status, backend_pid = pg_backend_pid() FROM restage.run $$,
  $$ VALUES ('stride', 'backup', 'staging/x', 'load', 'running', true) $$,
  'the run says what it loads and who works for it'
);
SELECT is(restage.mark_interrupted(), 0::bigint, 'a run whose loader is alive is left alone');

SELECT restage.begin_run('stride', '00000000-0000-4000-8000-000000000002');
SELECT restage.record_step('00000000-0000-4000-8000-000000000002', 'public.a', '40 insert', NULL, 'running');
UPDATE restage.run
SET backend_started_at = backend_started_at - interval '1 day'
WHERE id = '00000000-0000-4000-8000-000000000002';
SELECT is(restage.mark_interrupted(), 1::bigint, 'a run whose process number went to another is interrupted');
SELECT results_eq(
  $$ SELECT status, finished_at IS NOT NULL, error IS NOT NULL FROM restage.run WHERE id = '00000000-0000-4000-8000-000000000002' $$,
  $$ VALUES ('interrupted', true, true) $$,
  'an interrupted run says so'
);
SELECT is(
  (SELECT status FROM restage.step WHERE run_id = '00000000-0000-4000-8000-000000000002'),
  'failed', 'the step it died in failed'
);
SELECT restage.begin_run('stride', '00000000-0000-4000-8000-000000000003');
UPDATE restage.run
SET backend_pid = -1
WHERE id = '00000000-0000-4000-8000-000000000003';
SELECT restage.begin_run('stride', '00000000-0000-4000-8000-000000000004');
SELECT is(
  (SELECT status FROM restage.run WHERE id = '00000000-0000-4000-8000-000000000003'),
  'interrupted', 'begin_run marks the runs that died'
);

SELECT lives_ok(
  $$ SELECT restage.finish_run('00000000-0000-4000-8000-000000000001') $$,
  'a run without tables can succeed'
);
SELECT throws_ok(
  $$ SELECT restage.finish_run('00000000-0000-4000-8000-000000000001') $$,
  'RS005', NULL, 'a run ends once'
);
SELECT throws_ok(
  $$ SELECT restage.finish_run('00000000-0000-4000-8000-00000000000f') $$,
  'RS005', NULL, 'a run that is not there cannot end'
);
SELECT is(
  restage.fail_run('00000000-0000-4000-8000-000000000001', 'late'), false,
  'a run that succeeded cannot fail any more'
);
SELECT is(restage.fail_run('00000000-0000-4000-8000-000000000004', 'disk full'), true, 'a running run can fail');
SELECT results_eq(
  $$ SELECT status, error FROM restage.run WHERE id = '00000000-0000-4000-8000-000000000004' $$,
  $$ VALUES ('failed', 'disk full') $$,
  'a failed run keeps its reason'
);

SELECT restage.record_step(
  '00000000-0000-4000-8000-000000000001', 'public.a', '40 insert', 7,
  metadata => '{"file": "merge/001_dbo.A/40_insert.sql", "sha256": "ff"}'
);
SELECT results_eq(
  $$
    SELECT table_name, operation, rows_affected, status, metadata ->> 'sha256'
    FROM restage.migration_audit
    WHERE run_id = '00000000-0000-4000-8000-000000000001'
  $$,
  $$ VALUES ('public.a', '40 insert', 7::bigint, 'succeeded', 'ff') $$,
  'a step stands in the audit'
);
SELECT restage.record_chunk('00000000-0000-4000-8000-000000000001', 'public.a', 1, 'data/dbo.A/000001.csv', 3, 40, 'ff');
SELECT results_eq(
  $$ SELECT number, file, rows, bytes, hash FROM restage.chunk $$,
  $$ VALUES (1, 'data/dbo.A/000001.csv', 3::bigint, 40::bigint, 'ff') $$,
  'a chunk is remembered'
);
DELETE FROM restage.run;
SELECT is_empty('SELECT FROM restage.step UNION ALL SELECT FROM restage.chunk', 'what belongs to a run goes with it');

SELECT * FROM finish();
ROLLBACK;
