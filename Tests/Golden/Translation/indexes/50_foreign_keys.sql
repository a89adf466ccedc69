-- file:    50_foreign_keys.sql
-- purpose: make foreign keys
-- source:  music
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 50_foreign_keys.sql

ALTER TABLE public.item
  ADD CONSTRAINT fk_parent
  FOREIGN KEY (parent_id)
  REFERENCES public.parent (id);

ALTER TABLE public.by_index
  ADD CONSTRAINT fk_to_constraint
  FOREIGN KEY (code)
  REFERENCES public.item (b)
  DEFERRABLE INITIALLY IMMEDIATE;
