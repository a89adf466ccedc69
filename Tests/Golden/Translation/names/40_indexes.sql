-- file:    40_indexes.sql
-- purpose: make indexes
-- source:  läden_2024
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 40_indexes.sql

CREATE INDEX ix
  ON public."select" ("table");

CREATE INDEX "from"
  ON public."select" ("from");

CREATE INDEX where_ix
  ON public."where" ("table");
