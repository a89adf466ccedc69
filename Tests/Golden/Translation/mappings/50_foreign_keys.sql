-- file:    50_foreign_keys.sql
-- purpose: make foreign keys
-- source:  stride
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 50_foreign_keys.sql

ALTER TABLE music.track
  ADD CONSTRAINT track_performerid_fkey
  FOREIGN KEY (performerid)
  REFERENCES music.performer (artistid);

ALTER TABLE archive.track_genre
  ADD CONSTRAINT fk_track
  FOREIGN KEY (trackid)
  REFERENCES music.track (trackid);

ALTER TABLE archive.track_genre
  ADD CONSTRAINT fk_genre
  FOREIGN KEY (genreid)
  REFERENCES music.genre (genreid);
