-- file:    50_foreign_keys.sql
-- purpose: make foreign keys
-- source:  music
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 50_foreign_keys.sql

ALTER TABLE public.nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn_d919bd18
  ADD CONSTRAINT nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn_b0f091c4
  FOREIGN KEY ("üüüüüüüüüüüüüüüüüüüüüüüüüüü_4a402343")
  REFERENCES public.nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn (ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc);
