"""Where a task was before, and who could take it: what an operator sees of a task that moved."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from tests.dashboard.people import join
from tests.support.server import Api, Server

pytestmark = pytest.mark.slow


async def route_of(operator: Api, task: Any) -> Any:
    """The route of a task."""
    return await operator.get(f"/admin/v1/tasks/{task['id']}/route")


async def test_each_try_is_kept_with_its_reason(operator: Api, customer: Api, module_server: Server) -> None:
    """A task that was refused and then done shows the refusal, its connection and how long it took."""
    asked: dict[str, Any] = {"submit": "refuse", "submit_failures": 1, "prefer": "wait=30"}
    task = await customer.ended((await customer.echo("moves", **asked))["id"])
    route = await route_of(operator, task)
    person, _ = await join(operator, (await operator.get("/v1/account"))["id"], module_server.url)
    seen = await person.see(f"/operator/tasks/{task['id']}")
    await person.session.close()

    assert "completed" == task["status"]
    [one] = route["tries"]
    assert (1, "echo", True) == (one["attempt"], one["provider"], one["elsewhere"])
    assert one["reason"]
    assert one["took_s"] >= 0
    assert one["reason"] in seen.text
    assert [True] == [candidate["has_it"] for candidate in route["candidates"]]


async def test_a_waiting_task_says_why_nobody_takes_it(operator: Api, customer: Api) -> None:
    """A paused connection is a candidate with the reason of its pause."""
    connections = (await operator.get("/admin/v1/connections"))["data"]
    echo = next(row for row in connections if row["provider"] == "echo")
    await operator.post(f"/admin/v1/connections/{echo['id']}/acts", {"act": "pause", "reason": "being moved"})
    try:
        task = await customer.echo("waits")
        [candidate] = (await route_of(operator, task))["candidates"]
    finally:
        await operator.post(f"/admin/v1/connections/{echo['id']}/acts", {"act": "resume"})

    assert "An operator paused it: being moved" == candidate["why_not"]
    assert "completed" == (await customer.ended(task["id"]))["status"]


async def test_only_operators_see_routes(operator: Api, customer: Api) -> None:
    """A customer is refused, and there is no route of what does not exist."""
    task = await customer.echo("mine")
    assert 403 == (await customer.call("GET", f"/admin/v1/tasks/{task['id']}/route"))[0]
    assert 404 == (await operator.call("GET", f"/admin/v1/tasks/{uuid4()}/route"))[0]
