"""Lists with a million finished tasks against lists with ten thousand: the page must not grow slower.

Two gateways serve two databases of one server, one account each, filled by SQL; every query is asked of both in
turn, so noise of the machine hits both. One client asks, because the question is what a page costs.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
import asyncpg

from bench import stack, wire
from bench.customers import set_up_customers
from bench.load import Sample, Window
from bench.report import Goal, InvalidMeasurement, median_with_range, print_goals, print_table
from bench.stack import LoadProcess, Options, Server
from vermilion.storage.labels import label

ROWS_FEW = 10_000
ROWS_MANY = 1_000_000
RATIO_MAX = 1.5
REQUESTS_A_WINDOW = 200
DEEP_PAGES = 150
PAGE = "/v1/tasks?limit=50"

# The names of the list's filters.
QUERIES = {
    "newest": PAGE,
    "status": f"{PAGE}&status=completed",
    "rare status": f"{PAGE}&status=failed",
    "model": f"{PAGE}&model=cutout",
    "metadata": f"{PAGE}&metadata[project]=p7",
    "rare metadata": f"{PAGE}&metadata[order]=o77",
}

# Column → SQL over `i` (1 is the oldest), `n` (how many) and $1 (the account): one finished task a second until now.
AT = "(now() - make_interval(secs => n - i))"
TASK_COLUMNS = {
    "id": "uuidv7(make_interval(secs => i - n))",
    "account_id": "$1::uuid",
    "model": "(ARRAY['echo', 'composer', 'echo', 'cutout'])[1 + i % 4]",
    "task_type": "(ARRAY['echo', 'text-to-image', 'echo', 'remove-background'])[1 + i % 4]",
    "family": "(ARRAY['echo', 'composer', 'echo', 'cutout'])[1 + i % 4]",
    "queue": "(ARRAY['echo', 'local', 'echo', 'local'])[1 + i % 4]",
    "status": "CASE WHEN i % 50 = 0 THEN 'failed' WHEN i % 50 = 1 THEN 'cancelled' ELSE 'completed' END",
    "priority": "5",
    "rank": "i",
    "progress": "100",
    "input": "json_build_object('prompt', 'A lighthouse kitchen at dawn, number ' || i)",
    "metadata": "json_build_object('project', 'p' || i % 100, 'order', 'o' || i % 200)",
    "price": "'{\"units\": 1000}'::json",
    "held": "1000",
    "charged": "CASE WHEN i % 50 < 2 THEN 0 ELSE 1000 END",
    "output": "CASE WHEN i % 50 < 2 THEN NULL ELSE '{\"assets\": []}'::json END",
    "deadline_at": f"{AT} + interval '10 minutes'",
    "created_at": AT,
    "started_at": AT,
    "ended_at": f"{AT} + interval '5 seconds'",
}
# The labels that accepting those tasks would have written, from the label $4 of each name and value.
LABELS = """
    INSERT INTO task_labels (label, task_id)
    SELECT known.label, tasks.id FROM tasks, json_each_text(metadata) AS scalar
    JOIN unnest($2::text[], $3::text[], $4::bigint[]) AS known (name, value, label)
         ON (known.name, known.value) = (scalar.key, scalar.value)
    WHERE account_id = $1
"""
LABELLED = [("project", f"p{number}") for number in range(100)] + [
    ("order", f"o{number}") for number in range(200)
]


@dataclass(frozen=True)
class Shelf:
    """One gateway whose only account owns that many finished tasks."""

    server: Server
    key: str
    rows: int


async def run(options: Options, *, rows_many: int = ROWS_MANY) -> dict[str, Any]:
    """Fill both databases, ask each query of both in turn, print p50, p95 and the ratios of p95."""
    async with (
        stack.postgres(options) as dsn,
        stack.separate_database(dsn, "bench_few") as dsn_few,
        stack.separate_database(dsn, "bench_many") as dsn_many,
        stack.gateway(dsn_few, options=options, role="api", name="few") as few,
        stack.gateway(dsn_many, options=options, role="api", name="many") as many,
        stack.load_process() as load,
    ):
        shelves = [await _fill_shelf(few, dsn_few, ROWS_FEW), await _fill_shelf(many, dsn_many, rows_many)]
        queries = [await _queries_of(shelf) for shelf in shelves]
        results = {name: await _ask(load, shelves, name, queries, options) for name in queries[0]}
    return _report(shelves, results)


async def fill(dsn: str, account_id: str, n: int) -> None:
    """Put `n` finished tasks of the account into the table, then vacuum it as autovacuum would have."""
    columns, values = ", ".join(TASK_COLUMNS), ", ".join(TASK_COLUMNS.values())
    statement = f"""
        INSERT INTO tasks ({columns})
        SELECT {values} FROM generate_series(1, $2::int) AS i, (SELECT $2::int AS n) AS total
    """
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement, uuid.UUID(account_id), n)
        owner = uuid.UUID(account_id)
        labels = [label(account_id, *labelled) for labelled in LABELLED]
        await connection.execute(LABELS, owner, *zip(*LABELLED, strict=True), labels)
        await connection.execute("VACUUM ANALYZE tasks, task_labels")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


async def _fill_shelf(server: Server, dsn: str, rows: int) -> Shelf:
    [customer] = await set_up_customers(server, 1)
    await fill(dsn, customer.account_id, rows)
    return Shelf(server, customer.key, rows)


async def _queries_of(shelf: Shelf) -> dict[str, str]:
    return QUERIES | {"deep cursor": f"{PAGE}&cursor={quote(await _deep_cursor(shelf))}"}


async def _deep_cursor(shelf: Shelf) -> str:
    """The cursor after many pages, followed as a client would; it checks on its way that pages are full."""
    cursor = ""
    async with aiohttp.ClientSession(
        shelf.server.url, headers={"authorization": f"Bearer {shelf.key}"}
    ) as session:
        for _ in range(DEEP_PAGES):
            async with session.get(f"{PAGE}&cursor={quote(cursor)}" if cursor else PAGE) as answer:
                page: Mapping[str, Any] = await answer.json()
            if answer.status != 200 or len(page["data"]) != 50:
                raise InvalidMeasurement(f"a page of {shelf.server.name} answered {answer.status}: {page}")
            cursor = page["next_cursor"]
    return cursor


async def _ask(
    load: LoadProcess, shelves: list[Shelf], name: str, queries: list[dict[str, str]], options: Options
) -> list[list[Sample]]:
    """For each shelf its samples; the first window of each is thrown away."""
    samples: list[list[Sample]] = [[] for _ in shelves]
    for number in range(options.rounds + 1):
        for index, shelf in enumerate(shelves):
            sample = await load.run(_window(shelf, queries[index][name]))
            if sample.statuses != {"200": REQUESTS_A_WINDOW}:
                raise InvalidMeasurement(f"{name} was answered {sample.statuses}: {sample.examples}")
            if number:
                samples[index].append(sample)
    return samples


def _window(shelf: Shelf, path: str) -> Window:
    return Window(
        host="127.0.0.1",
        port=shelf.server.port,
        requests=[wire.get(path, key=shelf.key)],
        clients=1,
        warmup_s=0,
        seconds=60,
        requests_max=REQUESTS_A_WINDOW,
    )


def _report(shelves: list[Shelf], results: dict[str, list[list[Sample]]]) -> dict[str, Any]:
    few, many = shelves
    rows = [[name, *_cells(samples)] for name, samples in results.items()]
    head = [
        "query",
        f"p50 ms, {few.rows}",
        f"p50 ms, {many.rows}",
        f"p95 ms, {few.rows}",
        f"p95 ms, {many.rows}",
    ]
    print_table("GET /v1/tasks, 50 a page", head, rows)
    goals = [
        Goal(f"p95 of {name}, {many.rows} ÷ {few.rows}", _ratios(*samples), at_most=RATIO_MAX)
        for name, samples in results.items()
    ]
    print_goals(goals)
    return {"goals": [goal.as_data() for goal in goals]}


def _cells(samples: list[list[Sample]]) -> list[str]:
    few, many = samples
    return [
        median_with_range([sample.p50_ms for sample in few], digits=2),
        median_with_range([sample.p50_ms for sample in many], digits=2),
        median_with_range([sample.p95_ms for sample in few], digits=2),
        median_with_range([sample.p95_ms for sample in many], digits=2),
    ]


def _ratios(few: list[Sample], many: list[Sample]) -> list[float]:
    return [large.p95_ms / small.p95_ms for small, large in zip(few, many, strict=True)]
