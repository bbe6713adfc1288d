"""Cancel a task: at once while it waits, through the provider while it runs; the row says what really happened."""

from __future__ import annotations

from uuid import UUID

from vermilion.domain.ending import Ending
from vermilion.domain.tasks import ENDED, Status
from vermilion.errors import Conflict
from vermilion.services.find_tasks import get_task
from vermilion.services.gateway import Gateway
from vermilion.services.watch_task import wait_for_end
from vermilion.storage import flights
from vermilion.storage.tasks import TaskRow

WAITING = frozenset({Status.STAGED.value, Status.PENDING.value})
CANCEL_WAIT_S = 5.0


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


async def _cancel(gateway: Gateway, account_id: UUID, row: TaskRow) -> TaskRow:
    if await gateway.endings(Ending(row.id, Status.CANCELLED, expected=WAITING)):
        return await get_task(gateway, account_id, row.id)
    await flights.ask_cancel(gateway.database, row.id)
    return await wait_for_end(gateway, account_id, row.id, CANCEL_WAIT_S)
