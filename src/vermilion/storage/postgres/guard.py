"""Keeps the embedded server running for as long as the gateway lives."""

from __future__ import annotations

import asyncio

from vermilion.logs import get_logger
from vermilion.storage.postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError

START_AGAIN_S = 1.0
log = get_logger("postgres")


class PostgresGuard:
    """Inside its block, starts the server again whenever it dies."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self._task: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        self._task = asyncio.create_task(self._watch())

    def __exit__(self, *_error: object) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        while True:
            await self._server.exited.wait()
            log.error("the embedded PostgreSQL died; starting it again")
            try:
                await self._server.start()
            except EmbeddedPostgresError as failed:
                log.error("the embedded PostgreSQL does not start", error=str(failed))
                await asyncio.sleep(START_AGAIN_S)
