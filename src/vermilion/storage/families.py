"""A task's family: what it follows, back to the first of all, and what followed it."""

from __future__ import annotations

import msgspec

from vermilion.storage.database import Database
from vermilion.storage.tasks import COLUMNS, TaskRow

ANCESTORS_MAX = 20  #: how far back a family is told


class Family(msgspec.Struct, frozen=True):
    """Ancestors from the oldest to the parent, and the newest follow-ups from the oldest on; both without itself."""

    ancestors: tuple[TaskRow, ...]
    follow_ups: tuple[TaskRow, ...]


# The ancestors of a task, the nearest first, and its newest follow-ups. Each step up is a look by id.
READ_FAMILY = f"""
WITH RECURSIVE up (id, distance) AS (
    SELECT $2::uuid, 1 WHERE $2::uuid IS NOT NULL
    UNION ALL
    SELECT tasks.parent_id, distance + 1 FROM up JOIN tasks ON tasks.id = up.id
    WHERE tasks.account_id = $3 AND tasks.parent_id IS NOT NULL AND distance < {ANCESTORS_MAX}
), family (id, distance) AS (
    SELECT id, distance FROM up
    UNION ALL
    (SELECT id, 0 FROM tasks WHERE parent_id = $1 AND account_id = $3 ORDER BY id DESC LIMIT $4)
)
SELECT {COLUMNS}, NULL AS queue_position, family.distance FROM family JOIN tasks ON tasks.id = family.id
WHERE tasks.account_id = $3 ORDER BY family.distance DESC, tasks.id
"""


async def read_family(database: Database, task: TaskRow, *, follow_ups_max: int) -> Family:
    """The task's family; of its follow-ups the newest ones, at most so many."""
    rows = [
        (TaskRow(*tuple(row)[:-1]), row["distance"])
        for row in await database.fetch(READ_FAMILY, task.id, task.parent_id, task.account_id, follow_ups_max)
    ]
    return Family(
        tuple(row for row, distance in rows if distance > 0),
        tuple(row for row, distance in rows if distance == 0),
    )
