-- endpoints of accounts, notifications, lanes of deliveries, and every attempt
-- depends: 0005_moderation

-- migrate: apply

-- Where an account wants to hear of its tasks and of itself: a webhook, a mailbox, or a chat.
CREATE TABLE endpoints (
    id                   uuid PRIMARY KEY,
    account_id           uuid NOT NULL REFERENCES accounts (id),
    channel              text NOT NULL DEFAULT 'webhook' CHECK (channel IN ('webhook', 'email', 'chat')),
    face                 text NOT NULL DEFAULT 'native',
    url                  text NOT NULL,
    -- Null: everything but the steps on a task's way.
    events               text[],
    -- What of tasks it hears, as bits: 1 the ends, 2 the steps.
    hears                smallint NOT NULL,
    description          text,
    state                text NOT NULL DEFAULT 'on' CHECK (state IN ('on', 'off')),
    state_reason         text,
    -- The signing secret is derived from the gateway's key and this number; until then the one before signs too.
    secret_version       integer NOT NULL DEFAULT 1,
    secret_overlap_until timestamptz,
    -- Null while the last try went well.
    failing_since        timestamptz,
    created_at           timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70);
CREATE INDEX endpoints_account ON endpoints (account_id, id);
CREATE INDEX endpoints_of_steps ON endpoints (account_id) WHERE state = 'on' AND hears & 2 > 0;

-- What the account's endpoints hear of tasks, together: the writers hold this row's lock anyway.
ALTER TABLE wallets ADD COLUMN hears smallint NOT NULL DEFAULT 0;

-- Whether what the account should know is also sent to its e-mail address.
ALTER TABLE accounts ADD COLUMN notify_by_email boolean NOT NULL DEFAULT true;

-- Something that an account should know; each is told to the account's channels by deliveries.
CREATE TABLE notifications (
    id         uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    type       text NOT NULL,
    facts      json NOT NULL,
    -- Said at most once by an account under this name.
    once       text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX notifications_account ON notifications (account_id, id);
CREATE UNIQUE INDEX notifications_once ON notifications (account_id, once) WHERE once IS NOT NULL;

ALTER TABLE deliveries ALTER COLUMN task_id DROP NOT NULL;
ALTER TABLE deliveries ADD COLUMN channel text NOT NULL DEFAULT 'webhook';
ALTER TABLE deliveries ADD COLUMN endpoint_id uuid;
ALTER TABLE deliveries ADD COLUMN notification_id uuid;
-- Deliveries of one lane go to one receiver and wait for each other, never for those of other lanes.
ALTER TABLE deliveries ADD COLUMN lane uuid;
UPDATE deliveries SET lane = account_id;
ALTER TABLE deliveries ALTER COLUMN lane SET NOT NULL;
-- Tries of before the last replay: the schedule of waits begins anew after them.
ALTER TABLE deliveries ADD COLUMN spent smallint NOT NULL DEFAULT 0;
ALTER TABLE deliveries DROP CONSTRAINT deliveries_state_check;
ALTER TABLE deliveries ADD CONSTRAINT deliveries_state_check
    CHECK (state IN ('due', 'delivered', 'given_up', 'skipped'));
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (lane, next_attempt_at, id) WHERE state = 'due';
-- A receiver that is slow hears of the latest progress, not of every one.
CREATE UNIQUE INDEX deliveries_progress ON deliveries (task_id, lane) WHERE state = 'due' AND event = 'task.progress';

CREATE TABLE attempts (
    delivery_id uuid NOT NULL,
    number      smallint NOT NULL,
    at          timestamptz NOT NULL,
    status      integer,
    latency_ms  integer NOT NULL,
    error       text,
    answer      text,
    PRIMARY KEY (delivery_id, number)
);

UPDATE api_keys SET scopes = scopes || '{account:write}' WHERE 'keys:write' = ANY (scopes);

-- migrate: rollback
UPDATE api_keys SET scopes = array_remove(scopes, 'account:write');
DROP TABLE attempts;
DELETE FROM deliveries WHERE task_id IS NULL OR state = 'skipped';
DROP INDEX deliveries_progress, deliveries_due;
ALTER TABLE deliveries DROP CONSTRAINT deliveries_state_check;
ALTER TABLE deliveries ADD CONSTRAINT deliveries_state_check CHECK (state IN ('due', 'delivered', 'given_up'));
ALTER TABLE deliveries DROP COLUMN channel, DROP COLUMN endpoint_id, DROP COLUMN notification_id, DROP COLUMN lane,
    DROP COLUMN spent;
ALTER TABLE deliveries ALTER COLUMN task_id SET NOT NULL;
CREATE INDEX deliveries_due ON deliveries (next_attempt_at) WHERE state = 'due';
ALTER TABLE accounts DROP COLUMN notify_by_email;
ALTER TABLE wallets DROP COLUMN hears;
DROP TABLE notifications, endpoints;
