"""Submit what a form of the playground says: each part one ordinary task, made once however often the form is sent."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from starlette.datastructures import UploadFile

from vermilion.errors import IdempotencyMismatch, InsufficientFunds, VermilionError
from vermilion.faces.dashboard import words
from vermilion.faces.dashboard.asking import Part
from vermilion.faces.dashboard.visit import Visit
from vermilion.services.account_glance import glance
from vermilion.services.find_place import find_place, price_in
from vermilion.services.price_task import plan_price
from vermilion.services.store_media import store_upload
from vermilion.services.submit_task import TaskSubmission, check_submission, submit_task
from vermilion.storage.idempotency import find_task

ONCE = re.compile(r"[\w-]{8,64}", re.ASCII)


@dataclass(slots=True)
class Ran:
    """What became of a form: the tasks that were made and the refusals, by the number of their part.

    `inputs` are what was asked for in the end, with the ids of files that came along.
    """

    inputs: list[dict[str, Any]]
    made: dict[int, UUID] = field(default_factory=dict)
    refused: dict[int, VermilionError] = field(default_factory=dict)


async def run_parts(
    visit: Visit, parts: list[Part], inputs: list[dict[str, Any]], *, parent_id: UUID | None
) -> Ran:
    """Make every part's task. None is made while any of them is wrong or the wallet does not cover all."""
    files = {name: await file.read() for name, file in _files(visit, parts)}
    keys = [
        _key(visit.text("once"), part, task_input, parent_id=parent_id, files=files)
        for part, task_input in zip(parts, inputs, strict=True)
    ]
    ran = Ran(inputs)
    try:
        ran.inputs = await _with_files(visit, parts, inputs, files)
    except VermilionError as refused:
        return Ran(inputs, refused={0: refused})
    asked = [
        TaskSubmission(part.offer.model, part.offer.task_type, task_input, parent_id=parent_id)
        for part, task_input in zip(parts, ran.inputs, strict=True)
    ]
    await _check(visit, parts, asked, ran)
    if ran.refused:
        return ran
    for part, submission, key in zip(parts, asked, keys, strict=True):
        try:
            ran.made[part.number] = await _submit(visit, submission, key)
        except VermilionError as refused:
            ran.refused[part.number] = refused
    return ran


async def price_of(visit: Visit, part: Part, task_input: dict[str, Any]) -> int | None:
    """What submitting this would hold now; None while it cannot be told."""
    asked = TaskSubmission(part.offer.model, part.offer.task_type, task_input)
    try:
        place = await find_place(visit.gateway, visit.bearer, part.offer, asked, task_input=task_input)
        rule = await plan_price(visit.gateway, visit.bearer, part.offer, task_input)
        return price_in(visit.gateway, place, part.offer.quote(task_input, rule).units)
    except (VermilionError, ValueError, TypeError, KeyError):
        return None


def _files(visit: Visit, parts: list[Part]) -> Iterator[tuple[str, UploadFile]]:
    """The files that came with the form, by the field that they are for."""
    for name in dict.fromkeys(part.called(name) for part in parts for name in part.offer.media_fields):
        file = visit.form.get(f"{name}:file")
        if isinstance(file, UploadFile) and file.size:
            yield name, file


async def _with_files(
    visit: Visit, parts: list[Part], inputs: list[dict[str, Any]], files: dict[str, bytes]
) -> list[dict[str, Any]]:
    """The inputs with the ids of their files, each of which is stored once."""
    stored = {
        name: str((await store_upload(visit.gateway, visit.bearer, content)).id)
        for name, content in files.items()
    }
    return [
        task_input
        | {name: stored[part.called(name)] for name in part.offer.media_fields if part.called(name) in stored}
        for part, task_input in zip(parts, inputs, strict=True)
    ]


async def _check(visit: Visit, parts: list[Part], asked: list[TaskSubmission], ran: Ran) -> None:
    """Note what is wrong with any part; of one alone, submitting it says the same."""
    if len(parts) == 1:
        return
    for part, submission in zip(parts, asked, strict=True):
        try:
            check_submission(visit.gateway, visit.bearer, submission)
        except VermilionError as refused:
            ran.refused[part.number] = refused
    prices = [await price_of(visit, part, one.input) or 0 for part, one in zip(parts, asked, strict=True)]
    available = (await glance(visit.gateway, visit.account_id)).available
    if not ran.refused and sum(prices) > available:
        missing = words.price(sum(prices) - available)
        ran.refused[0] = InsufficientFunds(
            f"Together these cost {words.price(sum(prices))}: {missing} more than you have. Nothing was made."
        )


async def _submit(visit: Visit, asked: TaskSubmission, key: str | None) -> UUID:
    try:
        submitted = await submit_task(visit.gateway, visit.bearer, asked, idempotency_key=key)
    except IdempotencyMismatch:
        # The same form with the same files: only the ids under which these were stored again are different.
        task_id = await find_task(visit.gateway.database, visit.account_id, key or "")
        if task_id is None:
            raise
        return task_id
    return submitted.task.id


def _key(
    once: str, part: Part, task_input: dict[str, Any], *, parent_id: UUID | None, files: dict[str, bytes]
) -> str | None:
    """The idempotency key of this part of this form as it was filled in; None for a form that has no number."""
    if ONCE.fullmatch(once) is None:
        return None
    own = {part.called(name) for name in part.offer.media_fields}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items() if name in own}
    said = msgspec.json.encode((part.name, parent_id, task_input, digests), order="deterministic")
    return f"playground:{once}:{hashlib.sha256(said).hexdigest()}"
