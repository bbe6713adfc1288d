-- batches: many tasks from one file, submitted in portions
-- depends: 0009_files

-- migrate: apply

CREATE TABLE batches (
    id              uuid PRIMARY KEY,
    account_id      uuid NOT NULL REFERENCES accounts (id),
    key_id          uuid NOT NULL REFERENCES api_keys (id),
    name            text,
    state           text NOT NULL DEFAULT 'running'
                    CHECK (state IN ('running', 'cancelling', 'expiring', 'completed', 'cancelled', 'expired', 'failed')),
    -- Why it does not go on at the moment, or why it failed.
    problem         text,
    priority        smallint NOT NULL,
    total           integer NOT NULL CHECK (total > 0),
    completed       integer NOT NULL DEFAULT 0,
    failed          integer NOT NULL DEFAULT 0,
    cancelled       integer NOT NULL DEFAULT 0,
    quoted          bigint NOT NULL,
    charged         bigint NOT NULL DEFAULT 0,
    idempotency_key text,
    request_hash    bytea NOT NULL,
    look_at         timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    ended_at        timestamptz
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX batches_once ON batches (account_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX batches_account ON batches (account_id, id);
CREATE INDEX batches_due ON batches (look_at) WHERE ended_at IS NULL;

CREATE TABLE batch_lines (
    batch_id   uuid NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
    line       integer NOT NULL,
    custom_id  text NOT NULL,
    submission json NOT NULL,
    state      text NOT NULL DEFAULT 'waiting'
               CHECK (state IN ('waiting', 'submitted', 'completed', 'failed', 'cancelled')),
    task_id    uuid,
    error      json,
    PRIMARY KEY (batch_id, line)
) WITH (fillfactor = 70);
CREATE INDEX batch_lines_waiting ON batch_lines (batch_id, line) WHERE state = 'waiting';
CREATE INDEX batch_lines_submitted ON batch_lines (batch_id) WHERE state = 'submitted';

-- migrate: rollback
DROP TABLE batch_lines, batches;
