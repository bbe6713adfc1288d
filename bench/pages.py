"""The dashboard's lists at a million tasks against ten thousand: the time of their statements must not grow.

Two gateways serve two databases of one server, filled by SQL: finished tasks, two ledger entries and one delivery
each. A signed-in owner and a signed-in operator open each page of both in turn. Gateways in testing mode say how
long the statements of a page took (`server-timing`), which is what is compared; the whole page is told beside it.
"""

from __future__ import annotations

import asyncio
import statistics
import time
import uuid
from dataclasses import dataclass
from typing import Any

import aiohttp
import asyncpg
from tests.dashboard.people import Person, join
from tests.support.server import Api

from bench import history, stack
from bench.customers import set_up_customers
from bench.report import Goal, InvalidMeasurement, median_with_range, print_goals, print_table
from bench.stack import OPERATOR_KEY, Options, Server

RATIO_MAX = 2.0
OPENINGS = 30  #: of each page in a round
SUMMED_TIMEOUT_S = 900
ENTRIES = """
    INSERT INTO entries (ref_id, kind, seq, account_id, source, target, grant_id, units, at)
    SELECT id, moved.kind, 0, account_id, moved.source, moved.target, $2, 1000, created_at
    FROM tasks, (VALUES ('hold', 'grant', 'held'), ('capture', 'held', 'revenue')) AS moved (kind, source, target)
    WHERE account_id = $1 AND (moved.kind = 'hold' OR charged > 0)
"""
DELIVERIES = """
    INSERT INTO deliveries (id, account_id, task_id, event, url, lane, secret, state, attempts, created_at, ended_at)
    SELECT id, account_id, id, 'task.completed', 'https://example.com/hook', gen_random_uuid(), '',
           CASE WHEN rank % 1000 = 0 THEN 'given_up' ELSE 'delivered' END, 1, created_at, ended_at
    FROM tasks WHERE account_id = $1
"""
CUSTOMER_PAGES = (
    "/tasks",
    "/tasks?status=failed",
    "/tasks?model=cutout",
    "/tasks?range=24h",
    "/tasks?reference=project:p7",
    "/gallery",
    "/gallery?model=cutout",
    "/usage?range=7d",
    "/usage?range=90d&by=key",
    "/wallet",
    "/webhooks",
)
OPERATOR_PAGES = (
    "/operator",
    "/operator/needs-a-person",
    "/operator/tasks",
    "/operator/tasks?status=failed",
    "/operator/tasks?status=active",
    "/operator/tasks?model=cutout",
    "/operator/queues",
    "/operator/deliveries",
    "/operator/deliveries?state=given_up",
    "/operator/ledger",
    "/operator/margin?range=30d",
    "/operator/accounts",
    "/operator/audit",
)


@dataclass(frozen=True)
class Shelf:
    """A gateway, its owner and its operator, each signed in."""

    rows: int
    owner: Person
    operator: Person

    def person(self, path: str) -> Person:
        """Who opens this page."""
        return self.operator if path.startswith("/operator") else self.owner


async def run(options: Options, *, rows_many: int = history.ROWS_MANY) -> dict[str, Any]:
    """Fill both databases, let their usage be summed up, open every page of both in turn, print the ratios."""
    testing = {"VERMILION_TESTING": "1"}
    async with (
        stack.postgres(options) as dsn,
        stack.separate_database(dsn, "bench_few") as dsn_few,
        stack.separate_database(dsn, "bench_many") as dsn_many,
        stack.gateway(dsn_few, options=options, role="all", name="few", extra=testing) as few,
        stack.gateway(dsn_many, options=options, role="all", name="many", extra=testing) as many,
    ):
        shelves = [
            await _fill_shelf(few, dsn_few, history.ROWS_FEW),
            await _fill_shelf(many, dsn_many, rows_many),
        ]
        try:
            measured = {path: await _open(shelves, path, options) for path in CUSTOMER_PAGES + OPERATOR_PAGES}
        finally:
            for shelf in shelves:
                await shelf.owner.session.close()
                await shelf.operator.session.close()
    return _report(shelves, measured)


async def _fill_shelf(server: Server, dsn: str, rows: int) -> Shelf:
    [customer] = await set_up_customers(server, 1)
    await history.fill(dsn, customer.account_id, rows)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(ENTRIES, uuid.UUID(customer.account_id), uuid.uuid4())
        await connection.execute(DELIVERIES, uuid.UUID(customer.account_id))
        await connection.execute("VACUUM ANALYZE")
        await _summed(connection)
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
    async with aiohttp.ClientSession(server.url) as session:
        api = Api(session, OPERATOR_KEY)
        owner, _ = await join(api, customer.account_id, server.url)
        operator, _ = await join(api, (await api.get("/v1/account"))["id"], server.url)
        await operator.see("/operator/ledger")
        await operator.send("/operator/ledger")
    return Shelf(rows, owner, operator)


async def _summed(connection: Any) -> None:
    """Wait until the gateway has summed up the usage of all but the last quarters, as it does by itself."""
    late = "SELECT coalesce((SELECT until FROM usage_summed), '-infinity') < now() - interval '1 hour'"
    async with asyncio.timeout(SUMMED_TIMEOUT_S):
        while await connection.fetchval(late):  # noqa: ASYNC110  (the gateway tells nobody)
            await asyncio.sleep(1)


async def _open(shelves: list[Shelf], path: str, options: Options) -> list[tuple[list[float], list[float]]]:
    """For each shelf (milliseconds of statements, of the page) a round; the first round is thrown away."""
    found: list[tuple[list[float], list[float]]] = [([], []) for _ in shelves]
    for number in range(options.rounds + 1):
        for index, shelf in enumerate(shelves):
            opened = [await _open_once(shelf, path) for _ in range(OPENINGS)]
            if number:
                for kept, figures in zip(found[index], zip(*opened, strict=True), strict=True):
                    kept.append(statistics.median(figures))
    return found


async def _open_once(shelf: Shelf, path: str) -> tuple[float, float]:
    began = time.perf_counter()
    seen = await shelf.person(path).see(path)
    took_ms = 1000 * (time.perf_counter() - began)
    if seen.status != 200:
        raise InvalidMeasurement(f"{path} was answered {seen.status}")
    return float(seen.headers["server-timing"].removeprefix("db;dur=")), took_ms


def _report(
    shelves: list[Shelf], measured: dict[str, list[tuple[list[float], list[float]]]]
) -> dict[str, Any]:
    few, many = (shelf.rows for shelf in shelves)
    head = [
        "page",
        f"statements ms, {few}",
        f"statements ms, {many}",
        f"page ms, {few}",
        f"page ms, {many}",
    ]
    rows = [
        [path, *(median_with_range(figures, digits=2) for kind in (0, 1) for figures in (a[kind], b[kind]))]
        for path, (a, b) in measured.items()
    ]
    print_table("Pages of the dashboard", head, rows)
    goals = [
        Goal(f"statements of {path}, {many} ÷ {few}", _ratios(a[0], b[0]), at_most=RATIO_MAX)
        for path, (a, b) in measured.items()
    ]
    print_goals(goals)
    return {"goals": [goal.as_data() for goal in goals]}


def _ratios(few: list[float], many: list[float]) -> list[float]:
    return [large / small for small, large in zip(few, many, strict=True)]
