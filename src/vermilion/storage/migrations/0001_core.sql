-- accounts, money, tasks, media: the core
-- depends:

-- migrate: apply

CREATE TABLE plans (
    id                  text PRIMARY KEY,
    name                text NOT NULL,
    concurrency_total   integer NOT NULL CHECK (concurrency_total > 0),
    concurrency_family  jsonb NOT NULL DEFAULT '{}',
    weight              integer NOT NULL DEFAULT 1 CHECK (weight BETWEEN 1 AND 1000),
    requests_per_minute integer NOT NULL CHECK (requests_per_minute > 0),
    upload_bytes_max    bigint NOT NULL CHECK (upload_bytes_max > 0),
    retention_days      integer NOT NULL CHECK (retention_days > 0),
    -- The most urgent priority class (0 first, 9 last) that tasks of this plan may ask for.
    priority_best       smallint NOT NULL DEFAULT 5 CHECK (priority_best BETWEEN 0 AND 9),
    quota_units         bigint NOT NULL DEFAULT 0 CHECK (quota_units >= 0),
    quota_period        text NOT NULL DEFAULT 'month' CHECK (quota_period IN ('day', 'week', 'month', 'year')),
    created_at          timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE accounts (
    id             uuid PRIMARY KEY,
    name           text NOT NULL,
    email          text NOT NULL,
    role           text NOT NULL CHECK (role IN ('customer', 'operator')),
    status         text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
    plan_id        text NOT NULL REFERENCES plans (id),
    quota_until    timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX accounts_email ON accounts (lower(email));
CREATE INDEX accounts_quota_due ON accounts (quota_until) WHERE quota_until IS NOT NULL;

CREATE TABLE api_keys (
    id                uuid PRIMARY KEY,
    account_id        uuid NOT NULL REFERENCES accounts (id),
    name              text NOT NULL,
    prefix            text NOT NULL,
    secret_hash       bytea NOT NULL UNIQUE,
    scopes            text[] NOT NULL,
    models            text[],
    expires_at        timestamptz,
    revoked_at        timestamptz,
    cap_units         bigint CHECK (cap_units >= 0),
    cap_window        text NOT NULL DEFAULT 'never' CHECK (cap_window IN ('never', 'day', 'week', 'month')),
    cap_window_start  timestamptz NOT NULL DEFAULT now(),
    cap_used          bigint NOT NULL DEFAULT 0 CHECK (cap_used >= 0),
    created_at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX api_keys_account ON api_keys (account_id, id);

-- Locking a wallet row is what serialises everything that one account does to its money and its places in the queue.
CREATE TABLE wallets (
    account_id uuid PRIMARY KEY REFERENCES accounts (id),
    held       bigint NOT NULL DEFAULT 0 CHECK (held >= 0),
    spent      bigint NOT NULL DEFAULT 0 CHECK (spent >= 0),
    running    integer NOT NULL DEFAULT 0 CHECK (running >= 0),
    -- Tasks pending or processing, by family.
    lanes      jsonb NOT NULL DEFAULT '{}',
    -- The rank of the account's last task, by queue. Ranks of different queues have nothing to do with each other:
    -- an account that used much of one would wait behind everybody in the next.
    turns      jsonb NOT NULL DEFAULT '{}'
) WITH (fillfactor = 50);

-- The same by family, one row each, for people and tests; the gateway reads the wallet.
CREATE VIEW lanes AS
SELECT account_id, lane.key AS family, lane.value::integer AS running FROM wallets, jsonb_each_text(lanes) AS lane;

CREATE TABLE grants (
    id         uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('quota', 'pack', 'topup', 'goodwill')),
    scope      text,
    units      bigint NOT NULL CHECK (units > 0),
    remaining  bigint NOT NULL CHECK (remaining >= 0 AND remaining <= units),
    expires_at timestamptz,
    -- Set by the sweeper when nothing is left to spend; a release into the grant opens it again.
    closed_at  timestamptz,
    reason     text,
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
CREATE INDEX grants_account ON grants (account_id) WHERE closed_at IS NULL;
CREATE INDEX grants_due ON grants (expires_at) WHERE closed_at IS NULL;

CREATE TABLE holds (
    task_id     uuid PRIMARY KEY,
    account_id  uuid NOT NULL,
    units       bigint NOT NULL CHECK (units >= 0),
    grant_ids   uuid[] NOT NULL,
    grant_units bigint[] NOT NULL,
    state       text NOT NULL DEFAULT 'held' CHECK (state IN ('held', 'captured', 'released')),
    captured    bigint NOT NULL DEFAULT 0 CHECK (captured >= 0 AND captured <= units),
    resolved_at timestamptz
) WITH (fillfactor = 70);
CREATE INDEX holds_open ON holds (account_id) WHERE state = 'held';

-- One immutable posting: units move from source to target, so every movement sums to zero by construction.
-- (ref_id, kind, seq) is the idempotency key: hold:<task>, settle:<task>, grant:<grant>, expire:<grant>, adjust:<id>.
CREATE TABLE entries (
    ref_id     uuid NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('grant', 'hold', 'capture', 'release', 'expire', 'adjust')),
    seq        smallint NOT NULL,
    account_id uuid NOT NULL,
    source     text NOT NULL CHECK (source IN ('issued', 'grant', 'held', 'revenue', 'expired')),
    target     text NOT NULL CHECK (target IN ('issued', 'grant', 'held', 'revenue', 'expired') AND source <> target),
    grant_id   uuid NOT NULL,
    units      bigint NOT NULL CHECK (units > 0),
    reason     text,
    actor_id   uuid,
    at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (ref_id, kind, seq)
);
CREATE INDEX entries_statement ON entries (account_id, at, ref_id, kind, seq);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN RAISE EXCEPTION ''% rows are immutable'', TG_TABLE_NAME; END';
CREATE TRIGGER entries_immutable BEFORE UPDATE OR DELETE ON entries FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE tasks (
    id              uuid PRIMARY KEY,
    account_id      uuid NOT NULL,
    key_id          uuid,
    parent_id       uuid,
    model           text NOT NULL,
    task_type       text NOT NULL,
    family          text NOT NULL,
    queue           text NOT NULL,
    status          text NOT NULL CHECK (status IN ('staged', 'pending', 'processing', 'completed', 'failed', 'cancelled')),
    priority        smallint NOT NULL,
    rank            bigint NOT NULL,
    version         integer NOT NULL DEFAULT 1,
    progress        smallint NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
    progress_text   text,
    input           json NOT NULL,
    metadata        jsonb,
    webhook         json,
    price           json NOT NULL,
    held            bigint NOT NULL CHECK (held >= 0),
    charged         bigint CHECK (charged >= 0),
    output          json,
    error           json,
    provider_facts  json,
    -- submission: null (nothing sent), sending, accepted, unknown
    submission      text CHECK (submission IN ('sending', 'accepted', 'unknown')),
    ticket          text,
    connection_id   uuid,
    tried           uuid[] NOT NULL DEFAULT '{}',
    attempt         integer NOT NULL DEFAULT 0,
    node_id         uuid,
    cancel_asked    boolean NOT NULL DEFAULT false,
    ready_at        timestamptz,
    deadline_at     timestamptz NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    started_at      timestamptz,
    ended_at        timestamptz
) WITH (fillfactor = 70);
CREATE INDEX tasks_history ON tasks (account_id, id);
CREATE INDEX tasks_history_by_model ON tasks (account_id, model, id);
CREATE INDEX tasks_active ON tasks (account_id, id) WHERE status IN ('staged', 'pending', 'processing');
CREATE INDEX tasks_unsuccessful ON tasks (account_id, status, id) WHERE status IN ('failed', 'cancelled');
CREATE INDEX tasks_claim ON tasks (queue, priority, rank, id) WHERE status = 'pending';
CREATE INDEX tasks_staged ON tasks (account_id, family, priority, rank, id) WHERE status = 'staged';
CREATE INDEX tasks_in_flight ON tasks (node_id) WHERE status = 'processing';
CREATE INDEX tasks_deadline ON tasks (deadline_at) WHERE status IN ('staged', 'pending', 'processing');

-- The scalars of tasks' metadata, so that a page of history by label is one range of one index, however long it is.
CREATE TABLE task_labels (
    account_id uuid NOT NULL,
    name       text NOT NULL,
    value      text NOT NULL,
    task_id    uuid NOT NULL,
    PRIMARY KEY (account_id, name, value, task_id)
);

CREATE TABLE idempotency (
    account_id   uuid NOT NULL,
    key          text NOT NULL,
    request_hash bytea NOT NULL,
    task_id      uuid NOT NULL,
    first_status text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, key)
);
CREATE INDEX idempotency_age ON idempotency (created_at);

CREATE TABLE connections (
    id               uuid PRIMARY KEY,
    provider         text NOT NULL,
    name             text NOT NULL,
    account_id       uuid,
    queues           text[] NOT NULL,
    state            text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'resting', 'attention')),
    state_reason     text,
    options          json NOT NULL DEFAULT '{}',
    secret           bytea,
    concurrency_max  integer NOT NULL CHECK (concurrency_max > 0),
    running          integer NOT NULL DEFAULT 0 CHECK (running >= 0),
    window_s         integer,
    window_max       integer,
    window_used      integer NOT NULL DEFAULT 0,
    window_start     timestamptz NOT NULL DEFAULT now(),
    rests_until      timestamptz,
    preference       integer NOT NULL DEFAULT 0,
    created_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (provider, name)
) WITH (fillfactor = 50);

-- The queue's virtual time of start-time fair queueing: the highest rank that was ever claimed.
CREATE TABLE queue_clock (
    queue        text PRIMARY KEY,
    virtual_time bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE nodes (
    id           uuid PRIMARY KEY,
    name         text NOT NULL,
    role         text NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE assets (
    id           uuid PRIMARY KEY,
    account_id   uuid NOT NULL,
    task_id      uuid,
    kind         text NOT NULL CHECK (kind IN ('upload', 'output')),
    sha256       bytea NOT NULL,
    thumb_sha256 bytea,
    content_type text NOT NULL,
    size_bytes   bigint NOT NULL,
    width        integer,
    height       integer,
    duration_s   double precision,
    expires_at   timestamptz NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX assets_account ON assets (account_id, sha256);
CREATE INDEX assets_due ON assets (expires_at);

CREATE TABLE deliveries (
    id              uuid PRIMARY KEY,
    account_id      uuid NOT NULL,
    task_id         uuid NOT NULL,
    event           text NOT NULL,
    url             text NOT NULL,
    secret          text NOT NULL,
    state           text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'delivered', 'given_up')),
    attempts        smallint NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    last_status     integer,
    last_error      text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    ended_at        timestamptz
) WITH (fillfactor = 70);
CREATE INDEX deliveries_due ON deliveries (next_attempt_at) WHERE state = 'due';
CREATE INDEX deliveries_history ON deliveries (account_id, id);

CREATE TABLE audit (
    id         uuid PRIMARY KEY,
    actor_id   uuid NOT NULL,
    act        text NOT NULL,
    subject_id text NOT NULL,
    facts      jsonb NOT NULL DEFAULT '{}',
    at         timestamptz NOT NULL DEFAULT now()
);

-- One row: which master key signed and encrypted what this database refers to.
CREATE TABLE master_key (
    sole        boolean PRIMARY KEY DEFAULT true CHECK (sole),
    fingerprint bytea NOT NULL
);

-- migrate: rollback
DROP VIEW lanes;
DROP TABLE master_key, audit, deliveries, assets, nodes, queue_clock, connections, idempotency, task_labels, tasks, entries, holds, grants,
    wallets, api_keys, accounts, plans;
DROP FUNCTION refuse_change();
