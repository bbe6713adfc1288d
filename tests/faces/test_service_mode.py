"""Whose connections an account's tasks use when they do not say."""

from __future__ import annotations

import pytest
from tests.support.server import Api

pytestmark = pytest.mark.slow
TASK = {"model": "echo", "task_type": "echo", "input": {"prompt": "hello"}}


async def test_the_account_chooses(customer: Api) -> None:
    """Private by default refuses what has no connection of one's own, and falls back only for chosen families."""
    chosen = await customer.call("PUT", "/v1/account/service-mode", {"service_mode": "private"})
    assert 200 == chosen[0], chosen[1]
    assert ("private", []) == (chosen[1]["service_mode"], chosen[1]["failover"])
    status, refused = await customer.call("POST", "/v1/tasks", TASK)
    assert (422, "/service_mode") == (status, refused["problems"][0]["pointer"])
    assert 201 == (await customer.call("POST", "/v1/tasks", {**TASK, "service_mode": "public"}))[0]
    choice = {"service_mode": "private", "failover": ["echo"]}
    assert 200 == (await customer.call("PUT", "/v1/account/service-mode", choice))[0]
    assert 201 == (await customer.call("POST", "/v1/tasks", TASK))[0]
    info = (await customer.get("/account/info"))["data"]
    assert ("byoa", False) == (info["type"], info["mj_failover_enabled"])


async def test_unknown_families_are_refused(customer: Api) -> None:
    """A family that does not exist cannot fall back."""
    choice = {"service_mode": "public", "failover": ["nonsense"]}
    status, refused = await customer.call("PUT", "/v1/account/service-mode", choice)
    assert (422, "/failover") == (status, refused["problems"][0]["pointer"])
