"""Connections as they are read."""

from __future__ import annotations

from uuid import uuid4

from vermilion.storage import connections
from vermilion.storage.database import Database


async def test_many_are_read_in_the_order_they_are_asked_for(database: Database) -> None:
    """One may be asked for twice, by two tasks at once, and one that does not exist is None."""
    first, second = [
        await connections.ensure(database, provider="echo", name=name, queues=["echo"], concurrency_max=1)
        for name in ("first", "second")
    ]
    gone = uuid4()

    found = await connections.read_many(database, [second.id, gone, first.id, second.id])

    assert ["second", None, "first", "second"] == [row and row.name for row in found]
    assert None is await connections.read_one(database, gone)
