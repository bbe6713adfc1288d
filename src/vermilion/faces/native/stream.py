"""A task's changes as server-sent events; `Last-Event-ID` resumes after the version it names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec

from vermilion.domain.tasks import ENDED, Status
from vermilion.faces.native.wire import task_view
from vermilion.http.asgi import Send
from vermilion.http.endpoints import Call, Operation
from vermilion.services.find_tasks import get_task
from vermilion.services.watch_task import changes
from vermilion.storage.tasks import TaskRow

KEEP_ALIVE = b": still here\n\n"
HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


async def events(call: Call, send: Send) -> None:
    """Stream the task's changes until its end; 204 tells a client that has seen the end not to come back."""
    after_version = _last_seen(call)
    row = await get_task(call.gateway, call.bearer.account.id, call.id())
    if row.status in ENDED and row.version <= after_version:
        await send({"type": "http.response.start", "status": 204, "headers": call.rate_headers})
        await send({"type": "http.response.body"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS + call.rate_headers})
    streaming = asyncio.create_task(_stream(call, send, after_version))
    leaving = asyncio.create_task(_gone(call))
    _, unfinished = await asyncio.wait({streaming, leaving}, return_when=asyncio.FIRST_COMPLETED)
    for task in unfinished:
        task.cancel()
    await asyncio.gather(*unfinished, return_exceptions=True)
    if not streaming.cancelled():
        streaming.result()
        await send({"type": "http.response.body", "body": b""})


def _last_seen(call: Call) -> int:
    version = call.header(b"last-event-id") or ""
    return int(version) if version.isdecimal() and len(version) < 10 else 0


async def _stream(call: Call, send: Send, after_version: int) -> None:
    rows = changes(call.gateway, call.bearer.account.id, call.id(), after_version=after_version)
    async for event in _encoded(call, rows):
        await send({"type": "http.response.body", "body": event, "more_body": True})


async def _encoded(call: Call, rows: AsyncIterator[TaskRow | None]) -> AsyncIterator[bytes]:
    progressing = False
    async for row in rows:
        if row is None:
            yield KEEP_ALIVE
            continue
        name = "task.progress" if progressing and row.status == Status.PROCESSING else f"task.{row.status}"
        progressing = row.status == Status.PROCESSING
        data = msgspec.json.encode(task_view(call.gateway, row, call.origin))
        yield b"id: %d\nevent: %b\ndata: %b\n\n" % (row.version, name.encode(), data)


async def _gone(call: Call) -> None:
    while (await call.receive())["type"] != "http.disconnect":
        pass


OPERATIONS = (
    Operation(
        "GET",
        "/v1/tasks/{id}/events",
        events,
        needs="tasks:read",
        summary="Follow a task's changes (server-sent events)",
        streams=True,
        answers_as="text/event-stream",
        headers=("Last-Event-ID",),
        errors=(404,),
    ),
)
