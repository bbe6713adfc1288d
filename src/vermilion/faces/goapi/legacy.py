"""The older Midjourney paths (`/mj/v2/…`): the same tasks, asked for with flat bodies and fetched by POST."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.midjourney.prompts import prompt_fault, read_prompt
from vermilion.domain.moderation.word_filter import Act
from vermilion.errors import Conflict, FieldProblem, InvalidRequest, NotFound
from vermilion.faces.goapi.inputs import asked
from vermilion.faces.goapi.legacy_wire import MODEL, legacy_task, task_request
from vermilion.faces.goapi.refusals import message_of
from vermilion.faces.goapi.wire import hidden_from
from vermilion.http.asgi import Answer, json_answer
from vermilion.http.endpoints import Call, Handler, Operation
from vermilion.http.foreign import AnyQuery
from vermilion.services.cancel_task import cancel_waiting
from vermilion.services.check_texts import banned, find_banned
from vermilion.services.find_tasks import get_task
from vermilion.services.submit_task import submit_task
from vermilion.storage.tasks import TaskRow

FETCHED_MAX = 100
TASK_TYPES = (
    "imagine",
    "upscale",
    "variation",
    "reroll",
    "describe",
    "seed",
    "blend",
    "inpaint",
    "outpaint",
    "pan",
)


class TaskName(msgspec.Struct, frozen=True):
    """Which task."""

    task_id: str


class TaskNames(msgspec.Struct, frozen=True):
    """Which tasks."""

    task_ids: list[str]


def _creating(task_type: str) -> Operation:
    async def create(call: Call) -> Answer:
        request = asked(call.gateway.catalogue, task_request(task_type, call.body))
        submitted = await submit_task(
            call.gateway, call.bearer, request.submission, hook=request.hook, wire=request.wire
        )
        return json_answer({"task_id": submitted.task.id, "status": "success", "message": ""})

    create.__doc__ = f"Create a task of the type {task_type}."
    path, summary = f"/mj/v2/{task_type}", f"Midjourney: {task_type}"
    return Operation(
        "POST", path, create, needs="tasks:write", summary=summary, body=dict, query=AnyQuery, tag="GoAPI"
    )


async def fetch(call: Call) -> Answer:
    """Read a task."""
    return json_answer(_shown(call, await _found(call, call.body.task_id)))


async def fetch_many(call: Call) -> Answer:
    """Read several tasks; those that do not exist are left out."""
    names: TaskNames = call.body
    if len(names.task_ids) > FETCHED_MAX:
        detail = f"may name at most {FETCHED_MAX} tasks"
        raise InvalidRequest(problems=(FieldProblem("/task_ids", detail),))
    found = []
    for name in names.task_ids:
        try:
            found.append(_shown(call, await _found(call, name)))
        except NotFound:
            continue
    return json_answer({"code": 200, "data": found, "message": "success"})


async def cancel(call: Call) -> Answer:
    """Cancel a task that waits."""
    row = await _found(call, call.body.task_id)
    if await cancel_waiting(call.gateway, call.bearer.account.id, row.id) is None:
        raise Conflict("only a task that is pending can be canceled")
    return json_answer({"status": "success", "message": f"task {row.id} canceled"})


async def validate(call: Call) -> Answer:
    """Check a prompt without making a task of it."""
    prompt = call.body.get("prompt")
    if not isinstance(prompt, str):
        raise InvalidRequest(problems=(FieldProblem("/prompt", "is required: text"),))
    read = read_prompt(prompt)
    fault = prompt_fault(read) or ""
    found = await find_banned(call.gateway, call.bearer.account.id, prompt)
    if found is not None and found.match.rule.act is Act.BLOCK:
        fault = message_of(banned(found))
    return json_answer(
        {"Prompt": read.words, "ErrorMessage": fault, "AspectRatio": read.aspect_ratio or "1:1"}
    )


def _shown(call: Call, row: TaskRow) -> dict[str, Any]:
    return legacy_task(call.gateway, row, call.origin, hidden=hidden_from(call.bearer))


async def _found(call: Call, name: str) -> TaskRow:
    try:
        id_ = UUID(name)
    except ValueError:
        raise NotFound("There is no such task.") from None
    row = await get_task(call.gateway, call.bearer.account.id, id_)
    if row.model != MODEL:
        raise NotFound("There is no such task.")
    return row


def _reading(path: str, handler: Handler, summary: str, **more: Any) -> Operation:
    needs = more.pop("needs", "tasks:read")
    return Operation("POST", path, handler, needs=needs, summary=summary, query=AnyQuery, tag="GoAPI", **more)


OPERATIONS = (
    *(_creating(task_type) for task_type in TASK_TYPES),
    _reading("/mj/v2/validation", validate, "Check a prompt", body=dict),
    _reading("/mj/v2/fetch", fetch, "Read a task", body=TaskName),
    _reading("/mj/v2/fetch-many", fetch_many, "Read several tasks", body=TaskNames),
    _reading("/mj/v2/cancel", cancel, "Cancel a task", body=TaskName, needs="tasks:write"),
)
