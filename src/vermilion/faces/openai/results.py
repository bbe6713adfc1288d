"""The lines of a batch's output and error files, written from its tasks as they are read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from vermilion.domain.outcomes import Fault
from vermilion.domain.tasks import Status, TaskError
from vermilion.faces.openai.lines import Endpoint
from vermilion.faces.openai.wire import OUTPUT
from vermilion.http.endpoints import Call
from vermilion.storage import batches
from vermilion.storage.batches import BatchRow, LineRow
from vermilion.storage.tasks import TaskRow

AT_ONCE = 200
NOT_DONE = {
    "expired": "This request was not done within the completion window.",
    "cancelled": "This request was cancelled.",
}


async def results_lines(
    call: Call, batch: BatchRow, endpoint: Endpoint, *, which: str
) -> AsyncIterator[bytes]:
    """Lines that have ended, in the order of the input: those that were done, or the others."""
    after, wanted = 0, which == OUTPUT
    while rows := await batches.read_results(call.gateway.database, batch.id, after=after, limit=AT_ONCE):
        after = rows[-1].line
        told = [
            await _line(call, batch, endpoint, row=row)
            for row in rows
            if (row.state == Status.COMPLETED) is wanted
        ]
        if told:
            yield b"".join(told)


async def _line(call: Call, batch: BatchRow, endpoint: Endpoint, *, row: LineRow) -> bytes:
    task = None if row.task_id is None else await call.gateway.reads(row.task_id)
    response, error = _outcome(call, batch, endpoint, row=row, task=task)
    told = {
        "id": f"batch_req_{batch.id.hex}_{row.line}",
        "custom_id": row.custom_id,
        "response": response,
        "error": error,
    }
    return msgspec.json.encode(told) + b"\n"


def _outcome(
    call: Call, batch: BatchRow, endpoint: Endpoint, *, row: LineRow, task: TaskRow | None
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """What the request would have been answered by itself, or why there is no answer."""
    if row.state == Status.COMPLETED and task is not None:
        return _response(200, task, endpoint.tell(call, task)), None
    if row.state == Status.FAILED and task is not None and task.error is not None:
        failed = msgspec.json.decode(task.error, type=TaskError)
        at_fault = failed.fault == Fault.CUSTOMER
        body = {
            "message": failed.message,
            "type": "invalid_request_error" if at_fault else "server_error",
            "param": None,
            "code": failed.code,
        }
        return _response(400 if at_fault else 500, task, {"error": body}), None
    if row.error is not None:
        refused = msgspec.json.decode(row.error)
        return None, {"code": refused["code"], "message": refused["message"]}
    state = batch.state if batch.state in NOT_DONE else "cancelled"
    return None, {"code": f"batch_{state}", "message": batch.problem or NOT_DONE[state]}


def _response(status: int, task: TaskRow, body: Any) -> dict[str, Any]:
    return {"status_code": status, "request_id": task.id.hex, "body": body}
