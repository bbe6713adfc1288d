"""How many tasks of an account went wrong by its own fault today (UTC), for plans that mind."""

from __future__ import annotations

from uuid import UUID

import msgspec

from vermilion.storage.database import Database


class ErrorCount(msgspec.Struct, frozen=True):
    """Today's faults of an account, and what its plan says of them; without a maximum it says nothing."""

    tasks_max: int | None
    penalty: str
    tasks: int
    day_left_s: float

    @property
    def is_over(self) -> bool:
        """Whether the next fault is one too many."""
        return self.tasks_max is not None and self.tasks >= self.tasks_max


READ = """
SELECT p.error_tasks_max, p.error_penalty, coalesce(e.tasks, 0),
       extract(epoch FROM date_trunc('day', now(), 'UTC') + interval '1 day' - now())::float8
FROM accounts a JOIN plans p ON p.id = a.plan_id
LEFT JOIN error_days e ON e.account_id = a.id AND e.day = (now() AT TIME ZONE 'UTC')::date
WHERE a.id = $1
"""

ADD = """
INSERT INTO error_days (account_id, day, tasks) VALUES ($1, (now() AT TIME ZONE 'UTC')::date, 1)
ON CONFLICT (account_id, day) DO UPDATE SET tasks = error_days.tasks + 1
"""


async def read(database: Database, account_id: UUID) -> ErrorCount:
    """Today's faults so far."""
    row = await database.fetchrow(READ, account_id)
    assert row is not None  # accounts are never deleted
    return ErrorCount(*row)


async def add(database: Database, account_id: UUID) -> None:
    """One more."""
    await database.execute(ADD, account_id)


async def forget_old(database: Database) -> None:
    """Delete the counts of days that are over."""
    await database.execute("DELETE FROM error_days WHERE day < (now() AT TIME ZONE 'UTC')::date - 7")
