"""Tasks that go back into the queue, because nothing was started where they were, with what went wrong there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from vermilion.storage import tries
from vermilion.storage.database import Database, retry_conflicts
from vermilion.storage.flights import applied, notify


class HandBackNote(msgspec.Struct, frozen=True):
    """A task of which nothing was started, to be pending again from `ready_at`; where that is only what was read of
    it, `unsent` asks that no submit has begun since.
    """

    task_id: UUID
    node_id: UUID
    attempt: int
    ready_at: datetime
    elsewhere: bool
    unsent: bool = False
    reason: str = ""
    code: str | None = None
    took_s: float | None = None  #: since it was claimed


# Put tasks back into the queue and free their connections' slots. A task that has tried every connection starts over.
HAND_BACK = """
WITH back AS (
    UPDATE tasks SET status = 'pending', node_id = NULL, submission = NULL, ticket = NULL, version = version + 1,
        ready_at = b.ready_at,
        tried = CASE WHEN NOT b.elsewhere THEN '{}'
                     WHEN EXISTS (SELECT 1 FROM connections c WHERE tasks.queue = ANY(c.queues) AND c.state = 'active'
                                  AND c.id <> tasks.connection_id AND NOT c.id = ANY(tasks.tried))
                     THEN tasks.tried || tasks.connection_id ELSE '{}' END
    FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::timestamptz[], $5::boolean[], $6::boolean[])
         AS b (id, node_id, attempt, ready_at, elsewhere, unsent)
    WHERE tasks.id = b.id AND tasks.status = 'processing' AND tasks.node_id = b.node_id AND tasks.attempt = b.attempt
      AND (NOT b.unsent OR tasks.submission IS NULL)
    RETURNING tasks.id, tasks.connection_id, tasks.attempt
), freed AS (
    UPDATE connections SET running = greatest(0, connections.running - f.tasks)
    FROM (SELECT connection_id, count(*)::int AS tasks FROM back GROUP BY connection_id) f
    WHERE connections.id = f.connection_id
)
SELECT id, connection_id, attempt FROM back
"""


async def hand_back(database: Database, notes: list[HandBackNote]) -> Sequence[bool | Exception]:
    """Make tasks pending again; False where the node no longer holds the task."""

    async def once() -> list[Any]:
        async with database.transaction() as connection:
            rows: list[Any] = await connection.fetch(
                HAND_BACK,
                [n.task_id for n in notes],
                [n.node_id for n in notes],
                [n.attempt for n in notes],
                [n.ready_at for n in notes],
                [n.elsewhere for n in notes],
                [n.unsent for n in notes],
            )
            await tries.keep(connection, rows, notes)
            await notify(connection, rows)
            return rows

    return applied(await retry_conflicts(once), notes)
