"""Two nodes on one database: whichever dies, sleeps or comes back, the other goes on and nothing is done twice."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import asyncpg
import pytest
from tests.crash.conftest import MakeNode
from tests.crash.scene import LEASE_S, all_ended, attempts, insist, nothing_is_wrong, receiver, submitted
from tests.support.patience import PATIENCE_S
from tests.support.server import Api, Server, new_customer, operator_of

pytestmark = pytest.mark.slow

KILLS = 8
SLACK_S = 10.0  #: for a machine that is busy with everything else
PROCESSING = "SELECT count(*) FROM tasks WHERE status = 'processing' AND submission = 'accepted'"
HOLDERS = "SELECT DISTINCT node_id FROM tasks WHERE status = 'processing'"


async def test_random_deaths_under_load_lose_nothing(
    database_url: str, node: MakeNode, tmp_path: Path
) -> None:
    """Nodes that are killed and started again while customers submit: every task ends, once, with true counters."""
    chance = random.Random(20261122)
    nodes = [node("a", database_url), node("b", database_url)]
    await asyncio.gather(*(server.start() for server in nodes))
    async with receiver() as (hook_url, told), operator_of(nodes[0]) as operator:
        customer = await new_customer(operator, plan={"concurrency_total": 20})
        wanted = attempts(400, hook_url)
        clients = asyncio.gather(
            *(insist(customer, wanted[n::4], lambda: chance.choice(nodes).url) for n in range(4))
        )
        for _ in range(KILLS):
            victim = chance.choice(nodes)
            await asyncio.sleep(chance.uniform(0.1, 0.9))
            await victim.kill()
            await victim.start()
        await clients
        await all_ended(database_url)
        tasks = await nothing_is_wrong(operator, database_url, tmp_path / "journal")
        assert {one.task_id for one in wanted} == set(tasks)
        assert {one.task_id for one in wanted if "webhook" in one.body} == set(told)
    assert [0, 0] == [await server.stop() for server in nodes]


async def test_the_survivor_takes_over_within_the_lease(
    database_url: str, node: MakeNode, tmp_path: Path
) -> None:
    """Tasks of a dead node are followed by the other one as soon as the lease is over, and complete."""
    survivor = await node("a", database_url).start()
    async with operator_of(survivor) as operator, _Rows(database_url) as rows:
        customer = await new_customer(operator)
        victim = await _busy_node(node("b", database_url), customer, rows, survivor)
        died_at = time.monotonic()
        await victim.kill()
        await rows.until(HOLDERS, lambda found: len(found) <= 1, timeout_s=LEASE_S * 1.25 + SLACK_S)
        assert time.monotonic() - died_at <= LEASE_S * 1.25 + SLACK_S
        await all_ended(database_url)
        tasks = await nothing_is_wrong(operator, database_url, tmp_path / "journal")
        assert {"completed"} == {row["status"] for row in tasks.values()}


async def test_a_zombie_disturbs_nothing(database_url: str, node: MakeNode, tmp_path: Path) -> None:
    """A node that slept past its lease wakes among tasks that are another's now: no write of it counts any more."""
    survivor = await node("a", database_url).start()
    async with operator_of(survivor) as operator, _Rows(database_url) as rows:
        customer = await new_customer(operator)
        zombie = await _busy_node(node("b", database_url), customer, rows, survivor)
        os.kill(zombie.pid, signal.SIGSTOP)
        await rows.until(HOLDERS, lambda found: len(found) <= 1, timeout_s=LEASE_S * 1.25 + SLACK_S)
        os.kill(zombie.pid, signal.SIGCONT)
        more = [(await customer.echo("more", latency_s=0.2))["id"] for _ in range(10)]
        await all_ended(database_url)
        tasks = await nothing_is_wrong(operator, database_url, tmp_path / "journal")
        assert {"completed"} == {row["status"] for row in tasks.values()}
        assert set(more) < set(tasks)
        assert len(tasks) == len(submitted(tmp_path / "journal"))
    assert [0, 0] == [await zombie.stop(), await survivor.stop()]


async def test_postgresql_may_die_too(node: MakeNode, tmp_path: Path) -> None:
    """The embedded server is killed under load, twice; the gateway starts it again by itself and loses nothing."""
    server = await node("data").start()
    pid_file = tmp_path / "data" / "postgres" / "postmaster.pid"
    async with receiver() as (hook_url, _), operator_of(server) as operator:
        customer = await new_customer(operator, plan={"concurrency_total": 20})
        wanted = attempts(160, hook_url)
        clients = asyncio.gather(*(insist(customer, wanted[n::4], lambda: server.url) for n in range(4)))
        for _ in range(2):
            await asyncio.sleep(0.3)
            before = pid_file.read_text().split()[0]
            os.kill(int(before), signal.SIGKILL)
            await _another_pid(pid_file, before)
            await server.ready()
        await clients
        database_url = _embedded_url(tmp_path / "data")
        await all_ended(database_url)
        tasks = await nothing_is_wrong(operator, database_url, tmp_path / "journal")
        assert {one.task_id for one in wanted} == set(tasks)
    assert 0 == await server.stop(), server.log()


class _Rows:
    """Looks into the database until something is so."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url

    async def __aenter__(self) -> Self:
        self._connection = await asyncpg.connect(self._url)
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._connection.close()

    async def until(self, sql: str, so: Any, *, timeout_s: float = PATIENCE_S) -> None:
        async with asyncio.timeout(timeout_s):
            while not so(await self._connection.fetch(sql)):
                await asyncio.sleep(0.02)


async def _busy_node(server: Server, customer: Api, rows: _Rows, other: Server) -> Server:
    """A second node, started and holding some of 30 tasks that run long enough to outlive its lease."""
    await server.start()
    for number in range(30):
        await customer.echo(f"n {number}", latency_s=LEASE_S * 2.5)
    await rows.until(PROCESSING, lambda found: found[0][0] > 0)
    await rows.until(HOLDERS, lambda found: len(found) == 2)
    assert other.pid != server.pid
    return server


async def _another_pid(pid_file: Path, before: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not pid_file.exists() or pid_file.read_text().split()[:1] in ([], [before]):
            await asyncio.sleep(0.05)


def _embedded_url(data_dir: Path) -> str:
    """The address of a node's embedded server."""
    return f"postgresql://vermilion@/vermilion?host={quote(str(data_dir / 'postgres-socket'))}&port=5432"
