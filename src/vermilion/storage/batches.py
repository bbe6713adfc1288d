"""Batches as rows: the whole and its lines. A line is submitted once, under an idempotency key of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from vermilion.errors import IdempotencyMismatch, NotFound
from vermilion.storage.database import Database

COLUMNS = """
    id, account_id, key_id, name, state, problem, priority, total, completed, failed, cancelled, quoted, charged,
    expires_at, created_at, ended_at, wire
"""


class BatchRow(msgspec.Struct, frozen=True):
    """Many tasks from one file; `problem` says what it waits for, or why it failed."""

    id: UUID
    account_id: UUID
    key_id: UUID
    name: str | None
    state: str
    problem: str | None
    priority: int
    total: int
    completed: int
    failed: int
    cancelled: int
    quoted: int
    charged: int
    expires_at: datetime
    created_at: datetime
    ended_at: datetime | None
    wire: str | None  #: what the face that it came through has to remember of it


class NewBatch(msgspec.Struct, frozen=True):
    """A checked and quoted batch, about to become rows."""

    id: UUID
    account_id: UUID
    key_id: UUID
    name: str | None
    priority: int
    quoted: int
    window_s: int
    idempotency_key: str | None
    request_hash: bytes
    wire: str | None = None


class NewLine(msgspec.Struct, frozen=True):
    """A checked line: its number in the file, and the submission as JSON."""

    line: int
    custom_id: str
    submission: str


class LineRow(msgspec.Struct, frozen=True):
    """A line and what became of it."""

    line: int
    custom_id: str
    state: str
    submission: str
    task_id: UUID | None
    error: str | None


class LineEnd(msgspec.Struct, frozen=True):
    """What became of a line's submission: a task, or the reason why there is none."""

    line: int
    task_id: UUID | None = None
    error: str | None = None


CREATE = f"""
INSERT INTO batches (id, account_id, key_id, name, priority, total, quoted, expires_at, idempotency_key, request_hash,
                     wire)
VALUES ($1, $2, $3, $4, $5, $6, $7, now() + $8 * interval '1 second', $9, $10, $11) RETURNING {COLUMNS}
"""

# Take the batch that has waited longest for somebody to look after it, for a while.
TAKE = f"""
UPDATE batches SET look_at = now() + $1 * interval '1 second'
WHERE id = (SELECT id FROM batches WHERE ended_at IS NULL AND look_at <= now() ORDER BY look_at LIMIT 1
            FOR UPDATE SKIP LOCKED)
RETURNING {COLUMNS}
"""

# Carry over what became of the submitted tasks, and count it.
SETTLE = """
WITH ended AS (
    UPDATE batch_lines SET state = t.status FROM tasks t
    WHERE batch_lines.batch_id = $1 AND batch_lines.state = 'submitted' AND t.id = batch_lines.task_id
      AND t.status IN ('completed', 'failed', 'cancelled')
    RETURNING t.status, coalesce(t.charged, 0) AS charged
), counted AS (
    SELECT count(*) FILTER (WHERE status = 'completed') AS completed,
           count(*) FILTER (WHERE status = 'failed') AS failed,
           count(*) FILTER (WHERE status = 'cancelled') AS cancelled, coalesce(sum(charged), 0)::bigint AS charged
    FROM ended
)
UPDATE batches b SET completed = b.completed + c.completed, failed = b.failed + c.failed,
    cancelled = b.cancelled + c.cancelled, charged = b.charged + c.charged
FROM counted c WHERE b.id = $1 RETURNING (c.completed + c.failed + c.cancelled)::int
"""

# Note tasks that were made of lines, and lines of which none could be made.
NOTE = """
WITH noted AS (
    UPDATE batch_lines SET state = CASE WHEN n.task_id IS NULL THEN 'failed' ELSE 'submitted' END, task_id = n.task_id,
        error = n.error
    FROM unnest($2::int[], $3::uuid[], $4::json[]) AS n (line, task_id, error)
    WHERE batch_id = $1 AND batch_lines.line = n.line AND state = 'waiting'
    RETURNING n.task_id
)
UPDATE batches SET failed = failed + (SELECT count(*) FROM noted WHERE task_id IS NULL) WHERE id = $1
"""

# Give up the lines that have not been submitted.
GIVE_UP = """
WITH given_up AS (
    UPDATE batch_lines SET state = 'cancelled' WHERE batch_id = $1 AND state = 'waiting' RETURNING line
)
UPDATE batches SET cancelled = cancelled + (SELECT count(*) FROM given_up) WHERE id = $1
"""

ASK_CANCEL = f"""
UPDATE batches SET state = 'cancelling', look_at = now()
WHERE id = $1 AND account_id = $2 AND state = 'running' RETURNING {COLUMNS}
"""

READ_RESULTS = """
SELECT line, custom_id, state, submission, task_id, error FROM batch_lines
WHERE batch_id = $1 AND line > $2 AND state IN ('completed', 'failed', 'cancelled') ORDER BY line LIMIT $3
"""


async def create(database: Database, new: NewBatch, lines: Sequence[NewLine]) -> tuple[BatchRow, bool]:
    """The batch with all its lines, and whether it had been made before under the same key.

    Raises IdempotencyMismatch if that one was of another file.
    """
    try:
        async with database.transaction() as connection:
            row = await connection.fetchrow(
                CREATE,
                new.id,
                new.account_id,
                new.key_id,
                new.name,
                new.priority,
                len(lines),
                new.quoted,
                new.window_s,
                new.idempotency_key,
                new.request_hash,
                new.wire,
            )
            await connection.copy_records_to_table(
                "batch_lines",
                records=[(new.id, line.line, line.custom_id, line.submission) for line in lines],
                columns=["batch_id", "line", "custom_id", "submission"],
            )
    except asyncpg.UniqueViolationError:
        return await _made_before(database, new), True
    return BatchRow(*row), False


async def _made_before(database: Database, new: NewBatch) -> BatchRow:
    row = await database.fetchrow(
        f"SELECT request_hash, {COLUMNS} FROM batches WHERE account_id = $1 AND idempotency_key = $2",
        new.account_id,
        new.idempotency_key,
    )
    assert row is not None  # its key is why there is a conflict
    if row["request_hash"] != new.request_hash:
        raise IdempotencyMismatch
    return BatchRow(*tuple(row)[1:])


async def read(database: Database, account_id: UUID, batch_id: UUID) -> BatchRow:
    """A batch of this account. Raises NotFound."""
    row = await database.fetchrow(
        f"SELECT {COLUMNS} FROM batches WHERE id = $1 AND account_id = $2", batch_id, account_id
    )
    if row is None:
        raise NotFound("There is no such batch.")
    return BatchRow(*row)


async def read_page(
    database: Database, account_id: UUID, *, before: UUID | None, limit: int, with_wire: bool = False
) -> list[BatchRow]:
    """A page of an account's batches, newest first; with a wire only those of a face with words of its own."""
    rows = await database.fetch(
        f"SELECT {COLUMNS} FROM batches WHERE account_id = $1 AND ($2::uuid IS NULL OR id < $2) "
        "AND (NOT $4 OR wire IS NOT NULL) ORDER BY id DESC LIMIT $3",
        account_id,
        before,
        limit,
        with_wire,
    )
    return [BatchRow(*row) for row in rows]


async def ask_cancel(database: Database, account_id: UUID, batch_id: UUID) -> BatchRow | None:
    """The batch as it is being cancelled, or None if it does not run any more."""
    row = await database.fetchrow(ASK_CANCEL, batch_id, account_id)
    return None if row is None else BatchRow(*row)


async def take(database: Database, lease_s: float) -> BatchRow | None:
    """The batch that is due to be looked after, for nobody else within the lease; None if none is."""
    row = await database.fetchrow(TAKE, lease_s)
    return None if row is None else BatchRow(*row)


async def settle(database: Database, batch_id: UUID) -> int:
    """Count the tasks that have ended since; answers how many."""
    ended: int = await database.fetchval(SETTLE, batch_id)
    return ended


async def read_waiting(database: Database, batch_id: UUID, limit: int) -> list[LineRow]:
    """The next lines that have not been submitted."""
    rows = await database.fetch(
        "SELECT line, custom_id, state, submission, task_id, error FROM batch_lines "
        "WHERE batch_id = $1 AND state = 'waiting' ORDER BY line LIMIT $2",
        batch_id,
        limit,
    )
    return [LineRow(*row) for row in rows]


async def read_outstanding(database: Database, batch_id: UUID) -> list[UUID]:
    """The tasks that were submitted and have not been counted as ended."""
    rows = await database.fetch(
        "SELECT task_id FROM batch_lines WHERE batch_id = $1 AND state = 'submitted'", batch_id
    )
    return [row["task_id"] for row in rows]


async def note_lines(database: Database, batch_id: UUID, ends: Sequence[LineEnd]) -> None:
    """Write down what became of lines."""
    columns = [[end.line for end in ends], [end.task_id for end in ends], [end.error for end in ends]]
    await database.execute(NOTE, batch_id, *columns)


async def give_up_waiting(database: Database, batch_id: UUID) -> None:
    """Nothing more of this batch is to be submitted."""
    await database.execute(GIVE_UP, batch_id)


async def change(database: Database, batch_id: UUID, *, state: str, problem: str | None = None) -> None:
    """Another state on its way."""
    await database.execute(
        "UPDATE batches SET state = $2, problem = $3 WHERE id = $1", batch_id, state, problem
    )


async def end(database: Database, batch_id: UUID, state: str) -> None:
    """It is over."""
    await database.execute(
        "UPDATE batches SET state = $2, ended_at = now() WHERE id = $1 AND ended_at IS NULL", batch_id, state
    )


async def look_again(database: Database, batch_id: UUID, *, in_s: float, problem: str | None) -> None:
    """When somebody is to look after it again, and what it waits for."""
    await database.execute(
        "UPDATE batches SET look_at = now() + $2 * interval '1 second', problem = $3 "
        "WHERE id = $1 AND ended_at IS NULL",
        batch_id,
        in_s,
        problem,
    )


async def read_results(database: Database, batch_id: UUID, *, after: int, limit: int) -> list[LineRow]:
    """Lines that have ended, in the order of the file."""
    return [LineRow(*row) for row in await database.fetch(READ_RESULTS, batch_id, after, limit)]
