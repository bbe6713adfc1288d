"""Tasks as rows: reading them, alone, many at once, and as history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import msgspec

from vermilion.storage.columns import texts
from vermilion.storage.database import Database
from vermilion.storage.labels import label

MILLISECOND = timedelta(milliseconds=1)
CLOCKS_APART = timedelta(minutes=1)  #: ids are made by nodes, times by the database
QUEUE_POSITION_MAX = 100  #: positions beyond this are not counted out

ORDER_BY_LABEL = "label_0.task_id"  #: the end of the labels' index, so that a page is a range of it

COLUMNS = """
    tasks.id, tasks.account_id, key_id, parent_id, model, task_type, family, queue, status, input, metadata, webhook,
    price, held, deadline_at, created_at, wire, service_mode, version, progress, progress_text, charged, output, error,
    submission, connection_id, attempt, started_at, ended_at
"""


class TaskRow(msgspec.Struct, frozen=True):
    """A task as stored, with the values of a new one. JSON columns stay text: most answers only pass them on."""

    id: UUID
    account_id: UUID
    key_id: UUID | None
    parent_id: UUID | None
    model: str
    task_type: str
    family: str
    queue: str
    status: str
    input: str
    metadata: str | None
    webhook: str | None
    price: str
    held: int
    deadline_at: datetime
    created_at: datetime
    wire: str | None  #: what the face that it came through has to remember of it
    service_mode: str  #: `public`: the operator's connections, `private`: the account's own
    version: int = 1
    progress: int = 0
    progress_text: str | None = None
    charged: int | None = None
    output: str | None = None
    error: str | None = None
    submission: str | None = None
    connection_id: UUID | None = None
    attempt: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    queue_position: int | None = None


class TaskFilter(msgspec.Struct, frozen=True):
    """What a history page is narrowed to; None leaves a field alone."""

    account_id: UUID | None = None
    status: str | None = None
    model: str | None = None
    parent_id: UUID | None = None  #: only what follows this task up
    created_after: datetime | None = None
    created_before: datetime | None = None
    active: bool = False  #: only tasks that have not ended
    unconfirmed: bool = False  #: only tasks of whose submit nobody knows whether it arrived
    labels: tuple[tuple[str, str], ...] = ()  #: (name, value) of scalars that the metadata must have


# Many tasks by id, each pending one with its place in its queue, counted up to a bound.
READ_MANY = f"""
SELECT {COLUMNS}, CASE WHEN status = 'pending' THEN (
    SELECT count(*) FROM (
        SELECT 1 FROM tasks ahead
        WHERE ahead.status = 'pending' AND ahead.queue = tasks.queue
          AND (ahead.priority, ahead.rank, ahead.id) < (tasks.priority, tasks.rank, tasks.id)
        LIMIT {QUEUE_POSITION_MAX}) bounded) END AS queue_position
FROM tasks WHERE id = ANY($1::text::uuid[])
"""

# What an adapter left on a task for its follow-ups.
READ_PARENT = """
SELECT account_id, status, model, task_type, family, provider_facts, output FROM tasks WHERE id = $1
"""


async def read_many(database: Database, ids: Sequence[UUID]) -> list[TaskRow | None]:
    """The tasks with these ids, in order; None where there is none."""
    rows = await database.fetch(READ_MANY, texts(ids))
    found = {row["id"]: TaskRow(*row) for row in rows}
    return [found.get(id_) for id_ in ids]


async def read_history(
    database: Database, wanted: TaskFilter, *, before: UUID | None, limit: int
) -> list[TaskRow]:
    """Newest first, at most `limit`, older than `before`. Never counts and never skips rows.

    Labels need an account: they are looked up in an index that it leads.
    """
    source, conditions, arguments = _conditions(wanted, before)
    arguments.append(limit)
    order = ORDER_BY_LABEL if wanted.labels else "tasks.id"
    where = " AND ".join(conditions) or "true"
    # A page of history, by the newest id first.
    sql = f"SELECT {COLUMNS} FROM {source} WHERE {where} ORDER BY {order} DESC LIMIT ${len(arguments)}"
    return [TaskRow(*row) for row in await database.fetch(sql, *arguments)]


# The newest tasks of an account between two times, of each of these models: a range of one index a model.
READ_NEWEST_IDS = """
SELECT found.id FROM unnest($2::text[]) AS wanted (model) CROSS JOIN LATERAL (
    SELECT id FROM tasks WHERE account_id = $1 AND (wanted.model IS NULL OR model = wanted.model)
      AND created_at >= coalesce($3::timestamptz, '-infinity') AND created_at < coalesce($4::timestamptz, 'infinity')
    ORDER BY id DESC LIMIT $5) found
ORDER BY found.id DESC LIMIT $5
"""


async def read_newest_ids(
    database: Database, wanted: TaskFilter, *, models: Sequence[str] | None, limit: int
) -> list[UUID]:
    """Ids by account, time and models, newest first; without models all."""
    named = [None] if models is None else list(models)
    rows = await database.fetch(
        READ_NEWEST_IDS, wanted.account_id, named, wanted.created_after, wanted.created_before, limit
    )
    return [row["id"] for row in rows]


async def read_parent(database: Database, task_id: UUID) -> Any | None:
    """(account_id, status, provider_facts) of a task that a follow-up names."""
    return await database.fetchrow(READ_PARENT, task_id)


def _conditions(wanted: TaskFilter, before: UUID | None) -> tuple[str, list[str], list[Any]]:
    source = "tasks"
    conditions: list[str] = []
    arguments: list[Any] = []

    def add(condition: str, *values: Any) -> None:
        numbers = range(len(arguments) + 1, len(arguments) + len(values) + 1)
        arguments.extend(values)
        conditions.append(condition.format(*numbers))

    if wanted.account_id is not None and not wanted.labels:
        add("tasks.account_id = ${}", wanted.account_id)
    for number, (name, value) in enumerate(wanted.labels):
        alias, account_id = f"label_{number}", cast(UUID, wanted.account_id)
        source += f" JOIN task_labels {alias} ON {alias}.task_id = tasks.id"
        add(f"{alias}.label = ${{}}", label(str(account_id), name, value))
        # Labels that share a number are told apart here, by conditions that lead the planner to no other index.
        add(
            "(tasks.account_id, tasks.metadata ->> ${}) IS NOT DISTINCT FROM (${}::uuid, ${})",
            name,
            account_id,
            value,
        )
    if wanted.active or wanted.unconfirmed:
        add("tasks.status IN ('staged', 'pending', 'processing')")
    if wanted.unconfirmed:
        add("tasks.submission = 'unknown'")
    order_id = ORDER_BY_LABEL if wanted.labels else "tasks.id"
    for bound, condition in (
        (wanted.status, "tasks.status = ${}"),
        (wanted.model, "tasks.model = ${}"),
        (wanted.parent_id, "tasks.parent_id = ${}"),
        (wanted.created_after, "tasks.created_at >= ${}"),
        (wanted.created_before, "tasks.created_at < ${}"),
        (first_id(wanted.created_after, -CLOCKS_APART), order_id + " >= ${}"),
        (first_id(wanted.created_before, CLOCKS_APART), order_id + " < ${}"),
        (before, order_id + " < ${}"),
    ):
        if bound is not None:
            add(condition, bound)
    return source, conditions, arguments


def first_id(at: datetime | None, apart: timedelta) -> UUID | None:
    """The smallest id that a task of about this time can have: what lets an index of ids find a time."""
    if at is None:
        return None
    return UUID(int=max(0, int(at.timestamp() * 1000) + apart // MILLISECOND) << 80)
