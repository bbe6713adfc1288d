"""Webhook endpoints of an account: what they hear, how their secrets change, and what can be sent again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import standardwebhooks
from tests.support.patience import PATIENCE_S
from tests.support.receivers import Receiver, Request, answers
from tests.support.server import Api, new_customer

pytestmark = pytest.mark.slow

STEPS = ["task.staged", "task.started", "task.progress"]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver that listens."""
    async with Receiver(answers()).listening() as listening:
        yield listening


async def add(customer: Api, receiver: Receiver, **more: Any) -> Any:
    """An endpoint at this receiver."""
    return await customer.post("/v1/webhook-endpoints", {"url": f"http://127.0.0.1:{receiver.port}/", **more})


async def heard(receiver: Receiver, count: int) -> list[Request]:
    """The first requests of a receiver."""
    async with asyncio.timeout(PATIENCE_S):
        while len(receiver.heard) < count:
            await asyncio.sleep(0.02)
    return receiver.heard[:count]


def event_of(request: Request, secret: str) -> Any:
    """The event in a request, if the standard's own library vouches for it."""
    return standardwebhooks.Webhook(secret).verify(request.body, request.headers)


async def test_an_endpoint_hears_of_every_end(customer: Api, receiver: Receiver) -> None:
    """Signed with its own secret, with the task as the API shows it, and not of the steps before."""
    endpoint = await add(customer, receiver, description="my shop")
    assert endpoint["secret"].startswith("whsec_")
    assert (None, True, "my shop") == (endpoint["events"], endpoint["enabled"], endpoint["description"])
    good = await customer.echo()
    bad = await customer.echo(end="fail-customer")

    events = {
        event["data"]["id"]: event
        for event in (event_of(r, endpoint["secret"]) for r in await heard(receiver, 2))
    }

    assert {good["id"]: "task.completed", bad["id"]: "task.failed"} == {
        k: e["type"] for k, e in events.items()
    }
    assert await customer.get(f"/v1/tasks/{good['id']}") == events[good["id"]]["data"]


async def test_an_endpoint_hears_the_steps_that_it_asks_for(operator: Api, receiver: Receiver) -> None:
    """Staged, started, progress and the end, of one task in this order."""
    customer = await new_customer(operator, plan={"concurrency_total": 1})
    endpoint = await add(customer, receiver, events=[*STEPS, "task.completed"])
    first = await customer.echo(latency_s=2.5)
    second = await customer.echo()
    await customer.ended(second["id"])

    async with asyncio.timeout(PATIENCE_S):
        while len(ends := [r for r in receiver.heard if b"task.completed" in r.body[:40]]) < 2:
            await asyncio.sleep(0.02)
    assert 2 == len(ends)

    events = [event_of(request, endpoint["secret"]) for request in receiver.heard]
    of_first = [e["type"] for e in events if e["data"]["id"] == first["id"]]
    assert "task.started" == of_first[0]
    assert "task.completed" == of_first[-1]
    assert {"task.progress"} == set(of_first[1:-1])
    assert len(of_first) <= 5
    of_second = [e["type"] for e in events if e["data"]["id"] == second["id"]]
    assert ["task.staged", "task.started", "task.completed"] == [t for t in of_second if t != "task.progress"]


async def test_a_tasks_own_webhook_hears_steps_too(customer: Api, receiver: Receiver) -> None:
    """If it names them."""
    url = f"http://127.0.0.1:{receiver.port}/"
    body = {
        "model": "echo",
        "task_type": "echo",
        "input": {"prompt": "x"},
        "webhook": {"url": url, "events": ["task.started"]},
    }
    task = await customer.post("/v1/tasks", body)
    [request] = await heard(receiver, 1)
    event = json.loads(request.body)
    assert ("task.started", task["id"]) == (event["type"], event["data"]["id"])


async def test_an_endpoint_hears_only_its_own_account(
    operator: Api, customer: Api, receiver: Receiver
) -> None:
    """Nobody else's tasks, and nobody else can see or touch it."""
    endpoint = await add(customer, receiver)
    stranger = await new_customer(operator)
    await stranger.ended((await stranger.echo())["id"])
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    for method, tail, body in (
        ("GET", "", None),
        ("PATCH", "", {"enabled": False}),
        ("DELETE", "", None),
        ("POST", "/rotate", {}),
        ("GET", "/secret", None),
        ("POST", "/test", None),
    ):
        status, _ = await stranger.call(method, path + tail, body)
        assert 404 == status, (method, tail)
    assert [] == (await stranger.get("/v1/webhook-endpoints"))["data"]
    mine = await customer.ended((await customer.echo())["id"])
    [request] = await heard(receiver, 1)
    assert mine["id"] == json.loads(request.body)["data"]["id"]


async def test_a_rotated_secret_overlaps_with_the_old_one(customer: Api, receiver: Receiver) -> None:
    """During the overlap a receiver with either secret verifies; without one, only the new secret does."""
    endpoint = await add(customer, receiver)
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    rotated = await customer.post(f"{path}/rotate", {"overlap_s": 3600})
    assert rotated["secret"] != endpoint["secret"]
    await customer.post(f"{path}/test", None)
    [both] = await heard(receiver, 1)
    for secret in (endpoint["secret"], rotated["secret"]):
        assert "webhook.test" == event_of(both, secret)["type"]

    last = await customer.post(f"{path}/rotate", {"overlap_s": 0})
    await customer.post(f"{path}/test", None)
    _, only = await heard(receiver, 2)
    assert event_of(only, last["secret"])
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        event_of(only, rotated["secret"])


async def test_a_secret_is_shown_when_asked_for_alone(customer: Api, receiver: Receiver) -> None:
    """Lists and reads keep it to themselves; looking is a request of its own."""
    endpoint = await add(customer, receiver)
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    assert "secret" not in await customer.get(path)
    assert all("secret" not in e for e in (await customer.get("/v1/webhook-endpoints"))["data"])
    assert endpoint["secret"] == (await customer.get(f"{path}/secret"))["secret"]


async def test_an_endpoint_that_is_switched_off_hears_nothing(customer: Api, receiver: Receiver) -> None:
    """Until it is switched on again; a new filter holds from then on."""
    endpoint = await add(customer, receiver)
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    status, off = await customer.call("PATCH", path, {"enabled": False})
    assert (200, False) == (status, off["enabled"])
    await customer.ended((await customer.echo())["id"])
    status, on = await customer.call("PATCH", path, {"enabled": True, "events": ["task.failed"]})
    assert (True, ["task.failed"], None) == (on["enabled"], on["events"], on["disabled_reason"])
    await customer.ended((await customer.echo())["id"])
    bad = await customer.ended((await customer.echo(end="fail-customer"))["id"])
    [request] = await heard(receiver, 1)
    assert bad["id"] == json.loads(request.body)["data"]["id"]


async def test_a_removed_endpoint_is_gone(customer: Api, receiver: Receiver) -> None:
    """It hears nothing more, and what is due to it is given up."""
    receiver.behave = answers(500)
    endpoint = await add(customer, receiver)
    task = await customer.echo()
    await heard(receiver, 1)
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    assert 200 == (await customer.call("DELETE", path))[0]
    assert 404 == (await customer.call("GET", path))[0]
    async with asyncio.timeout(PATIENCE_S):
        while True:
            [delivery] = (await customer.get(f"/v1/webhook-deliveries?task_id={task['id']}"))["data"]
            if delivery["state"] == "given_up":
                break
            await asyncio.sleep(0.05)
    assert 1 == len(receiver.heard)


async def test_a_delivery_shows_its_attempts_and_can_be_sent_again(customer: Api, receiver: Receiver) -> None:
    """Each try with status, latency and first bytes; a replay keeps the id, so that receivers know it."""
    receiver.behave = answers(410, body=b"moved away")
    task = await customer.post(
        "/v1/tasks",
        {
            "model": "echo",
            "task_type": "echo",
            "input": {"prompt": "x"},
            "webhook": {"url": f"http://127.0.0.1:{receiver.port}/"},
        },
    )
    await heard(receiver, 1)
    delivery = await in_state(customer, task["id"], "given_up")
    whole = await customer.get(f"/v1/webhook-deliveries/{delivery['id']}")
    [attempt] = whole["attempt_log"]
    assert (1, 410, "moved away") == (attempt["number"], attempt["status"], attempt["answer"])
    assert attempt["latency_ms"] >= 0

    again = await customer.post(f"/v1/webhook-deliveries/{delivery['id']}/replay", None)
    assert again["state"] in ("due", "delivered")  # a moment later it has arrived
    first, second = await heard(receiver, 2)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    await in_state(customer, task["id"], "delivered")
    whole = await customer.get(f"/v1/webhook-deliveries/{delivery['id']}")
    assert [410, 200] == [attempt["status"] for attempt in whole["attempt_log"]]


async def test_what_was_missed_in_a_time_is_sent_again(customer: Api, receiver: Receiver) -> None:
    """Only what failed, only to the endpoint that is named."""
    began = datetime.now(UTC) - timedelta(seconds=1)
    receiver.behave = answers(200, 410)
    endpoint = await add(customer, receiver)
    heard_of = await customer.ended((await customer.echo())["id"])
    await in_state(customer, heard_of["id"], "delivered")
    lost = await customer.ended((await customer.echo())["id"])
    await in_state(customer, lost["id"], "given_up")
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    async with asyncio.timeout(PATIENCE_S):
        while (await customer.get(path))["enabled"]:
            await asyncio.sleep(0.02)
    await customer.call("PATCH", path, {"enabled": True})

    body = {"since": began.isoformat(), "endpoint_id": endpoint["id"]}
    answer = await customer.post("/v1/webhook-deliveries/replay", body)

    assert {"replayed": 1} == answer
    await in_state(customer, lost["id"], "delivered")
    assert [heard_of["id"], lost["id"], lost["id"]] == [
        json.loads(r.body)["data"]["id"] for r in receiver.heard
    ]
    assert {"replayed": 0} == await customer.post("/v1/webhook-deliveries/replay", body)
    assert {"replayed": 2} == await customer.post("/v1/webhook-deliveries/replay", {**body, "which": "all"})
    await heard(receiver, 5)


async def test_what_happened_while_an_endpoint_was_off_can_be_told_later(
    customer: Api, receiver: Receiver
) -> None:
    """The ends that it wants, each once; asking again tells nothing more."""
    began = datetime.now(UTC) - timedelta(seconds=1)
    endpoint = await add(customer, receiver, events=["task.completed"])
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    heard_of = await customer.ended((await customer.echo())["id"])
    await in_state(customer, heard_of["id"], "delivered")
    await customer.call("PATCH", path, {"enabled": False})
    missed = await customer.ended((await customer.echo())["id"])
    await customer.ended((await customer.echo(end="fail-customer"))["id"])
    body = {"since": began.isoformat(), "which": "missed", "endpoint_id": endpoint["id"]}
    assert 409 == (await customer.call("POST", "/v1/webhook-deliveries/replay", body))[0]
    await customer.call("PATCH", path, {"enabled": True})

    assert {"replayed": 1} == await customer.post("/v1/webhook-deliveries/replay", body)

    await in_state(customer, missed["id"], "delivered")
    assert [heard_of["id"], missed["id"]] == [json.loads(r.body)["data"]["id"] for r in receiver.heard]
    assert {"replayed": 0} == await customer.post("/v1/webhook-deliveries/replay", body)
    status, _ = await customer.call("POST", "/v1/webhook-deliveries/replay", {**body, "endpoint_id": None})
    assert 422 == status


async def test_what_an_endpoint_did_not_ask_for_then_can_be_told_later(
    customer: Api, receiver: Receiver
) -> None:
    """Ends from before it was added, and of kinds that it asks for only now."""
    began = datetime.now(UTC) - timedelta(seconds=1)
    before = await customer.ended((await customer.echo())["id"])
    endpoint = await add(customer, receiver, events=["task.cancelled"])
    failed = await customer.ended((await customer.echo(end="fail-customer"))["id"])
    body = {"since": began.isoformat(), "which": "missed", "endpoint_id": endpoint["id"]}
    assert {"replayed": 0} == await customer.post("/v1/webhook-deliveries/replay", body)
    change = {"events": ["task.completed", "task.failed"]}
    await customer.call("PATCH", f"/v1/webhook-endpoints/{endpoint['id']}", change)

    assert {"replayed": 2} == await customer.post("/v1/webhook-deliveries/replay", body)

    await heard(receiver, 2)
    assert {before["id"], failed["id"]} == {json.loads(r.body)["data"]["id"] for r in receiver.heard}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"url": "http://10.0.0.1/"}, "/url"),
        ({"url": "ftp://example.com/"}, "/url"),
        ({"url": "https://example.com/", "events": ["task.sung"]}, "/events/0"),
        ({"url": "https://example.com/", "events": []}, "/events"),
        ({"url": "https://example.com/", "format": "klingon"}, "/format"),
        ({"events": ["task.failed"]}, "/"),
    ],
)
async def test_a_wrong_endpoint_is_told_what_is_wrong(customer: Api, body: Any, pointer: str) -> None:
    """By the field."""
    status, problem = await customer.call("POST", "/v1/webhook-endpoints", body)
    assert 422 == status
    assert [pointer] == [one["pointer"] for one in problem["problems"]]


async def test_an_account_has_a_bounded_number_of_endpoints(customer: Api, receiver: Receiver) -> None:
    """The twenty-first is refused until one is removed."""
    made = [await add(customer, receiver) for _ in range(20)]
    status, problem = await customer.call(
        "POST", "/v1/webhook-endpoints", {"url": f"http://127.0.0.1:{receiver.port}/"}
    )
    assert (409, "conflict") == (status, problem["code"])
    await customer.call("DELETE", f"/v1/webhook-endpoints/{made[0]['id']}")
    await add(customer, receiver)


async def test_changing_endpoints_needs_its_own_scope(operator: Api, receiver: Receiver) -> None:
    """A key that may only submit tasks cannot redirect what the account hears."""
    weak = await new_customer(operator, scopes=["tasks:read", "tasks:write"])
    status, problem = await weak.call(
        "POST", "/v1/webhook-endpoints", {"url": f"http://127.0.0.1:{receiver.port}/"}
    )
    assert (403, "forbidden") == (status, problem["code"])


async def in_state(customer: Api, task_id: str, state: str) -> Any:
    """The task's delivery once it is in this state."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            [delivery] = (await customer.get(f"/v1/webhook-deliveries?task_id={task_id}"))["data"] or [{}]
            if delivery.get("state") == state:
                return delivery
            await asyncio.sleep(0.02)
