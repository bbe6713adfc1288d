"""Rates: told in every answer, refused with a time to come back, and never another account's business."""

from __future__ import annotations

import pytest
from tests.support.server import Api, new_customer

pytestmark = pytest.mark.slow


async def test_every_answer_tells_the_rate(customer: Api) -> None:
    """Limit, what is left of it and when it is full again stand in the headers, and each request takes one."""
    _, first, _ = await customer.call_raw("GET", "/v1/account")
    _, second, _ = await customer.call_raw("GET", "/v1/account")

    assert "6000" == first["x-ratelimit-limit"]
    assert 0 <= int(first["x-ratelimit-remaining"]) < 1000
    assert int(first["x-ratelimit-remaining"]) - 1 <= int(second["x-ratelimit-remaining"]) < 1000
    assert int(second["x-ratelimit-reset"]) >= 0


async def test_too_many_requests_are_told_when_to_come_back(operator: Api) -> None:
    """Beyond the burst comes 429 with Retry-After, no task is made, and another account does not notice."""
    api = await new_customer(operator, plan={"requests_per_minute": 12})
    other = await new_customer(operator)
    body = {"model": "echo", "task_type": "echo", "input": {"prompt": "x", "latency_s": 3600}}

    answers = [await api.call_raw("POST", "/v1/tasks", body) for _ in range(4)]

    assert [201, 201, 429, 429] == [status for status, _, _ in answers]
    _, headers, problem = answers[-1]
    assert "rate_limited" == problem["code"]
    assert 1 <= int(headers["retry-after"]) <= 10
    assert 200 == (await other.call("GET", "/v1/account"))[0]
    listed = await operator.get(f"/admin/v1/tasks?account_id={api.account_id}")
    assert 2 == len(listed["data"])


async def test_refused_keys_take_nothing_from_anybody(customer: Api) -> None:
    """Requests with a wrong key are not counted against the account."""
    _, before, _ = await customer.call_raw("GET", "/v1/account")
    for _ in range(20):
        await customer.call("GET", "/v1/account", authorization="Bearer vmk_wrong")
    _, after, _ = await customer.call_raw("GET", "/v1/account")

    assert int(after["x-ratelimit-remaining"]) >= int(before["x-ratelimit-remaining"]) - 1
