-- Hashes of rows: the same on every server, in both widths, and kept whole by the images of a rollback.
BEGIN;
SELECT plan(12);

-- Another version of PostgreSQL that hashes otherwise would take every row for changed.
SELECT is(restage.row_hash('(1,a)', NULL::bigint), -7680643160645590424, 'a hash of 64 bits is what it always was');
SELECT is(restage.row_hash('', NULL::bigint), -6939563903564495251, 'that of nothing too');
SELECT is(restage.row_hash('(1,a)', NULL::uuid), md5('(1,a)')::uuid, 'one of 128 bits is the MD5');
SELECT isnt(restage.row_hash('(1,)', NULL::bigint), restage.row_hash('(1,"")', NULL::bigint), 'NULL is not an empty text');

SELECT is(restage.hash_image(-7680643160645590424), '00000000-0000-0000-9568-dfbd3b2fa268'::uuid, 'an image holds the bytes of a hash');
SELECT is(restage.image_hash(restage.hash_image(h), NULL::bigint), h, format('and gives back %s', h))
FROM unnest(ARRAY[0, 1, -1, 9223372036854775807, -9223372036854775808, -7680643160645590424]) AS h;
SELECT is(
  restage.image_hash(restage.hash_image(restage.row_hash('(1,a)', NULL::uuid)), NULL::uuid),
  md5('(1,a)')::uuid, 'one of 128 bits is kept as it is');

SELECT * FROM finish();
ROLLBACK;
