"""Where a plan differs from everyone's: prices by family, the cap on relaxed tasks, and what is shown."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.server import Api, new_customer

pytestmark = pytest.mark.slow


async def on_plan(operator: Api, **rules: Any) -> Api:
    """A customer whose plan has these rules."""
    return await new_customer(operator, plan={"rules": rules})


def imagine(mode: str = "relax") -> dict[str, Any]:
    """A grid of four."""
    return {"model": "midjourney", "task_type": "imagine", "input": {"prompt": "a fox", "process_mode": mode}}


async def test_prices_by_family(operator: Api) -> None:
    """A quote and a hold both follow the plan, and other families keep their price."""
    customer = await on_plan(operator, price_percent={"echo": 50})
    body = {"model": "echo", "task_type": "echo", "input": {"prompt": "hello"}}
    assert 5_000 == (await customer.post("/v1/quotes", body))["units"]
    task = await customer.post("/v1/tasks", body)
    assert 5_000 == task["usage"]["held"]
    assert 5_000 == (await customer.ended(task["id"]))["usage"]["charged"]
    assert 150_000 == (await customer.post("/v1/quotes", imagine()))["units"]


async def test_relaxed_tasks_beyond_the_cap_cost_double(operator: Api) -> None:
    """The first is at its price, the second at twice that; the account is told once, and fast ones never double."""
    customer = await on_plan(operator, relax_tasks_max=1)
    held = [(await customer.post("/v1/tasks", imagine()))["usage"]["held"] for _ in range(3)]
    assert [150_000, 300_000, 300_000] == held
    assert 450_000 == (await customer.post("/v1/quotes", imagine("fast")))["units"]
    [told] = (await customer.get("/v1/notifications"))["data"]
    second = (await customer.get("/v1/tasks"))["data"][1]
    facts = {"penalty_type": "relax", "task_id": second["id"], "threshold": 1, "cap_usage": 2}
    assert ("penalty.triggered", facts) == (told["type"], told["data"])


async def test_a_penalty_is_told_of_tasks_that_are_accepted(operator: Api) -> None:
    """A quote and a refusal beyond the cap tell nothing."""
    customer = await new_customer(operator, units=200_000, plan={"rules": {"relax_tasks_max": 1}})
    await customer.post("/v1/tasks", imagine())
    await customer.post("/v1/quotes", imagine())
    assert 402 == (await customer.call("POST", "/v1/tasks", imagine()))[0]
    told = [one["type"] for one in (await customer.get("/v1/notifications"))["data"]]
    assert ["quota.exchange_failed"] == told


async def test_without_rules_nothing_changes(operator: Api) -> None:
    """Everything is off unless a plan says."""
    customer = await on_plan(operator)
    held = [(await customer.post("/v1/tasks", imagine()))["usage"]["held"] for _ in range(2)]
    assert [150_000, 150_000] == held


async def test_a_plan_cannot_have_pictures_checked_without_the_guard(operator: Api) -> None:
    """The refusal says what to install; the plan is not made."""
    plan = {"id": "guarded", "rules": {"media_check": "block"}}
    status, problem = await operator.call("POST", "/admin/v1/plans", plan)
    assert (422, ["/rules/media_check"]) == (status, [one["pointer"] for one in problem["problems"]])
    assert "vermilion engines add guard" in problem["problems"][0]["detail"]
    assert "guarded" not in {plan["id"] for plan in (await operator.get("/admin/v1/plans"))["data"]}


async def test_hidden_outputs(operator: Api) -> None:
    """A plan may hide fields of a Midjourney output from GoAPI's clients, on both kinds of path."""
    customer = await on_plan(operator, hidden_outputs=["temporary_image_urls"])
    task = await customer.post("/v1/tasks", imagine())
    await customer.ended(task["id"])
    output = (await customer.get(f"/api/v1/task/{task['id']}"))["data"]["output"]
    older = await customer.post("/mj/v2/fetch", {"task_id": task["id"]})
    assert [] == output["temporary_image_urls"] == older["task_result"]["temporary_image_urls"]
    assert output["image_url"]
