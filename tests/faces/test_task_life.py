"""A task from prompt to paid, stored result, as a customer sees it."""

from __future__ import annotations

import pytest
from tests.support.server import Api

pytestmark = pytest.mark.slow


async def test_a_task_is_accepted_with_its_price_held(customer: Api) -> None:
    """The answer to a submit shows the task waiting and its price held."""
    task = await customer.echo("hello", latency_s=60)

    assert 10_000 == task["usage"]["held"]
    assert task["status"] in ("staged", "pending")
    assert 10_000 == (await customer.get("/v1/wallet"))["held"]


async def test_waiting_sees_the_end_and_the_charge(customer: Api) -> None:
    """`Prefer: wait` answers 200 with the completed task, charged exactly once."""
    body = {"model": "echo", "task_type": "echo", "input": {"prompt": "hello", "files": 1}}
    status, task = await customer.call("POST", "/v1/tasks", body, prefer="wait=20")

    assert 200 == status
    assert "completed" == task["status"]
    assert {"held": 10_000, "charged": 10_000, "released": 0} == task["usage"]
    assert "hello" == task["output"]["text"]
    wallet = await customer.get("/v1/wallet")
    assert (0, 10_000) == (wallet["held"], wallet["spent"])
