"""What plans do about tasks that fail by the customer's fault; nothing, unless they say so."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.server import Api, new_customer

pytestmark = pytest.mark.slow


async def fault(api: Api) -> Any:
    """A task that ends by the customer's fault."""
    return await api.echo("wrong", prefer="wait=20", end="fail-customer")


async def penalties(api: Api) -> list[Any]:
    """What the account was told of penalties."""
    told = (await api.get("/v1/notifications"))["data"]
    names = ("penalty_type", "task_id", "threshold", "cap_usage")
    return [tuple(one["data"][name] for name in names) for one in told if one["type"] == "penalty.triggered"]


async def test_a_plan_without_a_number_minds_nothing(customer: Api) -> None:
    """However many fail, the next is taken and nothing is charged."""
    ended = [await fault(customer) for _ in range(5)]

    assert [] == await penalties(customer)
    assert {("failed", 0)} == {(task["status"], task["usage"]["charged"]) for task in ended}
    assert "completed" == (await customer.echo("right", prefer="wait=20"))["status"]


async def test_beyond_the_number_no_more_are_taken_today(operator: Api) -> None:
    """Failed tasks and refused prompts count together; then it is 429 until midnight, and repeats still answer."""
    api = await new_customer(operator, plan={"error_tasks_max": 3})
    await api.post("/v1/banned-words", {"words": ["kraken"]})
    body = {"model": "echo", "task_type": "echo", "input": {"prompt": "first"}}
    first = await api.post("/v1/tasks", body, idempotency_key="one")
    await fault(api)
    await fault(api)
    refused, _ = await api.call("POST", "/v1/tasks", {**body, "input": {"prompt": "kraken"}})

    status, headers, problem = await api.call_raw("POST", "/v1/tasks", body)
    again = await api.post("/v1/tasks", body, idempotency_key="one")

    assert (422, 429, "too_many_errors") == (refused, status, problem["code"])
    assert [("error", "", 3, 3)] == await penalties(api)
    assert 0 < int(headers["retry-after"]) <= 86_400
    assert first["id"] == again["id"]
    assert 3 == problem["facts"]["errors_today"]


async def test_faults_of_others_do_not_count(operator: Api) -> None:
    """A provider's failure is not the customer's, and another account's faults are not either."""
    plan = {"error_tasks_max": 1}
    api = await new_customer(operator, plan=plan)
    await fault(await new_customer(operator, plan=plan))
    provider = await api.echo("theirs", prefer="wait=20", end="fail")

    assert "failed" == provider["status"]
    assert "completed" == (await api.echo("right", prefer="wait=20"))["status"]


async def test_a_plan_may_charge_for_further_faults(operator: Api) -> None:
    """Up to the number they are free, beyond it what was held is kept, and the ledger balances."""
    api = await new_customer(operator, plan={"error_tasks_max": 2, "error_penalty": "charge"})

    charged = [(await fault(api))["usage"]["charged"] for _ in range(4)]
    provider = await api.echo("theirs", prefer="wait=20", end="fail")

    assert [0, 0, 10_000, 10_000] == charged
    assert ("failed", 0) == (provider["status"], provider["usage"]["charged"])
    assert 20_000 == (await api.get("/v1/wallet"))["spent"]
    assert (await operator.get("/admin/v1/ledger/verification"))["balanced"]
    second = (await api.get("/v1/tasks"))["data"][3]
    assert [("error", second["id"], 2, 2)] == await penalties(api)
