-- file:    10_schemas.sql
-- purpose: make what the tables rely on; does nothing the second time
-- source:  stride
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 10_schemas.sql

CREATE SCHEMA IF NOT EXISTS archive;

CREATE SCHEMA IF NOT EXISTS music;

CREATE SCHEMA IF NOT EXISTS trade;
