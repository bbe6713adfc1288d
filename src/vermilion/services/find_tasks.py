"""Read tasks: one, or pages of history; nobody sees another account's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

import msgspec

from vermilion.errors import NotFound
from vermilion.services.gateway import Gateway
from vermilion.storage import tasks
from vermilion.storage.tasks import TaskFilter, TaskRow

PAGE_MAX = 200
NUMBERED_MAX = 10_000  #: tasks that numbered pages reach back


async def get_task(gateway: Gateway, account_id: UUID, task_id: UUID) -> TaskRow:
    """The account's task. Raises NotFound, also for somebody else's."""
    row = await gateway.reads(task_id)
    if row is None or row.account_id != account_id:
        raise NotFound("There is no such task.")
    return row


class NumberedPage(msgspec.Struct, frozen=True):
    """A page by its number; `total` counts no further than the furthest page that can be asked for."""

    rows: list[TaskRow]
    total: int


async def numbered_page(
    gateway: Gateway, wanted: TaskFilter, *, page: int, size: int, models: Sequence[str] | None
) -> NumberedPage:
    """A page of an account's newest tasks for faces that number pages; the native face goes on from an id."""
    ids = await tasks.read_newest_ids(gateway.database, wanted, models=models, limit=NUMBERED_MAX)
    shown = ids[(page - 1) * size : page * size]
    rows = await asyncio.gather(*(gateway.reads(id_) for id_ in shown))
    return NumberedPage([row for row in rows if row is not None], len(ids))


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
