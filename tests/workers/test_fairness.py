"""Nobody waits for somebody else's backlog, and priorities order one account's own tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from tests.support.patience import PATIENCE_S
from tests.support.server import Api, Server, new_customer

from vermilion.storage.database import Database

pytestmark = pytest.mark.slow

BACKLOG = 2_000
SLOTS = 2
BUSY = {"requests_per_minute": 10**6}
STARTED_BETWEEN = "SELECT count(*) FROM tasks WHERE account_id = $1 AND started_at > $2 AND started_at < $3"


@pytest.fixture
async def store(module_server: Server) -> AsyncIterator[Database]:
    """The database behind the module's gateway, whose echo connection has two slots for the length of a test."""
    database = Database(module_server.environment["DATABASE_URL"], connections_max=2)
    await database.open()
    await database.execute("UPDATE connections SET concurrency_max = $1 WHERE provider = 'echo'", SLOTS)
    yield database
    await database.execute("UPDATE connections SET concurrency_max = 100000 WHERE provider = 'echo'")
    await database.close()


async def submit_many(api: Api, tasks: int, **script: Any) -> list[Any]:
    limit = asyncio.Semaphore(64)

    async def one() -> Any:
        async with limit:
            return await api.echo(**script)

    return await asyncio.gather(*(one() for _ in range(tasks)))


async def cancel_all(store: Database, api: Api) -> None:
    """Let the backlog go at once, so that the next test starts with an empty queue."""
    await store.execute(
        "UPDATE tasks SET deadline_at = now() WHERE account_id = $1 AND ended_at IS NULL",
        UUID(api.account_id),
    )
    active = "SELECT count(*) FROM tasks WHERE account_id = $1 AND ended_at IS NULL"
    async with asyncio.timeout(PATIENCE_S):
        while await store.fetchval(active, UUID(api.account_id)):
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("places", [BACKLOG, 3], ids=["all pending", "most staged"])
async def test_a_backlog_delays_a_newcomer_by_two_slots(operator: Api, store: Database, places: int) -> None:
    """While one account has 2,000 tasks waiting, at most two more of them start before another account's only task."""
    crowd = await new_customer(operator, plan={**BUSY, "concurrency_total": places})
    await submit_many(crowd, BACKLOG, latency_s=0.1)
    for _ in range(3):
        newcomer = await new_customer(operator)
        task = await newcomer.echo(latency_s=0.1)
        await newcomer.ended(task["id"])
        row = await store.fetchrow("SELECT created_at, started_at FROM tasks WHERE id = $1", UUID(task["id"]))
        assert row is not None
        waiting = "SELECT count(*) FROM tasks WHERE account_id = $1 AND started_at IS NULL"
        assert BACKLOG / 2 < await store.fetchval(waiting, UUID(crowd.account_id))
        assert await store.fetchval(STARTED_BETWEEN, UUID(crowd.account_id), *row) <= SLOTS
    await cancel_all(store, crowd)


async def test_turns_are_shared_by_weight(operator: Api, store: Database) -> None:
    """Two accounts with work for all slots share them as their plans' weights say."""
    light = await new_customer(operator, plan={**BUSY, "concurrency_total": 500, "weight": 1})
    heavy = await new_customer(operator, plan={**BUSY, "concurrency_total": 500, "weight": 3})
    blocker = await new_customer(operator)
    blockers = [await blocker.echo(latency_s=60) for _ in range(SLOTS)]
    await submit_many(light, 60, latency_s=0.01)
    await submit_many(heavy, 60, latency_s=0.01)
    for task in blockers:
        await blocker.post(f"/v1/tasks/{task['id']}/cancel", {})
    ended = "SELECT count(*) FROM tasks WHERE account_id = ANY($1::uuid[]) AND ended_at IS NOT NULL"
    ids = [UUID(light.account_id), UUID(heavy.account_id)]
    async with asyncio.timeout(PATIENCE_S):
        while await store.fetchval(ended, ids) < 120:
            await asyncio.sleep(0.1)
    first = await store.fetch(
        "SELECT account_id FROM tasks WHERE account_id = ANY($1::uuid[]) ORDER BY started_at LIMIT 40", ids
    )

    assert abs(30 - sum(row["account_id"] == ids[1] for row in first)) <= SLOTS


async def test_work_in_one_queue_costs_no_turns_in_another(operator: Api, store: Database) -> None:
    """An account that used much of one queue stands in another queue like anybody else."""
    regular = await new_customer(operator, units=10**15, plan={**BUSY, "concurrency_total": 50})
    picture = {
        "model": "composer",
        "task_type": "text-to-image",
        "input": {"prompt": "a", "size": 256, "count": 4},
    }
    for _ in range(20):  # accepted and withdrawn: what counts is the rank that the account reached
        made = await regular.post("/v1/tasks", picture)
        await regular.call("POST", f"/v1/tasks/{made['id']}/cancel", {})
    crowd = await new_customer(operator, plan={**BUSY, "concurrency_total": 500})
    await store.execute("DELETE FROM queue_clock WHERE queue = 'echo'")  # this queue has been idle for ever
    await submit_many(crowd, 200, latency_s=0.05)
    task = await regular.echo(latency_s=0.01)
    await regular.ended(task["id"])
    row = await store.fetchrow("SELECT created_at, started_at FROM tasks WHERE id = $1", UUID(task["id"]))
    assert row is not None

    assert await store.fetchval(STARTED_BETWEEN, UUID(crowd.account_id), *row) <= SLOTS
    await cancel_all(store, crowd)


async def test_priorities_order_an_accounts_own_tasks(operator: Api, store: Database) -> None:
    """Of one account's waiting tasks the most urgent starts first, staged or pending, whenever it came."""
    for places in (1, 20):
        api = await new_customer(operator, plan={"concurrency_total": places, "priority_best": 0})
        blockers = [await api.echo(latency_s=60) for _ in range(SLOTS)]
        tasks = {}
        for priority in (9, 5, 0, 7, 2):
            body = {"model": "echo", "task_type": "echo", "input": {"prompt": "x", "latency_s": 0.01}}
            tasks[priority] = (await api.post("/v1/tasks", {**body, "priority": priority}))["id"]
        for task in blockers:
            await api.post(f"/v1/tasks/{task['id']}/cancel", {})
        for id_ in tasks.values():
            await api.ended(id_)
        rows = await store.fetch(
            "SELECT priority FROM tasks WHERE id = ANY($1::uuid[]) ORDER BY started_at, priority",
            [UUID(id_) for id_ in tasks.values()],
        )
        assert [0, 2, 5, 7, 9] == [row["priority"] for row in rows]


async def test_a_plan_without_urgent_classes_still_takes_tasks(operator: Api) -> None:
    """On a plan whose best class is 7, a task that names none gets that class; a better one is refused."""
    api = await new_customer(operator, plan={"priority_best": 7})

    assert "completed" == (await api.echo(prefer="wait=20"))["status"]
    body = {"model": "echo", "task_type": "echo", "input": {"prompt": "x"}, "priority": 6}
    assert 422 == (await api.call("POST", "/v1/tasks", body))[0]
