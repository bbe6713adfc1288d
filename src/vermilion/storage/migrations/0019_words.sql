-- lists of words are checked by the types that write them and by `ledger verify`, not at each row
-- depends: 0018_audit

-- migrate: apply

-- PostgreSQL reads a check from its text for each statement that writes to the table, however few its rows.
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
