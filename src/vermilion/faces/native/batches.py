"""Batches: thousands of tasks from one JSONL file, and their results as one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from vermilion.domain.tasks import PRIORITY_LAST
from vermilion.errors import InvalidRequest
from vermilion.faces.native.account import IdQuery
from vermilion.faces.native.tasks import idempotency_key
from vermilion.faces.native.wire import Page, Time, task_view
from vermilion.http.asgi import JSON, Answer, Headers, Send, json_answer
from vermilion.http.endpoints import Call, Operation
from vermilion.http.files import receive_file
from vermilion.services.batch_lines import CheckedLines, check_lines
from vermilion.services.create_batch import (
    WINDOW_S,
    WINDOW_S_MAX,
    cancel_batch,
    create_batch,
    fetch_file,
)
from vermilion.services.store_media import work_folder
from vermilion.storage import batches
from vermilion.storage.batches import BatchRow, LineRow

JSONL = "application/jsonl"
FILE_BYTES_MAX = 200_000_000
RESULTS_AT_ONCE = 200


class FileQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file, if it was uploaded before; otherwise it is the body."""

    file_id: UUID | None = None


class BatchQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the lines are to be worked on."""

    file_id: Annotated[
        UUID | None, Meta(description="A file that was uploaded before, instead of the body.")
    ] = None
    name: Annotated[str, Meta(max_length=200)] | None = None
    priority: Annotated[
        Annotated[int, Meta(ge=0, le=PRIORITY_LAST)] | None,
        Meta(description="9, the least urgent, unless you say otherwise."),
    ] = None
    window_s: Annotated[
        int,
        Meta(ge=1, le=WINDOW_S_MAX, description="Seconds after which what is left is cancelled."),
    ] = WINDOW_S


class ResultQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From which line on."""

    after: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0


class BatchQuote(msgspec.Struct, frozen=True):
    """What all lines together would cost now."""

    lines: int
    units: int


class BatchView(msgspec.Struct, frozen=True):
    """A batch: `quoted` is what all of it was to cost, `charged` what has been paid for so far.

    `problem` says what it waits for, such as money, or why it failed.
    """

    id: UUID
    name: str | None
    state: str
    problem: str | None
    priority: int
    total: int
    open: int
    completed: int
    failed: int
    cancelled: int
    quoted: int
    charged: int
    expires_at: Time
    created_at: Time
    ended_at: Time | None


async def create(call: Call) -> Answer:
    """Submit a batch: a JSON object a line, each a task with a `custom_id` of your own.

    Every line is checked first; if one is wrong, nothing is accepted. Nothing is held yet: tasks are made in portions.
    """
    query: BatchQuery = call.query
    checked = await _checked(call, query.file_id)
    row, replayed = await create_batch(
        call.gateway,
        call.bearer,
        checked,
        name=query.name,
        priority=query.priority,
        window_s=query.window_s,
        idempotency_key=idempotency_key(call),
    )
    headers: Headers = [*JSON, (b"location", f"/v1/batches/{row.id}".encode())]
    if replayed:
        headers.append((b"idempotent-replayed", b"true"))
    return Answer(201, msgspec.json.encode(_view(row)), headers)


async def quote(call: Call) -> Answer:
    """Check and price a batch without making it."""
    query: FileQuery = call.query
    checked = await _checked(call, query.file_id)
    return json_answer(BatchQuote(len(checked.lines), checked.units))


async def history(call: Call) -> Answer:
    """List batches, newest first."""
    query: IdQuery = call.query
    rows = await batches.read_page(
        call.gateway.database, call.bearer.account.id, before=query.cursor, limit=query.limit + 1
    )
    page = [_view(row) for row in rows[: query.limit]]
    return json_answer(Page(page, str(page[-1].id) if len(rows) > query.limit else None))


async def read(call: Call) -> Answer:
    """Read a batch."""
    return json_answer(_view(await batches.read(call.gateway.database, call.bearer.account.id, call.id())))


async def cancel(call: Call) -> Answer:
    """Cancel a batch: nothing more is submitted, and what is under way is cancelled where it can be."""
    return json_answer(_view(await cancel_batch(call.gateway, call.bearer.account.id, call.id())))


async def results(call: Call, send: Send) -> None:
    """What has ended so far, a JSON object a line, in the order of the file; `after` goes on behind a line."""
    query: ResultQuery = call.query
    batch = await batches.read(call.gateway.database, call.bearer.account.id, call.id())
    headers = [(b"content-type", JSONL.encode()), (b"cache-control", b"no-store"), *call.rate_headers]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    after = query.after
    while rows := await batches.read_results(
        call.gateway.database, batch.id, after=after, limit=RESULTS_AT_ONCE
    ):
        after = rows[-1].line
        body = b"".join([await _result(call, row) for row in rows])
        await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _checked(call: Call, file_id: UUID | None) -> CheckedLines:
    async with work_folder(call.gateway) as folder:
        path: Path = folder / "batch"
        received = folder / "body"
        await receive_file(call, received, bytes_max=FILE_BYTES_MAX)
        if file_id is None:
            path = received
        elif received.stat().st_size:
            raise InvalidRequest("Send the lines, or the id of a file that has them, not both.")
        else:
            await fetch_file(call.gateway, call.bearer, file_id, path)
        return await check_lines(call.gateway, call.bearer, path)


async def _result(call: Call, line: LineRow) -> bytes:
    row = None if line.task_id is None else await call.gateway.reads(line.task_id)
    told: dict[str, Any] = {
        "line": line.line,
        "custom_id": line.custom_id,
        "state": line.state,
        "task": None if row is None else task_view(call.gateway, row, call.origin),
        "error": None if line.error is None else msgspec.Raw(line.error.encode()),
    }
    return msgspec.json.encode(told) + b"\n"


def _view(row: BatchRow) -> BatchView:
    return BatchView(
        id=row.id,
        name=row.name,
        state=row.state,
        problem=row.problem,
        priority=row.priority,
        total=row.total,
        open=row.total - row.completed - row.failed - row.cancelled,
        completed=row.completed,
        failed=row.failed,
        cancelled=row.cancelled,
        quoted=row.quoted,
        charged=row.charged,
        expires_at=row.expires_at,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )


def _operation(method: str, path: str, handler: Any, needs: str, summary: str, **more: Any) -> Operation:
    return Operation(method, path, handler, needs, summary, tag="Batches", **more)


OPERATIONS = (
    _operation(
        "POST",
        "/v1/batches",
        create,
        "tasks:write",
        "Submit a batch",
        body_file=True,
        takes=JSONL,
        query=BatchQuery,
        headers=("Idempotency-Key",),
        answers=BatchView,
        status=201,
        errors=(400, 404, 413),
    ),
    _operation(
        "POST",
        "/v1/batches/quote",
        quote,
        "tasks:read",
        "Price a batch",
        body_file=True,
        takes=JSONL,
        query=FileQuery,
        answers=BatchQuote,
        errors=(400, 404, 413),
    ),
    _operation(
        "GET", "/v1/batches", history, "tasks:read", "List batches", query=IdQuery, answers=Page[BatchView]
    ),
    _operation(
        "GET", "/v1/batches/{id}", read, "tasks:read", "Read a batch", answers=BatchView, errors=(404,)
    ),
    _operation(
        "GET",
        "/v1/batches/{id}/results",
        results,
        "tasks:read",
        "Read a batch's results",
        streams=True,
        answers_as=JSONL,
        query=ResultQuery,
        errors=(404,),
    ),
    _operation(
        "POST",
        "/v1/batches/{id}/cancel",
        cancel,
        "tasks:write",
        "Cancel a batch",
        answers=BatchView,
        errors=(404, 409),
    ),
)
