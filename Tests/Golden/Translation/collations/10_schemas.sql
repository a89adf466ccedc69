-- file:    10_schemas.sql
-- purpose: make what the tables rely on; does nothing the second time
-- source:  music
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 10_schemas.sql

CREATE COLLATION IF NOT EXISTS public.sqlserver_ci_ai (
  provider = icu,
  locale = 'und-u-ks-level1',
  deterministic = false
);

CREATE COLLATION IF NOT EXISTS public.sqlserver_ci_as (
  provider = icu,
  locale = 'und-u-ks-level2',
  deterministic = false
);

CREATE COLLATION IF NOT EXISTS public.sqlserver_cs_ai (
  provider = icu,
  locale = 'und-u-kc-ks-level1',
  deterministic = false
);
