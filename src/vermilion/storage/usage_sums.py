"""Usage summed up by quarter of an hour, some minutes after each is over; and the tasks that no sum has yet.

A quarter of an account in which a task has not ended is left open and summed up later. Ended tasks never change,
so neither do the sums.
"""

from __future__ import annotations

from datetime import datetime

from vermilion.storage.database import Database

LATE_MAX = 500
LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended('usage', 7))"
ACTIVE = "status IN ('staged', 'pending', 'processing')"
#: What a task counts for, beside its model, type and key.
COUNTED = """
    1 AS tasks, (status = 'completed')::int AS completed, (status = 'failed')::int AS failed,
    (status = 'failed' AND error ->> 'fault' IS NOT DISTINCT FROM 'customer')::int AS customer_faults,
    coalesce(charged, 0) AS spent, CASE WHEN ended_at IS NULL THEN 0 ELSE held - coalesce(charged, 0) END AS given_back
"""
#: The same with what its provider took, where that is known.
COSTED = f"""
    {COUNTED}, cost_of(model, task_type, created_at, charged, price, service_mode) AS cost
"""
NO_KEY = "'00000000-0000-0000-0000-000000000000'::uuid"
#: Ids are made by nodes, times by the database: a range of times has ids a minute around it.
WITHIN = """
    id >= id_at({from_at} - interval '1 minute') AND id < id_at({to_at} + interval '1 minute')
    AND created_at >= {from_at} AND created_at < {to_at}
"""
SUMS = """
    account_id, quarter_of(created_at), model, task_type, key_id, sum(tasks), sum(completed), sum(failed),
    sum(customer_faults), sum(spent), sum(given_back), coalesce(sum(cost), 0), count(cost)
"""

# Where the sums end: the beginning of the oldest task's quarter at first.
READ_UNTIL = """
SELECT coalesce((SELECT until FROM usage_summed), (SELECT quarter_of(created_at) FROM tasks ORDER BY id LIMIT 1))
"""

# The next time at which the sums may end: at most a day on, and never so late that a task may still be on its way in.
READ_NEXT = "SELECT least($1::timestamptz + interval '1 day', quarter_of(now() - interval '5 minutes'))"

# Sum up everybody's quarters between two times, but for those with tasks that have not ended.
SUM_UP = f"""
WITH open AS (
    INSERT INTO usage_open SELECT DISTINCT account_id, quarter_of(created_at) FROM tasks
    WHERE {ACTIVE} AND {WITHIN.format(from_at="$1::timestamptz", to_at="$2::timestamptz")}
    RETURNING account_id, quarter
), counted AS (
    SELECT account_id, created_at, model, task_type, coalesce(key_id, {NO_KEY}) AS key_id, {COSTED} FROM tasks
    WHERE {WITHIN.format(from_at="$1::timestamptz", to_at="$2::timestamptz")} AND NOT {ACTIVE}
)
INSERT INTO usage_quarters
SELECT {SUMS} FROM counted
WHERE (account_id, quarter_of(created_at)) NOT IN (SELECT account_id, quarter FROM open)
GROUP BY account_id, quarter_of(created_at), model, task_type, key_id
"""

KEEP_UNTIL = (
    "INSERT INTO usage_summed (until) VALUES ($1) ON CONFLICT (sole) DO UPDATE SET until = excluded.until"
)

# Sum up open quarters whose tasks have all ended.
SUM_UP_LATE = f"""
WITH over AS (
    SELECT account_id, quarter FROM usage_open o WHERE NOT EXISTS (
        SELECT FROM tasks WHERE tasks.account_id = o.account_id AND {ACTIVE}
          AND {WITHIN.format(from_at="o.quarter", to_at="(o.quarter + interval '15 minutes')")})
    LIMIT $1
), closed AS (
    DELETE FROM usage_open o USING over WHERE (o.account_id, o.quarter) = (over.account_id, over.quarter)
    RETURNING o.account_id, o.quarter
), counted AS (
    SELECT t.* FROM closed CROSS JOIN LATERAL (
        SELECT account_id, created_at, model, task_type, coalesce(key_id, {NO_KEY}) AS key_id, {COSTED} FROM tasks
        WHERE tasks.account_id = closed.account_id
          AND {WITHIN.format(from_at="closed.quarter", to_at="(closed.quarter + interval '15 minutes')")}) t
)
INSERT INTO usage_quarters SELECT {SUMS} FROM counted
GROUP BY account_id, quarter_of(created_at), model, task_type, key_id
"""


def unsummed(since: str, account: str) -> str:
    """SQL: the ranges of time since `since` that the sums do not have, `account` narrowing the open quarters.

    Sums have whole quarters: what comes before the first and after the last is read from the tasks themselves.
    """
    return f"""
    summed AS (
        SELECT quarter_of({since} + interval '15 minutes' - interval '1 microsecond') AS first_at,
               coalesce((SELECT until FROM usage_summed), '-infinity') AS until
    ), unsummed AS (
        SELECT {since} AS from_at, first_at AS to_at FROM summed WHERE until >= first_at
        UNION ALL SELECT greatest(until, {since}), now() + interval '1 day' FROM summed
        UNION ALL SELECT DISTINCT quarter, quarter + interval '15 minutes' FROM usage_open, summed
                  WHERE quarter >= first_at AND quarter < until {account}
    )"""


async def sum_up(database: Database) -> bool:
    """Sum up the next quarters, at most a day's; True if there may be more. Nothing while another node does it."""
    async with database.transaction() as connection:
        if not await connection.fetchval(LOCK):
            return False
        await connection.execute(SUM_UP_LATE, LATE_MAX)
        until: datetime | None = await connection.fetchval(READ_UNTIL)
        if until is None:
            return False
        following = await connection.fetchval(READ_NEXT, until)
        if following <= until:
            return False
        await connection.execute(SUM_UP, until, following)
        await connection.execute(KEEP_UNTIL, following)
    return True
