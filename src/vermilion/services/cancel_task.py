"""Cancel a task: at once while it waits, through the provider while it runs; the row says what really happened."""

from __future__ import annotations

import asyncio
from datetime import datetime
from uuid import UUID

from vermilion.domain.ending import Ending
from vermilion.domain.tasks import ENDED, Status
from vermilion.errors import Conflict
from vermilion.services.find_tasks import get_task
from vermilion.services.gateway import Gateway
from vermilion.services.watch_task import wait_for_end
from vermilion.storage import flights
from vermilion.storage.active_tasks import find_waiting
from vermilion.storage.tasks import TaskRow

WAITING = frozenset({Status.STAGED.value, Status.PENDING.value})
CANCEL_WAIT_S = 5.0
AT_ONCE_MAX = 10_000  #: tasks of one request; a later request cancels the rest


async def cancel_task(gateway: Gateway, account_id: UUID, task_id: UUID) -> TaskRow:
    """The task after the cancel. Cancelling a cancelled task is harmless.

    Raises NotFound, and Conflict if the task has ended otherwise or its provider went on.
    """
    row = await get_task(gateway, account_id, task_id)
    if row.status not in ENDED:
        row = await _cancel(gateway, account_id, row)
    if row.status == Status.CANCELLED:
        return row
    if row.status in ENDED:
        raise Conflict(f"The task has ended already: it is {row.status}.", status_now=row.status)
    raise Conflict(
        "The provider was asked to stop, but has not confirmed it; the task goes on until it ends."
    )


async def cancel_waiting(gateway: Gateway, account_id: UUID, task_id: UUID) -> TaskRow | None:
    """The task after the cancel, or None if it does not wait any more. Raises NotFound."""
    row = await get_task(gateway, account_id, task_id)
    if row.status not in WAITING or not await gateway.endings(_cancelled(row.id)):
        return None
    return await get_task(gateway, account_id, task_id)


async def cancel_waiting_before(
    gateway: Gateway, account_id: UUID, *, before: datetime, family: str | None
) -> int:
    """Cancel the account's waiting tasks created before a time, of one family or of all; answers how many."""
    ids = await find_waiting(gateway.database, account_id, before=before, family=family, limit=AT_ONCE_MAX)
    return sum(await asyncio.gather(*(gateway.endings(_cancelled(id_)) for id_ in ids)))


def _cancelled(task_id: UUID) -> Ending:
    return Ending(task_id, Status.CANCELLED, expected=WAITING)


async def _cancel(gateway: Gateway, account_id: UUID, row: TaskRow) -> TaskRow:
    if await gateway.endings(_cancelled(row.id)):
        return await get_task(gateway, account_id, row.id)
    await flights.ask_cancel(gateway.database, row.id)
    return await wait_for_end(gateway, account_id, row.id, CANCEL_WAIT_S)
