"""Connections as rows: their limits, state and counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from vermilion.domain.connections import queue_base, queues_served
from vermilion.errors import Conflict
from vermilion.ids import new_id
from vermilion.storage.database import Database
from vermilion.storage.troubles import tell_trouble

COLUMNS = """
    id, provider, name, account_id, queues, state, state_reason, options, secret, concurrency_max, running,
    window_s, window_max, rests_until, preference, created_at, number, rest_from, rest_to, reason_code, description,
    described_at, describe_error, describe_asked_at, done, done_fast, done_turbo, done_relax
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
    number: int  #: small and stable, for faces that count accounts
    rest_from: time | None  #: hours of every day (UTC) in which nothing is begun
    rest_to: time | None
    reason_code: str | None
    description: str | None  #: JSON: what its provider last said of it
    described_at: datetime | None
    describe_error: str | None
    describe_asked_at: datetime | None
    done: int
    done_fast: int
    done_turbo: int
    done_relax: int

    @property
    def bases(self) -> set[str]:
        """The kinds of work that it does, whosever it is."""
        return {queue_base(queue) for queue in self.queues}


# Make a connection of the operator's; one that exists keeps its state, counts and options, and its limit unless $6.
UPSERT = f"""
INSERT INTO connections (id, provider, name, queues, concurrency_max)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (provider, name) WHERE account_id IS NULL DO UPDATE SET
    concurrency_max = CASE WHEN $6 THEN excluded.concurrency_max ELSE connections.concurrency_max END
RETURNING {COLUMNS}
"""

# A connection with an owner.
CREATE = f"""
INSERT INTO connections (id, provider, name, account_id, queues, options, secret, concurrency_max)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING {COLUMNS}
"""

# What an account's own connections are.
READ_OWN = f"SELECT {COLUMNS} FROM connections WHERE account_id = $1 ORDER BY number"

# Serve these queues from now on.
SET_QUEUES = "UPDATE connections SET queues = $2 WHERE id = $1 AND queues IS DISTINCT FROM $2"

# Change when a connection rests, how it works, and what it is called.
SET_HABITS = f"""
UPDATE connections SET rest_from = $2, rest_to = $3, options = $4, name = $5 WHERE id = $1
RETURNING {COLUMNS}
"""

READ_ALL = f"SELECT {COLUMNS} FROM connections ORDER BY preference, provider, name"
READ_MANY = f"SELECT {COLUMNS} FROM connections WHERE id = ANY($1::uuid[])"

# Change what a connection can do, and wake whoever claims for it.
SET_STATE = f"""
UPDATE connections SET state = $2, state_reason = $3, rests_until = now() + $4 * interval '1 second',
    reason_code = $5
WHERE id = $1
RETURNING {COLUMNS}
"""

# Keep what a provider said of a connection; it lifts no pause and heals nothing that a person has to look at.
NOTE_TROUBLE = SET_STATE.replace("WHERE id = $1", "WHERE id = $1 AND state IN ('active', 'resting')")

ANNOUNCE = "SELECT pg_notify('vermilion_connection', $1)"

# Change how much a connection may take, and when its turn is; a window of null has no bound.
SET_LIMITS = f"""
UPDATE connections SET concurrency_max = coalesce($2, concurrency_max), window_max = $3, window_s = $4,
    preference = coalesce($5, preference)
WHERE id = $1 RETURNING {COLUMNS}
"""

# The waiting and running tasks of each queue.
COUNT_QUEUES = """
SELECT queue, count(*) FILTER (WHERE status = 'staged') AS staged,
       count(*) FILTER (WHERE status = 'pending') AS pending,
       count(*) FILTER (WHERE status = 'processing') AS processing
FROM tasks WHERE status IN ('staged', 'pending', 'processing') GROUP BY queue ORDER BY queue
"""


# Whether one of these providers has a connection that this account's tasks may use.
ARE_THERE = """
SELECT EXISTS (SELECT 1 FROM connections WHERE provider = ANY($1::text[]) AND (account_id IS NULL OR account_id = $2))
"""


async def are_there(database: Database, *, providers: Sequence[str], account_id: UUID) -> bool:
    """Whether one of these providers has a connection that tasks of this account may use, in whatever state."""
    return bool(await database.fetchval(ARE_THERE, list(providers), account_id))


# Every queue that a connection serves; a local engine's connection counts while its node was heard of lately.
READ_SERVED_QUEUES = """
SELECT DISTINCT unnest(queues) AS queue FROM connections c
WHERE provider <> 'local' OR EXISTS (
    SELECT 1 FROM nodes n WHERE n.name = c.name AND n.heartbeat_at > now() - $1 * interval '1 second')
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
    row = await database.fetchrow(UPSERT, new_id(), provider, name, queues, concurrency_max, fixed)
    assert row is not None  # INSERT … RETURNING always answers
    await keep_queues(database, ConnectionRow(*row), queues)
    return ConnectionRow(*row)


async def keep_queues(database: Database, row: ConnectionRow, bases: list[str]) -> None:
    """Let a connection serve these kinds of work, for whom it serves."""
    served = queues_served(bases, connection_id=row.id, account_id=row.account_id)
    await database.execute(SET_QUEUES, row.id, served)


async def create(
    database: Database,
    connection_id: UUID,
    account_id: UUID,
    *,
    provider: str,
    name: str,
    bases: list[str],
    options: str,
    secret: bytes | None,
    concurrency_max: int,
) -> ConnectionRow:
    """A connection of this account. Raises Conflict if it has one of this name, NotFound for an unknown account."""
    served = queues_served(bases, connection_id=connection_id, account_id=account_id)
    columns = (provider, name, account_id, served, options, secret, concurrency_max)
    try:
        row = await database.fetchrow(CREATE, connection_id, *columns)
    except asyncpg.UniqueViolationError as taken:
        raise Conflict(f"This account has a connection to {provider} named {name!r} already.") from taken
    assert row is not None  # INSERT … RETURNING always answers
    await _announce(database, connection_id)
    return ConnectionRow(*row)


async def read_all(database: Database) -> list[ConnectionRow]:
    """Every connection, in order of preference."""
    return [ConnectionRow(*row) for row in await database.fetch(READ_ALL)]


async def read_own(database: Database, account_id: UUID) -> list[ConnectionRow]:
    """The connections of this account, the oldest first."""
    return [ConnectionRow(*row) for row in await database.fetch(READ_OWN, account_id)]


async def set_habits(
    database: Database,
    connection_id: UUID,
    *,
    rest_from: time | None,
    rest_to: time | None,
    options: str,
    name: str,
) -> ConnectionRow | None:
    """Change resting hours, options and name. Raises Conflict if the owner has another one of this name."""
    try:
        return await _change(database, SET_HABITS, connection_id, rest_from, rest_to, options, name)
    except asyncpg.UniqueViolationError as taken:
        raise Conflict(f"There is a connection named {name!r} already.") from taken


async def read_one(database: Database, connection_id: UUID) -> ConnectionRow | None:
    """One connection, or None."""
    [found] = await read_many(database, [connection_id])
    return found


async def read_many(database: Database, connection_ids: list[UUID]) -> list[ConnectionRow | None]:
    """Connections in this order, None for those that do not exist."""
    rows = {row["id"]: ConnectionRow(*row) for row in await database.fetch(READ_MANY, connection_ids)}
    return [rows.get(id_) for id_ in connection_ids]


async def set_state(
    database: Database,
    connection_id: UUID,
    *,
    state: str,
    reason: str | None = None,
    rest_s: float | None = None,
) -> ConnectionRow | None:
    """Change the state, as an operator may; a resting connection wakes by itself after `rest_s`."""
    return await _change(database, SET_STATE, connection_id, state, reason, rest_s, None)


async def set_limits(
    database: Database,
    connection_id: UUID,
    *,
    concurrency_max: int | None,
    window_max: int | None,
    window_s: int | None,
    preference: int | None = None,
) -> ConnectionRow | None:
    """Change how many tasks at once, how many in a window, and when its turn is; running tasks go on."""
    return await _change(
        database, SET_LIMITS, connection_id, concurrency_max, window_max, window_s, preference
    )


async def note_trouble(
    database: Database,
    connection_id: UUID,
    *,
    state: str,
    reason: str,
    code: str | None,
    rest_s: float | None,
) -> ConnectionRow | None:
    """Change the state as a provider's answer demands; None where an operator or an earlier trouble stopped it."""
    async with database.transaction() as connection:
        row = await connection.fetchrow(NOTE_TROUBLE, connection_id, state, reason, rest_s, code)
        if row is not None:
            await tell_trouble(connection, row, rest_s)
        await connection.execute(ANNOUNCE, str(connection_id))
    return ConnectionRow(*row) if row else None


async def read_served_queues(database: Database, silent_s_max: float) -> list[str]:
    """The queues that connections serve, those of local engines only while their node lives."""
    return [row["queue"] for row in await database.fetch(READ_SERVED_QUEUES, silent_s_max)]


async def tell_changed(database: Database) -> None:
    """Wake whoever goes by the connections."""
    await database.execute("SELECT pg_notify('vermilion_connection', '')")


async def count_queues(database: Database) -> list[Any]:
    """(queue, staged, pending, processing) of every queue with active tasks."""
    return await database.fetch(COUNT_QUEUES)


async def _change(database: Database, sql: str, connection_id: UUID, *change: Any) -> ConnectionRow | None:
    row = await database.fetchrow(sql, connection_id, *change)
    await _announce(database, connection_id)
    return ConnectionRow(*row) if row else None


async def _announce(database: Database, connection_id: UUID) -> None:
    """Wake whoever claims for connections."""
    await database.execute(ANNOUNCE, str(connection_id))
