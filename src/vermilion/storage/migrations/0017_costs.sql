-- what providers took, where an operator states what they take
-- depends: 0016_usage

-- migrate: apply

-- What a provider took for a task: as many steps as were charged, at the cost that was stated when it was accepted.
-- Null where none was stated; work on a customer's own connection costs nothing here.
CREATE FUNCTION cost_of(model text, task_type text, accepted_at timestamptz, charged bigint, price json, mode text)
RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN $6 = 'private' THEN 0
           ELSE ceil(coalesce($4, 0) * (held.terms ->> 'cost')::numeric / nullif(($5 ->> 'units')::numeric, 0)) END::bigint
    FROM terms held WHERE held.model = $1 AND held.task_type = $2 AND held.from_at <= $3
    ORDER BY held.number DESC LIMIT 1
$$;

-- `costed` counts the tasks whose cost is known.
ALTER TABLE usage_quarters ADD COLUMN cost bigint NOT NULL DEFAULT 0, ADD COLUMN costed integer NOT NULL DEFAULT 0;

-- migrate: rollback
ALTER TABLE usage_quarters DROP COLUMN cost, DROP COLUMN costed;
DROP FUNCTION cost_of(text, text, timestamptz, bigint, json, text);
