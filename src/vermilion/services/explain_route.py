"""Where a task was, what went wrong there, and which connections could take it now, or why they cannot."""

from __future__ import annotations

from uuid import UUID

import msgspec

from vermilion.errors import NotFound
from vermilion.services.gateway import Gateway
from vermilion.storage import connections, tries
from vermilion.storage.connections import ConnectionRow
from vermilion.storage.tasks import TaskRow
from vermilion.storage.tries import TryRow

TRIES_SHOWN = 50
STOPPED = {
    "paused": "An operator paused it",
    "attention": "A person has to see to it",
    "suspended": "Its owner or an operator turned it off",
    "resting": "It rests",
}


class Candidate(msgspec.Struct, frozen=True):
    """A connection that serves the task's queue; `why_not` is null where it could take the task now."""

    connection_id: UUID
    name: str
    provider: str
    running: int
    concurrency_max: int
    has_it: bool
    why_not: str | None


class Route(msgspec.Struct, frozen=True):
    """The newest tries that started nothing, and who could run the task."""

    queue: str
    tries: list[TryRow]
    candidates: list[Candidate]


async def explain_route(gateway: Gateway, task_id: UUID) -> Route:
    """The route of a task. Raises NotFound."""
    task = await gateway.reads(task_id)
    if task is None:
        raise NotFound("There is no such task.")
    return await route_of(gateway, task)


async def route_of(gateway: Gateway, task: TaskRow) -> Route:
    """The route of a task at hand."""
    past = await tries.read(gateway.database, task.id, limit=TRIES_SHOWN)
    tried = {one.connection_id for one in past if one.elsewhere}
    rows = await connections.read_all(gateway.database)
    able = [row for row in rows if task.queue in row.queues]
    return Route(task.queue, past, [_candidate(row, task, tried=row.id in tried) for row in able])


def _candidate(row: ConnectionRow, task: TaskRow, *, tried: bool) -> Candidate:
    return Candidate(
        row.id,
        row.name,
        row.provider,
        row.running,
        row.concurrency_max,
        row.id == task.connection_id,
        _why_not(row, tried=tried),
    )


def _why_not(row: ConnectionRow, *, tried: bool) -> str | None:
    if row.state in STOPPED:
        return f"{STOPPED[row.state]}: {row.state_reason}" if row.state_reason else STOPPED[row.state]
    if tried:
        return "It refused this task"
    if row.running >= row.concurrency_max:
        return f"All its {row.concurrency_max} places are taken"
    return None
