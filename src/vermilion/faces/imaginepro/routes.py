"""ImaginePro over HTTP: generations, messages, history and the account."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.midjourney.buttons import CANCEL_LABEL
from vermilion.domain.midjourney.prompts import prompt_fault, read_prompt
from vermilion.domain.webhooks import TaskHook
from vermilion.errors import InvalidRequest
from vermilion.faces.imaginepro import account_wire, wire
from vermilion.faces.imaginepro import asked as asked_for
from vermilion.http.asgi import Answer, json_answer
from vermilion.http.endpoints import Call
from vermilion.services.cancel_task import cancel_task
from vermilion.services.check_texts import find_banned
from vermilion.services.find_tasks import PAGE_MAX, get_task, list_tasks
from vermilion.services.press_button import Press, press_button
from vermilion.services.submit_task import Submitted, TaskSubmission, submit_task
from vermilion.storage import ledger
from vermilion.storage.tasks import TaskFilter

#: The models of universal generations, by this service's names.
GEMINI = {
    "nano-banana": "gemini-2.5-flash-image",
    "nano-banana-2": "nano-banana-2",
    "gemini-2.5-flash-image-preview": "gemini-2.5-flash-image",
    "gemini-3-pro-image-preview": "nano-banana-pro",
}
HISTORY = timedelta(hours=24)
HISTORY_ROWS_MAX = 2_000
TIMEOUT_S = 900
DATA_URI = re.compile(r"^data:|^https?://")


class HistoryQuery(msgspec.Struct, frozen=True):
    """Which page, and how many a page."""

    page: int = 1
    size: int = 10


async def imagine(call: Call) -> Answer:
    """Make a grid of four from a prompt."""
    asked: asked_for.Imagine = asked_for.read_body(call.body, asked_for.Imagine)
    return await _submit(call, asked, _imagine(asked, asked.process_mode))


async def boost_imagine(call: Call) -> Answer:
    """Make a grid of four as fast as it goes."""
    asked: asked_for.Imagine = asked_for.read_body(call.body, asked_for.Imagine)
    return await _submit(call, asked, _imagine(asked, "turbo"))


async def button(call: Call) -> Answer:
    """Press a button."""
    return await _press(call, None)


async def boost_button(call: Call) -> Answer:
    """Press a button, and have it done as fast as it goes."""
    return await _press(call, "turbo")


async def describe(call: Call) -> Answer:
    """Put a picture into words."""
    asked: asked_for.Describe = asked_for.read_body(call.body, asked_for.Describe)
    return await _submit(call, asked, ("midjourney", "describe", {"image_url": asked.url}))


async def blend(call: Call) -> Answer:
    """Make one picture of several."""
    asked: asked_for.Blend = asked_for.read_body(call.body, asked_for.Blend)
    if not asked.urls:
        raise InvalidRequest("Urls is required.")
    made = {"image_urls": asked.urls, "process_mode": "fast"}
    return await _submit(call, asked, ("midjourney", "blend", made))


async def face_swap(call: Call) -> Answer:
    """Put a face into a picture."""
    asked: asked_for.FaceSwap = asked_for.read_body(call.body, asked_for.FaceSwap)
    made = {"target_image": asked.target, "swap_image": asked.source}
    return await _submit(call, asked, ("Qubico/image-toolkit", "face-swap", made))


async def flux_imagine(call: Call) -> Answer:
    """Make so many pictures of a prompt."""
    asked: asked_for.FluxImagine = asked_for.read_body(call.body, asked_for.FluxImagine)
    made = {"prompt": asked.prompt, "batch_size": asked.n}
    return await _submit(call, asked, ("Qubico/flux1-schnell", "txt2img", made))


async def flux_upscale(call: Call) -> Answer:
    """Enlarge a picture."""
    asked: asked_for.Picture = asked_for.read_body(call.body, asked_for.Picture)
    made = {"image": asked.image, "scale": asked.scale}
    return await _submit(call, asked, ("Qubico/image-toolkit", "upscale", made))


async def remove_background(call: Call) -> Answer:
    """Cut out the main thing of a picture."""
    asked: asked_for.Picture = asked_for.read_body(call.body, asked_for.Picture)
    return await _submit(call, asked, ("Qubico/image-toolkit", "background-remove", {"image": asked.image}))


async def universal(call: Call) -> Answer:
    """Make a picture of texts and pictures."""
    asked: asked_for.Universal = asked_for.read_body(call.body, asked_for.Universal)
    if asked.model not in GEMINI:
        raise InvalidRequest(f"model must be one of: {', '.join(GEMINI)}.")
    made = {
        "prompt": "\n".join(part.text for part in asked.contents if part.text),
        "image_urls": [part.url for part in asked.contents if part.url],
    }
    given = {name: value for name, value in made.items() if value}
    return await _submit(call, asked, ("gemini", GEMINI[asked.model], given))


async def z_image(call: Call) -> Answer:
    """Make a picture of a certain size."""
    asked: asked_for.Sized = asked_for.read_body(call.body, asked_for.Sized)
    made = {"prompt": asked.prompt, "width": asked.width, "height": asked.height, "steps": asked.steps}
    return await _submit(call, asked, ("Qubico/z-image", "txt2img", made))


async def video(call: Call) -> Answer:
    """Set a picture in motion."""
    asked: asked_for.Film = asked_for.read_body(call.body, asked_for.Film)
    made = {"image": asked.start_frame_url, "end_image": asked.end_frame_url, "prompt": asked.prompt}
    given = {name: value for name, value in made.items() if value} | {"process_mode": "fast"}
    return await _submit(call, asked, ("midjourney", "video", given))


async def extend_video(call: Call) -> Answer:
    """Let a video go on."""
    asked: asked_for.Extension = asked_for.read_body(call.body, asked_for.Extension)
    parent = await get_task(call.gateway, call.bearer.account.id, asked_for.read_id(asked.message_id))
    made = {"index": asked.index, "process_mode": "fast"}
    return await _submit(call, asked, ("midjourney", "extend_video", made), parent_id=parent.id)


async def fetch(call: Call) -> Answer:
    """Read a message."""
    row = await get_task(call.gateway, call.bearer.account.id, asked_for.read_id(call.path["id"]))
    return json_answer(wire.message_of(call.gateway, row, call.origin))


async def history(call: Call) -> Answer:
    """List the pictures of the last 24 hours, newest first."""
    page, size = max(1, call.query.page), min(max(1, call.query.size), PAGE_MAX)
    if page * size > HISTORY_ROWS_MAX:
        raise InvalidRequest(f"Page times size may be at most {HISTORY_ROWS_MAX}.")
    wanted = TaskFilter(
        account_id=call.bearer.account.id,
        status="completed",
        model="midjourney",
        created_after=datetime.now(UTC) - HISTORY,
    )
    rows: list[Any] = []
    cursor: UUID | None = None
    while len(rows) < page * size:
        more, cursor = await list_tasks(call.gateway, wanted, before=cursor, limit=PAGE_MAX)
        rows += more
        if cursor is None:
            break
    shown = rows[(page - 1) * size : page * size]
    return json_answer(wire.history_of(call.gateway, shown, call.origin))


async def prompt_check(call: Call) -> Answer:
    """Say whether a prompt would be taken."""
    asked: asked_for.Imagine = asked_for.read_body(call.body, asked_for.Imagine)
    fault = prompt_fault(read_prompt(asked.prompt))
    found = await find_banned(call.gateway, call.bearer.account.id, asked.prompt)
    if fault is None and found is not None and found.match.rule.act == "block":
        fault = f"Banned Prompt: {found.match.rule.word}"
    return json_answer({"status": "SUCCESS"} if fault is None else {"status": "FAIL", "message": fault})


async def account_info(call: Call) -> Answer:
    """The plan's credits."""
    wallet = await ledger.read_wallet(call.gateway.database, call.bearer.account.id)
    credit = call.gateway.settings.imaginepro_units_per_credit
    return json_answer(account_wire.account_of(call.bearer, wallet.grants, credit))


def _imagine(asked: asked_for.Imagine, mode: str | None) -> tuple[str, str, dict[str, Any]]:
    mode = mode or read_prompt(asked.prompt).mode or "fast"
    return "midjourney", "imagine", {"prompt": asked.prompt, "process_mode": mode}


async def _press(call: Call, mode: str | None) -> Answer:
    asked: asked_for.Press = asked_for.read_body(call.body, asked_for.Press)
    task_id = asked_for.read_id(asked.message_id)
    if asked.button == CANCEL_LABEL:
        row = await cancel_task(call.gateway, call.bearer.account.id, task_id)
        return json_answer(wire.ack(None, row.ended_at or row.created_at))
    press = Press(
        task_id=task_id,
        button=asked.button,
        prompt=asked.prompt,
        mask=_as_media(asked.mask),
        process_mode=mode,
        deadline_s=asked.timeout or TIMEOUT_S,
    )
    submitted = await press_button(
        call.gateway, call.bearer, press, hook=_hook(asked), wire=_remembered(asked)
    )
    return _acknowledged(submitted)


async def _submit(
    call: Call,
    asked: asked_for.Common,
    what: tuple[str, str, dict[str, Any]],
    *,
    parent_id: UUID | None = None,
) -> Answer:
    model, task_type, task_input = what
    submission = TaskSubmission(
        model=model,
        task_type=task_type,
        input=task_input,
        parent_id=parent_id,
        deadline_s=asked.timeout or TIMEOUT_S,
    )
    return _acknowledged(
        await submit_task(call.gateway, call.bearer, submission, hook=_hook(asked), wire=_remembered(asked))
    )


def _acknowledged(submitted: Submitted) -> Answer:
    return json_answer(wire.ack(submitted.task.id, submitted.task.created_at))


def _hook(asked: asked_for.Common) -> TaskHook | None:
    return TaskHook(asked.webhook_override, face=wire.NAME) if asked.webhook_override else None


def _remembered(asked: asked_for.Common) -> dict[str, Any]:
    kept = {"ref": asked.ref, "cdn": False if asked.disable_cdn else None}
    return {name: value for name, value in kept.items() if value is not None}


def _as_media(given: str | None) -> str | None:
    """A picture in plain base64 as a data URI."""
    if not given or DATA_URI.match(given):
        return given
    return f"data:image/png;base64,{given}"
