"""Random histories of money and places, through the real functions, against an oracle of a page."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any
from uuid import UUID

import msgspec
import pytest
import uuid_utils.compat as uuids
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from vermilion.domain.ending import Ending
from vermilion.domain.submission import Accepted, NewTask
from vermilion.domain.tasks import Status
from vermilion.errors import Conflict, InsufficientFunds
from vermilion.services.open_account import DEFAULT_PLAN
from vermilion.storage import accounts, connections, flights, ledger, nodes, submissions
from vermilion.storage.batching import Batcher
from vermilion.storage.database import Database
from vermilion.storage.endings import end_tasks
from vermilion.storage.hand_backs import HandBackNote, hand_back
from vermilion.storage.submission_memory import SubmissionMemory

pytestmark = pytest.mark.slow

FAMILIES = ("echo", "composer")
SCOPES = st.sampled_from([None, *FAMILIES])
LIMITS = {"total": 3, "echo": 2, "connection": 2}
ENDS = st.sampled_from([Status.COMPLETED, Status.FAILED, Status.CANCELLED])


@dataclass
class Oracle:
    """What a wallet must say: grants as [days, scope, remaining, is over], and the open holds cut from them."""

    grants: dict[UUID, list[Any]] = field(default_factory=dict)
    holds: dict[UUID, list[tuple[UUID, int]]] = field(default_factory=dict)
    spent: int = 0

    def take(self, units: int, scopes: Iterable[str | None]) -> list[tuple[UUID, int]] | None:
        usable = [id_ for id_, (_, scope, _, over) in self.grants.items() if scope in scopes and not over]
        usable.sort(key=lambda id_: (self.grants[id_][0], self.grants[id_][1] or "~"))
        if units > sum(self.grants[id_][2] for id_ in usable):
            return None
        parts = []
        for id_ in usable:
            parts.append((id_, min(units, self.grants[id_][2])))
            self.grants[id_][2] -= parts[-1][1]
            units -= parts[-1][1]
        return [part for part in parts if part[1]]

    def submit(self, task: NewTask) -> bool:
        parts = self.take(task.units, (None, task.family))
        if parts is not None:
            self.holds[task.id] = parts
        return parts is not None

    def end(self, id_: UUID, captured: int) -> None:
        for grant_id, units in self.holds.pop(id_):
            taken = min(units, captured)
            captured, self.spent = captured - taken, self.spent + taken
            self.grants[grant_id][2] += units - taken

    def numbers(self) -> tuple[int, int, int, dict[UUID, int]]:
        open_ = {id_: remaining for id_, (_, _, remaining, over) in self.grants.items() if not over}
        held = sum(units for parts in self.holds.values() for _, units in parts)
        return sum(open_.values()), held, self.spent, {id_: units for id_, units in open_.items() if units}


class Op(msgspec.Struct, frozen=True):
    """One step of a history; what a number names is found modulo what there is."""

    kind: str
    units: int = 0
    scope: str | None = None
    days: int = 0
    index: int = 0
    left: tuple[tuple[Any, ...], ...] = ()  #: what one node does
    right: tuple[tuple[Any, ...], ...] = ()  #: what the other does at the same time


NEIGHBOUR_UNITS = 10**6
UNITS = st.integers(0, 30)
SUBMITS = st.lists(st.tuples(st.sampled_from(FAMILIES), UNITS), max_size=3).map(tuple)
ENDINGS = st.lists(st.tuples(st.integers(0, 9), ENDS, UNITS), max_size=3).map(tuple)
OPS = st.one_of(
    st.builds(Op, st.just("grant"), st.integers(1, 60), SCOPES, st.sampled_from([1, 2, 99])),
    st.builds(Op, st.just("submit"), left=SUBMITS, right=SUBMITS),
    st.builds(Op, st.just("submit"), left=SUBMITS, right=SUBMITS),
    st.builds(Op, st.just("end"), left=ENDINGS, right=ENDINGS),
    st.builds(Op, st.just("end"), left=ENDINGS, right=ENDINGS),
    st.builds(Op, st.just("claim")),
    st.builds(Op, st.just("hand_back"), index=st.integers(0, 9)),
    st.builds(Op, st.just("expire"), index=st.integers(0, 9)),
    st.builds(Op, st.just("sweep")),
    st.builds(Op, st.just("take_back"), units=st.integers(1, 40)),
)


class History:
    """One account's life, told to two nodes, each with a memory as long as that, and to the oracle.

    A neighbour with enough money asks in between, so that batches are of one account, of the other, or of both.
    """

    def __init__(self, one: Database, other: Database, plan: str) -> None:
        self.nodes = (one, other)
        self.acceptors = [acceptor(node) for node in self.nodes]
        self.plan, self.account_id, self.node_id = plan, uuids.uuid7(), uuids.uuid7()
        self.neighbour_id, self.neighbour_held = uuids.uuid7(), 0
        self.queue = f"queue-{self.account_id}"
        self.oracle = Oracle()

    async def begin(self) -> None:
        for id_ in (self.account_id, self.neighbour_id):
            await accounts.create_account(
                self.nodes[0], id_, name="A", email=f"{id_}@x", role="customer", plan_id=self.plan
            )
        await ledger.add_grant(
            self.nodes[0], uuids.uuid7(), self.neighbour_id, kind="pack", units=NEIGHBOUR_UNITS
        )
        await nodes.register(self.nodes[0], node_id=self.node_id, name=str(self.node_id), role="all")
        made = await connections.ensure(
            self.nodes[0],
            provider="echo",
            name=self.queue,
            queues=[self.queue],
            concurrency_max=LIMITS["connection"],
        )
        self.connection_id = made.id

    async def play(self, op: Op) -> None:
        await getattr(self, op.kind)(op)
        await self.agree()

    async def grant(self, op: Op) -> None:
        id_ = uuids.uuid7()
        expires_at = (
            None
            if op.days == 99
            else await self.scalar("SELECT date_trunc('day', now()) + $1 * interval '1 day'", op.days + 1)
        )
        for node in self.nodes:  # the same id twice is one grant
            await ledger.add_grant(
                node, id_, self.account_id, kind="pack", units=op.units, scope=op.scope, expires_at=expires_at
            )
        self.oracle.grants[id_] = [op.days, op.scope, op.units, False]

    async def submit(self, op: Op) -> None:
        batches = [[self.task(*ask) for ask in side] for side in (op.left, op.right)]
        between = [[self.task_of_neighbour(units) for _, units in side] for side in (op.left, op.right)]
        sides = zip(self.acceptors, batches, between, strict=True)
        tried = [
            tried_to(acceptor, t)
            for acceptor, batch, others in sides
            for pair in zip(batch, others, strict=True)
            for t in pair
            if t is not None
        ]
        accepted = dict(await asyncio.gather(*tried))
        for t in (t for others in between for t in others if t is not None):
            assert accepted.pop(t.id)
            self.neighbour_held += t.units
        rows = await self.nodes[0].fetch(
            "SELECT task_id, grant_ids, grant_units FROM holds WHERE account_id = $1 AND state = 'held'",
            self.account_id,
        )
        holds = {row["task_id"]: list(zip(row["grant_ids"], row["grant_units"], strict=True)) for row in rows}
        for order in merged(*batches):  # each side keeps its own order
            oracle = deepcopy(self.oracle)
            if accepted == {t.id: oracle.submit(t) for t in order} and holds == oracle.holds:
                self.oracle = oracle
                return
        raise AssertionError(f"no order of the two sides explains {accepted} and {holds}")

    async def end(self, op: Op) -> None:
        sides = [[self.ending(*wanted) for wanted in side] for side in (op.left, op.right)]
        if not await self.scalar("SELECT count(*) FROM tasks WHERE account_id = $1", self.account_id):
            return
        answers = await asyncio.gather(*map(end_tasks, self.nodes, sides))
        ended = [
            e
            for side, done in zip(sides, answers, strict=True)
            for e, here in zip(side, done, strict=True)
            if here
        ]
        assert {e.task_id for side in sides for e in side} & self.oracle.holds.keys() == {
            e.task_id for e in ended
        }
        for ending in ended:  # raises if one is named twice
            # A plan may charge for failures too, so an ending takes what it says, whatever its status.
            self.oracle.end(ending.task_id, ending.captured or 0)

    async def claim(self, _op: Op) -> None:
        asked: dict[str, Any] = {"connection_id": self.connection_id, "node_id": self.node_id, "at_most": 9}
        await asyncio.gather(*(flights.claim(node, **asked) for node in self.nodes))
        free = "SELECT concurrency_max - running FROM connections WHERE id = $1"
        left = "SELECT count(*) FROM tasks WHERE queue = $1 AND status = 'pending'"
        assert 0 == min(await self.scalar(free, self.connection_id), await self.scalar(left, self.queue))

    async def hand_back(self, op: Op) -> None:
        if self.ids():
            id_ = self.pick(op.index)
            row = await self.nodes[0].fetchrow("SELECT attempt, now() AS now FROM tasks WHERE id = $1", id_)
            assert row is not None
            note = HandBackNote(id_, self.node_id, row["attempt"], row["now"], elsewhere=False)
            await asyncio.gather(*(hand_back(node, [note]) for node in self.nodes))

    async def expire(self, op: Op) -> None:
        if ids := list(self.oracle.grants):
            id_ = ids[op.index % len(ids)]
            # No grant's time changes in earnest, and whoever changes one has to write the wallet.
            await self.nodes[0].execute(
                "WITH sooner AS (UPDATE grants SET expires_at = now() - interval '1 s' WHERE id = $1 RETURNING *) "
                "UPDATE wallets SET held = held FROM sooner WHERE wallets.account_id = sooner.account_id",
                id_,
            )
            self.oracle.grants[id_][3] = True

    async def sweep(self, _op: Op) -> None:
        await asyncio.gather(*(ledger.expire_grants(node) for node in self.nodes))
        await ledger.close_spent(self.nodes[1])
        left = "SELECT count(*) FROM grants WHERE account_id = $1 AND expires_at <= now() AND remaining > 0"
        assert 0 == await self.scalar(left, self.account_id)

    async def take_back(self, op: Op) -> None:
        taken = self.oracle.take(op.units, (None, *FAMILIES))
        call = ledger.take_back(
            self.nodes[0],
            uuids.uuid7(),
            self.account_id,
            units=op.units,
            reason="test",
            actor_id=self.account_id,
        )
        if taken is None:
            with pytest.raises(Conflict):
                await call
        else:
            await call

    async def agree(self) -> None:
        """Wallet, proof, places and connection say what the oracle and the tasks say."""
        assert self.oracle.numbers() == await self.wallet()
        assert self.neighbour_held == (await ledger.read_wallet(self.nodes[1], self.neighbour_id)).held
        assert [] == (await ledger.verify(self.nodes[1]))[1]
        rows = await self.nodes[0].fetch(
            "SELECT family, status FROM tasks WHERE account_id = $1 AND status IN ('staged', 'pending', 'processing')",
            self.account_id,
        )
        lanes = Counter(row["family"] for row in rows if row["status"] != "staged")
        staged = Counter(row["family"] for row in rows if row["status"] == "staged")
        assert lanes.total() == await self.scalar(
            "SELECT running FROM wallets WHERE account_id = $1", self.account_id
        )
        stored = await self.nodes[0].fetch(
            "SELECT family, running FROM lanes WHERE account_id = $1", self.account_id
        )
        assert lanes == Counter({row["family"]: row["running"] for row in stored})
        assert lanes.total() <= LIMITS["total"]
        assert lanes["echo"] <= LIMITS["echo"]
        if lanes.total() < LIMITS["total"]:  # nobody waits while there is a place
            assert not staged["composer"]
            assert not staged["echo"] or lanes["echo"] == LIMITS["echo"]
        processing = sum(row["status"] == "processing" for row in rows)
        assert processing == await self.scalar(
            "SELECT running FROM connections WHERE id = $1", self.connection_id
        )
        assert processing <= LIMITS["connection"]

    async def statement(self) -> None:
        """Pages of three hold every entry once, and replaying them gives every balance."""
        seen, before = [], None
        while page := await ledger.read_entries(self.nodes[0], self.account_id, before=before, limit=3):
            seen += page
            before = tuple(page[-1][name] for name in ("at", "ref_id", "kind", "seq"))
        assert (
            len(seen)
            == len(set(seen))
            == await self.scalar("SELECT count(*) FROM entries WHERE account_id = $1", self.account_id)
        )
        assert seen == sorted(seen, key=lambda e: (e["at"], e["ref_id"], e["kind"], e["seq"]), reverse=True)
        sums: Counter[str] = Counter()
        for entry in reversed(seen):
            sums[entry["target"]] += entry["units"]
            sums[entry["source"]] -= entry["units"]
        assert 0 == sum(sums.values())
        _, held, spent, _ = self.oracle.numbers()
        kept = sum(remaining for _, _, remaining, _ in self.oracle.grants.values())
        assert (held, spent, kept) == (sums["held"], sums["revenue"], sums["grant"] + sums["expired"])

    async def wallet(self) -> tuple[int, int, int, dict[UUID, int]]:
        row = await ledger.read_wallet(self.nodes[1], self.account_id)
        return row.available, row.held, row.spent, {g.id: g.remaining for g in row.grants if g.remaining}

    async def scalar(self, sql: str, *arguments: Any) -> Any:
        return await self.nodes[0].fetchval(sql, *arguments)

    def ids(self) -> list[UUID]:
        return list(self.oracle.holds)

    def pick(self, index: int) -> UUID:
        return self.ids()[index % len(self.ids())]

    def task(self, family: str, units: int) -> NewTask:
        return new_task(self.account_id, family=family, units=units, queue=self.queue)

    def task_of_neighbour(self, units: int) -> NewTask | None:
        """One as large for the neighbour, after those of odd numbers of units."""
        if units % 2 == 0:
            return None
        return new_task(self.neighbour_id, family="composer", units=units, queue="of the neighbour")

    def ending(self, index: int, status: Status, captured: int) -> Ending:
        id_ = self.pick(index) if self.ids() else uuids.uuid7()
        held = sum(units for _, units in self.oracle.holds.get(id_, ()))
        return Ending(id_, status, captured=min(captured, held))


def acceptor(node: Database) -> Batcher[NewTask, Accepted]:
    """What accepts a node's submissions, as a gateway has it, but in small batches and with a memory without end."""
    memory = SubmissionMemory(pause_s_max=3_600, age_s_max=3_600, rest_s=0)
    return Batcher(lambda batch: submissions.accept(node, batch, memory), size_max=2, foresee=memory.foresee)


async def tried_to(accept: Batcher[NewTask, Accepted], submitted: NewTask) -> tuple[UUID, bool]:
    """Whether it was accepted."""
    try:
        await accept(submitted)
    except InsufficientFunds:
        return submitted.id, False
    return submitted.id, True


def merged(left: list[NewTask], right: list[NewTask]) -> Iterator[list[NewTask]]:
    """Every order in which two sequences may have come."""
    for places in combinations(range(len(left) + len(right)), len(left)):
        of_left, of_right = iter(left), iter(right)
        yield [next(of_left if at in places else of_right) for at in range(len(left) + len(right))]


def new_task(account_id: UUID, *, family: str, units: int, queue: str, **more: Any) -> NewTask:
    plain = {"key_id": None, "key_capped": False, "parent_id": None, "model": family, "task_type": family}
    text = {"input": "{}", "metadata": None, "webhook": None, "price": "{}"}
    made: dict[str, Any] = {**plain, **text, "priority": 5, "deadline_s": 60.0, **more}
    return NewTask(id=uuids.uuid7(), account_id=account_id, family=family, queue=queue, units=units, **made)


@pytest.fixture
async def pair(database: Database) -> AsyncIterator[tuple[Database, Database]]:
    """Two nodes' ways to one database."""
    other = Database(database.dsn)
    await other.open()
    plan = msgspec.structs.replace(
        DEFAULT_PLAN,
        id="small",
        concurrency_total=LIMITS["total"],
        concurrency_family=f'{{"echo": {LIMITS["echo"]}}}',
    )
    await accounts.save_plan(database, plan)
    yield database, other
    await other.close()


@settings(
    max_examples=100,
    phases=(
        Phase.explicit,
        Phase.generate,
    ),  # shrinking would outlast the test's time; the notes tell the story
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(first=st.integers(20, 90), ops=st.lists(OPS, min_size=5, max_size=25))
async def test_every_history_balances(pair: tuple[Database, Database], first: int, ops: list[Op]) -> None:
    """Whatever two nodes do to an account, its money, places and statement are what they must be."""
    history = History(*pair, "small")
    await history.begin()
    await history.play(Op("grant", first, None, 99))
    for op in ops:
        note(f"{op} after {history.oracle}")
        await history.play(op)
    await history.statement()


async def test_entries_are_immutable(pair: tuple[Database, Database]) -> None:
    """Not even a statement by hand changes or deletes an entry."""
    history = History(*pair, "small")
    await history.begin()
    await history.play(Op("grant", 10, None, 99))

    for statement in ("UPDATE entries SET units = 1", "DELETE FROM entries"):
        with pytest.raises(Exception, match="immutable"):
            await pair[0].execute(statement)


async def test_a_difference_is_found(pair: tuple[Database, Database]) -> None:
    """The proof names a grant whose remainder does not follow from its entries, with both numbers."""
    history = History(*pair, "small")
    await history.begin()
    await history.play(Op("grant", 10, None, 99))
    await pair[0].execute("UPDATE grants SET remaining = 7 WHERE account_id = $1", history.account_id)

    entries, differences = await ledger.verify(pair[0])
    assert (2, 1) == (entries, len(differences))  # one grant is the neighbour's
    assert ("grant.remaining", 7, 10) == tuple(
        differences[0][name] for name in ("what", "stored", "computed")
    )


async def test_what_returns_to_a_grant_that_is_over_expires_too(pair: tuple[Database, Database]) -> None:
    """Units held from a grant that expires meanwhile are spent, or expire as soon as they are released."""
    history = History(*pair, "small")
    await history.begin()
    asks, ends = (("composer", 4), ("composer", 3)), ((0, Status.FAILED, 0),)
    for op in (
        Op("grant", 10),
        Op("submit", left=asks),
        Op("expire"),
        Op("sweep"),
        Op("end", left=ends),
        Op("sweep"),
    ):
        await history.play(op)

    expired = "SELECT array_agg(units ORDER BY seq) FROM entries WHERE kind = 'expire' AND account_id = $1"
    assert [3, 4] == await history.scalar(expired, history.account_id)
    await history.statement()
