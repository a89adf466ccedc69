-- file:    50_foreign_keys.sql
-- purpose: make foreign keys
-- source:  music
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 50_foreign_keys.sql

ALTER TABLE public.invoice
  ADD CONSTRAINT fk_tenant
  FOREIGN KEY (tenant_id)
  REFERENCES public.tenant (id);

ALTER TABLE public.invoice
  ADD CONSTRAINT fk_corrects
  FOREIGN KEY (tenant_id, corrects)
  REFERENCES public.invoice (tenant_id, no);

ALTER TABLE public.line
  ADD CONSTRAINT fk_invoice
  FOREIGN KEY (no, tenant_id)
  REFERENCES public.invoice (no, tenant_id);

ALTER TABLE public.line
  ADD CONSTRAINT fk_line_tenant
  FOREIGN KEY (tenant_id)
  REFERENCES public.tenant (id);

ALTER TABLE public.twins
  ADD CONSTRAINT fk_a
  FOREIGN KEY (x)
  REFERENCES public.a (id);

ALTER TABLE public.twins
  ADD CONSTRAINT fk_b
  FOREIGN KEY (x)
  REFERENCES public.b (id);

ALTER TABLE public.twins
  ADD CONSTRAINT fk_c
  FOREIGN KEY (y)
  REFERENCES public.c (code)
  DEFERRABLE INITIALLY IMMEDIATE;

ALTER TABLE public.twins
  ADD CONSTRAINT fk_d
  FOREIGN KEY (y)
  REFERENCES public.d (id);
