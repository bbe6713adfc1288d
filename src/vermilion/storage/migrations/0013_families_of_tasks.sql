-- the follow-ups of a task are found at once, however long an account's history is
-- depends: 0012_penalties

-- migrate: apply

CREATE INDEX tasks_follow_ups ON tasks (parent_id, id) WHERE parent_id IS NOT NULL;

-- migrate: rollback
DROP INDEX tasks_follow_ups;
