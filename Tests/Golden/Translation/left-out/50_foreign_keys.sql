-- file:    50_foreign_keys.sql
-- purpose: make foreign keys
-- source:  music
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 50_foreign_keys.sql

-- Nothing to make.
SELECT 0::bigint AS rows;
