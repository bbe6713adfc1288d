-- plans do not promise a check of pictures that nothing does
-- depends: 0011_goapi

-- migrate: apply

ALTER TABLE plans DROP COLUMN media_check;

-- migrate: rollback
ALTER TABLE plans ADD COLUMN media_check text NOT NULL DEFAULT 'off' CHECK (media_check IN ('off', 'flag', 'block'));
