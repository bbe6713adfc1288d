-- outputs that their owner likes best
-- depends: 0016_usage

-- migrate: apply

ALTER TABLE assets ADD COLUMN favourite boolean NOT NULL DEFAULT false;
CREATE INDEX assets_favourites ON assets (account_id, id) WHERE favourite;

-- migrate: rollback
DROP INDEX assets_favourites;
ALTER TABLE assets DROP COLUMN favourite;
