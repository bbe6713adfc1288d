"""The gateway dies at each step of a task's life; nothing accepted is lost, paid twice or submitted twice."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest
from tests.crash.conftest import MakeNode
from tests.crash.scene import Attempt, all_ended, attempts, insist, nothing_is_wrong, post, receiver
from tests.support.server import Api, new_customer, operator_of

from vermilion import faults

pytestmark = pytest.mark.slow

CLIENTS = 4
IN_HAND_MAX = 12
PASS = 3  #: die only when the point is passed for the third time, with much under way


@pytest.mark.parametrize("point", faults.POINTS)
async def test_a_death_at_this_point_loses_nothing(
    point: str, database_url: str, node: MakeNode, tmp_path: Path
) -> None:
    """After a SIGKILL and a restart every accepted task ends once, the books balance, retries find their task."""
    server = node("data", database_url)
    async with receiver() as (hook_url, told), operator_of(server) as operator:
        await server.start(VERMILION_TEST_FAULT=f"{point}:{PASS}")
        customer = await new_customer(operator, plan={"concurrency_total": IN_HAND_MAX})
        wanted = attempts(48, hook_url)
        await asyncio.gather(*(_until_dead(customer, wanted[n::CLIENTS]) for n in range(CLIENTS)))
        assert -signal.SIGKILL == await server.exited(), server.log()

        seen = {one.key: one.task_id for one in wanted if one.task_id}
        await server.start()
        await insist(customer, wanted, lambda: server.url)
        for one in wanted:
            assert one.task_id == seen.get(one.key, one.task_id)
        await all_ended(database_url)

        tasks = await nothing_is_wrong(operator, database_url, tmp_path / "journal")
        assert {one.task_id for one in wanted} == set(tasks)
        assert {one.task_id for one in wanted if "webhook" in one.body} == set(told)
        lost = [row for row in tasks.values() if row["status"] != "completed"]
        assert len(lost) <= IN_HAND_MAX
        assert 0 == await server.stop()


async def test_an_unknown_point_is_refused(node: MakeNode) -> None:
    """A misspelt fault point stops the start instead of testing nothing."""
    server = node("data", "postgresql://nowhere.invalid/x")
    await server.start(wait=False, VERMILION_TEST_FAULT="submit.never")
    assert 0 != await server.exited()
    assert "no fault point" in server.log()


async def _until_dead(customer: Api, wanted: list[Attempt]) -> None:
    for one in wanted:
        if not await post(customer, one):
            return
