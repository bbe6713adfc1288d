-- deliveries speak the language of the face that their task came through
-- depends: 0001_core

-- migrate: apply

ALTER TABLE deliveries ADD COLUMN face text NOT NULL DEFAULT 'native';
ALTER TABLE deliveries ALTER COLUMN secret DROP NOT NULL;

-- migrate: rollback
UPDATE deliveries SET secret = '' WHERE secret IS NULL;
ALTER TABLE deliveries ALTER COLUMN secret SET NOT NULL;
ALTER TABLE deliveries DROP COLUMN face;
