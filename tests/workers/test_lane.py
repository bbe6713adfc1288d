"""A lane takes one step of a task at a time, loses no news of it, and survives every step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from tests.support.patience import PATIENCE_S

from vermilion.providers.protocol import AdapterContext
from vermilion.providers.registry import Provider, Registry
from vermilion.storage.flights import Claimed
from vermilion.workers.flight import Flight
from vermilion.workers.lane import SUBMIT_WORKERS, Lane, Step


@pytest.fixture
def provider(tmp_path: Path) -> Provider:
    """A real provider; these tests never ask it anything."""
    return Registry(["echo"], AdapterContext(lambda _id: None, tmp_path), {}).get("echo")


def flight(task_id: UUID | None = None, attempt: int = 1) -> Flight:
    """A task in hand."""
    claimed = Claimed(
        id=task_id or uuid4(),
        account_id=uuid4(),
        parent_id=None,
        model="echo",
        task_type="echo",
        input="{}",
        price="{}",
        held=0,
        connection_id=uuid4(),
        attempt=attempt,
        submission=None,
        ticket=None,
        progress=0,
        cancel_asked=False,
        deadline_at=datetime.now(UTC) + timedelta(minutes=1),
    )
    return Flight(claimed, "echo")


@asynccontextmanager
async def running(provider: Provider, submit: Step, check: Step) -> AsyncIterator[Lane]:
    """A lane at work."""
    lane = Lane(provider, submit, check)
    work = asyncio.create_task(lane.run())
    yield lane
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def until(so: Callable[[], bool]) -> None:
    """Let the lane work until something is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not so():
            await asyncio.sleep(0.001)


async def nothing(_lane: Lane, _flight: Flight) -> None:
    """A step that does nothing."""


async def test_news_during_a_step_leads_to_another_look(provider: Provider) -> None:
    """A wake that comes while the task is being looked at is not lost, and not acted upon at the same time."""
    looks, going, go_on = [], asyncio.Event(), asyncio.Event()

    async def check(lane: Lane, task: Flight) -> None:
        looks.append(task.task.id)
        going.set()
        await go_on.wait()
        lane.follow(task, 60)

    async with running(provider, nothing, check) as lane:
        task = flight()
        task.ticket = "t"
        lane.follow(task, 0)
        await going.wait()
        for _ in range(3):
            lane.look_now(task.task.id)
        lane.timetable.set(task.task.id, 0)
        await asyncio.sleep(0.01)
        assert 1 == len(looks)
        go_on.set()
        await until(lambda: len(looks) == 2)
        await asyncio.sleep(0.01)
        assert 2 == len(looks)


async def test_a_step_that_raises_is_repeated_later(provider: Provider) -> None:
    """An exception costs one look, not the task and not the lane's worker."""
    looks = 0

    async def check(lane: Lane, task: Flight) -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise RuntimeError("this step breaks")
        lane.land(task)

    async with running(provider, nothing, check) as lane:
        task = flight()
        task.ticket = "t"
        lane.follow(task, 0)
        await until(lambda: not lane.flights)
        assert 2 == looks


async def test_no_more_submits_at_once_than_workers(provider: Provider) -> None:
    """The rest waits and can be taken out again, so that a drain hands it back."""
    under_way = 0

    async def submit(_lane: Lane, _task: Flight) -> None:
        nonlocal under_way
        under_way += 1
        await asyncio.sleep(3600)

    async with running(provider, submit, nothing) as lane:
        for _ in range(SUBMIT_WORKERS + 5):
            lane.add(flight())
        await until(lambda: under_way == SUBMIT_WORKERS)
        assert SUBMIT_WORKERS + 5 == lane.submitting
        assert 5 == len(lane.waiting())
        assert SUBMIT_WORKERS == under_way == lane.submitting


async def test_landing_a_lost_claim_leaves_the_new_one(provider: Provider) -> None:
    """A task that was lost and claimed again is in hand once more; the old claim's end does not end the new one."""
    old = flight()
    new = flight(old.task.id, attempt=2)
    lane = Lane(provider, nothing, nothing)
    lane.add(old)
    lane.add(new)
    lane.land(old)
    assert {new.task.id: new} == lane.flights
    lane.land(new)
    assert {} == lane.flights


async def test_a_task_that_waits_for_its_submit_is_not_looked_at(provider: Provider) -> None:
    """News of a task that was not submitted yet changes nothing."""
    lane = Lane(provider, nothing, nothing)
    task = flight()
    lane.add(task)
    lane.look_now(task.task.id)
    lane.look_now(uuid4())
    assert 0 == len(lane.timetable)
