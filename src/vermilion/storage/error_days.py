"""How many tasks of an account went wrong by its own fault today (UTC), for plans that mind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.notifications import penalty
from vermilion.storage.database import Database
from vermilion.storage.notifications import notify

ERROR = "error"  #: the penalty's type


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

# Accounts whose plan's number is reached today.
READ_REACHED = """
SELECT e.account_id, e.day, e.tasks, p.error_tasks_max
FROM error_days e JOIN accounts a ON a.id = e.account_id JOIN plans p ON p.id = a.plan_id
WHERE e.account_id = ANY($1::uuid[]) AND e.day = (now() AT TIME ZONE 'UTC')::date AND e.tasks >= p.error_tasks_max
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
    """One more, of a submission that was refused."""
    async with database.transaction() as connection:
        await connection.execute(ADD, account_id)
        await tell_reached(connection, {account_id: None})


async def tell_reached(connection: Any, faults: Mapping[UUID, UUID | None]) -> None:
    """Tell accounts that have just been counted a fault, and by which task, if their plan's rule holds from now on."""
    if not faults:
        return
    reached = await connection.fetch(READ_REACHED, list(faults))
    told = [
        penalty(ERROR, id_, faults[id_], day=day, threshold=threshold, cap_usage=tasks)
        for id_, day, tasks, threshold in map(tuple, reached)
    ]
    await notify(connection, told)


async def forget_old(database: Database) -> None:
    """Delete the counts of days that are over."""
    await database.execute("DELETE FROM error_days WHERE day < (now() AT TIME ZONE 'UTC')::date - 7")
