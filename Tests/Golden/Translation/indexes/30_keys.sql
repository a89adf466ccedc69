-- file:    30_keys.sql
-- purpose: make primary keys and unique constraints
-- source:  music
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 30_keys.sql

ALTER TABLE public.parent
  ADD CONSTRAINT pk_parent PRIMARY KEY (id);

ALTER TABLE public.item
  ADD CONSTRAINT pk_item PRIMARY KEY (id);

ALTER TABLE public.item
  ADD CONSTRAINT uq_b UNIQUE NULLS NOT DISTINCT (b);

ALTER TABLE public.item
  ADD CONSTRAINT item_a_key UNIQUE (a)
  DEFERRABLE INITIALLY IMMEDIATE;

ALTER TABLE public.item
  ADD CONSTRAINT item_a_b_key UNIQUE NULLS NOT DISTINCT (a, b)
  DEFERRABLE INITIALLY IMMEDIATE;
