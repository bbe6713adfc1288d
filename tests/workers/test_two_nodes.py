"""Limits hold exactly with two nodes on one database, also while they are killed and started again."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import msgspec
import pytest
import uuid_utils.compat as uuids
from tests.support.patience import PATIENCE_S
from tests.support.server import Api, Server, new_customer, operator_of

from vermilion.domain.submission import NewTask
from vermilion.services.open_account import DEFAULT_PLAN
from vermilion.storage import accounts, connections, flights, ledger, submissions
from vermilion.storage.database import Database

pytestmark = pytest.mark.slow

#: One moment's count of each account's tasks, beside what its wallet and its lanes say.
SAMPLE = """
SELECT t.account_id, count(*) FILTER (WHERE t.status <> 'staged') AS busy,
       count(*) FILTER (WHERE t.status = 'staged') AS staged, max(w.running) AS counted,
       (SELECT sum(l.running) FROM lanes l WHERE l.account_id = t.account_id) AS lanes
FROM tasks t JOIN wallets w USING (account_id)
WHERE t.status IN ('staged', 'pending', 'processing') GROUP BY t.account_id
"""
PROCESSING = """
SELECT c.running, (SELECT count(*) FROM tasks t WHERE t.connection_id = c.id AND t.status = 'processing') AS processing
FROM connections c WHERE c.provider = 'echo'
"""


@asynccontextmanager
async def two_nodes(data_dir: Path, database_url: str) -> AsyncIterator[tuple[list[Server], Path]]:
    """Two gateways on one database, quick to notice a death, with one journal of all submits."""
    journal = data_dir / "journal"
    testing = {
        "VERMILION_TESTING": "1",
        "VERMILION_TEST_ECHO_JOURNAL": str(journal),
        "VERMILION_LEASE_S": "1",
    }
    nodes = [Server(data_dir, DATABASE_URL=database_url, **testing) for _ in range(2)]
    await nodes[0].start()
    await nodes[1].start()
    yield nodes, journal
    await asyncio.gather(*(node.stop() for node in nodes))


async def sample(store: Database, limit: int, until: asyncio.Event) -> int:
    """Look again and again until told to stop: nobody over the limit, nobody waiting below it, counters true."""
    looks = 0
    while not until.is_set():
        for row in await store.fetch(SAMPLE):
            assert row["busy"] <= limit, dict(row)
            assert not row["staged"] or row["busy"] == limit, dict(row)
            assert row["busy"] == row["counted"] == row["lanes"], dict(row)
        looks += 1
        await asyncio.sleep(0.01)
    return looks


def most_at_once(rows: list[Any]) -> int:
    """The largest number of tasks that had started and not ended at one moment."""
    steps = sorted([(row["started_at"], 1) for row in rows] + [(row["ended_at"], -1) for row in rows])
    now = most = 0
    for _, step in steps:
        now += step
        most = max(most, now)
    return most


async def kill_at_random(nodes: list[Server], kills: int) -> None:
    """Kill one node or the other, and start it again; one of them always lives on."""
    chance = random.Random(7)
    for _ in range(kills):
        await asyncio.sleep(chance.uniform(0.2, 0.8))
        node = chance.choice(nodes)
        await node.kill()
        await node.start()


async def submit_all(nodes: list[Server], apis: list[Api], tasks: int) -> None:
    """Each customer submits its tasks to whichever node answers; repeats with the same key are harmless."""
    async with AsyncExitStack() as stack:
        sessions = [await stack.enter_async_context(aiohttp.ClientSession(node.url)) for node in nodes]

        async def one(api: Api, number: int) -> None:
            script = {"prompt": "x", "latency_s": 0.05 + number % 4 / 10}
            body = {"model": "echo", "task_type": "echo", "input": script, "deadline_s": 30}
            for attempt in range(200):
                try:
                    node = Api(sessions[(number + attempt) % 2], api.key)
                    status, answer = await node.call("POST", "/v1/tasks", body, idempotency_key=f"n{number}")
                except aiohttp.ClientError:
                    status, answer = 503, None
                if status == 201:
                    return
                assert status == 503, answer
                await asyncio.sleep(0.05)

        await asyncio.gather(*(one(api, number) for api in apis for number in range(tasks)))


async def test_three_at_once_whatever_dies(data_dir: Path, database_url: str, database: Database) -> None:
    """With two nodes that die at random, no account and no family ever has more than three tasks at work, every task
    ends, no upstream is asked twice, and the money adds up.
    """
    async with two_nodes(data_dir, database_url) as (nodes, journal), operator_of(nodes[0]) as operator:
        total = await new_customer(operator, plan={"concurrency_total": 3})
        family = await new_customer(operator, plan={"concurrency_family": {"echo": 3}})
        ids = [UUID(total.account_id), UUID(family.account_id)]
        over = asyncio.Event()
        watching = asyncio.create_task(sample(database, 3, over))
        await asyncio.gather(kill_at_random(nodes, 6), submit_all(nodes, [total, family], 110))
        active = "SELECT count(*) FROM tasks WHERE ended_at IS NULL"
        async with asyncio.timeout(PATIENCE_S):
            while await database.fetchval(active) and not watching.done():
                await asyncio.sleep(0.1)
        over.set()

        assert await watching > 100
        for id_ in ids:
            rows = await database.fetch("SELECT started_at, ended_at FROM tasks WHERE account_id = $1", id_)
            assert 110 == len(rows)
            assert most_at_once([row for row in rows if row["started_at"]]) <= 3
        submits = Counter(line.split()[0] for line in journal.read_text().splitlines())
        assert {1} == set(submits.values())
        unknown = "SELECT count(*) FROM tasks WHERE status <> 'completed' AND error->>'code' <> 'submission_unknown'"
        assert 0 == await database.fetchval(unknown)
        assert [] == (await ledger.verify(database))[1]
        assert (0, 0) == tuple((await database.fetch(PROCESSING))[0])


async def test_a_connections_limit_holds_for_both(
    data_dir: Path, database_url: str, database: Database
) -> None:
    """A connection for four never has five tasks on two nodes, uses all four, and its count is true at every moment."""
    async with two_nodes(data_dir, database_url) as (nodes, _), operator_of(nodes[0]) as operator:
        await database.execute("UPDATE connections SET concurrency_max = 4 WHERE provider = 'echo'")
        apis = [await new_customer(operator) for _ in range(3)]
        await submit_all(nodes, apis, 15)
        seen = Counter[int]()
        while await database.fetchval("SELECT count(*) FROM tasks WHERE ended_at IS NULL"):
            ((running, processing),) = await database.fetch(PROCESSING)
            assert running == processing <= 4
            seen[processing] += 1
            await asyncio.sleep(0.01)

        assert 4 == seen.most_common(1)[0][0]


@pytest.mark.parametrize(("concurrency", "window", "expected"), [(5, None, 5), (100, 7, 7), (6, 9, 6)])
async def test_a_claim_counts_in_its_own_transaction(
    database: Database, concurrency: int, window: int | None, expected: int
) -> None:
    """Of forty parallel claims on two nodes exactly as many tasks come out as the connection's limits allow."""
    other = Database(database.dsn)
    await other.open()
    await accounts.save_plan(database, msgspec.structs.replace(DEFAULT_PLAN, concurrency_total=100))
    account_id, row = await funded(database), None
    row = await connections.ensure(
        database, provider="echo", name="x", queues=["echo"], concurrency_max=concurrency
    )
    await database.execute("UPDATE connections SET window_s = 3600, window_max = $1", window)
    await submissions.accept(database, [plain_task(account_id) for _ in range(30)])

    async def claim_all() -> int:
        asked: dict[str, Any] = {"connection_id": row.id, "node_id": uuids.uuid7(), "at_most": 2}
        claims = await asyncio.gather(*(flights.claim(node, **asked) for node in (database, other) * 20))
        claimed = [task.id for tasks in claims for task in tasks]
        assert len(claimed) == len(set(claimed))
        return len(claimed)

    assert expected == await claim_all()
    assert 0 == await claim_all()
    if window is not None:  # the next window opens, within the concurrency that is left
        await database.execute("UPDATE connections SET window_start = window_start - interval '1 hour'")
        assert min(window, concurrency - expected) == await claim_all()
    await other.close()


async def test_one_key_on_two_nodes_is_one_task(database: Database) -> None:
    """Identical submissions that reach two nodes at the same time become one task, and one that differs is refused."""
    other = Database(database.dsn)
    await other.open()
    await accounts.save_plan(database, DEFAULT_PLAN)
    account_id = await funded(database)
    same = {"idempotency_key": "once", "request_hash": bytes(32)}
    batches = [[plain_task(account_id, **same) for _ in range(3)] for _ in range(10)]
    nodes = (database, other) * 5
    results = await asyncio.gather(
        *(submissions.accept(n, batch) for n, batch in zip(nodes, batches, strict=True))
    )
    answers: list[Any] = [answer for batch in results for answer in batch]

    assert 1 == len({answer.task_id for answer in answers})
    assert 29 == sum(answer.replayed for answer in answers)
    assert 1 == await database.fetchval("SELECT count(*) FROM holds")
    (refused,) = await submissions.accept(
        other, [plain_task(account_id, idempotency_key="once", request_hash=bytes(31) + b"x")]
    )
    assert "idempotency_mismatch" == getattr(refused, "code", None)
    await other.close()


async def funded(database: Database) -> UUID:
    account_id: UUID = uuids.uuid7()
    await accounts.create_account(
        database, account_id, name="A", email=f"{account_id}@x", role="customer", plan_id=DEFAULT_PLAN.id
    )
    await ledger.add_grant(database, uuids.uuid7(), account_id, kind="topup", units=10**6)
    return account_id


def plain_task(account_id: UUID, **more: Any) -> NewTask:
    made: dict[str, Any] = dict.fromkeys(("key_id", "parent_id", "metadata", "webhook"))
    made |= dict.fromkeys(("model", "task_type", "family", "queue"), "echo")
    made |= {
        "key_capped": False,
        "priority": 5,
        "units": 10,
        "input": "{}",
        "price": "{}",
        "deadline_s": 60.0,
    }
    return NewTask(id=uuids.uuid7(), account_id=account_id, **(made | more))
