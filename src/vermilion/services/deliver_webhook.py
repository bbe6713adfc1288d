"""Tell a receiver of an event in the words of its face, again and again until it listens."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import standardwebhooks

from vermilion import faults
from vermilion.egress.client import PostAnswer
from vermilion.egress.errors import EgressError, EgressRefused
from vermilion.services.gateway import Gateway
from vermilion.services.webhook_faces import WebhookFace
from vermilion.services.webhook_secret import webhook_secret
from vermilion.storage import deliveries
from vermilion.storage.deliveries import DeliveryRow

LEASE_S = 60.0
GONE = 410


async def deliver(gateway: Gateway, delivery: DeliveryRow, face: WebhookFace, body: bytes) -> None:
    """Try once and note what came of it."""
    headers = {"content-type": "application/json", **_proof(gateway, delivery, face, body)}
    try:
        answer = await gateway.egress.post(
            delivery.url, body=body, headers=headers, timeout_s=face.retry.timeout_s
        )
    except EgressRefused as refused:
        await deliveries.note_try(
            gateway.database, delivery.id, state="given_up", status=None, error=str(refused)
        )
        return
    except EgressError as failed:
        await _try_again(gateway, delivery, face, status=None, error=str(failed))
        return
    faults.at("deliver.sent")
    await _note_answer(gateway, delivery, face, answer)


def _proof(gateway: Gateway, delivery: DeliveryRow, face: WebhookFace, body: bytes) -> dict[str, str]:
    """The headers by which the receiver knows who sends."""
    if face.secret_header is not None and delivery.secret:
        return {face.secret_header: delivery.secret}
    if not face.signed:
        return {}
    now = datetime.now(UTC)
    secret = delivery.secret or webhook_secret(gateway, delivery.account_id)
    return {
        "webhook-id": str(delivery.id),
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": standardwebhooks.Webhook(secret).sign(str(delivery.id), now, body.decode()),
    }


async def _note_answer(
    gateway: Gateway, delivery: DeliveryRow, face: WebhookFace, answer: PostAnswer
) -> None:
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
        await _try_again(
            gateway,
            delivery,
            face,
            status=answer.status,
            error=f"answered {answer.status}",
            asked_s=_retry_after_s(answer),
        )


async def _try_again(
    gateway: Gateway,
    delivery: DeliveryRow,
    face: WebhookFace,
    *,
    status: int | None,
    error: str,
    asked_s: float | None = None,
) -> None:
    wait_s = face.retry.wait_s(delivery.attempts, chance=random.random())  # noqa: S311  (jitter, not a secret)
    await deliveries.note_try(
        gateway.database,
        delivery.id,
        state="given_up" if wait_s is None else "due",
        status=status,
        error=error,
        retry_after_s=None if wait_s is None else max(wait_s, asked_s or 0),
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
