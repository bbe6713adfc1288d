"""A task as the service shows it; nothing here decides anything."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.catalogue import Offer
from vermilion.domain.plan_rules import read_rules
from vermilion.domain.tasks import ENDED, Status
from vermilion.faces.goapi.inputs import NAME
from vermilion.faces.goapi.outputs import Made, shown_output
from vermilion.services.gateway import Gateway
from vermilion.services.serve_media import media_path
from vermilion.storage.accounts import Bearer
from vermilion.storage.tasks import TaskRow

ZERO_TIME = "0001-01-01T00:00:00Z"  #: stands for what has not happened yet
FAILED = 10_000  #: the code of every failure that has none of its own
CODES = {"invalid_input": 1_100, "banned_word": 1_101, "deadline_exceeded": 1_200, "cancelled": 1_300}
NO_ERROR = {"code": 0, "raw_message": "", "message": "", "detail": None}
FAR = datetime(9999, 1, 1, tzinfo=UTC)


def task_data(
    gateway: Gateway, row: TaskRow, origin: str, *, hidden: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """The `data` of a task, the same for every path that shows one."""
    offer = gateway.catalogue.offers.get((row.model, row.task_type))
    memory = remembered(row)
    model, task_type = memory.get("as", (row.model, row.task_type))
    private = row.service_mode == "private"
    made = made_of(gateway, row, origin)
    return {
        "task_id": row.id,
        "model": model,
        "task_type": task_type,
        "status": status_of(row),
        "config": _config(row, memory),
        "input": _input(gateway, row, offer, origin),
        "output": shown_output(row, made, hidden=hidden, private=private),
        "meta": {
            "created_at": time_of(row.created_at),
            "started_at": time_of(row.started_at),
            "ended_at": time_of(row.ended_at),
            "usage": usage_of(row, offer),
            "is_using_private_pool": private,
        },
        "detail": None,
        "logs": [f"input.{name} is not known here and was left out" for name in memory.get("ignored", ())],
        "error": error_of(row),
    }


def hidden_from(bearer: Bearer) -> frozenset[str]:
    """The fields of an output that this account's plan does not show."""
    return frozenset(read_rules(bearer.plan.rules).hidden_outputs)


def remembered(row: TaskRow) -> dict[str, Any]:
    """What this face noted of the task; nothing, if it came another way."""
    memory: dict[str, Any] = msgspec.json.decode(row.wire) if row.wire else {}
    return memory if memory.get("face") == NAME else {}


def status_of(row: TaskRow) -> str:
    """Its word for the state: it has none for a cancelled task but `failed`."""
    return "failed" if row.status == Status.CANCELLED else row.status


def time_of(at: datetime | None) -> str:
    """RFC 3339, or the zero time."""
    return ZERO_TIME if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def usage_of(row: TaskRow, offer: Offer | None) -> dict[str, Any]:
    """Units held and taken; offers that charge at once show the hold as consumed."""
    kind = offer.charging if offer is not None else "point"
    if row.status in ENDED:
        return {"type": kind, "frozen": 0, "consume": row.charged or 0}
    at_once = kind == "llm"
    return {"type": kind, "frozen": 0 if at_once else row.held, "consume": row.held if at_once else 0}


def error_of(row: TaskRow) -> dict[str, Any]:
    """Why it failed; zero and empty if it did not."""
    if row.status == Status.CANCELLED:
        return {
            "code": CODES["cancelled"],
            "raw_message": "canceled",
            "message": "task canceled",
            "detail": None,
        }
    if row.error is None:
        return NO_ERROR
    error: dict[str, Any] = msgspec.json.decode(row.error)
    code = CODES.get(error["code"], FAILED)
    message = f"{error['message']} Nothing was charged." if not row.charged else error["message"]
    return {"code": code, "raw_message": error["message"], "message": message, "detail": None}


def made_of(gateway: Gateway, row: TaskRow, origin: str) -> Made:
    """What the task made, with fresh links."""
    output: dict[str, Any] = msgspec.json.decode(row.output) if row.output else {}
    files = []
    for asset in output.get("assets", ()):
        path = media_path(gateway, UUID(asset["id"]), datetime.fromisoformat(asset["expires_at"]))
        files.append({**asset, "url": origin + path})
    return Made(files, {name: value for name, value in output.items() if name != "assets"})


def _config(row: TaskRow, memory: dict[str, Any]) -> dict[str, Any]:
    hook: dict[str, Any] = msgspec.json.decode(row.webhook) if row.webhook else {}
    return {
        "service_mode": memory.get("mode", row.service_mode),
        "webhook_config": {"endpoint": hook.get("url", ""), "secret": hook.get("secret") or ""},
    }


def _input(gateway: Gateway, row: TaskRow, offer: Offer | None, origin: str) -> dict[str, Any]:
    """The input as it was sent, with links where files came with it."""
    shown: dict[str, Any] = msgspec.json.decode(row.input)
    for name in offer.media_fields if offer is not None else ():
        if name in shown:
            value = shown[name]
            links = [_link(gateway, item, origin) for item in (value if isinstance(value, list) else [value])]
            shown[name] = links if isinstance(value, list) else links[0]
    if row.parent_id is not None:
        shown["origin_task_id"] = row.parent_id
    return shown


def _link(gateway: Gateway, value: Any, origin: str) -> Any:
    try:
        return origin + media_path(gateway, UUID(value), FAR)
    except (ValueError, AttributeError, TypeError):
        return value
