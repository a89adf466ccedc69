-- file:    40_indexes.sql
-- purpose: make indexes
-- source:  music
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 40_indexes.sql

CREATE INDEX ix_plain
  ON public.item (a, b DESC)
  INCLUDE (is_open, c);

CREATE INDEX ix_wide
  ON public.item (a)
  INCLUDE (c, wide1);

CREATE UNIQUE INDEX ux_b
  ON public.item (b)
  NULLS NOT DISTINCT;

CREATE UNIQUE INDEX ux_not_null
  ON public.item (b);

CREATE INDEX ix_open
  ON public.item (a)
  WHERE is_open = true AND a >= 10 AND b IN (1, 2);

CREATE INDEX ix_of_parent
  ON public.item (a)
  WHERE parent_id = 7;

CREATE INDEX ix_thrice
  ON public.item (thrice);

CREATE INDEX ix_clustered
  ON public.item (c);

ALTER TABLE public.by_index
  ADD CONSTRAINT ux_x
  UNIQUE (x)
  DEFERRABLE INITIALLY IMMEDIATE;
