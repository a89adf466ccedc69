-- file:    60_comments.sql
-- purpose: carry over descriptions
-- source:  stride
-- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f 60_comments.sql

COMMENT ON COLUMN trade.area.gone_at IS 'When restage found the row gone from its source; NULL while it is there.';

COMMENT ON COLUMN music.performer.gone_at IS 'When restage found the row gone from its source; NULL while it is there.';

COMMENT ON COLUMN music.genre.gone_at IS 'When restage found the row gone from its source; NULL while it is there.';

COMMENT ON COLUMN music.plays.gone_at IS 'When restage found the row gone from its source; NULL while it is there.';

COMMENT ON COLUMN music.track.gone_at IS 'When restage found the row gone from its source; NULL while it is there.';

COMMENT ON COLUMN archive.track_genre.gone_at IS 'When restage found the row gone from its source; NULL while it is there.';
