-- lists of words are kept by the types that write them: PostgreSQL reads such a check anew in every statement
-- depends: 0018_audit

-- migrate: apply

ALTER TABLE tasks
    DROP CONSTRAINT tasks_status_check,
    DROP CONSTRAINT tasks_submission_check,
    DROP CONSTRAINT tasks_service_mode_check;
ALTER TABLE entries
    DROP CONSTRAINT entries_kind_check,
    DROP CONSTRAINT entries_source_check,
    DROP CONSTRAINT entries_check;
ALTER TABLE entries ADD CONSTRAINT entries_check CHECK (source <> target);
ALTER TABLE grants DROP CONSTRAINT grants_kind_check;
ALTER TABLE wallets DROP CONSTRAINT wallets_budget_window_check;

-- migrate: rollback
ALTER TABLE wallets ADD CONSTRAINT wallets_budget_window_check
    CHECK (budget_window IN ('day', 'week', 'month', 'never'));
ALTER TABLE grants ADD CONSTRAINT grants_kind_check CHECK (kind IN ('quota', 'pack', 'topup', 'goodwill'));
ALTER TABLE entries DROP CONSTRAINT entries_check;
ALTER TABLE entries
    ADD CONSTRAINT entries_kind_check CHECK (kind IN ('grant', 'hold', 'capture', 'release', 'expire', 'adjust')),
    ADD CONSTRAINT entries_source_check CHECK (source IN ('issued', 'grant', 'held', 'revenue', 'expired')),
    ADD CONSTRAINT entries_check
        CHECK (target IN ('issued', 'grant', 'held', 'revenue', 'expired') AND source <> target);
ALTER TABLE tasks
    ADD CONSTRAINT tasks_status_check
        CHECK (status IN ('staged', 'pending', 'processing', 'completed', 'failed', 'cancelled')),
    ADD CONSTRAINT tasks_submission_check CHECK (submission IN ('sending', 'accepted', 'unknown')),
    ADD CONSTRAINT tasks_service_mode_check CHECK (service_mode IN ('public', 'private'));
