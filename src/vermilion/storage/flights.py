"""Tasks in flight: claimed by a node, marked, followed, handed back, adopted from a dead node.

Every write here names the node that believes it holds the task and changes nothing if it no longer does,
so a node that was paused and lost its lease cannot disturb the one that took over. Writes about a submit
name the attempt too: a node that lost a task and claimed it again must not submit for both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from vermilion import faults
from vermilion.storage.database import Database
from vermilion.storage.tellings import step_is_told, tell_step

COLUMNS = """
    tasks.id, tasks.account_id, tasks.parent_id, tasks.model, tasks.task_type, tasks.input, tasks.price, tasks.held,
    tasks.connection_id, tasks.attempt, tasks.submission, tasks.ticket, tasks.progress, tasks.cancel_asked,
    tasks.deadline_at
"""


class Claimed(msgspec.Struct, frozen=True):
    """A task that this node holds, with what a worker needs of it."""

    id: UUID
    account_id: UUID
    parent_id: UUID | None
    model: str
    task_type: str
    input: str
    price: str
    held: int
    connection_id: UUID
    attempt: int
    submission: str | None
    ticket: str | None
    progress: int
    cancel_asked: bool
    deadline_at: datetime


class ProgressNote(msgspec.Struct, frozen=True):
    """A step forward of a task in flight."""

    task_id: UUID
    node_id: UUID
    percent: int
    text: str | None


class SubmissionNote(msgspec.Struct, frozen=True):
    """What is now known of the one submit of a task."""

    task_id: UUID
    node_id: UUID
    attempt: int
    submission: str
    ticket: str | None = None


# Lock a connection and see how many tasks it may take now: none in its resting hours. A rest or a window that is
# over ends here.
LOCK_CONNECTION = """
SELECT queues, concurrency_max - running AS free, state,
       CASE WHEN window_max IS NULL THEN NULL
            WHEN now() >= window_start + window_s * interval '1 second' THEN window_max
            ELSE window_max - window_used END AS window_left
FROM connections
WHERE id = $1 AND (state = 'active' OR state = 'resting' AND rests_until <= now())
  AND NOT rests_now(rest_from, rest_to) FOR UPDATE
"""

# Take the next tasks of the connection's queues: best priority first, then fair rank. Locked ones are somebody else's.
CLAIM = f"""
WITH picked AS (
    SELECT next.id, next.queue, next.rank FROM unnest($1::text[]) AS served (queue) CROSS JOIN LATERAL (
        SELECT id, queue, priority, rank FROM tasks
        WHERE status = 'pending' AND tasks.queue = served.queue
          AND (ready_at IS NULL OR ready_at <= now()) AND NOT $2 = ANY(tried)
        ORDER BY priority, rank, id LIMIT $4 FOR UPDATE SKIP LOCKED) next
    ORDER BY next.priority, next.rank, next.id LIMIT $4
), clock AS (
    INSERT INTO queue_clock (queue, virtual_time) SELECT queue, max(rank) FROM picked GROUP BY queue
    ON CONFLICT (queue) DO UPDATE SET virtual_time = excluded.virtual_time
    WHERE queue_clock.virtual_time < excluded.virtual_time
)
UPDATE tasks SET status = 'processing', connection_id = $2, node_id = $3, attempt = attempt + 1, version = version + 1,
    submission = NULL, ticket = NULL, ready_at = NULL, started_at = coalesce(started_at, clock_timestamp())
FROM picked WHERE tasks.id = picked.id
RETURNING {COLUMNS}, {step_is_told("task.started")}
"""

# Count what a connection took.
COUNT_CLAIMED = """
UPDATE connections SET running = running + $2, state = 'active', state_reason = NULL, reason_code = NULL,
    rests_until = NULL,
    window_used = CASE WHEN now() >= window_start + window_s * interval '1 second' THEN $2 ELSE window_used + $2 END,
    window_start = CASE WHEN now() >= window_start + window_s * interval '1 second' THEN now() ELSE window_start END
WHERE id = $1
"""

NOTIFY_TASKS = "SELECT pg_notify('vermilion_task', $1)"

# Keep what is known of submits.
MARK_SUBMISSIONS = """
UPDATE tasks SET submission = m.submission, ticket = coalesce(m.ticket, tasks.ticket),
    version = version + (m.submission = 'unknown')::int
FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::text[]) AS m (id, node_id, attempt, submission, ticket)
WHERE tasks.id = m.id AND tasks.status = 'processing' AND tasks.node_id = m.node_id AND tasks.attempt = m.attempt
RETURNING tasks.id
"""

# Keep progress, which never goes back.
KEEP_PROGRESS = f"""
UPDATE tasks SET progress = greatest(progress, p.percent), progress_text = p.text, version = version + 1
FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[]) AS p (id, node_id, percent, text)
WHERE tasks.id = p.id AND tasks.status = 'processing' AND tasks.node_id = p.node_id
RETURNING tasks.id, {step_is_told("task.progress")} AS told
"""

# Tasks that this node holds for a connection and has not submitted.
READ_UNSENT = f"""
SELECT {COLUMNS} FROM tasks
WHERE status = 'processing' AND node_id = $1 AND connection_id = $2 AND submission IS NULL
"""

# Take over tasks of nodes that fell silent, where this node runs their provider.
ADOPT = f"""
UPDATE tasks SET node_id = $1
WHERE id IN (SELECT t.id FROM tasks t
             WHERE t.status = 'processing'
               AND t.connection_id IN (SELECT id FROM connections WHERE provider = ANY($3))
               AND NOT EXISTS (SELECT 1 FROM nodes n
                               WHERE n.id = t.node_id AND n.heartbeat_at > now() - $2 * interval '1 second')
             LIMIT 500 FOR UPDATE SKIP LOCKED)
RETURNING {COLUMNS}
"""

# Ask whoever holds a task to cancel it.
ASK_CANCEL = """
UPDATE tasks SET cancel_asked = true WHERE id = $1 AND status = 'processing'
RETURNING pg_notify('vermilion_cancel', id::text)
"""

# Active tasks whose deadline has passed.
READ_OVERDUE = """
SELECT id, submission, connection_id FROM tasks
WHERE status IN ('staged', 'pending', 'processing') AND deadline_at < now() ORDER BY deadline_at LIMIT $1
"""


async def claim(database: Database, *, connection_id: UUID, node_id: UUID, at_most: int) -> list[Claimed]:
    """Tasks for this connection within its limits, counted in the same transaction; empty if it has no room."""
    async with database.transaction() as connection:
        room = await connection.fetchrow(LOCK_CONNECTION, connection_id)
        places = 0 if room is None else _places(room, at_most)
        if places <= 0:
            return []
        rows = await connection.fetch(CLAIM, room["queues"], connection_id, node_id, places)
        if rows:
            await connection.execute(COUNT_CLAIMED, connection_id, len(rows))
            await notify(connection, rows)
            await tell_step(connection, "task.started", [row["id"] for row in rows if row[-1]])
            faults.at("claim.before_commit")
    if rows:
        faults.at("claim.after_commit")
    return [Claimed(*tuple(row)[:-1]) for row in rows]


async def mark_submissions(database: Database, notes: list[SubmissionNote]) -> Sequence[bool | Exception]:
    """Keep what is known of submits; False where the node no longer holds the task."""
    rows = await database.fetch(
        MARK_SUBMISSIONS,
        [n.task_id for n in notes],
        [n.node_id for n in notes],
        [n.attempt for n in notes],
        [n.submission for n in notes],
        [n.ticket for n in notes],
    )
    return applied(rows, notes)


async def keep_progress(database: Database, notes: list[ProgressNote]) -> Sequence[bool | Exception]:
    """Keep progress and tell who watches; False where the node no longer holds the task."""
    async with database.transaction() as connection:
        rows = await connection.fetch(
            KEEP_PROGRESS,
            [n.task_id for n in notes],
            [n.node_id for n in notes],
            [n.percent for n in notes],
            [n.text for n in notes],
        )
        await notify(connection, rows)
        await tell_step(connection, "task.progress", [row["id"] for row in rows if row["told"]])
    return applied(rows, notes)


async def read_unsent(database: Database, *, connection_id: UUID, node_id: UUID) -> list[Claimed]:
    """Tasks that this node claimed for a connection and has not submitted."""
    return [Claimed(*row) for row in await database.fetch(READ_UNSENT, node_id, connection_id)]


async def adopt(
    database: Database, *, node_id: UUID, lease_s: float, providers: Iterable[str]
) -> list[Claimed]:
    """Tasks of these providers whose node has been silent for longer than its lease, now held by this one."""
    return [Claimed(*row) for row in await database.fetch(ADOPT, node_id, lease_s, list(providers))]


async def ask_cancel(database: Database, task_id: UUID) -> bool:
    """Pass a cancel on to the node that holds the task; False if it is not processing."""
    return await database.fetchval(ASK_CANCEL, task_id) is not None


async def release_lease(database: Database, connection_id: UUID) -> None:
    """Take a connection's tasks from their nodes, to be adopted afresh within a lease."""
    await database.execute(
        "UPDATE tasks SET node_id = NULL WHERE status = 'processing' AND connection_id = $1", connection_id
    )


async def read_overdue(database: Database, limit: int) -> list[Any]:
    """(id, submission, connection_id) of active tasks past their deadline, the oldest first."""
    return await database.fetch(READ_OVERDUE, limit)


def _places(room: Any, at_most: int) -> int:
    places = min(room["free"], at_most)
    return int(places if room["window_left"] is None else min(places, room["window_left"]))


def applied(rows: list[Any], notes: Sequence[Any]) -> list[bool | Exception]:
    """For each note whether a row says that it changed its task."""
    changed = {row["id"] for row in rows}
    return [note.task_id in changed for note in notes]


async def notify(connection: Any, rows: list[Any]) -> None:
    """Wake whoever watches these tasks."""
    if rows:
        await connection.execute(NOTIFY_TASKS, ",".join(row["id"].hex for row in rows[:200]))
