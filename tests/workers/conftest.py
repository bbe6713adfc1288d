"""A look into the database of the module's gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest
from tests.support.patience import PATIENCE_S
from tests.support.server import Server


class Rows:
    """The database behind the gateway, to arrange what no request can and to see what no answer tells."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def __call__(self, sql: str, *arguments: Any) -> list[Any]:
        """The rows of a statement."""
        rows: list[Any] = await self._connection.fetch(sql, *arguments)
        return rows

    async def task(self, task: Any) -> Any:
        """The row of a task."""
        return (await self("SELECT * FROM tasks WHERE id = $1::text::uuid", task["id"]))[0]

    async def until(self, task: Any, so: Callable[[Any], bool]) -> Any:
        """The row of a task as soon as something is so of it."""
        async with asyncio.timeout(PATIENCE_S):
            while not so(row := await self.task(task)):
                await asyncio.sleep(0.02)
            return row

    async def changed(self) -> None:
        """Tell the gateway that connections were changed behind its back."""
        await self("SELECT pg_notify('vermilion_connection', '')")


@pytest.fixture
async def rows(module_server: Server) -> AsyncIterator[Rows]:
    """The module's database."""
    connection = await asyncpg.connect(module_server.environment["DATABASE_URL"])
    yield Rows(connection)
    await connection.close()
