"""Tell a receiver of an event in the words of its face: one try, and what came of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import standardwebhooks

from vermilion import faults
from vermilion.domain.tasks import ENDED
from vermilion.domain.webhooks import STEPS, policy_of
from vermilion.egress.client import PostAnswer
from vermilion.egress.errors import AddressRefused, EgressError, EgressRefused
from vermilion.services.gateway import Gateway
from vermilion.services.webhook_faces import WebhookFace
from vermilion.services.webhook_secret import endpoint_secret, webhook_secret
from vermilion.storage.deliveries import Attempt, DueDelivery

LEASE_S = 60.0
GONE = 410
RETRY_AFTER_S_MAX = 86_400.0
Send = Callable[[Gateway, DueDelivery, WebhookFace], Awaitable[Attempt]]


async def deliver(gateway: Gateway, delivery: DueDelivery, face: WebhookFace) -> Attempt:
    """Try once."""
    if not delivery.endpoint_on:
        return untried(delivery, "given_up", "the endpoint was removed or switched off")
    try:
        body = await _body(gateway, delivery, face)
    except _NothingToSay as why:
        return untried(delivery, "skipped", str(why))
    headers = {"content-type": "application/json", **_proof(gateway, delivery, face, body)}
    url = delivery.endpoint_url or delivery.url
    clock = asyncio.get_running_loop().time
    started = clock()
    try:
        answer = await gateway.webhook_egress.post(
            url, body=body, headers=headers, timeout_s=face.retry.timeout_s
        )
    except EgressError as failed:
        latency_ms = round((clock() - started) * 1000)
        if isinstance(failed, EgressRefused) and not isinstance(failed, AddressRefused):
            return over(delivery, "given_up", error=str(failed), latency_ms=latency_ms)
        # What a name leads to may change, for the better too.
        return tried_again(delivery, face, error=str(failed), latency_ms=latency_ms)
    faults.at("deliver.sent")
    return _judged(delivery, face, answer)


def untried(delivery: DueDelivery, state: str, error: str) -> Attempt:
    """The end of a delivery for which nothing was sent."""
    return Attempt(delivery.id, delivery.attempts, state, error=error, tried=False)


def over(
    delivery: DueDelivery,
    state: str,
    *,
    error: str | None = None,
    status: int | None = None,
    answer: str | None = None,
    latency_ms: int = 0,
) -> Attempt:
    """A try after which there is no other."""
    return Attempt(
        delivery.id,
        delivery.attempts,
        state,
        status=status,
        error=error,
        answer=answer,
        latency_ms=latency_ms,
        endpoint_id=delivery.endpoint_id,
    )


def tried_again(
    delivery: DueDelivery,
    face: WebhookFace,
    *,
    error: str,
    status: int | None = None,
    answer: str | None = None,
    latency_ms: int = 0,
    asked_s: float = 0,
) -> Attempt:
    """A try that failed, with the wait for the next one if there is to be one; receivers may ask for a longer one."""
    policy = policy_of(delivery.event, face.retry)
    wait_s = policy.wait_s(delivery.attempts - delivery.spent, chance=random.random())  # noqa: S311  (jitter, not a secret)
    return Attempt(
        delivery.id,
        delivery.attempts,
        "given_up" if wait_s is None else "due",
        status=status,
        error=error,
        answer=answer,
        latency_ms=latency_ms,
        wait_s=None if wait_s is None else max(wait_s, asked_s),
        endpoint_id=delivery.endpoint_id,
    )


class _NothingToSay(Exception):
    """There is no longer anything to tell of."""


async def _body(gateway: Gateway, delivery: DueDelivery, face: WebhookFace) -> bytes:
    if delivery.task_id is None:
        if face.render_notification is None or (body := face.render_notification(gateway, delivery)) is None:
            raise _NothingToSay("there are no words for this in the endpoint's format")
        return body
    task = await gateway.reads(delivery.task_id)
    if task is None:
        raise _NothingToSay("the task was deleted")
    if delivery.event in STEPS and delivery.attempts > 1 and task.status in ENDED:
        raise _NothingToSay("the task has ended since")
    return face.render(gateway, task, delivery)


def _proof(gateway: Gateway, delivery: DueDelivery, face: WebhookFace, body: bytes) -> dict[str, str]:
    """The headers by which the receiver knows who sends."""
    if face.secret_header is not None and delivery.secret:
        return {face.secret_header: delivery.secret}
    if not face.signed:
        return {}
    now = datetime.now(UTC)
    signatures = [
        standardwebhooks.Webhook(secret).sign(str(delivery.id), now, body.decode())
        for secret in _secrets(gateway, delivery)
    ]
    return {
        "webhook-id": str(delivery.id),
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _secrets(gateway: Gateway, delivery: DueDelivery) -> list[str]:
    """What signs: the endpoint's secret, and the one before while both are good; or the task's, or the account's."""
    if delivery.endpoint_id is None:
        return [delivery.secret or webhook_secret(gateway, delivery.account_id)]
    versions = range(delivery.secret_version, delivery.secret_version - 1 - delivery.secret_overlaps, -1)
    return [endpoint_secret(gateway, delivery.endpoint_id, version) for version in versions]


def _judged(delivery: DueDelivery, face: WebhookFace, answer: PostAnswer) -> Attempt:
    said = answer.body_start.decode(errors="replace").replace("\0", "�") or None
    if 200 <= answer.status < 300:
        return over(delivery, "delivered", status=answer.status, answer=said, latency_ms=answer.duration_ms)
    if answer.status == GONE:
        return over(
            delivery,
            "given_up",
            error="the receiver is gone for good",
            status=GONE,
            answer=said,
            latency_ms=answer.duration_ms,
        )
    return tried_again(
        delivery,
        face,
        error=f"answered {answer.status}",
        status=answer.status,
        answer=said,
        latency_ms=answer.duration_ms,
        asked_s=_retry_after_s(answer),
    )


def _retry_after_s(answer: PostAnswer) -> float:
    value = next((v for k, v in answer.headers.items() if k.lower() == "retry-after"), "")
    if value.isdecimal():
        return min(float(value), RETRY_AFTER_S_MAX)
    try:
        seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return 0
    return min(max(0.0, seconds), RETRY_AFTER_S_MAX)
