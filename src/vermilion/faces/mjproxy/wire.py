"""The shapes of midjourney-proxy, and the mapping of tasks onto them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from vermilion.domain.midjourney.buttons import Button
from vermilion.domain.tasks import Status
from vermilion.domain.webhooks import ENDS, STEPS, THREE_TRIES, TaskHook
from vermilion.errors import (
    BannedWord,
    ButtonMissing,
    Conflict,
    InvalidRequest,
    NotFound,
    PaymentRequired,
    ProviderNotConnected,
    RateLimited,
    ServiceUnavailable,
    VermilionError,
)
from vermilion.http.asgi import Answer, Scope, header
from vermilion.http.auth import presented_secret
from vermilion.http.foreign import refusal_headers, spoken
from vermilion.services.gateway import Gateway
from vermilion.services.show_result import failure_of, show_result, told_prompt, wire_of
from vermilion.services.webhook_faces import WebhookFace
from vermilion.storage.deliveries import DeliveryRow
from vermilion.storage.tasks import TaskRow

NAME = "midjourney-proxy"
SUCCESS, NOT_FOUND, VALIDATION, FAILURE, EXISTED, IN_QUEUE, REJECTED, BANNED = 1, 3, 4, 9, 21, 22, 23, 24
STATUSES = {
    Status.STAGED: "NOT_START",
    Status.PENDING: "SUBMITTED",
    Status.PROCESSING: "IN_PROGRESS",
    Status.COMPLETED: "SUCCESS",
    Status.FAILED: "FAILURE",
    Status.CANCELLED: "CANCEL",
}
ACTIONS = {
    "imagine": "IMAGINE",
    "reroll": "REROLL",
    "upscale": "UPSCALE",
    "variation": "VARIATION",
    "inpaint": "INPAINT",
    "outpaint": "ZOOM",
    "pan": "PAN",
    "make_square": "ZOOM",
    "blend": "BLEND",
    "describe": "DESCRIBE",
    "video": "VIDEO",
}
DIMENSIONS = {"SQUARE": "square", "PORTRAIT": "portrait", "LANDSCAPE": "landscape"}


class Asked(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What any submit may say."""

    notify_hook: str | None = None
    state: str | None = None
    prompt: str | None = None
    base64_array: list[str] | None = None
    base64: str | None = None
    link: str | None = None
    task_id: str = ""
    custom_id: str = ""
    action: str = ""
    index: int | None = None
    content: str = ""
    dimensions: str = "SQUARE"
    mask_base64: str | None = None
    image: str | None = None
    motion: str | None = None

    @property
    def pictures(self) -> list[str]:
        """The pictures that came in base64, in whichever field."""
        return [
            *([self.image] if self.image else []),
            *([self.base64] if self.base64 else []),
            *(self.base64_array or []),
        ]


class Ids(msgspec.Struct, frozen=True):
    """Which tasks to tell of."""

    ids: list[str] = []


class Receipt(msgspec.Struct, frozen=True):
    """The answer to every submit."""

    code: int
    description: str
    result: str | None
    properties: dict[str, Any] = {}


class ShownButton(msgspec.Struct, frozen=True, rename="camel"):
    """A button of a finished task."""

    custom_id: str
    emoji: str
    label: str
    style: int = 2
    type: int = 2


class Task(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A task, as it is fetched and as hooks tell it. Times are milliseconds."""

    id: str
    action: str
    status: str
    prompt: str
    prompt_en: str
    description: str
    state: str | None
    submit_time: int
    start_time: int | None
    finish_time: int | None
    progress: str
    image_url: str | None
    image_urls: list[dict[str, str]]
    image_width: int | None
    image_height: int | None
    video_url: str | None
    fail_reason: str | None
    properties: dict[str, Any]
    buttons: list[ShownButton]


def find_secret(scope: Scope) -> str | None:
    """The secret in `mj-api-secret`, else where everyone looks."""
    return header(scope, b"mj-api-secret") or presented_secret(scope)


def refuse(error: VermilionError, scope: Scope) -> Answer:
    """A refusal. A submit that is understood answers 200 and says no in its code, as clients expect."""
    code, status = _code(error), error.status
    submits = "/submit/" in scope["path"]
    if submits and isinstance(
        error, InvalidRequest | NotFound | Conflict | PaymentRequired | ProviderNotConnected
    ):
        status = 200
    receipt = Receipt(code, _description(error, code), None, _properties(error))
    return Answer(status, msgspec.json.encode(receipt), refusal_headers(error))


def _code(error: VermilionError) -> int:
    if isinstance(error, BannedWord):
        return BANNED
    if isinstance(error, RateLimited | PaymentRequired | ServiceUnavailable):
        return REJECTED
    if isinstance(error, InvalidRequest):
        return VALIDATION
    if "code_hint" in error.facts:  # nothing here does such work
        return FAILURE
    return NOT_FOUND if isinstance(error, NotFound) else FAILURE


def _description(error: VermilionError, code: int) -> str:
    if code == BANNED:
        return "Prompt contains a banned word"
    if "code_hint" in error.facts:
        return "No connection here does this"
    if error.facts.get("prompt_fault") or isinstance(error, ButtonMissing):
        return error.detail
    return spoken(error)


def _properties(error: VermilionError) -> dict[str, Any]:
    return {"bannedWord": error.facts["found"]} if "found" in error.facts else {}


def receipt_of(row: TaskRow) -> Receipt:
    """The answer to an accepted submit."""
    if row.status == Status.STAGED:
        return Receipt(
            IN_QUEUE, "In queue: the account's places are taken", str(row.id), {"numberOfQueues": 0}
        )
    return Receipt(SUCCESS, "Submit success", str(row.id))


def task_of(gateway: Gateway, row: TaskRow, origin: str) -> Task:
    """A task."""
    wire, result, failure = wire_of(row), show_result(gateway, row, origin), failure_of(row)
    prompt = told_prompt(row, wire, result) or "\n\n".join(result.texts)
    return Task(
        id=str(row.id),
        action=ACTIONS.get(row.task_type, row.task_type.upper()),
        status=STATUSES[Status(row.status)],
        prompt=prompt,
        prompt_en=prompt,
        description=f"/{row.task_type} {prompt}".strip(),
        state=wire.get("state"),
        submit_time=_milliseconds(row.created_at) or 0,
        start_time=_milliseconds(row.started_at),
        finish_time=_milliseconds(row.ended_at),
        progress=f"{row.progress}%",
        image_url=result.image,
        image_urls=[{"url": url} for url in result.images] if len(result.images) > 1 else [],
        image_width=result.width,
        image_height=result.height,
        video_url=result.videos[0] if result.videos else None,
        fail_reason=failure[1] if failure else None,
        properties={"finalPrompt": prompt, **result.facts} if row.output else {},
        buttons=[_shown(button, row) for button in result.buttons],
    )


def _shown(button: Button, row: TaskRow) -> ShownButton:
    emoji, label = (button.label, "") if button.is_emoji else ("", button.label)
    return ShownButton(button.id_on(row.id), emoji, label)


def hook_of(asked: Asked) -> TaskHook | None:
    """Where every change of a task is told."""
    if not asked.notify_hook:
        return None
    return TaskHook(asked.notify_hook, face=NAME, events=(*STEPS, *ENDS))


def render_task(gateway: Gateway, row: TaskRow, _delivery: DeliveryRow) -> bytes:
    """A hook's body: the whole task."""
    return msgspec.json.encode(task_of(gateway, row, gateway.settings.origin))


WEBHOOK = WebhookFace(render_task, retry=THREE_TRIES)


def as_media(given: str) -> str:
    """A picture in plain base64, or in a data URI, or a link."""
    return given if given.startswith(("data:", "http://", "https://")) else f"data:image/png;base64,{given}"


def _milliseconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)
