-- file:    50_foreign_keys.sql
-- purpose: make foreign keys
-- source:  music
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 50_foreign_keys.sql

ALTER TABLE public.department
  ADD CONSTRAINT fk_manager
  FOREIGN KEY (manager_id)
  REFERENCES public.employee (id)
  DEFERRABLE INITIALLY IMMEDIATE;

ALTER TABLE public.employee
  ADD CONSTRAINT fk_department
  FOREIGN KEY (department_id)
  REFERENCES public.department (id)
  DEFERRABLE INITIALLY IMMEDIATE;

ALTER TABLE public.employee
  ADD CONSTRAINT fk_boss
  FOREIGN KEY (boss_id)
  REFERENCES public.employee (id);

ALTER TABLE public.employee
  ADD CONSTRAINT fk_badge
  FOREIGN KEY (badge_id)
  REFERENCES public.badge (id);

ALTER TABLE public.assignment
  ADD CONSTRAINT fk_assigned
  FOREIGN KEY (employee_id)
  REFERENCES public.employee (id);

ALTER TABLE public.one
  ADD CONSTRAINT fk_one
  FOREIGN KEY (b)
  REFERENCES public.two (a)
  DEFERRABLE INITIALLY IMMEDIATE;

ALTER TABLE public.three
  ADD CONSTRAINT fk_three
  FOREIGN KEY (b)
  REFERENCES public.one (a)
  DEFERRABLE INITIALLY IMMEDIATE;

ALTER TABLE public.two
  ADD CONSTRAINT fk_two
  FOREIGN KEY (b)
  REFERENCES public.three (a)
  DEFERRABLE INITIALLY IMMEDIATE;
