"""Accept a task: check it, price it, take in its files, and commit it with its hold before anyone is told."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import standardwebhooks
from msgspec import Meta

from vermilion.domain.catalogue import Offer
from vermilion.domain.submission import NewTask
from vermilion.domain.tasks import PRIORITY_DEFAULT, PRIORITY_LAST, Status
from vermilion.domain.webhooks import TaskEvent, TaskHook
from vermilion.egress.errors import EgressRefused
from vermilion.egress.guard import check_url
from vermilion.errors import FieldProblem, Forbidden, IdempotencyMismatch, InvalidRequest, VermilionError
from vermilion.ids import new_id
from vermilion.services.accepted_task import accepted_row, as_accepted
from vermilion.services.check_texts import check_texts
from vermilion.services.find_place import find_place, price_in
from vermilion.services.gateway import Gateway
from vermilion.services.price_task import price_of_task
from vermilion.services.require_connection import require_connection
from vermilion.services.take_in_media import take_in_media
from vermilion.storage.accounts import Bearer
from vermilion.storage.idempotency import first_of
from vermilion.storage.tasks import TaskRow, read_parent

METADATA_BYTES_MAX = 16_384
WIRE_BYTES_MAX = 32_768
INPUT_BYTES_MAX = 262_144  #: of what is stored; files go to the media store first
DEADLINE_S_MAX = 7 * 86_400


class Webhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to tell of a task: its ends, unless `events` names others. Without a secret the account's own signs."""

    url: str
    secret: str | None = None
    events: tuple[TaskEvent, ...] | None = None


class TaskSubmission(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a customer asks for, whatever face it came through."""

    model: str
    task_type: str
    input: Annotated[
        dict[str, Any], Meta(description="What the offer takes; its schema is in the catalogue.")
    ]
    webhook: Webhook | None = None
    metadata: Annotated[
        dict[str, Any] | None, Meta(description="Your own notes: kept, given back, and searched by lists.")
    ] = None
    priority: Annotated[
        Annotated[int, Meta(ge=0, le=PRIORITY_LAST)] | None,
        Meta(
            description="0 is the most urgent; 5 unless you say otherwise. A plan may not allow every urgency."
        ),
    ] = None
    deadline_s: Annotated[
        Annotated[float, Meta(gt=0, le=DEADLINE_S_MAX)] | None,
        Meta(description="Seconds after which an unfinished task fails and costs nothing."),
    ] = None
    service_mode: Annotated[
        Literal["public", "private"] | None, Meta(description="`private`: only on your own connections.")
    ] = None
    connection_id: Annotated[
        UUID | None, Meta(description="The one connection of yours that is to do it.")
    ] = None
    parent_id: Annotated[
        UUID | None, Meta(description="The completed task of yours that this one follows up.")
    ] = None


class Submitted(msgspec.Struct, frozen=True):
    """The task as it was accepted; a replay tells the same again."""

    task: TaskRow
    replayed: bool


async def submit_task(
    gateway: Gateway,
    bearer: Bearer,
    asked: TaskSubmission,
    *,
    idempotency_key: str | None = None,
    hook: TaskHook | None = None,
    wire: Mapping[str, Any] | None = None,
) -> Submitted:
    """Accept a task durably. A `hook` is the webhook of a face with words of its own, instead of the asked one;
    `wire` is what a face has to remember of the task, and nobody else sees.

    The repeat of an accepted submission is answered as the first was, whatever has changed since then.
    Raises what check_submission raises, ProviderNotConnected, EnginePackMissing, BannedWord, InsufficientFunds,
    SpendCapReached, IdempotencyMismatch, and UnsupportedMedia or InvalidRequest for files that cannot be taken in.
    """
    try:
        return await _submit(gateway, bearer, asked, idempotency_key=idempotency_key, hook=hook, wire=wire)
    except IdempotencyMismatch:
        raise
    except VermilionError:
        first = await _first_answer(gateway, bearer, idempotency_key, _hash(asked, hook))
        if first is None:
            raise
        return first


async def _submit(
    gateway: Gateway,
    bearer: Bearer,
    asked: TaskSubmission,
    *,
    idempotency_key: str | None,
    hook: TaskHook | None,
    wire: Mapping[str, Any] | None,
) -> Submitted:
    offer, task_input = check_submission(gateway, bearer, asked)
    await require_connection(gateway, bearer.account.id, offer)
    gateway.served.require(offer)
    if hook is not None and (problems := _url_problems(gateway, hook.url)):
        raise InvalidRequest(problems=problems)
    task_id = new_id()
    await check_texts(gateway, bearer, offer, task_input, task_id=task_id, idempotency_key=idempotency_key)
    if asked.parent_id is not None:
        await _check_parent(gateway, bearer, offer, asked.parent_id)
    place = await find_place(gateway, bearer, offer, asked, task_input=task_input)
    price, penalty = await price_of_task(gateway, bearer, offer, task_input, task_id=task_id)
    units = price_in(gateway, place, offer.quote(task_input, price).units)
    if offer.media_fields:
        task_input = await take_in_media(gateway, bearer, offer, task_input)
    told = hook or _native_hook(asked.webhook)
    new = NewTask(  # by position: by name it takes six times as long
        task_id,
        bearer.account.id,
        bearer.key.id,
        bearer.key.cap_units is not None,
        asked.parent_id,
        offer.model,
        offer.task_type,
        offer.family,
        place.queue,
        _priority(bearer, asked),
        units,
        _text(task_input, "/input", INPUT_BYTES_MAX),
        None if asked.metadata is None else _text(asked.metadata, "/metadata", METADATA_BYTES_MAX),
        None if told is None else msgspec.json.encode(told).decode(),
        offer.price_json if price is offer.price else msgspec.json.encode(price).decode(),
        asked.deadline_s or offer.deadline_s,
        idempotency_key,
        None if idempotency_key is None else _hash(asked, hook),
        None if wire is None else _text(wire, "/wire", WIRE_BYTES_MAX),
        place.service_mode,
        penalty,
    )
    accepted = await gateway.submissions(new)
    if accepted.replayed:
        return Submitted(await as_accepted(gateway, accepted), replayed=True)
    return Submitted(accepted_row(new, accepted), replayed=False)


async def _first_answer(
    gateway: Gateway, bearer: Bearer, key: str | None, request_hash: bytes
) -> Submitted | None:
    """What was answered under this key before, if anything. Raises IdempotencyMismatch if something else was asked."""
    first = None if key is None else await first_of(gateway.database, bearer.account.id, key)
    if first is None:
        return None
    if first[0] != request_hash:
        raise IdempotencyMismatch
    return Submitted(await as_accepted(gateway, first[1]), replayed=True)


def check_submission(gateway: Gateway, bearer: Bearer, asked: TaskSubmission) -> tuple[Offer, dict[str, Any]]:
    """The offer and the completed input, if everything that needs no lock is right.

    Raises NotFound for an unknown offer, Forbidden for a model outside the key's list, InvalidRequest naming
    every wrong field.
    """
    offer = gateway.catalogue.offer(asked.model, asked.task_type)
    if bearer.key.models is not None and asked.model not in bearer.key.models:
        raise Forbidden(f"This API key may not use the model {asked.model!r}.")
    task_input = offer.completed(asked.input)
    problems = [] if offer.accepts(task_input) else list(offer.problems(task_input))
    problems += offer.parent_problems(task_input, has_parent=asked.parent_id is not None)
    if asked.webhook is not None:
        problems += _webhook_problems(gateway, asked.webhook)
    if problems:
        raise InvalidRequest(problems=tuple(problems))
    return offer, task_input


def input_problems(gateway: Gateway, body: Any) -> tuple[FieldProblem, ...]:
    """What is wrong with the input inside a submission whose own shape is wrong, as far as that can be told."""
    if not isinstance(body, dict) or not isinstance(body.get("input"), dict):
        return ()
    offer = gateway.catalogue.offers.get((str(body.get("model")), str(body.get("task_type"))))
    return offer.problems(body["input"]) if offer is not None else ()


def _webhook_problems(gateway: Gateway, webhook: Webhook) -> list[FieldProblem]:
    problems = [*_url_problems(gateway, webhook.url)]
    try:
        if webhook.secret is not None:
            standardwebhooks.Webhook(webhook.secret)
    except (ValueError, RuntimeError):
        problems.append(
            FieldProblem("/webhook/secret", "must be `whsec_` followed by 24 to 64 bytes in base64")
        )
    return problems


def _url_problems(gateway: Gateway, url: str) -> tuple[FieldProblem, ...]:
    try:
        check_url(url, allow=gateway.settings.egress_allow)
    except EgressRefused as refused:
        return (FieldProblem("/webhook/url", str(refused)),)
    return ()


async def _check_parent(gateway: Gateway, bearer: Bearer, offer: Offer, parent_id: UUID) -> None:
    parent = await read_parent(gateway.database, parent_id)
    if parent is None or parent["account_id"] != bearer.account.id:
        raise InvalidRequest(problems=(FieldProblem("/parent_id", "there is no such task"),))
    if parent["status"] != Status.COMPLETED:
        raise InvalidRequest(
            problems=(FieldProblem("/parent_id", f"that task is {parent['status']}, not completed"),)
        )
    if offer.follows and (parent["family"] != offer.family or parent["task_type"] not in offer.follows):
        what = f"{parent['model']} {parent['task_type']}"
        wanted = f"{offer.family}: {', '.join(offer.follows)}"
        raise InvalidRequest(problems=(FieldProblem("/parent_id", f"that task is {what}, not {wanted}"),))


def _priority(bearer: Bearer, asked: TaskSubmission) -> int:
    return max(PRIORITY_DEFAULT, bearer.plan.priority_best) if asked.priority is None else asked.priority


def _text(value: Any, pointer: str, bytes_max: int) -> str:
    encoded = msgspec.json.encode(value)
    if len(encoded) > bytes_max:
        raise InvalidRequest(problems=(FieldProblem(pointer, f"must be at most {bytes_max} bytes of JSON"),))
    if b"\\u0000" in encoded:
        raise InvalidRequest(problems=(FieldProblem(pointer, "must not contain NUL characters"),))
    return encoded.decode()


def _native_hook(webhook: Webhook | None) -> TaskHook | None:
    return None if webhook is None else TaskHook(webhook.url, secret=webhook.secret, events=webhook.events)


def _hash(asked: TaskSubmission, hook: TaskHook | None) -> bytes:
    whole = asked if hook is None else (asked, hook)
    return hashlib.sha256(msgspec.json.encode(whole, order="deterministic")).digest()
