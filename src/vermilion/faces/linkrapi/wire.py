"""The shapes of LinkrAPI, and the mapping of tasks and connections onto them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from vermilion.domain.tasks import Status
from vermilion.domain.webhooks import THREE_TRIES
from vermilion.errors import (
    BannedWord,
    ButtonMissing,
    Conflict,
    ConnectionSuspended,
    InvalidRequest,
    PaymentRequired,
    ServiceUnavailable,
    Unauthenticated,
    VermilionError,
)
from vermilion.http.asgi import Answer, Scope
from vermilion.http.foreign import refusal_headers, spoken
from vermilion.services.gateway import Gateway
from vermilion.services.show_result import failure_of, show_result, told_prompt, wire_of
from vermilion.services.webhook_faces import WebhookFace
from vermilion.storage.deliveries import DeliveryRow
from vermilion.storage.tasks import TaskRow

NAME = "linkrapi"
CONTENT_POLICY = (
    "Your prompt contains a term that violates Midjourney's content policy. Please rephrase and try again."
)
NOT_IN_COMPONENTS = "Action not found in task components"
STATUSES = {
    Status.STAGED: "pending",
    Status.PENDING: "pending",
    Status.PROCESSING: "processing",
    Status.COMPLETED: "completed",
    Status.FAILED: "failed",
    Status.CANCELLED: "failed",
}
#: This service's names of buttons, by ours.
ACTIONS = {
    **{f"upsample{number}": f"upscale{number}" for number in range(1, 5)},
    **{f"variation{number}": f"variation{number}" for number in range(1, 5)},
    "reroll": "reroll",
}
COMPONENT_STYLE = 2  #: Discord's grey


class Imagine(msgspec.Struct, frozen=True):
    """A prompt, and maybe a picture that it refers to."""

    prompt: str
    reference_image: str | None = None
    webhook_url: str | None = None


class Action(msgspec.Struct, frozen=True):
    """What to do with a finished task."""

    task_id: str
    action: str
    webhook_url: str | None = None


class Component(msgspec.Struct, frozen=True):
    """A button, as Discord calls it."""

    custom_id: str
    label: str
    style: int = COMPONENT_STYLE


class Fetched(msgspec.Struct, frozen=True):
    """A task."""

    task_id: str
    action: str
    status: str
    progress: int
    prompt: str
    image_url: str | None
    message_id: str | None
    components: list[Component] | None
    error: str | None
    created_at: str
    images: tuple[str, ...] | UnsetType = UNSET
    grid_url: str | UnsetType = UNSET
    cdn_url: str | UnsetType = UNSET


def refuse(error: VermilionError, _scope: Scope) -> Answer:
    """An error as FastAPI words it."""
    return Answer(_status(error), msgspec.json.encode({"detail": _detail(error)}), refusal_headers(error))


def _status(error: VermilionError) -> int:
    if isinstance(error, Conflict | BannedWord | ButtonMissing) or error.facts.get("prompt_fault"):
        return 400
    if isinstance(error, ServiceUnavailable):
        return 502
    return 400 if error.status in (413, 415) else error.status


def _detail(error: VermilionError) -> Any:
    if isinstance(error, BannedWord):
        return CONTENT_POLICY
    if isinstance(error, ButtonMissing | Conflict):
        return NOT_IN_COMPONENTS
    if isinstance(error, Unauthenticated):
        return "Invalid or missing API key"
    if isinstance(error, ConnectionSuspended):
        return f"This hold is suspended. {error.detail}"
    if isinstance(error, PaymentRequired) or error.facts.get("prompt_fault"):
        return error.detail
    if isinstance(error, InvalidRequest) and error.problems and error.status == 422:
        return [
            {
                "loc": ["body", *problem.pointer.strip("/").split("/")],
                "msg": problem.detail,
                "type": "value_error",
            }
            for problem in error.problems
        ]
    return "Task not found" if error.detail == "There is no such task." else spoken(error)


def fetched(gateway: Gateway, row: TaskRow, origin: str) -> Fetched:
    """A task as it is fetched."""
    wire, result, failure = wire_of(row), show_result(gateway, row, origin), failure_of(row)
    components = [Component(button.id_on(row.id), button.label) for button in result.buttons]
    late = failure is not None and failure[0] == "deadline_exceeded"
    four = len(result.images) > 1
    return Fetched(
        task_id=str(row.id),
        action=action_of(row),
        status="timeout" if late else STATUSES[Status(row.status)],
        progress=row.progress,
        prompt=told_prompt(row, wire, result),
        image_url=result.image,
        message_id=None,
        components=components or None,
        error=failure[1] if failure else None,
        created_at=_naive(row.created_at),
        images=result.images if four else UNSET,
        grid_url=result.image if four and result.image else UNSET,
        cdn_url=result.image or UNSET,
    )


def action_of(row: TaskRow) -> str:
    """What was done, in this service's words."""
    index = str(msgspec.json.decode(row.input).get("index", ""))
    if row.task_type in ("upscale", "variation") and index.isdecimal():
        return f"{'upsample' if row.task_type == 'upscale' else 'variation'}{index}"
    return row.task_type


def render_fetched(gateway: Gateway, row: TaskRow, _delivery: DeliveryRow) -> bytes:
    """A webhook's body: the task as it would be fetched."""
    return msgspec.json.encode(fetched(gateway, row, gateway.settings.origin))


WEBHOOK = WebhookFace(render_fetched, retry=THREE_TRIES)


def _naive(at: datetime) -> str:
    """A time in UTC that does not say so, as this service writes it."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
