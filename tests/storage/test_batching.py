"""Coalesced calls: they gather while one batch is under way, and one bad item harms no other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
import uuid_utils.compat as uuids

from vermilion.domain.submission import NewTask
from vermilion.storage import accounts, ledger, submissions
from vermilion.storage.accounts import PlanRow
from vermilion.storage.batching import Batcher
from vermilion.storage.database import Database

PLAN = PlanRow("plan", "Plan", 100, "{}", 1, 6_000, 1, 1, 5, 0, "month")


async def test_calls_gather_while_a_batch_is_under_way() -> None:
    """The first call goes out at once and alone; all that come meanwhile go together in the next batch."""
    batches: list[list[int]] = []
    release = asyncio.Event()

    async def flush(items: list[int]) -> Sequence[int | Exception]:
        batches.append(items)
        await release.wait()
        return [item * 10 for item in items]

    batcher = Batcher(flush)
    first = batcher(1)
    await asyncio.sleep(0)
    others = [batcher(number) for number in (2, 3, 4)]
    await asyncio.sleep(0)
    release.set()

    assert [10, 20, 30, 40] == await asyncio.gather(first, *others)
    assert [[1], [2, 3, 4]] == batches


async def test_batches_grow_step_by_step() -> None:
    """However many wait, a batch is hardly more than twice as large as the one before it, or half of those around."""
    sizes: list[int] = []

    async def flush(items: list[int]) -> Sequence[int | Exception]:
        sizes.append(len(items))
        await asyncio.sleep(0)
        return items

    batcher = Batcher(flush)
    assert list(range(500)) == await asyncio.gather(*map(batcher, range(500)))
    assert [8, 24, 56, 120, 206, 86] == sizes


async def test_callers_that_come_back_settle_into_two_halves() -> None:
    """However unevenly they start, one half is soon being written while the other asks again."""
    sizes: list[int] = []

    async def flush(items: list[int]) -> Sequence[int | Exception]:
        sizes.append(len(items))
        for _ in range(5):
            await asyncio.sleep(0)
        return items

    batcher = Batcher(flush)

    async def ask_again(number: int) -> None:
        for _ in range(20):
            await batcher(number)

    await asyncio.gather(*(ask_again(number) for number in range(64)))
    assert [32] * 20 == sizes[8:28]


async def test_the_next_batch_sets_out_before_who_was_answered_goes_on() -> None:
    """Those who wait are on their way while the callers of the batch before are busy with their answers."""
    batches: list[list[str]] = []

    release = asyncio.Event()

    async def flush(items: list[str]) -> Sequence[str | Exception]:
        batches.append(items)
        await release.wait()
        return items

    batcher = Batcher(flush)

    async def ask(*names: str) -> None:
        for name in names:
            await batcher(name)

    first = asyncio.create_task(ask("a", "a again"))
    while not batches:
        await asyncio.sleep(0)
    second = asyncio.create_task(ask("b"))
    await asyncio.sleep(0)
    release.set()
    await asyncio.gather(first, second)
    assert [["a"], ["b"], ["a again"]] == batches


async def test_who_comes_meanwhile_is_foreseen_in_order() -> None:
    """While a batch is under way, those of the next one are told: once for all who came in one turn of the loop."""
    foreseen: list[list[int]] = []
    batches: list[list[int]] = []
    release = asyncio.Event()

    async def flush(items: list[int]) -> Sequence[int | Exception]:
        batches.append(items)
        await release.wait()
        return items

    batcher = Batcher(flush, foresee=foreseen.append)
    calls = [batcher(0)]
    for numbers in ((1, 2), (3,), (4, 5)):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        calls += [batcher(number) for number in numbers]
    for _ in range(3):
        await asyncio.sleep(0)
    release.set()

    assert list(range(6)) == await asyncio.gather(*calls)
    assert [[1, 2], [1, 2, 3], [1, 2, 3, 4, 5]] == foreseen
    assert [[0], [1, 2, 3, 4, 5]] == batches


async def test_a_batch_that_fails_is_replayed_one_by_one() -> None:
    """Only the item at fault fails."""

    async def flush(items: list[int]) -> Sequence[int | Exception]:
        if 3 in items:
            raise ValueError("3 is bad")
        return items

    batcher = Batcher(flush)
    results = await asyncio.gather(*(batcher(number) for number in (1, 2, 3, 4)), return_exceptions=True)

    assert [1, 2, 4] == [result for result in results if not isinstance(result, Exception)]
    assert "3 is bad" == str(results[2])


async def test_a_caller_that_leaves_stops_nothing() -> None:
    """What a cancelled caller asked for is done all the same, and the others get their answers."""
    done: list[int] = []
    release = asyncio.Event()

    async def flush(items: list[int]) -> Sequence[int | Exception]:
        await release.wait()
        done.extend(items)
        return items

    batcher = Batcher(flush)
    leaving, staying = batcher(1), batcher(2)
    await asyncio.sleep(0)
    leaving.cancel()
    release.set()

    assert 2 == await staying
    assert [1, 2] == done
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_a_submission_replayed_after_its_commit_is_accepted_once(database: Database) -> None:
    """The same submission again, as after a commit whose answer was lost, tells of the task that is there."""
    account_id = uuids.uuid7()
    await accounts.save_plan(database, PLAN)
    await accounts.create_account(
        database, account_id, name="A", email="a@example.com", role="customer", plan_id=PLAN.id
    )
    await ledger.add_grant(database, uuids.uuid7(), account_id, kind="topup", units=1_000)
    task = NewTask(
        id=uuids.uuid7(),
        account_id=account_id,
        key_id=None,
        key_capped=False,
        parent_id=None,
        model="echo",
        task_type="echo",
        family="echo",
        queue="echo",
        priority=5,
        units=100,
        input='{"prompt": "once"}',
        metadata=None,
        webhook=None,
        price='{"units": 100}',
        deadline_s=60,
    )
    first = await submissions.accept(database, [task])
    again = await submissions.accept(database, [task])

    assert list(first) == list(again)
    assert 100 == (await ledger.read_wallet(database, account_id)).held
    assert (2, []) == await ledger.verify(database)
