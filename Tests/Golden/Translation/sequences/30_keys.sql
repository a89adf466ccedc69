-- file:    30_keys.sql
-- purpose: make primary keys and unique constraints
-- source:  music
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 30_keys.sql

ALTER TABLE sales."order"
  ADD CONSTRAINT pk_order PRIMARY KEY (id);

ALTER TABLE public."decimal"
  ADD CONSTRAINT pk_decimal PRIMARY KEY (id);

ALTER TABLE public.down
  ADD CONSTRAINT pk_down PRIMARY KEY (id);

ALTER TABLE public.falling
  ADD CONSTRAINT pk_falling PRIMARY KEY (id);

ALTER TABLE public.huge
  ADD CONSTRAINT pk_huge PRIMARY KEY (id);

ALTER TABLE public.low
  ADD CONSTRAINT pk_low PRIMARY KEY (id);

ALTER TABLE public.not_key
  ADD CONSTRAINT pk_not_key PRIMARY KEY (code);

ALTER TABLE public."numeric"
  ADD CONSTRAINT pk_numeric PRIMARY KEY (id);

ALTER TABLE public.tiny
  ADD CONSTRAINT pk_tiny PRIMARY KEY (id);
