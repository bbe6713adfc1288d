"""Writing deliveries in the transaction that causes them: who listens to an event, and the rows that will tell it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.webhooks import ENDS, HEARS_STEPS, TaskHook, lane_of, wanted
from vermilion.ids import new_id
from vermilion.storage.database import Database
from vermilion.storage.tasks import first_id

LIFE_MAX = timedelta(days=8)  #: of a task, with some to spare
NOTIFY_LANES_MAX = 200  #: lanes of 32 digits that fit into one notification of 8,000 bytes
Listeners = Mapping[UUID, Sequence["Listener"]]

#: The columns of a delivery that is about to be written, as a recordset.
DUE_COLUMNS = (
    "id uuid, account_id uuid, task_id uuid, notification_id uuid, endpoint_id uuid, lane uuid, channel text, "
    "event text, url text, face text, secret text"
)
DUE_NAMES = ", ".join(column.split()[0] for column in DUE_COLUMNS.split(", "))

# Write deliveries by name from $1 and wake whoever sends them; of progress that nobody heard yet, one is enough.
INSERT_DUE = f"""
WITH due AS (
    INSERT INTO deliveries ({DUE_NAMES}, next_attempt_at)
    SELECT {DUE_NAMES}, now() FROM json_to_recordset($1::json -> 'due') AS d ({DUE_COLUMNS})
    ON CONFLICT DO NOTHING
)
SELECT pg_notify('vermilion_delivery', lanes) FROM json_array_elements_text($1::json -> 'lanes') AS lanes
"""

# Who of these accounts listens.
READ_LISTENERS = """
SELECT id, account_id, channel, face, url, events FROM endpoints
WHERE account_id = ANY($1::uuid[]) AND state = 'on' ORDER BY id
"""

# The tasks of which a step is to be told.
READ_TOLD = "SELECT id, account_id, webhook FROM tasks WHERE id = ANY($1::uuid[])"

# The tasks of an account that ended in a time, of whose end an endpoint was not told.
READ_MISSED = """
SELECT t.id, 'task.' || t.status AS event FROM tasks t
WHERE t.account_id = $1 AND t.id >= $7 AND t.ended_at >= $3 AND ($4::timestamptz IS NULL OR t.ended_at < $4)
  AND 'task.' || t.status = ANY($5::text[])
  AND NOT EXISTS (SELECT FROM deliveries d
                  WHERE d.task_id = t.id AND d.endpoint_id = $2 AND d.event = 'task.' || t.status)
ORDER BY t.id LIMIT $6
"""

_hooks = msgspec.json.Decoder(TaskHook)


class Listener(msgspec.Struct, frozen=True):
    """An endpoint that is on."""

    id: UUID
    account_id: UUID
    channel: str
    face: str
    url: str
    events: list[str] | None


def step_is_told(event: str) -> str:
    """SQL: whether anyone may want to hear that `tasks` took this step. Costs an index look where nobody does."""
    return f"""(coalesce(tasks.webhook ->> 'events' LIKE '%"{event}"%', false) OR EXISTS (
        SELECT FROM endpoints e
        WHERE e.account_id = tasks.account_id AND e.state = 'on' AND e.hears & {HEARS_STEPS} > 0))"""


async def read_listeners(connection: Any, account_ids: Collection[UUID]) -> Listeners:
    """The endpoints of these accounts that are on, by account."""
    listeners: dict[UUID, list[Listener]] = {}
    if account_ids:
        for row in await connection.fetch(READ_LISTENERS, list(account_ids)):
            listeners.setdefault(row["account_id"], []).append(Listener(*row))
    return listeners


async def tell_step(connection: Any, event: str, task_ids: Collection[UUID]) -> None:
    """Write the deliveries of a step that these tasks take in this transaction."""
    if not task_ids:
        return
    tasks = await connection.fetch(READ_TOLD, list(task_ids))
    listeners = await read_listeners(connection, {task["account_id"] for task in tasks})
    due = [
        row
        for task in tasks
        for row in task_event_rows(
            event,
            task["id"],
            account_id=task["account_id"],
            webhook=task["webhook"],
            listeners=listeners,
        )
    ]
    await insert_due(connection, due)


async def tell_missed(
    database: Database, listener: Listener, *, since: datetime, until: datetime | None, limit: int
) -> int:
    """Write deliveries of the ends in a time that this endpoint was never told of; answers how many."""
    async with database.transaction() as connection:
        ended = await connection.fetch(
            READ_MISSED,
            listener.account_id,
            listener.id,
            since,
            until,
            [end for end in ENDS if wanted(listener.events, end)],
            limit,
            first_id(since, -LIFE_MAX),
        )
        await insert_due(
            connection, [to_listener(listener, row["event"], task_id=row["id"]) for row in ended]
        )
    return len(ended)


async def insert_due(connection: Any, due: list[dict[str, Any]]) -> None:
    """Write these deliveries."""
    if due:
        changes = {"due": due, "lanes": lane_lists(due)}
        await connection.execute(INSERT_DUE, msgspec.json.encode(changes).decode())


def task_event_rows(
    event: str, task_id: UUID, *, account_id: UUID, webhook: str | None, listeners: Listeners
) -> list[dict[str, Any]]:
    """The deliveries of one event: to the task's own webhook, and to each endpoint of the account that wants it."""
    rows = []
    if webhook is not None and (hook := _hooks.decode(webhook)).wants(event):
        rows.append(
            _row(account_id, event, task_id=task_id)
            | {
                "lane": lane_of(account_id, hook.url),
                "url": hook.url,
                "face": hook.face,
                "secret": hook.secret,
            }
        )
    rows += [
        to_listener(listener, event, task_id=task_id)
        for listener in listeners.get(account_id, ())
        if listener.channel == "webhook" and wanted(listener.events, event)
    ]
    return rows


def to_listener(
    listener: Listener, event: str, *, task_id: UUID | None = None, notification_id: UUID | None = None
) -> dict[str, Any]:
    """The delivery of an event to an endpoint; secret and address are the endpoint's at the time of each try."""
    return _row(listener.account_id, event, task_id=task_id) | {
        "notification_id": notification_id,
        "endpoint_id": listener.id,
        "lane": listener.id,
        "channel": listener.channel,
        "url": listener.url,
        "face": listener.face,
    }


def lane_lists(due: Iterable[Mapping[str, Any]]) -> list[str]:
    """The lanes of these deliveries, as payloads of notifications."""
    lanes = list({row["lane"].hex for row in due})
    return [",".join(lanes[at : at + NOTIFY_LANES_MAX]) for at in range(0, len(lanes), NOTIFY_LANES_MAX)]


def _row(account_id: UUID, event: str, *, task_id: UUID | None) -> dict[str, Any]:
    return {
        "id": new_id(),
        "account_id": account_id,
        "task_id": task_id,
        "channel": "webhook",
        "event": event,
    }
