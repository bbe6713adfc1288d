"""What is left of what customers were charged after what providers took, by offer."""

from __future__ import annotations

from datetime import datetime

import msgspec

from vermilion.storage.database import Database
from vermilion.storage.usage_sums import COSTED, WITHIN, unsummed

OFFERS_MAX = 300


class MarginRow(msgspec.Struct, frozen=True):
    """One offer's tasks since a time; `costed` of them have a cost that was stated."""

    model: str
    task_type: str
    tasks: int
    spent: int
    cost: int
    costed: int


# Charges and costs by offer since $1, as sums where there are some and one by one where not; most charged first.
READ_MARGINS = f"""
WITH {unsummed("$1::timestamptz", "")}, parts AS (
    SELECT model, task_type, tasks, spent, cost, costed FROM usage_quarters, summed
    WHERE quarter >= first_at AND quarter < until AND NOT EXISTS (
        SELECT FROM unsummed WHERE quarter >= from_at AND quarter < to_at)
    UNION ALL SELECT model, task_type, tasks, spent, coalesce(cost, 0), (cost IS NOT NULL)::int
    FROM unsummed CROSS JOIN LATERAL (
        SELECT model, task_type, {COSTED} FROM tasks
        WHERE {WITHIN.format(from_at="unsummed.from_at", to_at="unsummed.to_at")}) one
)
SELECT model, task_type, sum(tasks)::bigint, sum(spent)::bigint, sum(cost)::bigint, sum(costed)::bigint FROM parts
GROUP BY model, task_type ORDER BY sum(spent) DESC, model, task_type LIMIT $2
"""


async def read_margins(database: Database, since: datetime) -> list[MarginRow]:
    """Every offer that was used since a time."""
    return [MarginRow(*row) for row in await database.fetch(READ_MARGINS, since, OFFERS_MAX)]
