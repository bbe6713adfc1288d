"""Budgets, spend caps and low balances: what is refused, and what the account is told of it, once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.server import Api, new_customer

pytestmark = pytest.mark.slow

HARD_STOP = {"units": 100, "window": "month", "alerts_at": [50, 100]}


async def price(customer: Api) -> int:
    """What one echo task costs."""
    body = {"model": "echo", "task_type": "echo", "input": {"prompt": "hello"}}
    return int((await customer.post("/v1/quotes", body))["units"])


async def told(customer: Api) -> list[Any]:
    """What the account was told, the oldest first."""
    return (await customer.get("/v1/notifications"))["data"][::-1]


async def refused(customer: Api) -> Any:
    """The problem that the next task is answered with."""
    body = {"model": "echo", "task_type": "echo", "input": {"prompt": "hello"}}
    status, problem = await customer.call("POST", "/v1/tasks", body)
    assert 402 == status, problem
    return problem


async def test_a_budget_stops_what_it_does_not_cover(customer: Api) -> None:
    """With its own code, holding nothing; each mark and the first refusal are told once."""
    one = await price(customer)
    budget = await customer.call("PUT", "/v1/budget", {**HARD_STOP, "units": 2 * one})
    assert (200, 2 * one, 0, True) == (
        budget[0],
        budget[1]["left"],
        budget[1]["used"],
        budget[1]["hard_stop"],
    )
    for _ in range(2):
        await customer.ended((await customer.echo())["id"])

    problem = await refused(customer)
    await refused(customer)

    assert ("budget_reached", 0) == (problem["code"], problem["facts"]["left"])
    assert ["budget.alert", "budget.alert", "budget.reached"] == [one["type"] for one in await told(customer)]
    assert [50, 100] == [t["data"].get("percent") for t in await told(customer)][:2]
    assert 0 == (await customer.get("/v1/wallet"))["held"]
    assert 2 * one == (await customer.get("/v1/budget"))["used"]


async def test_what_a_failed_task_held_counts_no_longer(customer: Api) -> None:
    """A budget measures what is spent, not what was tried."""
    one = await price(customer)
    await customer.call("PUT", "/v1/budget", {**HARD_STOP, "units": one})
    await customer.ended((await customer.echo(end="fail-customer"))["id"])
    assert 0 == (await customer.get("/v1/budget"))["used"]
    assert "completed" == (await customer.ended((await customer.echo())["id"]))["status"]
    await refused(customer)


async def test_a_new_budget_counts_what_was_spent_before_it(customer: Api) -> None:
    """In the running window; removing it lets tasks through again."""
    one = await price(customer)
    await customer.ended((await customer.echo())["id"])
    _, budget = await customer.call("PUT", "/v1/budget", {**HARD_STOP, "units": one})
    assert (one, 0) == (budget["used"], budget["left"])
    await refused(customer)
    status, gone = await customer.call("DELETE", "/v1/budget")
    assert (200, None) == (status, gone["units"])
    await customer.echo()


async def test_a_soft_budget_only_tells(customer: Api) -> None:
    """Tasks go on."""
    one = await price(customer)
    await customer.call("PUT", "/v1/budget", {**HARD_STOP, "units": one, "hard_stop": False})
    for _ in range(3):
        await customer.echo()
    assert ["budget.alert"] == [one["type"] for one in await told(customer)]


async def test_many_clients_at_once_do_not_outspend_a_budget(customer: Api) -> None:
    """The condition holds in the transaction that accepts."""
    one = await price(customer)
    await customer.call("PUT", "/v1/budget", {**HARD_STOP, "units": 7 * one})
    body = {"model": "echo", "task_type": "echo", "input": {"prompt": "hello"}}
    answers = await asyncio.gather(*(customer.call("POST", "/v1/tasks", body) for _ in range(40)))
    assert 7 == sum(status == 201 for status, _ in answers)
    assert 33 == sum(status == 402 for status, _ in answers)


async def test_an_operator_sets_an_accounts_budget(operator: Api) -> None:
    """A key without the scope cannot lift it."""
    customer = await new_customer(operator, scopes=["tasks:read", "tasks:write", "wallet:read"])
    path = f"/admin/v1/accounts/{customer.account_id}/budget"
    assert 200 == (await operator.call("PUT", path, {"units": 1}))[0]
    assert "budget_reached" == (await refused(customer))["code"]
    assert 403 == (await customer.call("DELETE", "/v1/budget"))[0]
    assert 1 == (await operator.get(path))["units"]
    assert 200 == (await operator.call("DELETE", path))[0]
    await customer.echo()


async def test_a_low_balance_is_told_once_a_crossing(operator: Api) -> None:
    """Again after a top-up that lifted it above the mark."""
    customer = await new_customer(operator, units=0)
    one = await price(customer)
    fund = {"units": 3 * one, "kind": "topup"}
    await operator.post(f"/admin/v1/accounts/{customer.account_id}/grants", fund)
    settings = {"email": False, "low_balance": [2 * one]}
    assert settings == (await customer.call("PUT", "/v1/notification-settings", settings))[1]
    for _ in range(3):
        await customer.ended((await customer.echo())["id"])
    assert ["balance.low"] == [one["type"] for one in await told(customer)]
    await operator.post(f"/admin/v1/accounts/{customer.account_id}/grants", fund)
    for _ in range(2):
        await customer.ended((await customer.echo())["id"])
    [first, second] = await told(customer)
    assert (2 * one, one) == (first["data"]["mark"], first["data"]["available"])
    assert "balance.low" == second["type"]
    assert first["text"].startswith("The balance of your account is down to $")


async def test_a_low_balance_is_told_when_money_expires(operator: Api) -> None:
    """Without a task, once; what an operator takes back is told, too."""
    customer = await new_customer(operator, units=0)
    grants = f"/admin/v1/accounts/{customer.account_id}/grants"
    await operator.post(grants, {"units": 900, "kind": "topup"})
    soon = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
    await operator.post(grants, {"units": 5_000, "kind": "pack", "expires_at": soon})
    settings = {"email": False, "low_balance": [100, 1_000]}
    await customer.call("PUT", "/v1/notification-settings", settings)
    assert [] == await told(customer)

    async with asyncio.timeout(60):
        while not await told(customer):
            await asyncio.sleep(0.1)
    taken = {"units": -850, "reason": "a mistake"}
    await operator.post(f"/admin/v1/accounts/{customer.account_id}/adjustments", taken)

    facts = [{"available": 900, "mark": 1_000}, {"available": 50, "mark": 100}]
    assert facts == [one["data"] for one in await told(customer)]


async def test_a_wallet_that_does_not_cover_a_family_is_told_once_a_day(operator: Api) -> None:
    """With what is left for it; another family is told of by itself."""
    customer = await new_customer(operator, units=7)
    picture = {"model": "composer", "task_type": "text-to-image", "input": {"prompt": "a fox"}}
    for _ in range(2):
        await refused(customer)
        await customer.call("POST", "/v1/tasks", picture)

    facts = [{"quota_type": family, "available": 7} for family in ("echo", "composer")]
    assert facts == [one["data"] for one in await told(customer)]
    assert {"quota.exchange_failed"} == {one["type"] for one in await told(customer)}


async def test_a_keys_spend_cap_is_told_once(operator: Api) -> None:
    """However often the key tries."""
    customer = await new_customer(operator, cap_units=1)
    for _ in range(3):
        assert "spend_cap_reached" == (await refused(customer))["code"]
    [only] = await told(customer)
    assert ("key.cap_reached", 1) == (only["type"], only["data"]["cap_units"])


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"units": 0}, "/units"),
        ({"units": 5, "window": "fortnight"}, "/window"),
        ({"units": 5, "alerts_at": [0]}, "/alerts_at/0"),
        ({"units": 5.5}, "/units"),
    ],
)
async def test_a_wrong_budget_is_told_what_is_wrong(customer: Api, body: Any, pointer: str) -> None:
    """By the field."""
    status, problem = await customer.call("PUT", "/v1/budget", body)
    assert 422 == status
    assert [pointer] == [one["pointer"] for one in problem["problems"]]


async def test_operators_add_mailboxes_and_chats(operator: Api, customer: Api) -> None:
    """Customers cannot: mail to strangers and apprise's connections are the operator's to answer for."""
    path = f"/admin/v1/accounts/{customer.account_id}/notification-channels"
    assert 403 == (await customer.call("POST", path, {"url": "mailto:finance@example.com"}))[0]
    mail = await operator.post(path, {"url": "mailto:finance@example.com", "events": ["balance.low"]})
    chat = await operator.post(path, {"url": "json://127.0.0.1:9/"})
    assert ("email", "chat") == (mail["kind"], chat["kind"])
    assert {mail["id"], chat["id"]} == {one["id"] for one in (await operator.get(path))["data"]}
    for wrong in ("mailto:two@example.com,three@example.com", "klingon://x", "mailto:nobody"):
        status, problem = await operator.call("POST", path, {"url": wrong})
        assert (422, "/url") == (status, problem["problems"][0]["pointer"])
    assert 200 == (await operator.call("DELETE", f"{path}/{chat['id']}"))[0]
    assert [] == (await customer.get("/v1/webhook-endpoints"))["data"]
