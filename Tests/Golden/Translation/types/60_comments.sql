-- file:    60_comments.sql
-- purpose: carry over descriptions
-- source:  music
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 60_comments.sql

-- Nothing to make.
SELECT 0::bigint AS rows;
