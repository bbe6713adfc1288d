"""Bring a task to its end: store what it made, then status, money and deliveries in one commit."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from vermilion import faults
from vermilion.domain.ending import Ending, NewAsset
from vermilion.domain.outcomes import Fault, OutputFile, Succeeded
from vermilion.domain.pricing import PriceRule, reprice
from vermilion.domain.tasks import Status, TaskError
from vermilion.egress.errors import EgressError
from vermilion.errors import Conflict, NotFound, UnsafeMedia, UnsupportedMedia
from vermilion.services.gateway import Gateway
from vermilion.services.penalties import is_charged
from vermilion.services.store_media import keep, work_folder
from vermilion.storage import audit
from vermilion.storage.accounts import Bearer
from vermilion.storage.flights import Claimed
from vermilion.storage.tasks import TaskRow

OUTPUT_BYTES_MAX = 2_000_000_000
PROCESSING = frozenset({Status.PROCESSING.value})
UNSAFE_OUTPUT = (
    "The result was found not to be safe for work, which this gateway does not deliver; it was not kept."
)


async def complete_task(gateway: Gateway, task: Claimed, success: Succeeded) -> bool:
    """End a task well; False if it was no longer ours to end. Outputs that cannot be kept fail it, uncharged; those
    that the guard refuses fail it by the customer's fault.
    """
    try:
        stored = await _store_outputs(gateway, task, success.outputs)
    except (UnsupportedMedia, EgressError) as lost:
        error = TaskError(
            "output_unusable", f"The provider's output cannot be kept: {lost}", Fault.PROVIDER.value
        )
        return await fail_task(gateway, task, error)
    except UnsafeMedia as unsafe:
        error = TaskError(unsafe.code, UNSAFE_OUTPUT, Fault.CUSTOMER.value)
        return await fail_task(gateway, task, error)
    faults.at("end.outputs_stored")
    return await gateway.endings(
        Ending(
            task.id,
            Status.COMPLETED,
            expected=PROCESSING,
            node_id=gateway.node_id,
            captured=_captured(task, success),
            output=_text(_output(stored, success)),
            provider_facts=_text(dict(success.provider_facts)) if success.provider_facts else None,
            assets=tuple(stored),
        )
    )


async def fail_task(gateway: Gateway, task: Claimed, error: TaskError) -> bool:
    """End a task badly and give everything back; False if it was no longer ours to end.

    Only a plan that charges for too many faults of the customer keeps what was held for one.
    """
    charged = error.fault == Fault.CUSTOMER.value and await is_charged(gateway, task.account_id)
    return await gateway.endings(
        Ending(
            task.id,
            Status.FAILED,
            expected=PROCESSING,
            node_id=gateway.node_id,
            captured=task.held if charged else None,
            error=_text(error),
        )
    )


async def withdraw_task(gateway: Gateway, task: Claimed) -> bool:
    """End a task as cancelled after its provider stopped it; False if it was no longer ours to end."""
    return await gateway.endings(
        Ending(task.id, Status.CANCELLED, expected=PROCESSING, node_id=gateway.node_id)
    )


async def overdue_task(gateway: Gateway, task_id: UUID, *, unknown: bool) -> bool:
    """End a task whose deadline has passed, in whatever active state it is; its hold is released."""
    error = (
        TaskError(
            "submission_unknown", "The provider never said whether it took the task.", Fault.PROVIDER.value
        )
        if unknown
        else TaskError("deadline_exceeded", "The task did not end before its deadline.", Fault.PROVIDER.value)
    )
    return await gateway.endings(Ending(task_id, Status.FAILED, error=_text(error)))


async def end_by_operator(
    gateway: Gateway, actor: Bearer, task_id: UUID, *, status: Status, reason: str
) -> TaskRow:
    """End an active task by hand and give everything back. Raises NotFound, and Conflict if it has ended already."""
    error = TaskError("ended_by_operator", reason, Fault.PROVIDER.value)
    applied = await gateway.endings(Ending(task_id, status, error=_text(error)))
    row = await gateway.reads(task_id)
    if row is None:
        raise NotFound("There is no such task.")
    if not applied:
        raise Conflict(f"The task has ended already: it is {row.status}.")
    await audit.note(
        gateway.database, actor.account.id, "task.end", task_id, status=status.value, reason=reason
    )
    return row


def _captured(task: Claimed, success: Succeeded) -> int | None:
    if success.actual_usage is None:
        return None
    rule = msgspec.json.decode(task.price, type=PriceRule)
    return reprice(rule, msgspec.json.decode(task.input), success.actual_usage, task.held)


async def _store_outputs(gateway: Gateway, task: Claimed, outputs: tuple[OutputFile, ...]) -> list[NewAsset]:
    stored: list[NewAsset] = []
    if not outputs:
        return stored
    async with work_folder(gateway) as folder:
        for number, output in enumerate(outputs):
            path = await _to_disk(gateway, output, folder / f"{number}")
            stored.append(await keep(gateway, task.account_id, path, task=task))
    return stored


async def _to_disk(gateway: Gateway, output: OutputFile, target: Path) -> Path:
    if output.content is not None:
        await asyncio.to_thread(target.write_bytes, output.content)
    elif output.path is not None:
        await asyncio.to_thread(_take_over, output.path, target)
    elif output.url is not None:
        await gateway.egress.fetch(output.url, size_bytes_max=OUTPUT_BYTES_MAX, target=target)
    return target


def _take_over(made: Path, target: Path) -> None:
    """The same file under another name: storing it may have to be tried again, so it also stays where it was made."""
    try:
        target.hardlink_to(made)
    except OSError:  # on another file system
        shutil.copyfile(made, target)


def _output(stored: list[NewAsset], success: Succeeded) -> dict[str, Any]:
    """What the row keeps of its assets; links are signed whenever it is read."""
    assets = [
        {
            "id": str(asset.id),
            "content_type": asset.content_type,
            "size_bytes": asset.size_bytes,
            "width": asset.width,
            "height": asset.height,
            "duration_s": asset.duration_s,
            "expires_at": asset.expires_at,
            "has_thumbnail": asset.thumb_sha256 is not None,
        }
        for asset in stored
    ]
    return {**success.facts, "assets": assets}


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode().replace("\\u0000", "")
