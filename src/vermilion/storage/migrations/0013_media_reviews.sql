-- what is decided about a picture holds for the same bytes of the account
-- depends: 0012_penalties

-- migrate: apply

-- Of a file: what is blocked is not kept, so its bytes are all that is known of it.
ALTER TABLE reviews ADD COLUMN sha256 bytea;
DROP INDEX reviews_asset;
CREATE UNIQUE INDEX reviews_media ON reviews (account_id, sha256) WHERE kind = 'media';

-- migrate: rollback
DROP INDEX reviews_media;
DELETE FROM reviews WHERE kind = 'media';
ALTER TABLE reviews DROP COLUMN sha256;
CREATE UNIQUE INDEX reviews_asset ON reviews (asset_id) WHERE kind = 'media';
