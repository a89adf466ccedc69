-- file:    40_indexes.sql
-- purpose: make indexes
-- source:  stride
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 40_indexes.sql

-- Nothing to make.
SELECT 0::bigint AS rows;
