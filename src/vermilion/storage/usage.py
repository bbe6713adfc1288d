"""What an account used in a range: one pass over its tasks, grouped three ways."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from vermilion.storage.database import Database
from vermilion.storage.tasks import CLOCKS_APART, first_id

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


# Tasks of a range with their figures, summed up as a whole ($5 false, false), by bucket, and by group.
READ_USAGE = """
WITH used AS (
    SELECT to_char(date_trunc('{bucket}', t.created_at, $4), 'YYYY-MM-DD"T"HH24:MI:SSTZH:TZM') AS bucket,
           {group} AS grouped, status, coalesce(charged, 0) AS spent, error ->> 'fault' AS fault,
           CASE WHEN ended_at IS NULL THEN 0 ELSE held - coalesce(charged, 0) END AS given_back,
           extract(epoch FROM started_at - t.created_at) AS wait_s, extract(epoch FROM ended_at - started_at) AS run_s
    FROM tasks t LEFT JOIN api_keys k ON k.id = t.key_id
    WHERE t.account_id = $1 AND t.id >= $3 AND t.created_at >= $2
)
SELECT grouping(bucket, grouped) AS level, coalesce(bucket, grouped, '') AS name, count(*) AS tasks,
       count(*) FILTER (WHERE status = 'completed') AS completed, count(*) FILTER (WHERE status = 'failed') AS failed,
       count(*) FILTER (WHERE status = 'failed' AND fault = 'customer') AS customer_faults,
       sum(spent)::bigint AS spent, sum(given_back)::bigint AS given_back,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY wait_s)::float8 AS wait_p50_s,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY run_s)::float8 AS run_p50_s,
       percentile_cont(0.9) WITHIN GROUP (ORDER BY run_s)::float8 AS run_p90_s
FROM used GROUP BY GROUPING SETS ((), (bucket), (grouped)) ORDER BY 1, 2
"""
WHOLE, BY_BUCKET = 3, 1
NOTHING = UsageRow("", 0, 0, 0, 0, 0, 0, None, None, None)


async def read_usage(
    database: Database, account_id: UUID, *, since: datetime, bucket: str, group: str, zone: str
) -> Usage:
    """Usage since a time, by `hour` or `day` of a time zone, and by `model`, `task_type` or `key`."""
    sql = READ_USAGE.format(bucket="hour" if bucket == "hour" else "day", group=GROUPS[group])
    total = NOTHING
    buckets: list[UsageRow] = []
    groups: list[UsageRow] = []
    for level, *fields in await database.fetch(sql, account_id, since, first_id(since, -CLOCKS_APART), zone):
        row = UsageRow(*fields)
        if level == WHOLE:
            total = msgspec.structs.replace(row, spent=row.spent or 0, given_back=row.given_back or 0)
        else:
            (buckets if level == BY_BUCKET else groups).append(row)
    return Usage(total, buckets, sorted(groups, key=lambda row: -row.spent))
