-- file:    50_foreign_keys.sql
-- purpose: make foreign keys
-- source:  music
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 50_foreign_keys.sql

ALTER TABLE public.child
  ADD CONSTRAINT fk_parent
  FOREIGN KEY (parent_id)
  REFERENCES public.parent (id);

ALTER TABLE public.grandchild
  ADD CONSTRAINT fk_child
  FOREIGN KEY (child_id)
  REFERENCES public.child (id);

ALTER TABLE public.grandchild
  ADD CONSTRAINT fk_grand_parent
  FOREIGN KEY (parent_id)
  REFERENCES public.parent (id);
