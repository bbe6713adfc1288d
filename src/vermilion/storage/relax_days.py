"""How many relaxed Midjourney tasks an account began today, and how many more it has earned."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import msgspec

from vermilion.storage.database import Database


class RelaxDay(msgspec.Struct, frozen=True):
    """Counts of today (UTC)."""

    day: date
    relaxed: int
    earned: int


# Today's Midjourney tasks of an account on everyone's connections: a range at the end of one index.
READ_DAY = """
SELECT (now() AT TIME ZONE 'UTC')::date,
       count(*) FILTER (WHERE coalesce(input ->> 'process_mode', 'relax') = 'relax' AND task_type <> 'seed'),
       count(*) FILTER (WHERE input ->> 'process_mode' IN ('fast', 'turbo') AND status = 'completed'
                          AND task_type IN ('imagine', 'blend'))
FROM tasks WHERE account_id = $1 AND model = 'midjourney' AND service_mode = 'public'
  AND created_at >= date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
"""


async def read_relax_day(database: Database, account_id: UUID) -> RelaxDay:
    """The account's day so far."""
    row = await database.fetchrow(READ_DAY, account_id)
    assert row is not None  # an aggregate always answers
    return RelaxDay(*row)
