"""Connections: a few stay at hand between two uses, and one that is broken is never used again."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from vermilion.errors import ServiceUnavailable
from vermilion.storage.database import Database

BACKEND = "SELECT pg_backend_pid()"


async def test_one_connection_serves_one_use_after_the_other(database: Database) -> None:
    """Statements that follow each other go over the same connection."""
    assert 1 == len({await database.fetchval(BACKEND) for _ in range(5)})


async def test_connections_at_hand_are_never_shared(database: Database) -> None:
    """Uses at the same time have a connection each, as many as the pool may have, and then wait for one."""
    for _ in range(2):
        pids = await asyncio.gather(
            *(database.fetchval("SELECT pg_backend_pid() FROM pg_sleep(0.05)") for _ in range(30))
        )
        assert 1 < len(set(pids)) <= 12


async def test_a_connection_that_was_cut_is_replaced(database: Database) -> None:
    """After the server ended it, the next use has another one."""
    pid = await database.fetchval(BACKEND)
    other = await asyncpg.connect(database.dsn)
    await other.execute("SELECT pg_terminate_backend($1)", pid)
    await other.close()
    try:
        assert pid != await database.fetchval(BACKEND)
    except ServiceUnavailable:  # it was cut under this very statement
        assert pid != await database.fetchval(BACKEND)


async def test_a_use_that_failed_leaves_nothing_behind(database: Database) -> None:
    """Neither a wrong statement nor one that was given up spoils the connection for the next use."""
    with pytest.raises(asyncpg.UndefinedTableError):
        await database.fetch("SELECT * FROM nothing")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await database.fetchval("SELECT pg_sleep(60)")

    assert [1] * 20 == await asyncio.gather(*(database.fetchval("SELECT 1") for _ in range(20)))
