-- file:    10_schemas.sql
-- purpose: make what the tables rely on; does nothing the second time
-- source:  läden_2024
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 10_schemas.sql

CREATE SCHEMA IF NOT EXISTS sales_area;

CREATE SCHEMA IF NOT EXISTS source_pg_app;

CREATE SCHEMA IF NOT EXISTS source_restage;
