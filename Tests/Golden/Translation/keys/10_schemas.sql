-- file:    10_schemas.sql
-- purpose: make what the tables rely on; does nothing the second time
-- source:  music
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 10_schemas.sql

CREATE SCHEMA IF NOT EXISTS auth;

CREATE COLLATION IF NOT EXISTS public.sqlserver_ci_as (
  provider = icu,
  locale = 'und-u-ks-level2',
  deterministic = false
);
