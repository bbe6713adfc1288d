"""Deadlines, cancels and progress: the row tells what really happened, whatever state it caught the task in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.support.server import Api, new_customer
from tests.workers.conftest import Rows

pytestmark = pytest.mark.slow

COUNTED = """
SELECT w.running, w.held, (SELECT coalesce(sum(running), 0) FROM lanes WHERE account_id = w.account_id) AS in_lanes,
       (SELECT sum(running) FROM connections WHERE provider = 'echo') AS in_connections
FROM wallets w WHERE w.account_id = $1::text::uuid
"""


@pytest.fixture
async def paused(rows: Rows) -> AsyncIterator[None]:
    """No connection takes any work, so that tasks stay pending."""
    await rows("UPDATE connections SET state = 'paused' WHERE provider = 'echo'")
    await rows.changed()
    yield
    await rows("UPDATE connections SET state = 'active' WHERE provider = 'echo'")
    await rows.changed()


async def cancel(customer: Api, task: Any) -> tuple[int, Any]:
    """Ask for a cancel."""
    return await customer.call("POST", f"/v1/tasks/{task['id']}/cancel")


async def nothing_is_left(customer: Api, rows: Rows) -> None:
    """Every place is free again and nothing is held."""
    assert [(0, 0, 0, 0)] == [tuple(row) for row in await rows(COUNTED, customer.account_id)]


async def test_every_overdue_task_ends(operator: Api, rows: Rows) -> None:
    """Staged, processing and of unknown fate: at its deadline each ends, gives back its hold and frees its place."""
    customer = await new_customer(operator, plan={"concurrency_total": 2})
    body = {"model": "echo", "task_type": "echo", "deadline_s": 1.5}
    scripts = ({"end": "never"}, {"submit": "unknown"}, {"latency_s": 60}, {"latency_s": 60})
    tasks = [
        await customer.post("/v1/tasks", {**body, "input": {"prompt": "late", **script}})
        for script in scripts
    ]
    assert ["pending", "pending", "staged", "staged"] == [task["status"] for task in tasks]
    ended = [await customer.ended(task["id"]) for task in tasks]
    assert {"failed"} == {task["status"] for task in ended}
    late = "deadline_exceeded"
    assert [late, "submission_unknown", late, late] == [task["error"]["code"] for task in ended]
    assert all(task["usage"]["released"] == task["usage"]["held"] for task in ended)
    await nothing_is_left(customer, rows)


@pytest.mark.usefixtures("paused")
async def test_an_overdue_pending_task_ends(customer: Api, rows: Rows) -> None:
    """A task that no connection takes in time fails at its deadline and costs nothing."""
    body = {"model": "echo", "task_type": "echo", "deadline_s": 0.5, "input": {"prompt": "late"}}
    task = await customer.post("/v1/tasks", body)
    ended = await customer.ended(task["id"])
    assert ("failed", "deadline_exceeded") == (ended["status"], ended["error"]["code"])
    assert None is (await rows.task(task))["connection_id"]
    await nothing_is_left(customer, rows)


@pytest.mark.usefixtures("paused")
async def test_waiting_tasks_are_cancelled_at_once(operator: Api, rows: Rows) -> None:
    """Pending and staged tasks end as cancelled, unpaid; cancelling again is harmless."""
    customer = await new_customer(operator, plan={"concurrency_total": 1})
    pending, staged = await customer.echo(), await customer.echo()
    for task, status in ((staged, "staged"), (pending, "pending")):
        assert status == (await customer.get(f"/v1/tasks/{task['id']}"))["status"]
        for _ in range(2):
            code, answer = await cancel(customer, task)
            assert (200, "cancelled") == (code, answer["status"])
        assert answer["usage"]["held"] == answer["usage"]["released"]
    await nothing_is_left(customer, rows)


async def test_running_work_is_cancelled_upstream(customer: Api, rows: Rows) -> None:
    """A provider that stops on request: the task is cancelled and its hold given back."""
    task = await customer.echo(latency_s=600)
    await rows.until(task, lambda row: row["submission"] == "accepted")
    code, answer = await cancel(customer, task)
    assert (200, "cancelled", 0) == (code, answer["status"], answer["usage"]["charged"])
    await nothing_is_left(customer, rows)


async def test_a_cancel_during_the_submit_is_passed_on(customer: Api, rows: Rows) -> None:
    """A cancel that comes while the submit is under way is not forgotten."""
    task = await customer.echo(latency_s=600, submit_latency_s=0.6)
    await rows.until(task, lambda row: row["submission"] == "sending")
    code, answer = await cancel(customer, task)
    assert (200, "cancelled") == (code, answer["status"])


async def test_work_that_cannot_be_stopped_goes_on(customer: Api, rows: Rows) -> None:
    """A provider that does not stop: 409 says so, the task runs to its own end and is paid."""
    task = await customer.echo(latency_s=6, cancel="go-on")
    await rows.until(task, lambda row: row["submission"] == "accepted")
    code, problem = await cancel(customer, task)
    assert 409 == code, problem
    assert "processing" == (await customer.get(f"/v1/tasks/{task['id']}"))["status"]
    ended = await customer.ended(task["id"])
    assert ("completed", ended["usage"]["held"]) == (ended["status"], ended["usage"]["charged"])
    code, problem = await cancel(customer, task)
    assert 409 == code


async def test_nobody_cancels_what_nobody_knows(customer: Api, rows: Rows) -> None:
    """A submit of unknown fate cannot be stopped for certain: 409, and the task still says that it is unknown."""
    task = await customer.echo(submit="unknown")
    await rows.until(task, lambda row: row["submission"] == "unknown")
    code, _ = await cancel(customer, task)
    assert 409 == code
    shown = await customer.get(f"/v1/tasks/{task['id']}")
    assert ("processing", True) == (shown["status"], shown["submission_unknown"])
    await rows("UPDATE tasks SET deadline_at = now() WHERE id = $1::text::uuid", task["id"])
    assert "failed" == (await customer.ended(task["id"]))["status"]


async def test_progress_is_written_at_most_once_a_second(customer: Api, rows: Rows) -> None:
    """However often the provider is asked, the row changes no more than once a second, and never backwards."""
    versions: list[int] = []
    task = await customer.echo(latency_s=3)
    await rows.until(task, lambda row: row["submission"] == "accepted")
    while (row := await rows.task(task))["status"] == "processing":
        versions.append(row["version"])
        await asyncio.sleep(0.02)
    first, last = versions[0], versions[-1]
    assert 2 <= last - first + 1 <= 4
    assert 100 == row["progress"]
