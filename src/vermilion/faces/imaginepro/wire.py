"""Messages and refusals as ImaginePro words them, and the mapping of tasks onto them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from vermilion.domain.midjourney.buttons import CANCEL_LABEL
from vermilion.domain.tasks import ENDED, Status
from vermilion.domain.webhooks import THREE_TRIES
from vermilion.errors import (
    BannedWord,
    ButtonMissing,
    InvalidRequest,
    NotFound,
    PaymentRequired,
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

NAME = "imaginepro"
STATUSES = {
    Status.STAGED: "QUEUED",
    Status.PENDING: "QUEUED",
    Status.PROCESSING: "PROCESSING",
    Status.COMPLETED: "DONE",
    Status.FAILED: "FAIL",
    Status.CANCELLED: "FAIL",
}


class Ack(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What every accepted call answers."""

    success: bool
    message_id: str | UnsetType
    created_at: str


class Message(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A job, as it is polled and as webhooks tell it."""

    message_id: str
    prompt: str
    status: str
    progress: int
    created_at: str
    updated_at: str
    uri: str | UnsetType = UNSET
    original_url: str | UnsetType = UNSET
    images: tuple[str, ...] | UnsetType = UNSET
    buttons: list[str] | UnsetType = UNSET
    originating_message_id: str | UnsetType = UNSET
    content: tuple[str, ...] | UnsetType = UNSET
    video_url: str | UnsetType = UNSET
    results: list[dict[str, Any]] | UnsetType = UNSET
    seed: int | UnsetType = UNSET
    ref: str | UnsetType = UNSET
    error: str | UnsetType = UNSET


def refuse(error: VermilionError, _scope: Scope) -> Answer:
    """An error as NestJS words it; a wallet that is empty counts as not allowed in."""
    status = error.status
    if "code_hint" in error.facts:  # nothing here does such work
        status = 501
    elif isinstance(error, PaymentRequired):
        status = 401
    elif isinstance(error, InvalidRequest) and status in (415, 422):
        status = 400
    body = {"message": _words(error), "error": HTTPStatus(status).phrase, "statusCode": status}
    return Answer(status, msgspec.json.encode(body), refusal_headers(error))


def _words(error: VermilionError) -> str:
    if isinstance(error, PaymentRequired):
        return "Not enough credits."
    if isinstance(error, Unauthenticated):
        return "Unauthorized"
    if isinstance(error, BannedWord | ButtonMissing) or error.facts.get("prompt_fault"):
        return error.detail
    if "code_hint" in error.facts:
        return "No provider that does this is connected here."
    if isinstance(error, NotFound):
        return "Message not found." if error.detail == "There is no such task." else error.detail
    return spoken(error)


def ack(task_id: Any, created_at: datetime) -> Ack:
    """The answer to an accepted call; cancelling makes no message."""
    return Ack(True, UNSET if task_id is None else str(task_id), stamp(created_at))


def message_of(gateway: Gateway, row: TaskRow, origin: str) -> Message:
    """A task as a message."""
    wire, result = wire_of(row), show_result(gateway, row, origin)
    failure = failure_of(row)
    return Message(
        message_id=str(row.id),
        prompt=told_prompt(row, wire, result),
        status=STATUSES[Status(row.status)],
        progress=row.progress,
        created_at=stamp(row.created_at),
        updated_at=stamp(row.ended_at or row.started_at or row.created_at),
        uri=result.image if result.image and wire.get("cdn", True) else UNSET,
        original_url=result.image or UNSET,
        images=result.images or UNSET,
        buttons=_labels(row, [button.label for button in result.buttons]),
        originating_message_id=str(row.parent_id) if row.parent_id else UNSET,
        content=result.texts or UNSET,
        video_url=result.videos[0] if result.videos else UNSET,
        results=[{"url": url, "index": index} for index, url in enumerate(result.videos)] or UNSET,
        seed=UNSET if result.seed is None or result.images else result.seed,
        ref=wire.get("ref", UNSET),
        error=failure[1] if failure else UNSET,
    )


def _labels(row: TaskRow, shown: list[str]) -> list[str] | UnsetType:
    if row.status not in ENDED:
        return [CANCEL_LABEL]
    return shown or UNSET


def render_message(gateway: Gateway, row: TaskRow, _delivery: DeliveryRow) -> bytes:
    """A webhook's body: the message as it would be polled."""
    return msgspec.json.encode(message_of(gateway, row, gateway.settings.origin))


WEBHOOK = WebhookFace(render_message, retry=THREE_TRIES)


def history_of(gateway: Gateway, rows: Iterable[TaskRow], origin: str) -> dict[str, Any]:
    """Pictures, the newest first."""
    images = []
    for row in rows:
        wire, result = wire_of(row), show_result(gateway, row, origin)
        images.append(
            {
                "id": str(row.id),
                "type": row.task_type,
                "button": wire.get("button"),
                "prompt": told_prompt(row, wire, result),
                "uri": result.image,
                "createdAt": stamp(row.created_at),
            }
        )
    return {"images": images}


def stamp(at: datetime) -> str:
    """A time as JavaScript writes it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
