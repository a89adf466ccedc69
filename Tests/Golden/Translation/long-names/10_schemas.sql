-- file:    10_schemas.sql
-- purpose: make what the tables rely on; does nothing the second time
-- source:  music
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 10_schemas.sql

-- Nothing to make.
SELECT 0::bigint AS rows;
