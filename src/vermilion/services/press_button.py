"""Follow up a picture by what is written on its buttons, as every Midjourney face does."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.midjourney.buttons import VARY_REGION, Button, find_button
from vermilion.domain.tasks import Status
from vermilion.domain.webhooks import TaskHook
from vermilion.errors import ButtonMissing, Conflict, FieldProblem, InvalidRequest
from vermilion.services.find_tasks import get_task
from vermilion.services.gateway import Gateway
from vermilion.services.show_result import FAMILY, show_result, told_prompt, wire_of
from vermilion.services.submit_task import Submitted, TaskSubmission, submit_task
from vermilion.storage.accounts import Bearer
from vermilion.storage.tasks import TaskRow


class Press(msgspec.Struct, frozen=True, kw_only=True):
    """A button, and what it needs to know. `process_mode` None keeps the speed of what is followed up."""

    task_id: UUID
    button: str
    prompt: str | None = None
    mask: str | None = None
    process_mode: str | None = None
    deadline_s: float | None = None


async def press_button(
    gateway: Gateway, bearer: Bearer, press: Press, *, hook: TaskHook | None, wire: dict[str, Any]
) -> Submitted:
    """The follow-up.

    Raises NotFound, Conflict before the picture is there, ButtonMissing, and what submit_task raises.
    """
    row, button = await find_pressed(gateway, bearer.account.id, press.task_id, press.button)
    wire = {
        **wire,
        "button": button.label,
        "prompt": told_prompt(row, wire_of(row), show_result(gateway, row, "")),
    }
    return await submit_task(gateway, bearer, _submission(row, button, press), hook=hook, wire=wire)


async def find_pressed(
    gateway: Gateway, account_id: UUID, task_id: UUID, name: str
) -> tuple[TaskRow, Button]:
    """The picture's task and the button. Raises NotFound, Conflict, ButtonMissing."""
    row = await get_task(gateway, account_id, task_id)
    if row.status != Status.COMPLETED or row.family != FAMILY:
        raise Conflict(f"There is nothing to press: the task is {row.status}.")
    output = msgspec.json.decode(row.output or "{}")
    button = find_button(name, output, row.id)
    if button is None:
        there_are = ", ".join(shown.label for shown in show_result(gateway, row, "").buttons) or "none"
        raise ButtonMissing(f"There is no button {name!r} on this picture; there are: {there_are}.")
    return row, button


def _submission(row: TaskRow, button: Button, press: Press) -> TaskSubmission:
    kept: dict[str, Any] = msgspec.json.decode(row.input)
    task_input = dict(button.input)
    if press.prompt and button.task_type not in ("upscale", "make_square"):
        task_input["prompt"] = press.prompt
    if button is VARY_REGION:
        if not press.mask:
            raise InvalidRequest(problems=(FieldProblem("/mask", "is required to vary a region"),))
        task_input["mask"] = press.mask
    mode = press.process_mode or kept.get("process_mode")
    if mode is not None:
        task_input["process_mode"] = mode
    return TaskSubmission(
        model=row.model,
        task_type=button.task_type,
        input=task_input,
        parent_id=row.id,
        deadline_s=press.deadline_s,
        # What an account of one's own made, only that account can follow up.
        connection_id=row.connection_id if row.service_mode == "private" else None,
    )
