-- file:    30_keys.sql
-- purpose: make primary keys and unique constraints
-- source:  stride
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 30_keys.sql

ALTER TABLE trade.area
  ADD CONSTRAINT pk_area PRIMARY KEY (id);

ALTER TABLE music.performer
  ADD CONSTRAINT pk_artist PRIMARY KEY (artistid);

ALTER TABLE music.genre
  ADD CONSTRAINT pk_genre PRIMARY KEY (genreid);

ALTER TABLE music.track
  ADD CONSTRAINT pk_track PRIMARY KEY (trackid);

ALTER TABLE archive.track_genre
  ADD CONSTRAINT pk_trackgenre PRIMARY KEY (trackid, genreid);
