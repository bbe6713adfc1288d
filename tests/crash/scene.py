"""What crash tests share: customers that never give up, a receiver of webhooks, and what must hold afterwards."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import asyncpg
from aiohttp import web
from tests.support.patience import PATIENCE_S
from tests.support.server import Api

LEASE_S = 1.0
ENDED = ("completed", "failed", "cancelled")
VARIANTS: tuple[dict[str, Any], ...] = (
    {"files": 1},
    {"latency_s": 0.8, "webhook": True},
    {},
    {"latency_s": 0.3, "files": 2, "webhook": True},
)

# Every active task must be counted exactly once wherever it is counted.
MISCOUNTED = """
SELECT 'wallet' AS what, w.account_id::text AS whose, w.running AS said,
       (SELECT count(*) FROM tasks t
        WHERE t.account_id = w.account_id AND t.status IN ('pending', 'processing')) AS true
FROM wallets w
UNION ALL
SELECT 'held', w.account_id::text, w.held,
       (SELECT coalesce(sum(t.held), 0) FROM tasks t
        WHERE t.account_id = w.account_id AND t.status IN ('staged', 'pending', 'processing'))
FROM wallets w
UNION ALL
SELECT 'lane', l.account_id || ' ' || l.family, l.running,
       (SELECT count(*) FROM tasks t
        WHERE t.account_id = l.account_id AND t.family = l.family AND t.status IN ('pending', 'processing'))
FROM lanes l
UNION ALL
SELECT 'connection', c.name, c.running,
       (SELECT count(*) FROM tasks t WHERE t.connection_id = c.id AND t.status = 'processing')
FROM connections c
"""

ACTIVE = "SELECT count(*) FROM tasks WHERE status IN ('staged', 'pending', 'processing')"

# What would only happen by itself after a long time happens now: nobody is left to say more of these.
HASTEN = """
WITH overdue AS (
    UPDATE tasks SET deadline_at = now() WHERE status = 'processing' AND submission = 'unknown'
)
UPDATE deliveries SET next_attempt_at = now() WHERE state = 'due'
"""


@dataclass
class Attempt:
    """One thing that a client wants done; `task_id` once it was told that it will be."""

    body: dict[str, Any]
    key: str = field(default_factory=lambda: uuid4().hex)
    task_id: str | None = None


@asynccontextmanager
async def receiver() -> AsyncIterator[tuple[str, Counter[str]]]:
    """A webhook receiver: its address, and how often it was told of each task."""
    told: Counter[str] = Counter()

    async def hear(request: web.Request) -> web.Response:
        told[(await request.json())["data"]["id"]] += 1
        return web.Response()

    app = web.Application()
    app.router.add_post("/", hear)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}/", told
    finally:
        await runner.cleanup()


def settings(folder: Path, database_url: str | None = None, **more: str) -> dict[str, str]:
    """A node's settings: quick leases, a journal of submits, media and master key shared with its sisters."""
    return {
        **({"DATABASE_URL": database_url} if database_url else {}),
        "VERMILION_TESTING": "1",
        "VERMILION_TEST_ECHO_JOURNAL": str(folder / "journal"),
        "VERMILION_LEASE_S": str(LEASE_S),
        "VERMILION_MEDIA_URL": f"file://{folder}/media",
        "VERMILION_SECRET_KEY": "5" * 64,
        **more,
    }


def attempts(count: int, hook_url: str | None = None) -> list[Attempt]:
    """Things to do, of every variant."""
    return [Attempt(_body(number, hook_url)) for number in range(count)]


def _body(number: int, hook_url: str | None) -> dict[str, Any]:
    script = dict(VARIANTS[number % len(VARIANTS)])
    wants_hook = script.pop("webhook", False)
    body: dict[str, Any] = {
        "model": "echo",
        "task_type": "echo",
        "input": {"prompt": f"n {number}", **script},
    }
    if wants_hook and hook_url is not None:
        body["webhook"] = {"url": hook_url}
    return body


async def post(customer: Api, wanted: Attempt, url: str = "") -> bool:
    """Post once; False if no answer came or the gateway could not answer now. The same key is the same task."""
    try:
        status, task = await customer.call("POST", f"{url}/v1/tasks", wanted.body, idempotency_key=wanted.key)
    except (aiohttp.ClientError, TimeoutError):
        return False
    if status == 503:
        return False
    assert status in (200, 201), task
    assert wanted.task_id in (None, task["id"])
    wanted.task_id = task["id"]
    return True


async def insist(customer: Api, todo: Iterable[Attempt], urls: Callable[[], str]) -> None:
    """Post each attempt until it is accepted, each time to the address that `urls` answers."""
    for wanted in todo:
        while not await post(customer, wanted, urls()):
            await asyncio.sleep(0.05)


async def all_ended(database_url: str, *, timeout_s: float = PATIENCE_S) -> None:
    """Wait until no task is active, sparing the long waits for what nobody knows."""
    connection = await asyncpg.connect(database_url)
    try:
        async with asyncio.timeout(timeout_s):
            while await connection.fetchval(ACTIVE):
                await connection.execute(HASTEN)
                await asyncio.sleep(0.1)
            while await connection.fetchval("SELECT count(*) FROM deliveries WHERE state = 'due'"):
                await connection.execute(HASTEN)
                await asyncio.sleep(0.1)
    except TimeoutError:
        rows = await connection.fetch(
            "SELECT * FROM tasks WHERE status IN ('staged', 'pending', 'processing')"
        )
        raise AssertionError(f"these never ended: {[dict(row) for row in rows]}") from None
    finally:
        await connection.close()


async def nothing_is_wrong(operator: Api, database_url: str, journal: Path) -> dict[str, Any]:
    """The ledger balances, every counter is true, and no task was submitted twice; answers the tasks by id."""
    verdict = await operator.get("/admin/v1/ledger/verification")
    assert verdict["balanced"], verdict
    connection = await asyncpg.connect(database_url)
    try:
        wrong = [dict(row) for row in await connection.fetch(MISCOUNTED) if row["said"] != row["true"]]
        rows = await connection.fetch("SELECT id, status, error, submission FROM tasks")
    finally:
        await connection.close()
    assert [] == wrong
    submits = submitted(journal)
    assert {} == {id_: times for id_, times in submits.items() if times > 1}
    for row in rows:
        assert row["status"] in ENDED
        if row["status"] == "completed":
            assert 1 == submits[row["id"]]
        else:
            assert '"submission_unknown"' in row["error"], dict(row)
    return {str(row["id"]): row for row in rows}


def submitted(journal: Path) -> Counter[UUID]:
    """How often the upstream was given each task."""
    lines = journal.read_text().splitlines() if journal.exists() else []
    return Counter(UUID(line.split()[0]) for line in lines)
