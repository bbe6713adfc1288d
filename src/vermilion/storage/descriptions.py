"""What providers say of connections: asked for by whoever wants to know, answered by the nodes that serve them."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from vermilion.storage.connections import COLUMNS, ConnectionRow
from vermilion.storage.database import Database

# Ask for a fresh description.
ASK = f"""
UPDATE connections SET describe_asked_at = clock_timestamp() WHERE id = $1
RETURNING {COLUMNS}, pg_notify('vermilion_describe', id::text)
"""

# Connections of these providers whose description was asked for and not yet given.
READ_ASKED = f"""
SELECT {COLUMNS} FROM connections
WHERE describe_asked_at IS NOT NULL AND provider = ANY($1::text[]) ORDER BY describe_asked_at
"""

# Keep what a provider said, or that it could not be reached; a request that came meanwhile stays.
KEEP = """
UPDATE connections SET description = coalesce($2, description), describe_error = $3,
    described_at = CASE WHEN $3::text IS NULL THEN clock_timestamp() ELSE described_at END,
    describe_asked_at = CASE WHEN describe_asked_at = $4 THEN NULL ELSE describe_asked_at END
WHERE id = $1
"""

# How many tasks wait for one connection, or for any of its owner's, by speed.
COUNT_WAITING = """
SELECT coalesce(input ->> 'process_mode', 'relax') AS mode, count(*) AS tasks FROM tasks
WHERE status = 'pending' AND queue = ANY($1::text[]) GROUP BY 1
"""


async def ask(database: Database, connection_id: UUID) -> ConnectionRow | None:
    """Ask the node that serves this connection to describe it."""
    row = await database.fetchrow(ASK, connection_id)
    return ConnectionRow(*tuple(row)[:-1]) if row else None


async def read_asked(database: Database, providers: Iterable[str]) -> list[ConnectionRow]:
    """Connections that somebody waits to hear of."""
    return [ConnectionRow(*row) for row in await database.fetch(READ_ASKED, list(providers))]


async def keep(database: Database, row: ConnectionRow, *, description: str | None, error: str | None) -> None:
    """Answer a request for a description."""
    await database.execute(KEEP, row.id, description, error, row.describe_asked_at)


async def count_waiting(database: Database, row: ConnectionRow) -> dict[str, int]:
    """Tasks that this connection could begin now, by speed."""
    return {found["mode"]: found["tasks"] for found in await database.fetch(COUNT_WAITING, row.queues)}
