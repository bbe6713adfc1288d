"""Lists of tasks: every one exactly once, newest first, narrowed by what is asked."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.support.server import Api, new_customer

pytestmark = pytest.mark.slow


async def pages(api: Api, path: str, **query: Any) -> list[list[Any]]:
    """Every page of a list, followed to its end."""
    found, cursor = [], None
    while True:
        asked = urlencode(query | ({"cursor": cursor} if cursor else {}))
        page = await api.get(f"{path}?{asked}")
        found.append(page["data"])
        cursor = page["next_cursor"]
        if cursor is None:
            return found


async def prompts(api: Api, **query: Any) -> list[str]:
    """The prompts of a list's tasks."""
    return [task["input"]["prompt"] for page in await pages(api, "/v1/tasks", **query) for task in page]


async def test_pages_walk_every_task_once_while_new_ones_arrive(customer: Api) -> None:
    """What was there when the walk began is met exactly once, newest first; what comes later disturbs nothing."""
    before = [(await customer.echo(f"{n}", latency_s=3600))["id"] for n in range(12)]
    first = await customer.get("/v1/tasks?limit=5")
    await asyncio.gather(*(customer.echo("late") for _ in range(5)))

    second = await customer.get(f"/v1/tasks?limit=5&cursor={first['next_cursor']}")
    third = await customer.get(f"/v1/tasks?limit=5&cursor={second['next_cursor']}")

    walked = [task["id"] for page in (first, second, third) for task in page["data"]]
    assert before[::-1] == walked
    assert third["next_cursor"] is None


async def test_a_page_that_is_just_full_is_the_last(customer: Api) -> None:
    """No cursor leads to an empty page."""
    for n in range(4):
        await customer.echo(f"{n}", latency_s=3600)

    assert [2, 2] == [len(page) for page in await pages(customer, "/v1/tasks", limit=2)]
    assert [4] == [len(page) for page in await pages(customer, "/v1/tasks", limit=4)]


async def test_an_empty_history_is_a_page(customer: Api) -> None:
    """Nothing is an empty list, not an error."""
    assert {"data": [], "next_cursor": None} == await customer.get("/v1/tasks")


async def test_filters_narrow_and_combine(customer: Api) -> None:
    """Status, model and metadata each narrow a list, and together they narrow it further."""
    done = await customer.echo("done", prefer="wait=20")
    body = {"model": "echo", "task_type": "echo", "input": {"prompt": "a", "latency_s": 3600}}
    await customer.post("/v1/tasks", {**body, "metadata": {"job": "7", "room": "blue", "deep": {"x": 1}}})
    await customer.post("/v1/tasks", {**body, "input": {"prompt": "b"}, "metadata": {"job": "8"}})

    assert [done["id"]] == [
        task["id"] for task in (await customer.get("/v1/tasks?status=completed&model=echo"))["data"]
    ][-1:]
    assert [] == await prompts(customer, model="composer")
    assert [] == await prompts(customer, model="no such model")
    assert ["a"] == await prompts(customer, **{"metadata[job]": "7"})
    assert ["a"] == await prompts(customer, **{"metadata[job]": "7", "metadata[room]": "blue"})
    assert [] == await prompts(customer, **{"metadata[job]": "8", "metadata[room]": "blue"})
    assert [] == await prompts(customer, **{"metadata[job]": "7", "status": "completed"})
    assert [] == await prompts(customer, **{"metadata[it's]": '"; --'})


async def test_times_bound_a_list(customer: Api) -> None:
    """`created_after` includes its moment, `created_before` excludes it."""
    tasks = [await customer.echo(name, latency_s=3600) for name in "abc"]
    middle = datetime.fromisoformat(tasks[1]["created_at"])
    hour = timedelta(hours=1)

    assert ["c", "b"] == await prompts(customer, created_after=middle.isoformat())
    assert ["a"] == await prompts(customer, created_before=middle.isoformat())
    assert ["c", "b", "a"] == await prompts(
        customer, created_after=(middle - hour).isoformat(), created_before=(middle + hour).isoformat()
    )
    assert [] == await prompts(customer, created_after=(middle + hour).isoformat())
    assert [] == await prompts(customer, created_before="0001-01-02T00:00:00Z")
    assert [] == await prompts(customer, created_after="9999-12-31T23:59:59Z")


async def test_an_operator_lists_everybody_or_one(operator: Api, customer: Api) -> None:
    """Operators see the tasks of all accounts, and can narrow them to one."""
    other = await new_customer(operator)
    mine = await customer.echo("mine", latency_s=3600)
    theirs = await other.echo("theirs", latency_s=3600)

    everybody = {task["id"] for task in (await operator.get("/admin/v1/tasks?limit=200"))["data"]}
    one = await operator.get(f"/admin/v1/tasks?account_id={other.account_id}")

    assert {mine["id"], theirs["id"]} <= everybody
    assert [theirs["id"]] == [task["id"] for task in one["data"]]


async def test_a_statement_is_walked_to_its_end(customer: Api) -> None:
    """The wallet's entries come in pages, each once, and add up to the wallet."""
    for n in range(5):
        await customer.echo(f"{n}", prefer="wait=20")

    walked = [entry for page in await pages(customer, "/v1/wallet/entries", limit=2) for entry in page]

    keys = {(entry["kind"], entry["source"], entry["target"], entry["ref_id"]) for entry in walked}
    assert len(walked) == len(keys)
    assert 50_000 == sum(entry["units"] for entry in walked if entry["target"] == "revenue")
    assert sorted((entry["at"] for entry in walked), reverse=True) == [entry["at"] for entry in walked]


async def test_operators_lists_are_walked_too(operator: Api, customer: Api) -> None:
    """Accounts and the audit come in pages that never overlap."""
    await new_customer(operator)
    for path in ("/admin/v1/accounts", "/admin/v1/audit"):
        ids = [row["id"] for page in await pages(operator, path, limit=3) for row in page]
        assert sorted(set(ids), reverse=True) == ids
        assert 3 < len(ids)
    assert customer.account_id in [
        row["id"] for page in await pages(operator, "/admin/v1/accounts", limit=3) for row in page
    ]
