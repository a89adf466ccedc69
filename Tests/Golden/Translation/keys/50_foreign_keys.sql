-- file:    50_foreign_keys.sql
-- purpose: make foreign keys
-- source:  music
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 50_foreign_keys.sql

ALTER TABLE auth.member
  ADD CONSTRAINT fk_invited
  FOREIGN KEY (invited_by)
  REFERENCES auth.member (code)
  DEFERRABLE INITIALLY IMMEDIATE;

ALTER TABLE public.album
  ADD CONSTRAINT fk_album_artist
  FOREIGN KEY (artist_id)
  REFERENCES public.artist (artist_id)
  ON DELETE CASCADE;

ALTER TABLE public.album
  ADD CONSTRAINT album_parent_album_id_fkey
  FOREIGN KEY (parent_album_id)
  REFERENCES public.album (album_id);

ALTER TABLE public.album_note
  ADD CONSTRAINT fk_note
  FOREIGN KEY (album_id)
  REFERENCES public.album (album_id);

ALTER TABLE public.note_review
  ADD CONSTRAINT fk_review
  FOREIGN KEY (album_id)
  REFERENCES public.album_note (album_id)
  ON UPDATE CASCADE
  NOT VALID;

ALTER TABLE public.review_vote
  ADD CONSTRAINT fk_vote
  FOREIGN KEY (line, album)
  REFERENCES public.note_review (line_no, album_id)
  ON DELETE CASCADE;

ALTER TABLE public.review_vote
  ADD CONSTRAINT fk_voter
  FOREIGN KEY (voter)
  REFERENCES auth.member (member_id)
  ON DELETE SET NULL;
