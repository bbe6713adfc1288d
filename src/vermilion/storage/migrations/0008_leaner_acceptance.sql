-- accepting a task writes fewer rows and fewer index entries
-- depends: 0007_connections

-- migrate: apply

-- A hold is part of its task: what it takes from which grants. It is open as long as the task is active.
ALTER TABLE tasks
    ADD COLUMN grant_ids uuid[] NOT NULL DEFAULT '{}',
    ADD COLUMN grant_units bigint[] NOT NULL DEFAULT '{}',
    -- As the customer wrote it; nothing is searched inside it.
    ALTER COLUMN metadata TYPE json;
UPDATE tasks SET grant_ids = holds.grant_ids, grant_units = holds.grant_units FROM holds WHERE holds.task_id = tasks.id;
DROP TABLE holds;

-- Holds as rows of their own, for people and tests.
CREATE VIEW holds AS
SELECT id AS task_id, account_id, held AS units, grant_ids, grant_units,
       CASE WHEN status IN ('staged', 'pending', 'processing') THEN 'held'
            WHEN charged > 0 OR status = 'completed' THEN 'captured' ELSE 'released' END AS state,
       coalesce(charged, 0) AS captured, ended_at AS resolved_at
FROM tasks;

-- Labels as numbers: the first eight bytes of the SHA-256 of account, name and value.
ALTER TABLE task_labels RENAME TO task_labels_before;
CREATE TABLE task_labels (
    label   bigint NOT NULL,
    task_id uuid NOT NULL
);
INSERT INTO task_labels (label, task_id)
SELECT ('x' || left(encode(sha256(convert_to(account_id::text || E'\x1f' || name || E'\x1f' || value, 'UTF8')), 'hex'), 16))
           ::bit(64)::bigint, task_id
FROM task_labels_before;
DROP TABLE task_labels_before;
ALTER TABLE task_labels ADD PRIMARY KEY (label, task_id);

-- migrate: rollback
ALTER TABLE task_labels RENAME TO task_labels_after;
CREATE TABLE task_labels (
    account_id uuid NOT NULL,
    name       text NOT NULL,
    value      text NOT NULL,
    task_id    uuid NOT NULL,
    PRIMARY KEY (account_id, name, value, task_id)
);
INSERT INTO task_labels (account_id, name, value, task_id)
SELECT DISTINCT t.account_id, scalar.key, scalar.value, t.id
FROM task_labels_after l JOIN tasks t ON t.id = l.task_id, json_each_text(t.metadata) AS scalar
WHERE json_typeof(t.metadata -> scalar.key) IN ('string', 'number', 'boolean')
  AND length(scalar.key) + length(scalar.value) <= 500;
DROP TABLE task_labels_after;
DROP VIEW holds;
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
INSERT INTO holds
SELECT id, account_id, held, grant_ids, grant_units,
       CASE WHEN status IN ('staged', 'pending', 'processing') THEN 'held'
            WHEN charged > 0 OR status = 'completed' THEN 'captured' ELSE 'released' END,
       coalesce(charged, 0), ended_at
FROM tasks;
CREATE INDEX holds_open ON holds (account_id) WHERE state = 'held';
ALTER TABLE tasks DROP COLUMN grant_ids, DROP COLUMN grant_units, ALTER COLUMN metadata TYPE jsonb;
