-- file:    30_keys.sql
-- purpose: make primary keys and unique constraints
-- source:  music
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 30_keys.sql

ALTER TABLE public.a
  ADD CONSTRAINT pk_a PRIMARY KEY (id);

ALTER TABLE public.b
  ADD CONSTRAINT pk_b PRIMARY KEY (id);

ALTER TABLE public.c
  ADD CONSTRAINT pk_c PRIMARY KEY (id);

ALTER TABLE public.c
  ADD CONSTRAINT uq_code UNIQUE (code);

ALTER TABLE public.d
  ADD CONSTRAINT pk_d PRIMARY KEY (id);

ALTER TABLE public.tenant
  ADD CONSTRAINT pk_tenant PRIMARY KEY (id);

ALTER TABLE public.invoice
  ADD CONSTRAINT pk_invoice PRIMARY KEY (tenant_id, no);

ALTER TABLE public.line
  ADD CONSTRAINT pk_line PRIMARY KEY (tenant_id, no, line);

ALTER TABLE public.twins
  ADD CONSTRAINT pk_twins PRIMARY KEY (id);
