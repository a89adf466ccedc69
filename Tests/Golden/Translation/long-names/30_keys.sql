-- file:    30_keys.sql
-- purpose: make primary keys and unique constraints
-- source:  music
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 30_keys.sql

ALTER TABLE public.nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn
  ADD CONSTRAINT pk_nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn_6906d140 PRIMARY KEY (ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc);

ALTER TABLE public.nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn_d919bd18
  ADD CONSTRAINT pk_nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn_e0380223 PRIMARY KEY (kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk, "üüüüüüüüüüüüüüüüüüüüüüüüüüü_4a402343");
