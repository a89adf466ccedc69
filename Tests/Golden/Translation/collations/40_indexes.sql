-- file:    40_indexes.sql
-- purpose: make indexes
-- source:  music
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 40_indexes.sql

CREATE UNIQUE INDEX ux_ai
  ON public.word (ai);

CREATE UNIQUE INDEX ux_cs
  ON public.word (cs);

CREATE UNIQUE INDEX ux_csai
  ON public.word (csai);

CREATE UNIQUE INDEX ux_bin
  ON public.word (bin);

CREATE INDEX ix_plain
  ON public.word (plain);

CREATE INDEX ix_filtered
  ON public.word (plain)
  WHERE word = 'x' AND cs <> 'y';
