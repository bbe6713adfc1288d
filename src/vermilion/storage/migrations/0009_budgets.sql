-- budgets of accounts, and the balances at which they want to be told
-- depends: 0008_leaner_acceptance

-- migrate: apply

ALTER TABLE wallets ADD COLUMN budget_units bigint CHECK (budget_units > 0);
ALTER TABLE wallets ADD COLUMN budget_window text NOT NULL DEFAULT 'month'
    CHECK (budget_window IN ('day', 'week', 'month', 'never'));
ALTER TABLE wallets ADD COLUMN budget_since timestamptz NOT NULL DEFAULT now();
ALTER TABLE wallets ADD COLUMN budget_used bigint NOT NULL DEFAULT 0 CHECK (budget_used >= 0);
-- Percent of the budget at which the account is told, in rising order, and the highest that was told in this window.
ALTER TABLE wallets ADD COLUMN budget_marks smallint[] NOT NULL DEFAULT '{50,80,100}';
ALTER TABLE wallets ADD COLUMN budget_told smallint NOT NULL DEFAULT 0;
-- Whether tasks beyond the budget are refused.
ALTER TABLE wallets ADD COLUMN budget_hard boolean NOT NULL DEFAULT true;
-- Balances below which the account is told, and the lowest that it was told to lie below.
ALTER TABLE wallets ADD COLUMN low_marks bigint[];
ALTER TABLE wallets ADD COLUMN low_told bigint;

-- migrate: rollback
ALTER TABLE wallets DROP COLUMN budget_units, DROP COLUMN budget_window, DROP COLUMN budget_since,
    DROP COLUMN budget_used, DROP COLUMN budget_marks, DROP COLUMN budget_told, DROP COLUMN budget_hard,
    DROP COLUMN low_marks, DROP COLUMN low_told;
