"""GoAPI's webhooks: the task as it is read, the receiver's own secret sent back, three tries."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.support.patience import PATIENCE_S
from tests.support.receivers import Receiver, Request, answers
from tests.support.server import Api

pytestmark = pytest.mark.slow


async def heard(receiver: Receiver, count: int = 1) -> list[Request]:
    """The first requests, once there are so many."""
    async with asyncio.timeout(PATIENCE_S):
        while len(receiver.heard) < count:
            await asyncio.sleep(0.05)
    return receiver.heard


async def create(customer: Api, receiver: Receiver, *, secret: str = "", **task: Any) -> Any:
    """A task whose end is to be told."""
    body = {"model": "echo", "task_type": "echo", "input": {"prompt": "tell me"}, **task}
    hook = {"endpoint": f"http://127.0.0.1:{receiver.port}/hook", "secret": secret}
    return (await customer.post("/api/v1/task", {**body, "config": {"webhook_config": hook}}))["data"]


async def test_the_end_is_told_as_it_is_read(customer: Api) -> None:
    """`{timestamp, data}` with the secret as a header; data is what a read of the task answers."""
    async with Receiver(answers()).listening() as receiver:
        task = await create(customer, receiver, secret="between us")
        [request] = await heard(receiver)
    told = json.loads(request.body)
    assert "between us" == request.headers["x-webhook-secret"]
    assert {"timestamp", "data"} == told.keys()
    assert isinstance(told["timestamp"], int)
    assert "between us" == task["config"]["webhook_config"]["secret"]
    read = (await customer.get(f"/api/v1/task/{task['task_id']}"))["data"]
    assert "completed" == read["status"]
    assert read == told["data"]


async def test_without_a_secret_there_is_no_header(customer: Api) -> None:
    """Nothing stands in for a secret that was not given, and a failure is told like a success."""
    async with Receiver(answers()).listening() as receiver:
        await create(customer, receiver, input={"prompt": "no", "end": "fail"})
        [request] = await heard(receiver)
    assert "x-webhook-secret" not in request.headers
    assert "failed" == json.loads(request.body)["data"]["status"]


async def test_three_tries(customer: Api) -> None:
    """A receiver that fails is tried three times in all, and each try tells the same task."""
    async with Receiver(answers(500, 500, 500)).listening() as receiver:
        task = await create(customer, receiver)
        requests = await heard(receiver, 3)
        told = {json.loads(request.body)["data"]["task_id"] for request in requests}
        assert {task["task_id"]} == told
        async with asyncio.timeout(PATIENCE_S):
            deliveries = f"/v1/webhook-deliveries?task_id={task['task_id']}"
            while (await customer.get(deliveries))["data"][0]["state"] == "due":
                await asyncio.sleep(0.05)
        assert 3 == len(receiver.heard)
