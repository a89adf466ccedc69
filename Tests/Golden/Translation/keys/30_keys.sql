-- file:    30_keys.sql
-- purpose: make primary keys and unique constraints
-- source:  music
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 30_keys.sql

ALTER TABLE auth.member
  ADD CONSTRAINT pk_member PRIMARY KEY (member_id);

ALTER TABLE auth.member
  ADD CONSTRAINT uq_member_code UNIQUE (code);

ALTER TABLE public.artist
  ADD CONSTRAINT pk_artist PRIMARY KEY (artist_id);

ALTER TABLE public.album
  ADD CONSTRAINT pk_album PRIMARY KEY (album_id);

ALTER TABLE public.album_note
  ADD CONSTRAINT pk_album_note PRIMARY KEY (album_id);

ALTER TABLE public.country
  ADD CONSTRAINT pk_country PRIMARY KEY (code);

ALTER TABLE public.level
  ADD CONSTRAINT pk_level PRIMARY KEY (level_id);

ALTER TABLE public.note_review
  ADD CONSTRAINT pk_note_review PRIMARY KEY (album_id, line_no);
