-- file:    30_keys.sql
-- purpose: make primary keys and unique constraints
-- source:  music
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 30_keys.sql

ALTER TABLE public.word
  ADD CONSTRAINT pk_word PRIMARY KEY (word);

ALTER TABLE public.use
  ADD CONSTRAINT pk_use PRIMARY KEY (id);
