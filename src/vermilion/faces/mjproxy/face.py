"""midjourney-proxy over HTTP: submits, and tasks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.midjourney.buttons import VARY_REGION
from vermilion.domain.midjourney.prompts import read_prompt
from vermilion.domain.tasks import ACTIVE
from vermilion.errors import InvalidRequest, NotFound
from vermilion.faces.mjproxy import wire
from vermilion.http.asgi import Answer, json_answer
from vermilion.http.endpoints import Call, Operation
from vermilion.http.foreign import AnyQuery, Face
from vermilion.services.cancel_task import cancel_task
from vermilion.services.find_tasks import get_task, list_tasks
from vermilion.services.press_button import Press, find_pressed, press_button
from vermilion.services.show_result import show_result
from vermilion.services.submit_task import TaskSubmission, submit_task
from vermilion.storage.tasks import TaskFilter, TaskRow

IDS_MAX = 100
MODEL = "midjourney"
#: Resellers choose the speed by a prefix.
MODES = {"": None, "/mj-relax": "relax", "/mj-fast": "fast", "/mj-turbo": "turbo"}
BUTTONS = {"UPSCALE": "U{}", "VARIATION": "V{}", "REROLL": "🔄"}

Submit = Callable[[Call, wire.Asked, str | None], Awaitable[Answer]]


async def imagine(call: Call, asked: wire.Asked, mode: str | None) -> Answer:
    """Make a grid of four from a prompt, beginning with a picture if there is one."""
    if not (asked.prompt or "").strip():
        raise InvalidRequest("prompt cannot be empty")
    task_input: dict[str, Any] = {"prompt": asked.prompt}
    if asked.pictures:
        task_input["image"] = wire.as_media(asked.pictures[0])
    return await _submit(call, asked, mode, task_type="imagine", task_input=task_input)


async def action(call: Call, asked: wire.Asked, mode: str | None) -> Answer:
    """Press a button by its id; one that needs a mask waits for the modal."""
    task_id = _id(asked.task_id)
    _, button = await find_pressed(call.gateway, call.bearer.account.id, task_id, asked.custom_id)
    if button is VARY_REGION and not asked.mask_base64:
        found = wire.Receipt(wire.EXISTED, "Waiting for window confirm", str(task_id), {"remix": False})
        return json_answer(found)
    return await _press(call, asked, mode, button=asked.custom_id)


async def modal(call: Call, asked: wire.Asked, mode: str | None) -> Answer:
    """Give the mask and the prompt that a region is to be drawn anew with."""
    return await _press(call, asked, mode, button=VARY_REGION.label)


async def change(call: Call, asked: wire.Asked, mode: str | None) -> Answer:
    """Upscale or vary one of four, or make four others."""
    if asked.action not in BUTTONS:
        raise InvalidRequest(f"action must be one of {', '.join(BUTTONS)}")
    if asked.action != "REROLL" and asked.index not in range(1, 5):
        raise InvalidRequest("index must be 1 to 4")
    return await _press(call, asked, mode, button=BUTTONS[asked.action].format(asked.index))


async def simple_change(call: Call, asked: wire.Asked, mode: str | None) -> Answer:
    """The same in one line: `<task id> U2`."""
    task_id, _, name = asked.content.strip().partition(" ")
    name = "🔄" if name.strip().upper() == "R" else name.strip().upper()
    asked = msgspec.structs.replace(asked, task_id=task_id)
    return await _press(call, asked, mode, button=name)


async def blend(call: Call, asked: wire.Asked, mode: str | None) -> Answer:
    """Make one picture of two to five."""
    task_input = {
        "image_urls": [wire.as_media(given) for given in asked.pictures],
        "dimension": wire.DIMENSIONS.get(asked.dimensions.upper(), "square"),
    }
    return await _submit(call, asked, mode, task_type="blend", task_input=task_input)


async def describe(call: Call, asked: wire.Asked, _mode: str | None) -> Answer:
    """Put a picture into words."""
    given = next(iter(asked.pictures), asked.link)
    if not given:
        raise InvalidRequest("base64 or link cannot be empty")
    return await _submit(
        call, asked, None, task_type="describe", task_input={"image_url": wire.as_media(given)}
    )


async def shorten(call: Call, asked: wire.Asked, mode: str | None) -> Answer:
    """Say which words of a prompt count."""
    return await _submit(call, asked, mode, task_type="shorten", task_input={"prompt": asked.prompt or ""})


async def edits(call: Call, asked: wire.Asked, mode: str | None) -> Answer:
    """Draw the masked region of a picture of one's own anew."""
    given = next(iter(asked.pictures), None)
    if not given or not asked.mask_base64:
        raise InvalidRequest("image and maskBase64 cannot be empty")
    task_input = {"image": wire.as_media(given), "mask": wire.as_media(asked.mask_base64)}
    if asked.prompt:
        task_input["prompt"] = asked.prompt
    return await _submit(call, asked, mode, task_type="inpaint", task_input=task_input)


async def video(call: Call, asked: wire.Asked, mode: str | None) -> Answer:
    """Set a picture in motion: one of one's own, or one of a task."""
    given = next(iter(asked.pictures), None)
    task_input: dict[str, Any] = {"motion": (asked.motion or "low").lower()}
    if given:
        task_input["image"] = wire.as_media(given)
    if asked.prompt:
        task_input["prompt"] = asked.prompt
    if asked.index is not None:
        task_input["index"] = asked.index + 1
    parent_id = None if given else _id(asked.task_id)
    return await _submit(call, asked, mode, task_type="video", task_input=task_input, parent_id=parent_id)


async def fetch(call: Call) -> Answer:
    """Read a task."""
    return json_answer(wire.task_of(call.gateway, await _task(call), call.origin))


async def list_some(call: Call) -> Answer:
    """Read the tasks with these ids; those that are not there are left out."""
    rows = []
    for text in call.body.ids[:IDS_MAX]:
        row = await call.gateway.reads(_id(text)) if _is_id(text) else None
        if row is not None and row.account_id == call.bearer.account.id:
            rows.append(row)
    return json_answer([wire.task_of(call.gateway, row, call.origin) for row in rows])


async def list_recent(call: Call) -> Answer:
    """List the latest tasks."""
    return await _listed(call, active=False)


async def list_active(call: Call) -> Answer:
    """List the tasks that wait or run."""
    return await _listed(call, active=True)


async def cancel(call: Call) -> Answer:
    """Cancel a task."""
    row = await cancel_task(call.gateway, call.bearer.account.id, _id(call.path["id"]))
    return json_answer(wire.Receipt(wire.SUCCESS, "Cancelled", str(row.id)))


async def image_seed(call: Call) -> Answer:
    """Tell the seed of a picture."""
    result = show_result(call.gateway, await _task(call), call.origin)
    if result.seed is None:
        raise InvalidRequest("this task has no seed")
    return json_answer(wire.Receipt(wire.SUCCESS, "Success", str(result.seed)))


async def _press(call: Call, asked: wire.Asked, mode: str | None, *, button: str) -> Answer:
    press = Press(
        task_id=_id(asked.task_id),
        button=button,
        prompt=asked.prompt,
        mask=wire.as_media(asked.mask_base64) if asked.mask_base64 else None,
        process_mode=mode,
    )
    submitted = await press_button(
        call.gateway, call.bearer, press, hook=wire.hook_of(asked), wire={"state": asked.state}
    )
    return json_answer(wire.receipt_of(submitted.task))


async def _submit(
    call: Call,
    asked: wire.Asked,
    mode: str | None,
    *,
    task_type: str,
    task_input: dict[str, Any],
    parent_id: UUID | None = None,
) -> Answer:
    if task_type != "describe":
        task_input["process_mode"] = mode or read_prompt(asked.prompt or "").mode or "fast"
    submission = TaskSubmission(model=MODEL, task_type=task_type, input=task_input, parent_id=parent_id)
    submitted = await submit_task(
        call.gateway, call.bearer, submission, hook=wire.hook_of(asked), wire={"state": asked.state}
    )
    return json_answer(wire.receipt_of(submitted.task))


async def _listed(call: Call, *, active: bool) -> Answer:
    wanted = TaskFilter(account_id=call.bearer.account.id, model=MODEL)
    rows, _ = await list_tasks(call.gateway, wanted, before=None, limit=IDS_MAX)
    shown = [row for row in rows if not active or row.status in ACTIVE]
    return json_answer([wire.task_of(call.gateway, row, call.origin) for row in shown])


async def _task(call: Call) -> TaskRow:
    return await get_task(call.gateway, call.bearer.account.id, _id(call.path["id"]))


def _id(text: str) -> UUID:
    if not _is_id(text):
        raise NotFound("There is no such task.")
    return UUID(text)


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


SUBMITS: dict[str, Submit] = {
    "imagine": imagine,
    "action": action,
    "modal": modal,
    "change": change,
    "simple-change": simple_change,
    "blend": blend,
    "describe": describe,
    "shorten": shorten,
    "edits": edits,
    "video": video,
}


def _operations(prefix: str, mode: str | None) -> list[Operation]:
    submits = [
        _operation("POST", f"{prefix}/mj/submit/{name}", partial(_asked, submit, mode), wire.Asked)
        for name, submit in SUBMITS.items()
    ]
    return [
        *submits,
        _operation("GET", prefix + "/mj/task/list", list_recent),
        _operation("GET", prefix + "/mj/task/queue", list_active),
        _operation("POST", prefix + "/mj/task/list-by-ids", list_some, wire.Ids, "tasks:read"),
        _operation("POST", prefix + "/mj/task/list-by-condition", list_some, wire.Ids, "tasks:read"),
        _operation("GET", prefix + "/mj/task/{id}/fetch", fetch),
        _operation("GET", prefix + "/mj/task/{id}/image-seed", image_seed),
        _operation("POST", prefix + "/mj/task/{id}/cancel", cancel),
    ]


async def _asked(submit: Submit, mode: str | None, call: Call) -> Answer:
    """Serve a submit at the speed of its prefix."""
    return await submit(call, call.body, mode)


def _operation(
    method: str,
    path: str,
    handler: Callable[[Call], Awaitable[Answer]],
    body: type | None = None,
    needs: str | None = None,
) -> Operation:
    needs = needs or ("tasks:read" if method == "GET" else "tasks:write")
    return Operation(method, path, handler, needs, path, body=body, query=AnyQuery, tag="midjourney-proxy")


FACE = Face(
    wire.NAME,
    tuple(operation for prefix, mode in MODES.items() for operation in _operations(prefix, mode)),
    wire.refuse,
    prefixes=tuple(f"{prefix}/mj/{part}/" for prefix in MODES for part in ("submit", "task")),
    find_secret=wire.find_secret,
)
