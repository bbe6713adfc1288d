"""What became of a task before the connection that has it now: one row for each time that it was handed back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from vermilion.storage.database import Database


class TryRow(msgspec.Struct, frozen=True):
    """A try that started nothing; `took_s` is how long the connection had the task."""

    attempt: int
    connection_id: UUID | None
    connection: str | None
    provider: str | None
    reason: str
    code: str | None
    elsewhere: bool
    took_s: float | None
    ended_at: datetime


class Note(Protocol):
    """What is known of a task that goes back."""

    @property
    def task_id(self) -> UUID:
        """Which task."""
        ...

    @property
    def reason(self) -> str:
        """Why nothing was started."""
        ...

    @property
    def code(self) -> str | None:
        """The same for programs."""
        ...

    @property
    def elsewhere(self) -> bool:
        """Whether another connection is to try."""
        ...

    @property
    def took_s(self) -> float | None:
        """How long the connection had it."""
        ...


# Keep what went wrong; a task that a node handed back in vain is noted once an attempt.
KEEP = """
INSERT INTO tries (task_id, attempt, connection_id, reason, code, elsewhere, took_s)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::text[], $6::boolean[], $7::float8[])
ON CONFLICT DO NOTHING
"""

# A task's tries with the names of their connections, the first one first.
READ = """
SELECT t.attempt, t.connection_id, c.name, c.provider, t.reason, t.code, t.elsewhere, t.took_s, t.ended_at
FROM tries t LEFT JOIN connections c ON c.id = t.connection_id WHERE t.task_id = $1 ORDER BY t.attempt DESC LIMIT $2
"""


# Forget what nobody asks about any more.
FORGET = "DELETE FROM tries WHERE ended_at < now() - $1 * interval '1 day'"


async def keep(connection: Any, rows: Sequence[Any], notes: Sequence[Note]) -> None:
    """Keep the notes of the tasks that did go back; `rows` are those tasks."""
    went_back = {row["id"]: row for row in rows}
    kept = [(went_back[note.task_id], note) for note in notes if note.task_id in went_back]
    if kept:
        await connection.execute(
            KEEP,
            [row["id"] for row, _ in kept],
            [row["attempt"] for row, _ in kept],
            [row["connection_id"] for row, _ in kept],
            [note.reason for _, note in kept],
            [note.code for _, note in kept],
            [note.elsewhere for _, note in kept],
            [note.took_s for _, note in kept],
        )


async def read(database: Database, task_id: UUID, *, limit: int) -> list[TryRow]:
    """The newest tries of a task."""
    return [TryRow(*row) for row in await database.fetch(READ, task_id, limit)]


async def forget_old(database: Database, days: float) -> None:
    """Delete tries that ended longer ago."""
    await database.execute(FORGET, days)
