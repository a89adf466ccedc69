-- file:    30_keys.sql
-- purpose: make primary keys and unique constraints
-- source:  läden_2024
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 30_keys.sql

ALTER TABLE public.customer_id
  ADD CONSTRAINT pk_customer_id PRIMARY KEY (customer_id);

ALTER TABLE public.order_details
  ADD CONSTRAINT pk_order_details PRIMARY KEY (id);

ALTER TABLE public.order_details_14a5d5c0
  ADD CONSTRAINT order_details_14a5d5c0_pk_order_details PRIMARY KEY (id);

ALTER TABLE public.order_details_b087564f
  ADD CONSTRAINT order_details_b087564f_pk_order_details PRIMARY KEY (id);
