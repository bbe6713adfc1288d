"""`/healthz`: the process answers. `/readyz`: it can do its work. `/metrics`: how it has been doing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from vermilion.errors import ServiceUnavailable
from vermilion.storage.connections import count_queues
from vermilion.storage.database import Database

READY_TIMEOUT_S = 2.0
TASKS = Gauge("vermilion_tasks", "Active tasks of the whole system.", ["queue", "status"])


def health_routes(database: Database, is_draining: Callable[[], bool]) -> list[Route]:
    """The three paths; they ask for no key and tell nothing of customers."""

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> Response:
        if is_draining():
            raise ServiceUnavailable("This node is shutting down.")
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                await database.ping()
        except TimeoutError:
            raise ServiceUnavailable("The database does not answer.") from None
        return PlainTextResponse("ready\n")

    async def metrics(_request: Request) -> Response:
        await _count_tasks(database)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


async def _count_tasks(database: Database) -> None:
    TASKS.clear()
    for row in await count_queues(database):
        for status in ("staged", "pending", "processing"):
            TASKS.labels(row["queue"], status).set(row[status])
