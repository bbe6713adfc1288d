"""Which connection has, or had, a task, and how that connection stands."""

from __future__ import annotations

from uuid import UUID

import msgspec

from vermilion.errors import NotFound
from vermilion.services.gateway import Gateway
from vermilion.storage import connections
from vermilion.storage.connections import ConnectionRow
from vermilion.storage.tasks import TaskRow


class Trace(msgspec.Struct, frozen=True):
    """Where a task ran: nothing is told of the operator's connections but that it was one of them."""

    task_id: UUID
    attempt: int
    service_mode: str
    connection_id: UUID | None = None
    connection_number: int | None = None
    connection_name: str | None = None
    provider: str | None = None
    state: str | None = None


async def trace_task(gateway: Gateway, task_id: UUID, *, owner_id: UUID | None) -> Trace:
    """The trace of a task, of this owner if one is given. Raises NotFound, also for somebody else's."""
    task = await gateway.reads(task_id)
    if task is None or (owner_id is not None and task.account_id != owner_id):
        raise NotFound("There is no such task.")
    known = Trace(task.id, task.attempt, task.service_mode)
    row = await connection_of(gateway, task, owner_id=owner_id)
    if row is None:
        return known
    return msgspec.structs.replace(
        known,
        connection_id=row.id,
        connection_number=row.number,
        connection_name=row.name,
        provider=row.provider,
        state=row.state,
    )


async def connection_of(gateway: Gateway, task: TaskRow, *, owner_id: UUID | None) -> ConnectionRow | None:
    """The connection of a task as far as its owner may see it; None before there is one."""
    if task.connection_id is None:
        return None
    row = await connections.read_one(gateway.database, task.connection_id)
    return row if row is not None and owner_id in (None, row.account_id) else None
