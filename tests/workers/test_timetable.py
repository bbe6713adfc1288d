"""The timetable says when each task is due, whatever the number of tasks."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from vermilion.workers.timetable import Timetable


async def test_tasks_come_in_the_order_of_their_appointments() -> None:
    """The earliest appointment is the first to come up, whatever the order of setting."""
    timetable, ids = Timetable(), [uuid4() for _ in range(4)]
    for task_id, after_s in zip(ids, (0.03, 0.0, 0.02, 0.01), strict=True):
        timetable.set(task_id, after_s)
    assert [ids[1], ids[3], ids[2], ids[0]] == [await timetable.next() for _ in ids]
    assert 0 == len(timetable)


async def test_a_new_appointment_replaces_the_old_one() -> None:
    """A task comes up once, at its last appointment, whether that is sooner or later than the one before."""
    timetable, sooner, later = Timetable(), uuid4(), uuid4()
    timetable.set(sooner, 60)
    timetable.set(later, 0)
    timetable.set(later, 0.02)
    timetable.set(sooner, 0)
    assert [sooner, later] == [await timetable.next(), await timetable.next()]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(timetable.next(), 0.01)


async def test_a_dropped_task_never_comes_up() -> None:
    """What was dropped is forgotten, even while somebody waits for it."""
    timetable, dropped, kept = Timetable(), uuid4(), uuid4()
    timetable.set(dropped, 0.01)
    timetable.set(kept, 0.02)
    waiting = asyncio.create_task(timetable.next())
    await asyncio.sleep(0)
    timetable.drop(dropped)
    assert kept == await waiting


async def test_a_sooner_appointment_wakes_who_waits() -> None:
    """A worker that waits for a far appointment takes a near one as soon as it is made."""
    timetable, near = Timetable(), uuid4()
    timetable.set(uuid4(), 60)
    waiting = asyncio.create_task(timetable.next())
    await asyncio.sleep(0)
    timetable.set(near, 0)
    assert near == await asyncio.wait_for(waiting, 1)


async def test_many_workers_share_it() -> None:
    """Every task comes up exactly once, however many workers wait."""
    timetable, ids = Timetable(), {uuid4() for _ in range(500)}
    seen: list[UUID] = []

    async def work() -> None:
        while True:
            seen.append(await timetable.next())

    workers = [asyncio.create_task(work()) for _ in range(16)]
    for number, task_id in enumerate(ids):
        timetable.set(task_id, 0.02 * (number % 5))
    async with asyncio.timeout(5):
        while len(timetable):
            await asyncio.sleep(0.005)
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    assert sorted(ids) == sorted(seen)
