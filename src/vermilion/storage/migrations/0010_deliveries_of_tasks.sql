-- the deliveries of a task are found at once, however many an account has
-- depends: 0009_budgets 0009_files

-- migrate: apply

CREATE INDEX deliveries_of_task ON deliveries (task_id) WHERE task_id IS NOT NULL;

-- migrate: rollback
DROP INDEX deliveries_of_task;
