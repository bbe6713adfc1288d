-- whose connections an account works on by default; what each grant was used for is found quickly; rules of plans
-- depends: 0010_batches 0010_deliveries_of_tasks

-- migrate: apply

ALTER TABLE accounts
    ADD COLUMN service_mode text NOT NULL DEFAULT 'public' CHECK (service_mode IN ('public', 'private')),
    -- Families whose private tasks run on everyone's connections when there is none of one's own.
    ADD COLUMN failover text[] NOT NULL DEFAULT '{}',
    ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();
UPDATE accounts SET updated_at = created_at;

-- Prices, caps and what is shown, where a plan differs from everyone's.
ALTER TABLE plans ADD COLUMN rules jsonb NOT NULL DEFAULT '{}';

CREATE INDEX grants_of_account ON grants (account_id, id);
-- Postings other than holds and what became of them are few.
CREATE INDEX entries_not_spent ON entries (account_id, grant_id) WHERE kind IN ('expire', 'adjust');

-- migrate: rollback
DROP INDEX grants_of_account, entries_not_spent;
ALTER TABLE plans DROP COLUMN rules;
ALTER TABLE accounts DROP COLUMN service_mode, DROP COLUMN failover, DROP COLUMN updated_at;
