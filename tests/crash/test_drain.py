"""SIGTERM: what is in hand is finished or handed back, whoever waits is answered, and the process ends in time."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.crash.conftest import MakeNode
from tests.crash.scene import all_ended, nothing_is_wrong, submitted
from tests.support.patience import PATIENCE_S
from tests.support.proxy import Proxy
from tests.support.server import Api, Server, new_customer, operator_of

pytestmark = pytest.mark.slow

MANY = 80  #: more than the 64 submits that one node makes at once
ROWS = "SELECT id, status, node_id, submission FROM tasks"


async def test_submits_are_finished_and_waiting_claims_handed_back(
    database_url: str, node: MakeNode, tmp_path: Path
) -> None:
    """Submits under way get their answer; tasks whose submit has not begun are pending again, at once."""
    server = await node("data", database_url).start()
    async with operator_of(server) as operator:
        customer = await new_customer(operator, plan={"concurrency_total": MANY})
        posts = (customer.echo(f"n {n}", submit_latency_s=1.5) for n in range(MANY))
        await asyncio.gather(*posts)
        await _until(database_url, lambda rows: all(row["status"] == "processing" for row in rows))
        assert 0 == await server.stop(), server.log()
        after = await _rows(database_url)
        assert {"completed", "pending"} == {row["status"] for row in after}
        assert all(
            row["node_id"] is None and row["submission"] is None
            for row in after
            if row["status"] == "pending"
        )

        await server.start()
        await all_ended(database_url)
        tasks = await nothing_is_wrong(operator, database_url, tmp_path / "journal")
        assert {"completed": MANY} == Counter(row["status"] for row in tasks.values())
        assert {1} == set(submitted(tmp_path / "journal").values())


async def test_long_local_work_is_handed_back_and_done_again(database_url: str, node: MakeNode) -> None:
    """Work of a local engine that does not end in time is pending again, and completes after the restart."""
    server = await node("data", database_url, VERMILION_DRAIN_TIMEOUT_S="0").start()
    async with operator_of(server) as operator:
        customer = await new_customer(operator)
        body = {"model": "composer", "task_type": "text-to-image", "input": {"prompt": "hills", "size": 2048}}
        task = await customer.post("/v1/tasks", body)
        await _until(database_url, lambda rows: rows[0]["submission"] == "accepted")
        assert 0 == await server.stop(), server.log()
        assert [("pending", None)] == [(row["status"], row["node_id"]) for row in await _rows(database_url)]
        await server.start()
        assert "completed" == (await customer.ended(task["id"]))["status"]


async def test_whoever_waits_is_answered(database_url: str, node: MakeNode) -> None:
    """`Prefer: wait` answers with the task as it stands and an event stream ends cleanly, without any delay."""
    server = await node("data", database_url).start()
    async with operator_of(server) as operator:
        customer = await new_customer(operator)
        task = await customer.echo(latency_s=3600)
        await _until(database_url, lambda rows: rows[0]["submission"] == "accepted")
        waiting = asyncio.create_task(customer.get(f"/v1/tasks/{task['id']}", prefer="wait=60"))
        listening = asyncio.Event()
        streaming = asyncio.create_task(_stream(customer, task["id"], listening))
        await listening.wait()
        asked_at = time.monotonic()
        assert 0 == await server.stop(), server.log()
        assert time.monotonic() - asked_at < 4
        assert "processing" == (await waiting)["status"]
        assert "processing" == (await streaming)[-1]["status"]


async def test_accepted_work_is_followed_after_the_restart(
    database_url: str, node: MakeNode, tmp_path: Path
) -> None:
    """What runs upstream goes on there; the restarted node asks after it instead of submitting it again."""
    server = await node("data", database_url).start()
    async with operator_of(server) as operator:
        customer = await new_customer(operator)
        task = await customer.echo(latency_s=3)
        await _until(database_url, lambda rows: rows[0]["submission"] == "accepted")
        assert 0 == await server.stop(), server.log()
        await server.start()
        assert "completed" == (await customer.ended(task["id"]))["status"]
        assert [1] == list(submitted(tmp_path / "journal").values())


async def test_a_second_signal_cuts_the_drain_short(database_url: str, node: MakeNode) -> None:
    """An operator who insists does not wait for a submit that hangs."""
    server = await node("data", database_url, VERMILION_DRAIN_TIMEOUT_S="60").start()
    async with operator_of(server) as operator:
        customer = await new_customer(operator)
        await customer.echo(submit="hang")
        await _until(database_url, lambda rows: rows[0]["submission"] == "sending")
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        await _until_refusing(server)
        asked_at = time.monotonic()
        assert 0 == await server.stop(), server.log()
        assert time.monotonic() - asked_at < 3


async def test_a_hanging_database_cannot_hold_the_drain(database_url: str, node: MakeNode) -> None:
    """With a database that answers nothing the process still ends, within the bounds of its drain."""
    async with Proxy(database_url) as proxy:
        server = await node("data", proxy.dsn, VERMILION_DRAIN_TIMEOUT_S="1").start()
        async with operator_of(server) as operator:
            customer = await new_customer(operator)
            await customer.echo(latency_s=0.5)
            proxy.freeze()
            asked_at = time.monotonic()
            await server.stop()
            assert time.monotonic() - asked_at < 25


async def _rows(database_url: str) -> list[Any]:
    connection = await asyncpg.connect(database_url)
    try:
        return list(await connection.fetch(ROWS))
    finally:
        await connection.close()


async def _until(database_url: str, so: Any) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not so(await _rows(database_url)):
            await asyncio.sleep(0.02)


async def _until_refusing(server: Server) -> None:
    """Wait until the server takes no connection any more: it has begun to drain."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            except ConnectionRefusedError:
                return
            writer.close()
            await asyncio.sleep(0.02)


async def _stream(customer: Api, task_id: str, listening: asyncio.Event) -> list[Any]:
    """Every event of a stream that must end without an error."""
    seen = []
    headers = {"authorization": f"Bearer {customer.key}"}
    async with customer.session.get(f"/v1/tasks/{task_id}/events", headers=headers) as answer:
        async for line in answer.content:
            if line.startswith(b"data: "):
                seen.append(json.loads(line[6:]))
                listening.set()
    return seen
