"""Tell a receiver of a task's end, signed as Standard Webhooks 1.0.0 say, again and again until it listens."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import standardwebhooks

from vermilion import faults
from vermilion.egress.client import PostAnswer
from vermilion.egress.errors import EgressError, EgressRefused
from vermilion.services.gateway import Gateway
from vermilion.storage import deliveries
from vermilion.storage.deliveries import DeliveryRow

#: Seconds to the next try after the first, second, … one; with the last one 24 hours have passed.
RETRIES_S = (2, 5, 30, 120, 600, 3_600, 3_600 * 3, 3_600 * 6, 3_600 * 13)
LEASE_S = 60.0
GONE = 410


async def deliver(gateway: Gateway, delivery: DeliveryRow, body: bytes) -> None:
    """Try once and note what came of it."""
    now = datetime.now(UTC)
    signature = standardwebhooks.Webhook(delivery.secret).sign(str(delivery.id), now, body.decode())
    headers = {
        "content-type": "application/json",
        "webhook-id": str(delivery.id),
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }
    try:
        answer = await gateway.egress.post(delivery.url, body=body, headers=headers)
    except EgressRefused as refused:
        await deliveries.note_try(
            gateway.database, delivery.id, state="given_up", status=None, error=str(refused)
        )
        return
    except EgressError as failed:
        await _try_again(gateway, delivery, None, str(failed), None)
        return
    faults.at("deliver.sent")
    await _note_answer(gateway, delivery, answer)


async def _note_answer(gateway: Gateway, delivery: DeliveryRow, answer: PostAnswer) -> None:
    if 200 <= answer.status < 300:
        await deliveries.note_try(
            gateway.database, delivery.id, state="delivered", status=answer.status, error=None
        )
    elif answer.status == GONE:
        await deliveries.note_try(
            gateway.database,
            delivery.id,
            state="given_up",
            status=GONE,
            error="the receiver is gone for good",
        )
    else:
        wait_s = _retry_after_s(answer)
        await _try_again(gateway, delivery, answer.status, f"answered {answer.status}", wait_s)


async def _try_again(
    gateway: Gateway, delivery: DeliveryRow, status: int | None, error: str, wait_s: float | None
) -> None:
    if delivery.attempts > len(RETRIES_S):
        await deliveries.note_try(gateway.database, delivery.id, state="given_up", status=status, error=error)
        return
    planned_s = RETRIES_S[delivery.attempts - 1] * random.uniform(0.8, 1.2)  # noqa: S311  (jitter, not a secret)
    await deliveries.note_try(
        gateway.database,
        delivery.id,
        state="due",
        status=status,
        error=error,
        retry_after_s=max(planned_s, wait_s or 0),
    )


def _retry_after_s(answer: PostAnswer) -> float | None:
    value = next((v for k, v in answer.headers.items() if k.lower() == "retry-after"), None)
    if value is None:
        return None
    if value.isdecimal():
        return min(float(value), 86_400)
    try:
        return min(max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()), 86_400)
    except (ValueError, TypeError):
        return None
