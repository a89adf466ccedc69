-- file:    40_indexes.sql
-- purpose: make indexes
-- source:  music
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 40_indexes.sql

CREATE INDEX ix_iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii_a71ca645
  ON public.nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn_d919bd18 ("üüüüüüüüüüüüüüüüüüüüüüüüüüü_4a402343");
