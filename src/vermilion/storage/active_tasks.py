"""An account's tasks that have not ended: found for a cancel, counted and listed for the account."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from vermilion.storage.database import Database

# Waiting tasks of an account before a time, oldest first, of one family if it is named.
FIND_WAITING = """
SELECT id FROM tasks
WHERE account_id = $1 AND status IN ('staged', 'pending') AND created_at < $2 AND ($3::text IS NULL OR family = $3)
ORDER BY id LIMIT $4
"""

# Active tasks of an account by family, counted by state.
COUNT_BY_FAMILY = """
SELECT family, count(*) FILTER (WHERE status = 'staged') AS staged,
       count(*) FILTER (WHERE status = 'pending') AS pending,
       count(*) FILTER (WHERE status = 'processing') AS processing
FROM tasks WHERE account_id = $1 AND status IN ('staged', 'pending', 'processing') GROUP BY family ORDER BY family
"""

# Active tasks of an account, oldest first.
READ_ACTIVE = """
SELECT id, model, task_type, family, status, progress, created_at, started_at FROM tasks
WHERE account_id = $1 AND status IN ('staged', 'pending', 'processing') ORDER BY id LIMIT $2
"""


async def find_waiting(
    database: Database, account_id: UUID, *, before: datetime, family: str | None, limit: int
) -> list[UUID]:
    """Ids of tasks that may be cancelled at once."""
    rows = await database.fetch(FIND_WAITING, account_id, before, family, limit)
    return [row["id"] for row in rows]


async def count_by_family(database: Database, account_id: UUID) -> list[Any]:
    """(family, staged, pending, processing) of every family with active tasks."""
    return await database.fetch(COUNT_BY_FAMILY, account_id)


async def read_active(database: Database, account_id: UUID, *, limit: int) -> list[Any]:
    """(id, model, task_type, family, status, progress, created_at, started_at) of active tasks."""
    return await database.fetch(READ_ACTIVE, account_id, limit)
