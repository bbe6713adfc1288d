"""Requests for tasks, as clients of the service send them, made into submissions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, cast
from uuid import UUID

import msgspec

from vermilion.domain.catalogue import Catalogue, Offer
from vermilion.domain.webhooks import ENDS, TaskHook
from vermilion.errors import FieldProblem, InvalidRequest, NotFound
from vermilion.faces.goapi.models import TOLD_STEPS, offered_as
from vermilion.services.submit_task import TaskSubmission

NAME = "goapi"
MODES = ("public", "private")
SECRET_CHARACTERS_MAX = 1_000
BARE_BASE64 = re.compile(r"[A-Za-z0-9+/\s]{64,}={0,2}\s*")


class WebhookConfig(msgspec.Struct, frozen=True):
    """Where the service shall call, and what it sends along to prove itself."""

    endpoint: str | None = None
    secret: str | None = None


class Config(msgspec.Struct, frozen=True):
    """What is not the model's matter."""

    service_mode: str | None = None
    webhook_config: WebhookConfig | None = None


class TaskRequest(msgspec.Struct, frozen=True):
    """A task of any model."""

    model: str
    task_type: str
    input: dict[str, Any]
    config: Config | None = None


class Asked(msgspec.Struct, frozen=True):
    """A request, ready for the service that submits tasks."""

    submission: TaskSubmission
    hook: TaskHook | None
    wire: dict[str, Any]


def asked(catalogue: Catalogue, request: TaskRequest) -> Asked:
    """The submission. Raises InvalidRequest for models, modes and parents that cannot be."""
    model, task_type = offered_as(request.model, request.task_type)
    offer = _offer(catalogue, model, task_type)
    config = request.config or Config()
    given = dict(request.input)
    parent_id = _parent_id(given.pop("origin_task_id", None))
    task_input, ignored = cleaned(offer, given)
    wire: dict[str, Any] = {"face": NAME}
    wire |= {"mode": config.service_mode} if config.service_mode is not None else {}
    wire |= (
        {"as": [request.model, request.task_type]}
        if (model, task_type) != (request.model, request.task_type)
        else {}
    )
    wire |= {"ignored": ignored} if ignored else {}
    submission = TaskSubmission(
        model=model,
        task_type=task_type,
        input=task_input,
        service_mode=_mode(config.service_mode or None),
        parent_id=parent_id,
    )
    return Asked(submission, _hook(config.webhook_config, offer), wire)


def cleaned(offer: Offer, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The input as the offer takes it, and the names of fields that it does not know.

    Clients of the service send numbers as text and text as numbers, empty strings for what they do not want, and
    files as bare base64.
    """
    properties = offer.schema["properties"]
    required = offer.schema.get("required", ())
    kept, ignored = {}, []
    for name, value in given.items():
        if name not in properties:
            ignored.append(name[:100])
        elif name in required or value not in (None, "", []):
            kept[name] = _fitted(value, properties[name])
    return kept, ignored[:50]


def _offer(catalogue: Catalogue, model: str, task_type: str) -> Offer:
    try:
        return catalogue.offer(model, task_type)
    except NotFound as missing:
        raise InvalidRequest(missing.detail) from None


def _mode(mode: str | None) -> Literal["public", "private"] | None:
    """On whose connections; None leaves it to the account's setting."""
    if mode not in (None, *MODES):
        problem = FieldProblem("/service_mode", "must be `public`, `private` or empty")
        raise InvalidRequest(problems=(problem,))
    return cast("Literal['public', 'private'] | None", mode)


def _parent_id(value: Any) -> UUID | None:
    if value in (None, ""):
        return None
    try:
        return UUID(value)
    except (ValueError, AttributeError, TypeError):
        raise InvalidRequest(problems=(FieldProblem("/parent_id", "there is no such task"),)) from None


def _hook(config: WebhookConfig | None, offer: Offer) -> TaskHook | None:
    if config is None or not config.endpoint:
        return None
    secret = config.secret or None
    if secret is not None and (
        len(secret) > SECRET_CHARACTERS_MAX or not secret.isprintable() or not secret.isascii()
    ):
        detail = f"must be at most {SECRET_CHARACTERS_MAX} printable ASCII characters"
        raise InvalidRequest(problems=(FieldProblem("/config/webhook_config/secret", detail),))
    events = (*ENDS, "task.started", "task.progress") if offer.family in TOLD_STEPS else ENDS
    return TaskHook(config.endpoint, face=NAME, secret=secret, events=events)


def _fitted(value: Any, schema: Mapping[str, Any]) -> Any:
    """A value in the type that its schema wants, where it plainly says the same."""
    wanted = schema.get("type")
    if schema.get("format") == "media":
        return _as_uri(value)
    if wanted == "array" and isinstance(value, list):
        return [_fitted(item, schema.get("items", {})) for item in value]
    if wanted == "string" and isinstance(value, int | float) and not isinstance(value, bool):
        return str(int(value) if isinstance(value, float) and value.is_integer() else value)
    if wanted in ("integer", "number") and isinstance(value, str):
        return _number(value)
    if wanted == "boolean" and value in ("true", "false"):
        return value == "true"
    if wanted == "string" and isinstance(value, str) and value not in schema.get("enum", (value,)):
        return next((choice for choice in schema["enum"] if choice.lower() == value.lower()), value)
    return value


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def _as_uri(value: Any) -> Any:
    """Bare base64 as a data URI; everything else as it is."""
    if isinstance(value, str) and BARE_BASE64.fullmatch(value):
        return "data:;base64," + "".join(value.split())
    return value
