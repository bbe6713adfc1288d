"""LinkrAPI over HTTP: the account behind a key, and what it makes."""

from __future__ import annotations

from uuid import UUID

import msgspec

from vermilion.domain.midjourney.prompts import read_prompt
from vermilion.domain.webhooks import TaskHook
from vermilion.errors import Forbidden, InvalidRequest, NotFound
from vermilion.faces.linkrapi import wire
from vermilion.http.asgi import Answer, json_answer
from vermilion.http.endpoints import Call, Operation
from vermilion.http.foreign import AnyQuery, Face
from vermilion.services.describe_connection import describe_connection
from vermilion.services.find_connection import bound_connection, require_well
from vermilion.services.find_tasks import get_task
from vermilion.services.press_button import Press, press_button
from vermilion.services.submit_task import Submitted, TaskSubmission, submit_task
from vermilion.storage import connections
from vermilion.storage.connections import ConnectionRow


class InfoQuery(msgspec.Struct, frozen=True):
    """Whether to ask the account now; for operators, at most once a minute."""

    refresh: str | None = None


async def info(call: Call) -> Answer:
    """Tell of the linked account, as of at most 15 minutes ago."""
    row = await _hold(call)
    may_refresh = "operator" in call.bearer.key.scopes
    wanted = call.query.refresh is not None and call.query.refresh.lower() not in ("0", "false")
    described = await describe_connection(call.gateway, row, refresh=wanted and may_refresh)
    return json_answer({"status": "SUCCESS", "data": described.account})


async def imagine(call: Call) -> Answer:
    """Make a grid of four from a prompt."""
    asked: wire.Imagine = call.body
    if not asked.prompt.strip():
        raise InvalidRequest("Prompt cannot be empty", prompt_fault="empty")
    task_input = {"prompt": asked.prompt, "process_mode": read_prompt(asked.prompt).mode or "fast"}
    if asked.reference_image is not None:
        task_input["image"] = asked.reference_image
    submission = TaskSubmission(model="midjourney", task_type="imagine", input=task_input)
    submitted = await submit_task(call.gateway, call.bearer, submission, hook=_hook(asked.webhook_url))
    return _accepted(submitted, "Task submitted successfully")


async def fetch(call: Call) -> Answer:
    """Read a task."""
    row = await get_task(call.gateway, call.bearer.account.id, _id(call.path["id"]))
    return json_answer(wire.fetched(call.gateway, row, call.origin))


async def act(call: Call) -> Answer:
    """Do with a finished task what one of its components says."""
    asked: wire.Action = call.body
    wanted = wire.ACTIONS.get(asked.action)
    if wanted is None and not asked.action.startswith("MJ::"):
        raise InvalidRequest(wire.NOT_IN_COMPONENTS, prompt_fault="action")
    press = Press(task_id=_id(asked.task_id), button=wanted or asked.action)
    submitted = await press_button(call.gateway, call.bearer, press, hook=_hook(asked.webhook_url), wire={})
    return _accepted(submitted, "Action submitted successfully")


async def _hold(call: Call) -> ConnectionRow:
    """The account behind the key. Raises Forbidden if there is none, ConnectionSuspended if it is turned off."""
    row = await bound_connection(call.gateway, call.bearer)
    if row is None:
        own = await connections.read_own(call.gateway.database, call.bearer.account.id)
        row = own[0] if own else None
    if row is None:
        raise Forbidden("No Midjourney account is linked to this API key.")
    require_well(row)
    return row


def _accepted(submitted: Submitted, message: str) -> Answer:
    return json_answer({"status": "SUCCESS", "task_id": str(submitted.task.id), "message": message})


def _hook(url: str | None) -> TaskHook | None:
    """A webhook hears of completion and of failure, by whatever name it goes here."""
    return TaskHook(url, face=wire.NAME) if url else None


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("There is no such task.") from None


READ, WRITE = "tasks:read", "tasks:write"
FACE = Face(
    wire.NAME,
    (
        Operation("GET", "/api/v1/info", info, READ, "The linked account", query=InfoQuery),
        Operation("POST", "/api/v1/imagine", imagine, WRITE, "A grid", body=wire.Imagine, query=AnyQuery),
        Operation("GET", "/api/v1/fetch/{id}", fetch, READ, "A task", query=AnyQuery),
        Operation("POST", "/api/v1/action", act, WRITE, "A follow-up", body=wire.Action, query=AnyQuery),
    ),
    wire.refuse,
    prefixes=("/api/v1/fetch/",),
)
