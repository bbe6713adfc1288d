-- usage is summed up by quarter of an hour, so that figures cost the same however long the history is
-- depends: 0015_openai 0015_tries

-- migrate: apply

-- The smallest id that a task of this time can have.
CREATE FUNCTION id_at(timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT (lpad(to_hex((extract(epoch FROM $1) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid $$;

-- The quarter of an hour that a time is in: every time zone's days begin with one.
CREATE FUNCTION quarter_of(timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT date_bin('15 minutes', $1, TIMESTAMPTZ '2000-01-01 00:00:00+00') $$;

-- Ended tasks by when they were accepted. Work without a key has the key 0.
CREATE TABLE usage_quarters (
    account_id      uuid NOT NULL,
    quarter         timestamptz NOT NULL,
    model           text NOT NULL,
    task_type       text NOT NULL,
    key_id          uuid NOT NULL,
    tasks           integer NOT NULL,
    completed       integer NOT NULL,
    failed          integer NOT NULL,
    customer_faults integer NOT NULL,
    spent           bigint NOT NULL,
    given_back      bigint NOT NULL,
    PRIMARY KEY (account_id, quarter, model, task_type, key_id)
);
CREATE INDEX usage_quarters_everybodys ON usage_quarters (quarter);

-- One row: every quarter before this time is summed up, but for those in which a task has not ended yet.
CREATE TABLE usage_summed (
    sole  boolean PRIMARY KEY DEFAULT true CHECK (sole),
    until timestamptz NOT NULL
);
CREATE TABLE usage_open (
    account_id uuid NOT NULL,
    quarter    timestamptz NOT NULL,
    PRIMARY KEY (account_id, quarter)
);

-- What came of proving the ledger, newest last.
CREATE TABLE ledger_proofs (
    id          uuid PRIMARY KEY,
    entries     bigint NOT NULL,
    differences json NOT NULL,
    sums        json NOT NULL,
    at          timestamptz NOT NULL DEFAULT now()
);

-- Deliveries that were given up are few among many.
CREATE INDEX deliveries_given_up ON deliveries (id) WHERE state = 'given_up';

-- migrate: rollback
DROP INDEX deliveries_given_up;
DROP TABLE ledger_proofs, usage_open, usage_summed, usage_quarters;
DROP FUNCTION quarter_of(timestamptz);
DROP FUNCTION id_at(timestamptz);
