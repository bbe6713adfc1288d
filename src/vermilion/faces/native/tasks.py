"""Tasks, quotes and the catalogue over HTTP."""

from __future__ import annotations

import re
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta, to_builtins

from vermilion.domain.tasks import ENDED, Status
from vermilion.errors import FieldProblem, InvalidRequest
from vermilion.faces.native.wire import Limit, OfferView, Page, TaskView, Time, catalogue_view, task_view
from vermilion.http.asgi import JSON, Answer, Headers, json_answer
from vermilion.http.endpoints import Call, Operation
from vermilion.services.cancel_task import cancel_task
from vermilion.services.find_place import find_place, price_in
from vermilion.services.find_tasks import get_task, list_tasks
from vermilion.services.price_task import plan_price
from vermilion.services.submit_task import (
    TaskSubmission,
    check_submission,
    input_problems,
    submit_task,
)
from vermilion.services.watch_task import WAIT_S_MAX, wait_for_end
from vermilion.storage.tasks import TaskFilter, TaskRow

IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
LABELS_MAX = 4  #: of one list query
WAIT = re.compile(r"(?:^|[,;\s])wait(?:\s*=\s*\"?(\d{1,6})\"?)?(?=$|[,;\s])")


class TaskQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a list of tasks can be narrowed to. `metadata[key]=value` matches scalars in the task's metadata."""

    status: Status | None = None
    model: str | None = None
    parent_id: Annotated[UUID | None, Meta(description="Only what follows this task up.")] = None
    created_after: Annotated[Time | None, Meta(description="At this time or later.")] = None
    created_before: Annotated[Time | None, Meta(description="Before this time.")] = None
    metadata: Annotated[
        dict[str, str] | None,
        Meta(description="As in `metadata[room]=blue`: what the task's metadata must have."),
    ] = None
    cursor: UUID | None = None
    limit: Limit = 50


class QuoteView(msgspec.Struct, frozen=True):
    """What a submit of the same body would hold now."""

    units: int
    model: str
    task_type: str
    per: str
    quantity: int
    percent: int
    rule_version: int


async def create(call: Call) -> Answer:
    """Submit a task."""
    asked: TaskSubmission = call.body
    wait_s, key = call.of_head("wishes", _wishes)
    submitted = await submit_task(call.gateway, call.bearer, asked, idempotency_key=key)
    headers: Headers = [*JSON, (b"location", f"/v1/tasks/{to_builtins(submitted.task.id)}".encode())]
    if submitted.replayed:
        headers.append((b"idempotent-replayed", b"true"))
    row = submitted.task
    if wait_s is not None:
        row = await wait_for_end(call.gateway, call.bearer.account.id, row.id, wait_s)
        headers.append((b"preference-applied", b"wait=%d" % wait_s))
    return _answer(call, row, status=200 if row.status in ENDED else 201, headers=headers)


async def read(call: Call) -> Answer:
    """Read a task."""
    wait_s = _wait_s(call)
    if wait_s is not None:
        return _answer(call, await wait_for_end(call.gateway, call.bearer.account.id, call.id(), wait_s))
    return _answer(call, await get_task(call.gateway, call.bearer.account.id, call.id()))


async def history(call: Call) -> Answer:
    """List tasks, newest first."""
    query: TaskQuery = call.query
    wanted = task_filter(query, call.bearer.account.id)
    rows, cursor = await list_tasks(call.gateway, wanted, before=query.cursor, limit=query.limit)
    page = Page([task_view(call.gateway, row, call.origin) for row in rows], str(cursor) if cursor else None)
    return json_answer(page)


async def cancel(call: Call) -> Answer:
    """Cancel a task."""
    return _answer(call, await cancel_task(call.gateway, call.bearer.account.id, call.id()))


async def quote(call: Call) -> Answer:
    """Price a submission without making it."""
    asked: TaskSubmission = call.body
    offer, task_input = check_submission(call.gateway, call.bearer, asked)
    place = await find_place(call.gateway, call.bearer, offer, asked, task_input=task_input)
    rule = await plan_price(call.gateway, call.bearer, offer, task_input)
    price = offer.quote(task_input, rule)
    view = QuoteView(
        price_in(call.gateway, place, price.units),
        offer.model,
        offer.task_type,
        price.per,
        price.quantity,
        price.percent,
        price.rule_version,
    )
    return json_answer(view)


async def catalogue(call: Call) -> Answer:
    """List every offer with the schema of its input and its price rule."""
    return json_answer(catalogue_view(call.gateway))


def task_filter(query: TaskQuery, account_id: UUID | None) -> TaskFilter:
    """The storage filter of a list query."""
    return TaskFilter(
        account_id=account_id,
        status=query.status.value if query.status else None,
        model=query.model,
        parent_id=query.parent_id,
        created_after=query.created_after,
        created_before=query.created_before,
        labels=_labels(query.metadata, account_id),
    )


def _labels(metadata: dict[str, str] | None, account_id: UUID | None) -> tuple[tuple[str, str], ...]:
    if not metadata:
        return ()
    if account_id is None:
        raise InvalidRequest(problems=(FieldProblem("?metadata", "needs account_id beside it"),))
    if len(metadata) > LABELS_MAX:
        raise InvalidRequest(problems=(FieldProblem("?metadata", f"takes at most {LABELS_MAX} labels"),))
    return tuple(metadata.items())


def idempotency_key(call: Call) -> str | None:
    """The Idempotency-Key of a request. Raises InvalidRequest for one that cannot be kept."""
    key = call.header(b"idempotency-key")
    if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
        raise InvalidRequest(
            problems=(
                FieldProblem("Idempotency-Key", "must be 1 to 255 visible ASCII characters without spaces"),
            )
        )
    return key


def _wishes(call: Call) -> tuple[int | None, str | None]:
    return _wait_s(call), idempotency_key(call)


def _answer(call: Call, row: TaskRow, status: int = 200, headers: Headers = JSON) -> Answer:
    return Answer(status, msgspec.json.encode(task_view(call.gateway, row, call.origin)), headers)


def _wait_s(call: Call) -> int | None:
    prefer = call.header(b"prefer")
    found = WAIT.search(prefer) if prefer else None
    if found is None:
        return None
    return min(int(found[1] or WAIT_S_MAX), int(WAIT_S_MAX))


OPERATIONS = (
    Operation(
        "POST",
        "/v1/tasks",
        create,
        needs="tasks:write",
        summary="Submit a task",
        body=TaskSubmission,
        more_problems=input_problems,
        answers=TaskView,
        status=201,
        headers=("Idempotency-Key", "Prefer"),
        errors=(402, 404, 501),
    ),
    Operation(
        "GET",
        "/v1/tasks",
        history,
        needs="tasks:read",
        summary="List tasks",
        answers=Page[TaskView],
        query=TaskQuery,
    ),
    Operation(
        "GET",
        "/v1/tasks/{id}",
        read,
        needs="tasks:read",
        summary="Read a task",
        answers=TaskView,
        headers=("Prefer",),
        errors=(404,),
    ),
    Operation(
        "POST",
        "/v1/tasks/{id}/cancel",
        cancel,
        needs="tasks:write",
        summary="Cancel a task",
        answers=TaskView,
        errors=(404, 409),
    ),
    Operation(
        "POST",
        "/v1/quotes",
        quote,
        needs="tasks:read",
        summary="Price a submission",
        body=TaskSubmission,
        more_problems=input_problems,
        answers=QuoteView,
        errors=(404,),
        tag="Catalogue",
    ),
    Operation(
        "GET",
        "/v1/catalog",
        catalogue,
        needs="tasks:read",
        summary="List every offer",
        answers=Page[OfferView],
        tag="Catalogue",
    ),
)
