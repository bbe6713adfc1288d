"""Take a batch one step further: count what ended, and submit the next portion.

Only a part of the account's places is ever taken, so that the account's other work goes on beside the batch, and money
is held for the portion only. Each line has an idempotency key, so a step that is repeated submits nothing twice.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from vermilion.errors import (
    AccountDisabled,
    Conflict,
    InvalidRequest,
    NotFound,
    PaymentRequired,
    RateLimited,
    ServiceUnavailable,
    VermilionError,
)
from vermilion.services.cancel_task import cancel_task
from vermilion.services.gateway import Gateway
from vermilion.services.submit_task import TaskSubmission, submit_task
from vermilion.storage import accounts, batches
from vermilion.storage.accounts import Bearer
from vermilion.storage.batches import BatchRow, LineEnd, LineRow

LEASE_S = 30.0  #: longer than a step takes; a node that dies loses the batch to another after it
SOON_S, LATER_S, WAIT_S = 0.1, 0.5, 5.0
REVOKED = "The API key that made this batch has been revoked."
#: Refusals that say nothing about the line: it is tried again.
PASSING = (PaymentRequired, RateLimited, ServiceUnavailable, AccountDisabled)
_SUBMISSION = msgspec.json.Decoder(TaskSubmission)


async def run_due_batch(gateway: Gateway) -> bool:
    """One step of the batch that has waited longest; False if none is due."""
    batch = await batches.take(gateway.database, LEASE_S)
    if batch is None:
        return False
    ended = await batches.settle(gateway.database, batch.id)
    if batch.state == "running" and batch.expires_at <= datetime.now(UTC):
        batch = await _stop(gateway, batch, "expiring")
    if batch.state == "running":
        await _go_on(gateway, batch, ended=ended)
    else:
        await _wind_up(gateway, batch)
    return True


async def _go_on(gateway: Gateway, batch: BatchRow, *, ended: int) -> None:
    bearer = await accounts.read_bearer_of_key(gateway.database, batch.key_id)
    if bearer is None or bearer.key.revoked_at is not None:
        await _wind_up(gateway, await _stop(gateway, batch, "expiring", problem=REVOKED))
        return
    outstanding = len(await batches.read_outstanding(gateway.database, batch.id))
    lines = await batches.read_waiting(gateway.database, batch.id, max(0, _portion(bearer) - outstanding))
    problem = await _submit(gateway, bearer, batch, lines) if lines else None
    if not lines and not outstanding:
        await batches.end(gateway.database, batch.id, "completed")
        return
    in_s = WAIT_S if problem else SOON_S if ended or lines else LATER_S
    await batches.look_again(gateway.database, batch.id, in_s=in_s, problem=problem)


def _portion(bearer: Bearer) -> int:
    """How many tasks of a batch are under way at once: half of what the account may run."""
    return max(1, bearer.plan.concurrency_total // 2)


async def _submit(gateway: Gateway, bearer: Bearer, batch: BatchRow, lines: list[LineRow]) -> str | None:
    """Submit lines; answers what the rest has to wait for, if anything."""
    results = await asyncio.gather(*(_submit_line(gateway, bearer, batch, line) for line in lines))
    await batches.note_lines(
        gateway.database, batch.id, [result for result in results if isinstance(result, LineEnd)]
    )
    return next((result for result in results if isinstance(result, str)), None)


async def _submit_line(gateway: Gateway, bearer: Bearer, batch: BatchRow, line: LineRow) -> LineEnd | str:
    try:
        asked = _SUBMISSION.decode(line.submission)
    except msgspec.ValidationError as outdated:
        return LineEnd(line.line, error=_text(InvalidRequest(f"This is no task any more: {outdated}")))
    if asked.priority is None:
        asked = msgspec.structs.replace(asked, priority=max(batch.priority, bearer.plan.priority_best))
    try:
        submitted = await submit_task(gateway, bearer, asked, idempotency_key=f"batch:{batch.id}:{line.line}")
    except PASSING as passing:
        return passing.detail
    except VermilionError as refused:
        return LineEnd(line.line, error=_text(refused))
    return LineEnd(line.line, task_id=submitted.task.id)


def _text(refused: VermilionError) -> str:
    problems = refused.problems if isinstance(refused, InvalidRequest) else ()
    told = {"code": refused.code, "message": refused.detail, "problems": problems}
    return msgspec.json.encode(told).decode().replace("\\u0000", "")


async def _stop(gateway: Gateway, batch: BatchRow, state: str, *, problem: str | None = None) -> BatchRow:
    await batches.change(gateway.database, batch.id, state=state, problem=problem)
    return msgspec.structs.replace(batch, state=state, problem=problem)


async def _wind_up(gateway: Gateway, batch: BatchRow) -> None:
    """Give up what has not begun, stop what has, and end when all of it has."""
    await batches.give_up_waiting(gateway.database, batch.id)
    outstanding = await batches.read_outstanding(gateway.database, batch.id)
    if outstanding:
        await asyncio.gather(*(_cancel(gateway, batch, task_id) for task_id in outstanding))
        await batches.look_again(gateway.database, batch.id, in_s=LATER_S, problem=batch.problem)
        return
    over = "cancelled" if batch.state == "cancelling" else "failed" if batch.problem else "expired"
    await batches.end(gateway.database, batch.id, over)


async def _cancel(gateway: Gateway, batch: BatchRow, task_id: UUID) -> None:
    try:
        await cancel_task(gateway, batch.account_id, task_id)
    except (Conflict, NotFound):
        return  # it ends by itself
