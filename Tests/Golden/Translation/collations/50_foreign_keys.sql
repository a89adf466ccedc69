-- file:    50_foreign_keys.sql
-- purpose: make foreign keys
-- source:  music
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 50_foreign_keys.sql

ALTER TABLE public.use
  ADD CONSTRAINT fk_word
  FOREIGN KEY (word)
  REFERENCES public.word (word)
  DEFERRABLE INITIALLY IMMEDIATE;
