"""Read tasks: one, or pages of history; nobody sees another account's."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from vermilion.errors import NotFound
from vermilion.services.gateway import Gateway
from vermilion.storage import tasks
from vermilion.storage.tasks import TaskFilter, TaskRow

PAGE_MAX = 200


async def get_task(gateway: Gateway, account_id: UUID, task_id: UUID) -> TaskRow:
    """The account's task. Raises NotFound, also for somebody else's."""
    row = await gateway.reads(task_id)
    if row is None or row.account_id != account_id:
        raise NotFound("There is no such task.")
    return row


async def list_tasks(
    gateway: Gateway, wanted: TaskFilter, *, before: UUID | None, limit: int
) -> tuple[list[TaskRow], UUID | None]:
    """A page, newest first, and the id to ask the next page with (None at the end)."""
    limit = min(max(1, limit), PAGE_MAX)
    rows = await tasks.read_history(gateway.database, wanted, before=before, limit=limit + 1)
    more = len(rows) > limit
    return rows[:limit], rows[limit - 1].id if more else None


async def get_tasks(gateway: Gateway, account_id: UUID, task_ids: Sequence[UUID]) -> list[TaskRow]:
    """Those of the tasks that exist and are the account's, in the order asked."""
    if not task_ids:
        return []
    rows = await tasks.read_many(gateway.database, task_ids)
    return [row for row in rows if row is not None and row.account_id == account_id]
