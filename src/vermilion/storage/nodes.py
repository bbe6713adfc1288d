"""Nodes and their leases: a heartbeat a node, however many tasks it holds."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from vermilion.storage.database import Database

# A node starts; an earlier one of the same name is certainly gone, since names contain the bound port.
REGISTER = """
WITH gone AS (DELETE FROM nodes WHERE name = $2)
INSERT INTO nodes (id, name, role) VALUES ($1, $2, $3)
"""

# Say that this node is alive; no row means that it was declared dead.
BEAT = "UPDATE nodes SET heartbeat_at = clock_timestamp() WHERE id = $1"

# Forget nodes that have been silent for much longer than any lease.
FORGET = "DELETE FROM nodes WHERE heartbeat_at < now() - $1 * interval '1 second'"


async def register(database: Database, *, node_id: UUID, name: str, role: str) -> None:
    """Announce this node."""
    await database.execute(REGISTER, node_id, name, role)


async def beat(database: Database, node_id: UUID) -> bool:
    """Renew the lease; False if the node is no longer known and has to announce itself again."""
    return await database.execute(BEAT, node_id) == "UPDATE 1"


async def leave(database: Database, node_id: UUID) -> None:
    """Give up the lease at once, so that others take over without waiting."""
    await database.execute("DELETE FROM nodes WHERE id = $1", node_id)


async def forget_silent(database: Database, silent_s: float) -> None:
    """Delete nodes that fell silent."""
    await database.execute(FORGET, silent_s)


async def read_all(database: Database) -> list[Any]:
    """Every node with the age of its heartbeat in seconds."""
    return await database.fetch(
        "SELECT id, name, role, started_at, extract(epoch FROM now() - heartbeat_at)::float8 AS silent_s "
        "FROM nodes ORDER BY name"
    )
