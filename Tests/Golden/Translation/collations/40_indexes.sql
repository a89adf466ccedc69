-- file:    40_indexes.sql
-- purpose: make indexes
-- source:  music
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 40_indexes.sql

ALTER TABLE public.word
  ADD CONSTRAINT ux_ai
  UNIQUE (ai)
  DEFERRABLE INITIALLY IMMEDIATE;

ALTER TABLE public.word
  ADD CONSTRAINT ux_cs
  UNIQUE (cs)
  DEFERRABLE INITIALLY IMMEDIATE;

ALTER TABLE public.word
  ADD CONSTRAINT ux_csai
  UNIQUE (csai)
  DEFERRABLE INITIALLY IMMEDIATE;

ALTER TABLE public.word
  ADD CONSTRAINT ux_bin
  UNIQUE (bin)
  DEFERRABLE INITIALLY IMMEDIATE;

CREATE INDEX ix_plain
  ON public.word (plain);

CREATE INDEX ix_filtered
  ON public.word (plain)
  WHERE word = 'x' AND cs <> 'y';
