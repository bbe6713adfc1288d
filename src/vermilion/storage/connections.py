"""Connections as rows: their limits, state and counts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import uuid_utils.compat as uuids

from vermilion.storage.database import Database

COLUMNS = """
    id, provider, name, account_id, queues, state, state_reason, options, secret, concurrency_max, running,
    window_s, window_max, rests_until, preference, created_at
"""


class ConnectionRow(msgspec.Struct, frozen=True):
    """A connection as stored; `secret` is encrypted."""

    id: UUID
    provider: str
    name: str
    account_id: UUID | None
    queues: list[str]
    state: str
    state_reason: str | None
    options: str
    secret: bytes | None
    concurrency_max: int
    running: int
    window_s: int | None
    window_max: int | None
    rests_until: datetime | None
    preference: int
    created_at: datetime


# Make a connection, or bring one that exists up to date; its state and counts stay, and its limit unless $7.
UPSERT = f"""
INSERT INTO connections (id, provider, name, queues, options, concurrency_max)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (provider, name) DO UPDATE SET queues = excluded.queues, options = excluded.options,
    concurrency_max = CASE WHEN $7 THEN excluded.concurrency_max ELSE connections.concurrency_max END
RETURNING {COLUMNS}
"""

READ_ALL = f"SELECT {COLUMNS} FROM connections ORDER BY preference, provider, name"
READ_ONE = f"SELECT {COLUMNS} FROM connections WHERE id = $1"

# Change what a connection can do, and wake whoever claims for it.
SET_STATE = f"""
UPDATE connections SET state = $2, state_reason = $3, rests_until = now() + $4 * interval '1 second' WHERE id = $1
RETURNING {COLUMNS}
"""

# Keep what a provider said of a connection; it lifts no pause and heals nothing that a person has to look at.
NOTE_TROUBLE = SET_STATE.replace("WHERE id = $1", "WHERE id = $1 AND state IN ('active', 'resting')")

# Change how much a connection may take; a window of null has no bound.
SET_LIMITS = f"""
UPDATE connections SET concurrency_max = coalesce($2, concurrency_max), window_max = $3, window_s = $4 WHERE id = $1
RETURNING {COLUMNS}
"""

# The waiting and running tasks of each queue.
COUNT_QUEUES = """
SELECT queue, count(*) FILTER (WHERE status = 'staged') AS staged,
       count(*) FILTER (WHERE status = 'pending') AS pending,
       count(*) FILTER (WHERE status = 'processing') AS processing
FROM tasks WHERE status IN ('staged', 'pending', 'processing') GROUP BY queue ORDER BY queue
"""


async def ensure(
    database: Database,
    *,
    provider: str,
    name: str,
    queues: list[str],
    concurrency_max: int,
    fixed: bool = False,
) -> ConnectionRow:
    """The connection of this provider and name. A limit that is not `fixed` is an operator's to change."""
    row = await database.fetchrow(UPSERT, uuids.uuid7(), provider, name, queues, "{}", concurrency_max, fixed)
    assert row is not None  # INSERT … RETURNING always answers
    return ConnectionRow(*row)


async def read_all(database: Database) -> list[ConnectionRow]:
    """Every connection, in order of preference."""
    return [ConnectionRow(*row) for row in await database.fetch(READ_ALL)]


async def read_one(database: Database, connection_id: UUID) -> ConnectionRow | None:
    """One connection, or None."""
    row = await database.fetchrow(READ_ONE, connection_id)
    return ConnectionRow(*row) if row else None


async def set_state(
    database: Database,
    connection_id: UUID,
    *,
    state: str,
    reason: str | None = None,
    rest_s: float | None = None,
) -> ConnectionRow | None:
    """Change the state, as an operator may; a resting connection wakes by itself after `rest_s`."""
    return await _change(database, SET_STATE, connection_id, state, reason, rest_s)


async def set_limits(
    database: Database,
    connection_id: UUID,
    *,
    concurrency_max: int | None,
    window_max: int | None,
    window_s: int | None,
) -> ConnectionRow | None:
    """Change how many tasks at once, and how many in a window; running tasks go on."""
    return await _change(database, SET_LIMITS, connection_id, concurrency_max, window_max, window_s)


async def note_trouble(
    database: Database, connection_id: UUID, *, state: str, reason: str, rest_s: float | None
) -> ConnectionRow | None:
    """Change the state as a provider's answer demands; None where an operator or an earlier trouble stopped it."""
    return await _change(database, NOTE_TROUBLE, connection_id, state, reason, rest_s)


async def count_queues(database: Database) -> list[Any]:
    """(queue, staged, pending, processing) of every queue with active tasks."""
    return await database.fetch(COUNT_QUEUES)


async def _change(database: Database, sql: str, connection_id: UUID, *change: Any) -> ConnectionRow | None:
    row = await database.fetchrow(sql, connection_id, *change)
    await database.execute("SELECT pg_notify('vermilion_connection', $1)", str(connection_id))
    return ConnectionRow(*row) if row else None
