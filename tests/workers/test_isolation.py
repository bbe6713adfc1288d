"""A provider that hangs or raises delays and stops nobody else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.support.server import Api, new_customer

pytestmark = pytest.mark.slow

PICTURE = {"model": "composer", "task_type": "text-to-image", "input": {"prompt": "a sea", "size": 256}}


@pytest.fixture
async def api(operator: Api) -> Api:
    """A customer with room for many tasks at once."""
    return await new_customer(operator, plan={"concurrency_total": 1_000, "requests_per_minute": 10**6})


async def scripted(api: Api, *, deadline_s: float = 600, **script: Any) -> Any:
    body = {
        "model": "echo",
        "task_type": "echo",
        "input": {"prompt": "x", **script},
        "deadline_s": deadline_s,
    }
    return await api.post("/v1/tasks", body)


async def test_an_adapter_that_raises_stops_nothing(api: Api) -> None:
    """A bug in a submit leaves that one task of unknown fate, unpaid at its deadline; everybody else's goes on."""
    broken = [await scripted(api, submit=how, deadline_s=2) for how in ("raise", "malformed")]
    good = await api.echo("fine", latency_s=0.2)
    picture = await api.post("/v1/tasks", PICTURE, prefer="wait=30")

    assert "completed" == picture["status"]
    assert "completed" == (await api.ended(good["id"]))["status"]
    for task in broken:
        ended = await api.ended(task["id"])
        assert ("failed", "submission_unknown") == (ended["status"], ended["error"]["code"])
        assert {"held": 10_000, "charged": 0, "released": 10_000} == ended["usage"]


@pytest.mark.parametrize("how", ["raise", "malformed", "overload"])
async def test_a_bad_answer_while_polling_is_no_failure(api: Api, how: str) -> None:
    """Checks that raise, answer nonsense or are overloaded are asked again, and the task ends well."""
    task = await scripted(api, check=how, latency_s=1)

    assert "completed" == (await api.ended(task["id"]))["status"]


@pytest.mark.parametrize(
    "script", [{"submit": "hang"}, {"check": "hang", "latency_s": 300}], ids=["submits hang", "checks hang"]
)
async def test_a_hung_provider_delays_no_other(api: Api, script: dict[str, Any]) -> None:
    """With more hanging tasks than a provider has workers, another provider's task ends while all of them hang."""
    hanging = await asyncio.gather(*(scripted(api, **script) for _ in range(80)))
    picture = await api.post("/v1/tasks", PICTURE, prefer="wait=30")

    assert "completed" == picture["status"]
    waiting = {task["id"] for task in (await api.get("/v1/tasks?status=processing&limit=200"))["data"]}
    assert {task["id"] for task in hanging} == waiting
