-- file:    10_schemas.sql
-- purpose: make what the tables rely on; does nothing the second time
-- source:  music
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 10_schemas.sql

CREATE SCHEMA IF NOT EXISTS sales;

CREATE COLLATION IF NOT EXISTS public.sqlserver_ci_as (
  provider = icu,
  locale = 'und-u-ks-level2',
  deterministic = false
);

CREATE SEQUENCE IF NOT EXISTS public.round AS smallint
  START WITH 8
  INCREMENT BY 1
  MINVALUE 1
  MAXVALUE 10
  CYCLE;

CREATE SEQUENCE IF NOT EXISTS sales.order_number AS integer
  START WITH 71781
  INCREMENT BY 1
  MINVALUE -2147483648
  MAXVALUE 2147483647
  NO CYCLE;
