"""A task meets its connection when there is room; a connection's trouble moves the task and never fails it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from tests.support.server import Api, Server
from tests.workers.conftest import Rows

pytestmark = pytest.mark.slow

STATES = "SELECT name, state, state_reason, running FROM connections WHERE provider = 'echo' ORDER BY name"
ADD_SECOND = """
INSERT INTO connections (id, provider, name, queues, concurrency_max, preference)
SELECT $1, provider, 'second', queues, concurrency_max, 1 FROM connections WHERE provider = 'echo' AND name = 'default'
"""


@pytest.fixture
async def second(rows: Rows) -> AsyncIterator[Any]:
    """A second echo connection, preferred less; afterwards the first one is well again and alone."""
    id_ = uuid4()
    await rows(ADD_SECOND, id_)
    await rows.changed()
    yield id_
    await rows("DELETE FROM connections WHERE id = $1", id_)
    await rows("UPDATE connections SET state = 'active', rests_until = NULL WHERE provider = 'echo'")
    await rows.changed()


async def test_a_lost_credential_moves_the_task(customer: Api, rows: Rows, second: Any) -> None:
    """`Rejected` by fault of the connection: the task completes on the other one, and a person is asked to look."""
    task = await customer.echo(submit="refuse-connection", submit_failures=1)
    ended = await customer.ended(task["id"])
    assert ("completed", None) == (ended["status"], ended["error"])
    assert second == (await rows.task(task))["connection_id"]
    states = {row["name"]: (row["state"], row["running"]) for row in await rows(STATES)}
    assert {"default": ("attention", 0), "second": ("active", 0)} == states


async def test_without_another_connection_the_task_waits(customer: Api, rows: Rows, second: Any) -> None:
    """When no route is left the task is pending, not failed, and runs once the operator has acted."""
    task = await customer.echo(submit="refuse-connection", submit_failures=2)
    await rows.until(task, lambda row: row["attempt"] == 2 and row["status"] == "pending")
    assert ["attention", "attention"] == [row["state"] for row in await rows(STATES)]
    await rows("UPDATE connections SET state = 'active' WHERE id = $1", second)
    await rows.changed()
    assert "completed" == (await customer.ended(task["id"]))["status"]


async def test_overload_rests_the_connection(customer: Api, rows: Rows) -> None:
    """`Unavailable`: the connection rests as long as it was asked to, then takes the task, whose fault it was not."""
    task = await customer.echo(submit="overload", submit_failures=2)
    ended = await customer.ended(task["id"])
    assert "completed" == ended["status"]
    assert 3 == (await rows.task(task))["attempt"]
    assert "active" == (await rows(STATES))[0]["state"]


async def test_trouble_lifts_no_pause(customer: Api, rows: Rows) -> None:
    """A connection that an operator paused stays paused, whatever its provider says of work under way."""
    task = await customer.echo(submit="overload", submit_failures=1, submit_latency_s=0.5)
    await rows.until(task, lambda row: row["submission"] == "sending")
    await rows("UPDATE connections SET state = 'paused' WHERE provider = 'echo'")
    await rows.until(task, lambda row: row["status"] == "pending")
    try:
        assert ["paused"] == [row["state"] for row in await rows(STATES)]
    finally:
        await rows("UPDATE connections SET state = 'active' WHERE provider = 'echo'")
        await rows.changed()
    assert "completed" == (await customer.ended(task["id"]))["status"]


@pytest.mark.parametrize("script", [{"submit": "malformed"}, {"submit": "raise"}, {"submit": "unknown"}])
async def test_a_submit_of_unknown_fate_is_never_repeated(
    customer: Api, rows: Rows, script: dict[str, Any]
) -> None:
    """An adapter that raises or answers nonsense may have started the work: the task says so until its deadline."""
    task = await customer.echo(**script)
    row = await rows.until(task, lambda row: row["submission"] == "unknown")
    assert 1 == row["attempt"]
    assert (await customer.get(f"/v1/tasks/{task['id']}"))["submission_unknown"]
    await rows("UPDATE tasks SET deadline_at = now() WHERE id = $1", row["id"])
    ended = await customer.ended(task["id"])
    assert ("failed", "submission_unknown") == (ended["status"], ended["error"]["code"])
    assert ended["usage"]["held"] == ended["usage"]["released"]


@pytest.mark.parametrize("check", ["malformed", "raise", "overload"])
async def test_a_broken_check_is_no_failed_task(customer: Api, check: str) -> None:
    """Exceptions, nonsense and overload while asking are asked again; the work completes."""
    task = await customer.echo(latency_s=1, check=check)
    assert "completed" == (await customer.ended(task["id"]))["status"]


async def test_a_hung_provider_stops_nothing_else(customer: Api, module_server: Server) -> None:
    """While submits hang, other tasks of the same and of other providers run and the process lives."""
    for _ in range(10):
        await customer.echo(submit="hang", submit_latency_s=1)
    body = {"model": "composer", "task_type": "text-to-image", "input": {"prompt": "hills", "size": 256}}
    picture = await customer.post("/v1/tasks", body)
    quick = await customer.echo()
    assert "completed" == (await customer.ended(quick["id"], timeout_s=30))["status"]
    assert "completed" == (await customer.ended(picture["id"]))["status"]
    assert module_server.process is not None
    assert module_server.process.returncode is None
