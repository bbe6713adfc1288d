"""What an account used in a range, grouped three ways; as quick for a million tasks as for a thousand."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from vermilion.storage.database import Database
from vermilion.storage.usage_sums import COUNTED, NO_KEY, WITHIN, unsummed

GROUPS = {"model": "model", "task_type": "task_type", "key": "coalesce(k.name, 'Dashboard')"}


class UsageRow(msgspec.Struct, frozen=True):
    """Figures of one bucket or group; money in units, times in seconds and null where nothing ended."""

    name: str
    tasks: int
    completed: int
    failed: int
    customer_faults: int
    spent: int
    given_back: int
    wait_p50_s: float | None
    run_p50_s: float | None
    run_p90_s: float | None


class Usage(msgspec.Struct, frozen=True):
    """The whole, by time, and by group (most spent first)."""

    total: UsageRow
    buckets: list[UsageRow]
    groups: list[UsageRow]


SAMPLE = 5_000  #: how many of the newest tasks tell how long tasks take

# The tasks of a range, as sums where there are some and one by one where not; summed up as a whole, by bucket and by
# group.
READ_USAGE = f"""
WITH {unsummed("$2::timestamptz", "AND account_id = $1")}, used AS (
    SELECT quarter AS at, model, task_type, key_id, tasks, completed, failed, customer_faults, spent, given_back
    FROM usage_quarters, summed WHERE account_id = $1 AND quarter >= first_at AND quarter < until
    UNION ALL SELECT t.* FROM unsummed CROSS JOIN LATERAL (
        SELECT created_at, model, task_type, coalesce(key_id, {NO_KEY}), {COUNTED} FROM tasks
        WHERE account_id = $1 AND {WITHIN.format(from_at="unsummed.from_at", to_at="unsummed.to_at")}) t
), named AS (
    SELECT to_char(date_trunc('{{bucket}}', at, $3), 'YYYY-MM-DD"T"HH24:MI:SSTZH:TZM') AS bucket,
           {{group}} AS grouped, used.*
    FROM used LEFT JOIN api_keys k ON k.id = used.key_id
)
SELECT grouping(bucket, grouped) AS level, coalesce(bucket, grouped, '') AS name, coalesce(sum(tasks), 0)::bigint,
       coalesce(sum(completed), 0)::bigint, coalesce(sum(failed), 0)::bigint,
       coalesce(sum(customer_faults), 0)::bigint, coalesce(sum(spent), 0)::bigint,
       coalesce(sum(given_back), 0)::bigint
FROM named GROUP BY GROUPING SETS ((), (bucket), (grouped)) ORDER BY 1, 2
"""

# How long the newest tasks of a range waited and ran, as a whole and by group.
READ_DURATIONS = """
WITH newest AS (
    SELECT {group} AS grouped, extract(epoch FROM started_at - t.created_at) AS wait_s,
           extract(epoch FROM ended_at - started_at) AS run_s
    FROM tasks t LEFT JOIN api_keys k ON k.id = t.key_id
    WHERE t.account_id = $1 AND t.id >= id_at($2::timestamptz - interval '1 minute') AND t.created_at >= $2
    ORDER BY t.id DESC LIMIT $3
)
SELECT grouping(grouped) = 1 AS whole, grouped, percentile_cont(0.5) WITHIN GROUP (ORDER BY wait_s)::float8,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY run_s)::float8,
       percentile_cont(0.9) WITHIN GROUP (ORDER BY run_s)::float8
FROM newest GROUP BY GROUPING SETS ((), (grouped))
"""
WHOLE, BY_BUCKET = 3, 1
NO_DURATIONS = (None, None, None)
NOTHING = UsageRow("", 0, 0, 0, 0, 0, 0, None, None, None)


async def read_usage(
    database: Database, account_id: UUID, *, since: datetime, bucket: str, group: str, zone: str
) -> Usage:
    """Usage since a time, by `hour` or `day` of a time zone, and by `model`, `task_type` or `key`.

    How long tasks took is told by the newest ones of the range.
    """
    sql = READ_USAGE.format(bucket="hour" if bucket == "hour" else "day", group=GROUPS[group])
    rows = await database.fetch(sql, account_id, since, zone)
    durations = READ_DURATIONS.format(group=GROUPS[group])
    took: dict[str | None, tuple[float | None, ...]] = {
        None if whole else name: tuple(figures)
        for whole, name, *figures in await database.fetch(durations, account_id, since, SAMPLE)
    }
    total = NOTHING
    buckets: list[UsageRow] = []
    groups: list[UsageRow] = []
    for level, name, *counts in rows:
        if level == WHOLE:
            total = UsageRow(*(name, *counts, *took.get(None, NO_DURATIONS)))
        elif level == BY_BUCKET:
            buckets.append(UsageRow(*(name, *counts, *NO_DURATIONS)))
        else:
            groups.append(UsageRow(*(name, *counts, *took.get(name, NO_DURATIONS))))
    return Usage(total, buckets, sorted(groups, key=lambda row: -row.spent))
