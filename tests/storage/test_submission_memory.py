"""A batch may go on from what the one before it left; whatever has changed since then counts all the same."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
import uuid_utils.compat as uuids
from tests.storage.test_acceptance import PLAN, funded, task

from vermilion.domain.notifications import Notification
from vermilion.domain.submission import Accepted, NewTask
from vermilion.errors import InsufficientFunds
from vermilion.storage import accounts, budgets, ledger, submission_memory
from vermilion.storage.database import Database
from vermilion.storage.submission_ledger import SubmissionLedger
from vermilion.storage.submission_memory import SubmissionMemory
from vermilion.storage.submissions import accept

Change = Callable[[Database, UUID], Awaitable[object]]


@pytest.fixture
async def account_id(database: Database) -> UUID:
    """An account with 1,000 units."""
    await accounts.save_plan(database, PLAN)
    return await funded(database)


@pytest.fixture
def memory() -> SubmissionMemory:
    """One that lasts as long as a test."""
    return SubmissionMemory(pause_s_max=3_600, age_s_max=3_600, rest_s=0)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The size of each batch whose state was read."""
    sizes: list[int] = []
    read = SubmissionLedger.read.__func__  # type: ignore[attr-defined]

    async def counted(cls: type[SubmissionLedger], connection: object, batch: list[NewTask]) -> object:
        sizes.append(len(batch))
        return await read(cls, connection, batch)

    monkeypatch.setattr(SubmissionLedger, "read", classmethod(counted))
    return sizes


async def take_back(database: Database, account_id: UUID) -> None:
    """Leave 50 units."""
    grant_id = await database.fetchval("SELECT id FROM grants WHERE account_id = $1", account_id)
    await database.execute(ledger.LOWER_GRANT, uuids.uuid7(), grant_id, 850, 0, "mistake", account_id)


async def top_up(database: Database, account_id: UUID) -> None:
    """Add 1,000 units."""
    await ledger.add_grant(database, uuids.uuid7(), account_id, kind="topup", units=1_000)


async def give_urgent(database: Database, account_id: UUID) -> None:
    """Add 30 units that are to be spent first."""
    soon = datetime.now(UTC) + timedelta(hours=1)
    await ledger.add_grant(database, uuids.uuid7(), account_id, kind="pack", units=30, expires_at=soon)


async def by_another_node(database: Database, account_id: UUID) -> None:
    """Spend 850 units elsewhere."""
    await accept(database, [task(account_id, 850)])


async def test_a_batch_goes_on_from_the_one_before(
    database: Database, account_id: UUID, memory: SubmissionMemory, reads: list[int]
) -> None:
    """Money, places and turns are those that the last batch left, without looking again."""
    results = [
        await accept(database, [task(account_id, 100), task(account_id, 50)], memory) for _ in range(6)
    ]

    assert [2] == reads
    assert {Accepted} == {type(result) for batch in results for result in batch}
    wallet = await ledger.read_wallet(database, account_id)
    assert (100, 900) == (wallet.available, wallet.held)
    assert 12 == await database.fetchval("SELECT running FROM wallets WHERE account_id = $1", account_id)
    ranks = [row["rank"] for row in await database.fetch("SELECT rank FROM tasks ORDER BY id")]
    assert sorted(set(ranks)) == ranks
    assert [] == (await ledger.verify(database))[1]


async def test_each_account_goes_on_from_its_own_last_batch(
    database: Database, account_id: UUID, memory: SubmissionMemory, reads: list[int]
) -> None:
    """Batches may be of other accounts each time, and one may go on from several."""
    other = await funded(database)
    for batch in ([account_id], [other], [account_id, account_id], [other, account_id], [other]):
        results = await accept(database, [task(id_, 100) for id_ in batch], memory)
        assert {Accepted} == {type(result) for result in results}

    assert [1, 1] == reads
    assert [600, 700] == [(await ledger.read_wallet(database, id_)).available for id_ in (account_id, other)]
    assert [] == (await ledger.verify(database))[1]


@pytest.mark.parametrize("why", ["nothing more", "refused from memory", "more to tell"])
async def test_after_a_write_that_failed_all_is_read(
    database: Database, account_id: UUID, memory: SubmissionMemory, reads: list[int], why: str
) -> None:
    """What was decided for it is as if it had never been."""
    first = task(account_id, 100)
    more = {
        "nothing more": [],
        "refused from memory": [task(account_id, 5_000)],
        "more to tell": [task(account_id, 1, told=Notification("quota.low", {}, account_id))],
    }
    await accept(database, [first], memory)
    with pytest.raises(asyncpg.UniqueViolationError):
        await accept(database, [task(account_id, 300), *more[why], first], memory)
    reads.clear()

    assert isinstance((await accept(database, [task(account_id, 200)], memory))[0], Accepted)
    assert [1] == reads
    assert 700 == (await ledger.read_wallet(database, account_id)).available
    assert 2 == await database.fetchval("SELECT running FROM wallets WHERE account_id = $1", account_id)
    assert [] == (await ledger.verify(database))[1]


async def test_times_go_on_as_well(
    database: Database, account_id: UUID, memory: SubmissionMemory, reads: list[int]
) -> None:
    """A batch that was not read is of its own moment, not of the one that was read."""
    first, second = [(await accept(database, [task(account_id)], memory))[0] for _ in range(2)]

    assert [1] == reads
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    assert first.created_at < second.created_at <= await database.fetchval("SELECT clock_timestamp()")


@pytest.mark.parametrize(
    ("change", "expected", "available"),
    [
        (take_back, InsufficientFunds, 50),
        (by_another_node, InsufficientFunds, 50),
        (top_up, Accepted, 1_800),
        (give_urgent, Accepted, 830),
    ],
)
async def test_what_changes_between_two_batches_counts(
    database: Database,
    account_id: UUID,
    memory: SubmissionMemory,
    change: Change,
    expected: type,
    available: int,
) -> None:
    """The write notices that the wallet is not the one that was left, and the account is decided again."""
    await accept(database, [task(account_id, 100)], memory)
    await change(database, account_id)

    results = await accept(database, [task(account_id, 100)], memory)

    assert [expected] == [type(result) for result in results]
    assert available == (await ledger.read_wallet(database, account_id)).available
    if change is give_urgent:
        urgent = "SELECT remaining FROM grants WHERE expires_at IS NOT NULL"
        assert 0 == await database.fetchval(urgent)
    assert [] == (await ledger.verify(database))[1]


async def test_nobody_is_refused_from_memory(
    database: Database, account_id: UUID, memory: SubmissionMemory, reads: list[int]
) -> None:
    """Who seems to have too little is looked at: nothing is written then, so nothing would notice new money."""
    await accept(database, [task(account_id, 1_000)], memory)
    await top_up(database, account_id)

    results = await accept(database, [task(account_id, 600), task(account_id, 600)], memory)

    assert [Accepted, InsufficientFunds] == [type(result) for result in results]
    assert [1, 2] == reads
    assert 400 == (await ledger.read_wallet(database, account_id)).available


async def test_a_batch_with_more_to_it_is_read(
    database: Database, account_id: UUID, memory: SubmissionMemory, reads: list[int]
) -> None:
    """Accounts and queues that were not met, idempotency keys, capped keys and budgets are not in what was left."""
    other = await funded(database)
    keyed = task(account_id, 1, idempotency_key="a", request_hash=bytes(32))
    for number, batch in enumerate(
        (
            [task(account_id, 1)],
            [task(account_id, 1), task(other, 1)],
            [task(account_id, 1, queue="other")],
            [keyed],
            [task(account_id, 1, key_capped=True)],
        ),
        start=1,
    ):
        await accept(database, batch, memory)
        assert number == len(reads)
        await accept(database, [task(account_id, 1)], memory)
        reads[:] = reads[:number]
    await budgets.save(database, account_id, units=500, window="day", since=None, marks=[], hard=True)
    reads.clear()
    for _ in range(3):
        await accept(database, [task(account_id, 1)], memory)
    assert 3 == len([size for size in reads if size])
    assert [] == (await ledger.verify(database))[1]


async def test_what_is_remembered_is_soon_forgotten(
    database: Database, account_id: UUID, reads: list[int]
) -> None:
    """After a pause, or long after the last look, a batch is read again."""
    for short in (SubmissionMemory(pause_s_max=0), SubmissionMemory(pause_s_max=3_600, age_s_max=0)):
        reads.clear()
        for _ in range(2):
            await accept(database, [task(account_id, 1)], short)
        assert [1, 1] == reads


async def test_no_more_is_remembered_than_was_read_lately(
    database: Database, account_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many accounts come once and never again."""
    monkeypatch.setattr(submission_memory, "SWEEP_AT_MIN", 2)
    memory = SubmissionMemory(age_s_max=0)
    for id_ in [account_id, *[await funded(database) for _ in range(5)]]:
        await accept(database, [task(id_, 1)], memory)
        assert memory.size <= 2


async def test_nothing_is_remembered_while_wallets_keep_changing(
    database: Database, account_id: UUID, reads: list[int]
) -> None:
    """Going on from a wallet that has changed costs more than reading it, so after one such batch all are read."""
    memory = SubmissionMemory(pause_s_max=3_600, age_s_max=3_600, rest_s=3_600)
    await accept(database, [task(account_id, 1)], memory)
    await top_up(database, account_id)
    await accept(database, [task(account_id, 1)], memory)
    reads.clear()

    for _ in range(3):
        await accept(database, [task(account_id, 1)], memory)

    assert [1, 1, 1] == reads


class Foreseeing(SubmissionMemory):
    """A memory that is told, in each write, who is likely to come next."""

    coming: tuple[NewTask, ...] = ()

    def begin(self, ledger: SubmissionLedger) -> None:
        """Look ahead one by one, as tasks come one by one."""
        super().begin(ledger)
        coming, self.coming = list(self.coming), ()
        for count in range(1, len(coming) + 1):
            self.foresee(coming[:count])


@pytest.fixture
def foreseeing() -> Foreseeing:
    """One that lasts as long as a test."""
    return Foreseeing(pause_s_max=3_600, age_s_max=3_600, rest_s=0)


async def test_who_waits_is_decided_while_the_batch_before_is_written(
    database: Database, account_id: UUID, foreseeing: Foreseeing, reads: list[int]
) -> None:
    """Only who came since is left to decide then, and money, places and turns are in order all the same."""
    first, second = [task(account_id, 100)], [task(account_id, 200) for _ in range(3)]
    foreseeing.coming = tuple(second[:2])
    await accept(database, first, foreseeing)
    results = await accept(database, second, foreseeing)

    assert [1] == reads
    assert [one.id for one in second] == [one.task_id for one in results if isinstance(one, Accepted)]
    wallet = await ledger.read_wallet(database, account_id)
    assert (300, 700) == (wallet.available, wallet.held)
    ranks = [row["rank"] for row in await database.fetch("SELECT rank FROM tasks ORDER BY id")]
    assert sorted(set(ranks)) == ranks
    assert (5, []) == await ledger.verify(database)


async def test_what_was_foreseen_is_dropped_with_what_it_went_on_from(
    database: Database, account_id: UUID, foreseeing: Foreseeing, reads: list[int]
) -> None:
    """If the wallet changed before the batch was written, the next one is decided on what is there."""
    await accept(database, [task(account_id, 100)], foreseeing)
    await by_another_node(database, account_id)
    reads.clear()
    second, third = [task(account_id, 40)], [task(account_id, 40)]
    foreseeing.coming = tuple(third)

    assert isinstance((await accept(database, second, foreseeing))[0], Accepted)
    assert isinstance((await accept(database, third, foreseeing))[0], InsufficientFunds)
    assert [1, 1] == reads
    assert 10 == (await ledger.read_wallet(database, account_id)).available


async def test_who_could_not_be_accepted_then_is_looked_at(
    database: Database, account_id: UUID, foreseeing: Foreseeing, reads: list[int]
) -> None:
    """A refusal that was foreseen counts for nothing: there may be new money."""
    second = [task(account_id, 500), task(account_id, 600)]
    foreseeing.coming = tuple(second)
    await accept(database, [task(account_id, 100)], foreseeing)
    await top_up(database, account_id)

    results = await accept(database, second, foreseeing)

    assert [Accepted, Accepted] == [type(result) for result in results]
    assert [1, 2] == reads


@pytest.mark.parametrize("units", [(900, 0), (400, 5_000)])
async def test_others_than_those_foreseen_may_come(
    database: Database, account_id: UUID, foreseeing: Foreseeing, reads: list[int], units: tuple[int, ...]
) -> None:
    """What was decided on for those who did not come is as if it had never been."""
    foreseeing.coming = tuple(task(account_id, each) for each in units)
    await accept(database, [task(account_id, 100)], foreseeing)

    results = await accept(database, [task(account_id, 100), task(account_id, 200)], foreseeing)

    assert [Accepted, Accepted] == [type(result) for result in results]
    assert [1, 2] == reads
    assert 600 == (await ledger.read_wallet(database, account_id)).available
    assert 3 == await database.fetchval("SELECT running FROM wallets WHERE account_id = $1", account_id)
    assert [] == (await ledger.verify(database))[1]


async def test_what_was_foreseen_grows_old(database: Database, account_id: UUID, reads: list[int]) -> None:
    """A batch that waited for a slow write is read, however early it was decided."""
    slow = Foreseeing(pause_s_max=3_600, age_s_max=2, rest_s=0)
    second = [task(account_id, 100)]
    slow.coming = tuple(second)
    await accept(database, [task(account_id, 100)], slow)
    time.sleep(2)
    await accept(database, second, slow)

    assert [1, 1] == reads
