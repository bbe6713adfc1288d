"""Tasks of any model: create, read, cancel one, cancel many."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from vermilion.errors import Conflict, FieldProblem, InvalidRequest
from vermilion.faces.goapi.inputs import TaskRequest, asked
from vermilion.faces.goapi.models import family_of
from vermilion.faces.goapi.refusals import envelope
from vermilion.faces.goapi.wire import hidden_from, task_data
from vermilion.http.asgi import Answer
from vermilion.http.endpoints import Call, Operation
from vermilion.http.foreign import AnyQuery
from vermilion.services.cancel_task import cancel_waiting, cancel_waiting_before
from vermilion.services.find_tasks import get_task
from vermilion.services.submit_task import submit_task

TAG = "GoAPI"
CANCELLABLE = ("kling", "midjourney", "suno", "luma", "all")
TIME_MAX = 253_402_300_799  #: the last second of the year 9999


class CancelQuery(msgspec.Struct, frozen=True):
    """Which waiting tasks to cancel."""

    created_before: int | None = None
    model: str | None = None


async def create(call: Call) -> Answer:
    """Create a task."""
    request = asked(call.gateway.catalogue, call.body)
    submitted = await submit_task(
        call.gateway, call.bearer, request.submission, hook=request.hook, wire=request.wire
    )
    return envelope(task_data(call.gateway, submitted.task, call.origin, hidden=hidden_from(call.bearer)))


async def read(call: Call) -> Answer:
    """Read a task."""
    row = await get_task(call.gateway, call.bearer.account.id, call.id())
    return envelope(task_data(call.gateway, row, call.origin, hidden=hidden_from(call.bearer)))


async def cancel(call: Call) -> Answer:
    """Cancel a task that waits."""
    row = await cancel_waiting(call.gateway, call.bearer.account.id, call.id())
    if row is None:
        raise Conflict("only a task that is pending can be canceled")
    return envelope(None, f"task {row.id} canceled")


async def cancel_many(call: Call) -> Answer:
    """Cancel every waiting task of a family that was created before a time."""
    query: CancelQuery = call.query
    count = await cancel_waiting_before(
        call.gateway, call.bearer.account.id, before=_time(query.created_before), family=_family(query.model)
    )
    return envelope({"canceled": count})


def _time(seconds: int | None) -> datetime:
    if seconds is None or not 0 <= seconds <= TIME_MAX:
        problem = FieldProblem("?created_before", "is required: Unix seconds")
        raise InvalidRequest(problems=(problem,))
    return datetime.fromtimestamp(seconds, UTC)


def _family(word: str | None) -> str | None:
    if word not in CANCELLABLE:
        raise InvalidRequest(problems=(FieldProblem("?model", f"must be one of {', '.join(CANCELLABLE)}"),))
    return None if word == "all" else family_of(word)


OPERATIONS = (
    Operation(
        "POST",
        "/api/v1/task",
        create,
        needs="tasks:write",
        summary="Create a task",
        body=TaskRequest,
        query=AnyQuery,
        tag=TAG,
    ),
    Operation(
        "GET", "/api/v1/task/{id}", read, needs="tasks:read", summary="Read a task", query=AnyQuery, tag=TAG
    ),
    Operation(
        "DELETE",
        "/api/v1/task/{id}",
        cancel,
        needs="tasks:write",
        summary="Cancel a task",
        query=AnyQuery,
        tag=TAG,
    ),
    Operation(
        "DELETE",
        "/api/v1/tasks",
        cancel_many,
        needs="tasks:write",
        summary="Cancel waiting tasks",
        query=CancelQuery,
        tag=TAG,
    ),
)
