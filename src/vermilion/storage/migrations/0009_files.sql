-- stored bytes are counted, claimed and released; names of files; resumable uploads
-- depends: 0008_leaner_acceptance

-- migrate: apply

-- What lies in the media store. Locking a row is what serialises storing the bytes and deleting them.
CREATE TABLE blobs (
    account_id uuid NOT NULL,
    sha256     bytea NOT NULL,
    size_bytes bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, sha256)
) WITH (fillfactor = 70);

-- A claim keeps bytes that no asset names yet, and when it is over says that somebody has to look whether any does.
CREATE TABLE blob_claims (
    account_id uuid NOT NULL,
    sha256     bytea NOT NULL,
    asset_id   uuid,
    until      timestamptz NOT NULL
);
CREATE INDEX blob_claims_bytes ON blob_claims (account_id, sha256);
CREATE INDEX blob_claims_asset ON blob_claims (asset_id);
CREATE INDEX blob_claims_due ON blob_claims (until);

INSERT INTO blobs (account_id, sha256, size_bytes)
SELECT account_id, sha256, max(size_bytes) FROM assets GROUP BY account_id, sha256;
INSERT INTO blobs (account_id, sha256, size_bytes)
SELECT DISTINCT account_id, thumb_sha256, 0 FROM assets WHERE thumb_sha256 IS NOT NULL
ON CONFLICT DO NOTHING;

ALTER TABLE assets ADD COLUMN name text;
-- The field of the task's input that this file was fetched for.
ALTER TABLE assets ADD COLUMN field text;
ALTER TABLE assets DROP CONSTRAINT assets_kind_check;
ALTER TABLE assets ADD CONSTRAINT assets_kind_check CHECK (kind IN ('upload', 'output', 'input'));
CREATE INDEX assets_thumbnails ON assets (account_id, thumb_sha256) WHERE thumb_sha256 IS NOT NULL;
CREATE INDEX assets_history ON assets (account_id, id);
CREATE INDEX assets_of_task ON assets (task_id) WHERE task_id IS NOT NULL;

-- All that an account may have stored at once; without it there is no limit.
ALTER TABLE plans ADD COLUMN media_bytes_max bigint CHECK (media_bytes_max > 0);
-- How many tasks a day (UTC) may fail by the customer's fault; beyond it no more are taken, or failed ones are charged.
ALTER TABLE plans ADD COLUMN error_tasks_max integer CHECK (error_tasks_max >= 0);
ALTER TABLE plans ADD COLUMN error_penalty text NOT NULL DEFAULT 'block' CHECK (error_penalty IN ('block', 'charge'));
-- What happens to pictures that the guard finds unsafe.
ALTER TABLE plans ADD COLUMN media_check text NOT NULL DEFAULT 'off' CHECK (media_check IN ('off', 'flag', 'block'));

-- An account's faults by day.
CREATE TABLE error_days (
    account_id uuid NOT NULL,
    day        date NOT NULL,
    tasks      integer NOT NULL DEFAULT 0 CHECK (tasks >= 0),
    PRIMARY KEY (account_id, day)
) WITH (fillfactor = 70);

-- A file that arrives in parts. The parts lie in the media store until all are there.
CREATE TABLE resumable_uploads (
    id           uuid PRIMARY KEY,
    account_id   uuid NOT NULL REFERENCES accounts (id),
    size_bytes   bigint NOT NULL CHECK (size_bytes > 0),
    received     bigint NOT NULL DEFAULT 0 CHECK (received BETWEEN 0 AND size_bytes),
    parts        text[] NOT NULL DEFAULT '{}',
    name         text,
    sha256       bytea,
    state        text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'stored', 'refused')),
    problem      text,
    asset_id     uuid,
    expires_at   timestamptz NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX resumable_uploads_account ON resumable_uploads (account_id) WHERE state = 'open';
CREATE INDEX resumable_uploads_due ON resumable_uploads (expires_at);

-- migrate: rollback
DROP TABLE resumable_uploads, error_days, blob_claims, blobs;
ALTER TABLE plans DROP COLUMN media_check, DROP COLUMN error_penalty, DROP COLUMN error_tasks_max,
    DROP COLUMN media_bytes_max;
DROP INDEX assets_thumbnails, assets_history, assets_of_task;
DELETE FROM assets WHERE kind = 'input';
ALTER TABLE assets DROP CONSTRAINT assets_kind_check;
ALTER TABLE assets ADD CONSTRAINT assets_kind_check CHECK (kind IN ('upload', 'output'));
ALTER TABLE assets DROP COLUMN field, DROP COLUMN name;
