-- tasks remember what their face has to say of them, and whose connections they may use
-- depends: 0003_members

-- migrate: apply

ALTER TABLE tasks ADD COLUMN wire json;
ALTER TABLE tasks ADD COLUMN service_mode text NOT NULL DEFAULT 'public' CHECK (service_mode IN ('public', 'private'));

-- migrate: rollback
ALTER TABLE tasks DROP COLUMN service_mode;
ALTER TABLE tasks DROP COLUMN wire;
