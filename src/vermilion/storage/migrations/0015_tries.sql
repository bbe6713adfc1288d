-- what went wrong where a task was before
-- depends: 0014_terms

-- migrate: apply

CREATE TABLE tries (
    task_id       uuid NOT NULL,
    attempt       integer NOT NULL,
    connection_id uuid,
    reason        text NOT NULL,
    code          text,
    elsewhere     boolean NOT NULL,
    took_s        double precision,
    ended_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (task_id, attempt)
);

-- migrate: rollback
DROP TABLE tries;
