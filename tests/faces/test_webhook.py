"""Webhooks: signed as the standard says, tried again until they are heard, and given up when the receiver is gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import standardwebhooks
from aiohttp import web
from tests.support.patience import PATIENCE_S
from tests.support.server import Api

pytestmark = pytest.mark.slow

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Receiver:
    """A customer's server: keeps what it was sent and answers with the next of `statuses`, at last with 200."""

    def __init__(self) -> None:
        self.url = ""
        self.statuses: list[int] = []
        self.received: asyncio.Queue[tuple[Any, bytes]] = asyncio.Queue()

    async def serve(self, request: web.Request) -> web.Response:
        """Take one delivery."""
        self.received.put_nowait((request.headers, await request.read()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    async def next(self, timeout_s: float = PATIENCE_S) -> tuple[Any, bytes]:
        """(headers, body) of the next delivery."""
        return await asyncio.wait_for(self.received.get(), timeout_s)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver that listens."""
    taken = Receiver()
    app = web.Application()
    app.router.add_post("/hook", taken.serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    taken.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield taken
    await runner.cleanup()


async def submit(api: Api, url: str, webhook: dict[str, Any] | None = None, **script: Any) -> Any:
    """A task whose end is to be told."""
    task_input = {"prompt": "tell me", **script}
    body = {
        "model": "echo",
        "task_type": "echo",
        "input": task_input,
        "webhook": {"url": url, **(webhook or {})},
    }
    return await api.post("/v1/tasks", body)


async def delivery_of(api: Api, task_id: str, state: str) -> Any:
    """The task's delivery once it is in this state."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            [delivery] = (await api.get(f"/v1/webhook-deliveries?task_id={task_id}"))["data"] or [{}]
            if delivery.get("state") == state:
                return delivery
            await asyncio.sleep(0.02)


async def test_a_delivery_is_signed_with_the_given_secret(customer: Api, receiver: Receiver) -> None:
    """The standard's own library verifies it, and it carries the task as the API shows it."""
    task = await submit(customer, receiver.url, {"secret": SECRET})

    headers, body = await receiver.next()

    event = standardwebhooks.Webhook(SECRET).verify(body, dict(headers.items()))
    assert ("task.completed", task["id"]) == (event["type"], event["data"]["id"])
    assert await customer.get(f"/v1/tasks/{task['id']}") == event["data"]
    delivery = await delivery_of(customer, task["id"], "delivered")
    assert (1, 200) == (delivery["attempts"], delivery["last_status"])
    assert "secret" not in delivery


async def test_the_accounts_own_secret_signs_otherwise(customer: Api, receiver: Receiver) -> None:
    """Without a secret in the task, the account's signs; a changed body no longer verifies."""
    secret = (await customer.get("/v1/account"))["webhook_secret"]
    await submit(customer, receiver.url)

    headers, body = await receiver.next()

    standardwebhooks.Webhook(secret).verify(body, dict(headers.items()))
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret).verify(body + b" ", dict(headers.items()))
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(SECRET).verify(body, dict(headers.items()))


async def test_a_failed_delivery_is_tried_again(customer: Api, receiver: Receiver) -> None:
    """A receiver that fails is told again, under the same id, and the count of tries is kept."""
    receiver.statuses = [500]
    task = await submit(customer, receiver.url, end="fail-customer")

    first, _ = await receiver.next()
    second, body = await receiver.next()

    assert first["webhook-id"] == second["webhook-id"]
    assert "task.failed" == json.loads(body)["type"]
    delivery = await delivery_of(customer, task["id"], "delivered")
    assert 2 == delivery["attempts"]


async def test_a_receiver_that_is_gone_is_left_alone(customer: Api, receiver: Receiver) -> None:
    """410 ends the tries at once."""
    receiver.statuses = [410]
    task = await submit(customer, receiver.url)

    await receiver.next()

    delivery = await delivery_of(customer, task["id"], "given_up")
    assert (1, 410, None) == (delivery["attempts"], delivery["last_status"], delivery["next_attempt_at"])


async def test_only_the_events_asked_for_are_told(customer: Api, receiver: Receiver) -> None:
    """A webhook that asks for failures is not told of success."""
    quiet = await submit(customer, receiver.url, {"events": ["task.failed"]})
    await customer.ended(quiet["id"])
    loud = await submit(customer, receiver.url, {"events": ["task.failed"]}, end="fail-customer")

    _, body = await receiver.next()

    assert loud["id"] == json.loads(body)["data"]["id"]
    assert [] == (await customer.get(f"/v1/webhook-deliveries?task_id={quiet['id']}"))["data"]


async def test_a_cancel_is_told(customer: Api, receiver: Receiver) -> None:
    """Cancelling is an end like the others."""
    task = await submit(customer, receiver.url, latency_s=3600)
    await customer.post(f"/v1/tasks/{task['id']}/cancel", None)

    _, body = await receiver.next()

    assert "task.cancelled" == json.loads(body)["type"]
    assert 0 == json.loads(body)["data"]["usage"]["charged"]


async def test_a_receiver_that_redirects_is_not_followed_into_the_house(
    customer: Api, receiver: Receiver
) -> None:
    """A redirect is no delivery; it is noted and tried again later."""
    receiver.statuses = [302]
    task = await submit(customer, receiver.url)

    await receiver.next()

    delivery = await delivery_of(customer, task["id"], "due")
    assert 1 <= delivery["attempts"]
