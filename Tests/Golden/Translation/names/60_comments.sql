-- file:    60_comments.sql
-- purpose: carry over descriptions
-- source:  läden_2024
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 60_comments.sql

COMMENT ON TABLE sales_area.line_end IS 'x';

COMMENT ON TABLE public.customer_id IS 'first
second';

COMMENT ON COLUMN public.customer_id.x IS E'it''s a \\ text';
