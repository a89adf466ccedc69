-- file:    30_keys.sql
-- purpose: make primary keys and unique constraints
-- source:  music
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 30_keys.sql

ALTER TABLE public.badge
  ADD CONSTRAINT pk_badge PRIMARY KEY (id);

ALTER TABLE public.department
  ADD CONSTRAINT pk_department PRIMARY KEY (id);

ALTER TABLE public.employee
  ADD CONSTRAINT pk_employee PRIMARY KEY (id);

ALTER TABLE public.assignment
  ADD CONSTRAINT pk_assignment PRIMARY KEY (employee_id, since);

ALTER TABLE public.one
  ADD CONSTRAINT pk_one PRIMARY KEY (a);

ALTER TABLE public.three
  ADD CONSTRAINT pk_three PRIMARY KEY (a);

ALTER TABLE public.two
  ADD CONSTRAINT pk_two PRIMARY KEY (a);
