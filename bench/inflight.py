"""What 20,000 tasks in processing cost the gateway: memory and CPU while a slow echo provider works on them.

One account submits them all with a latency of a minute; once every one of them is in processing, the gateway's
process is sampled. Bytes a task is the growth of resident memory since before the burst (a few hundred quick
tasks have warmed the process up by then), so it includes what the process keeps after such a burst.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from typing import Any

import asyncpg

from bench import stack, wire
from bench.customers import set_up_customers
from bench.load import Window
from bench.report import InvalidMeasurement, print_table
from bench.stack import LoadProcess, Options, Server

TASKS = 20_000
LATENCY_S = 60
SAMPLE_S = 30
SAMPLE_EVERY_S = 1.0
CLAIM_TIMEOUT_S = 50.0
WARMUP_TASKS = 500
COUNT_OPEN = "SELECT count(*) FROM tasks WHERE ended_at IS NULL"
COUNT_PROCESSING = "SELECT count(*) FROM tasks WHERE status = 'processing'"


async def run(options: Options, *, tasks: int = TASKS) -> dict[str, Any]:
    """Fill, wait until all are in processing, sample; returns the figures."""
    async with (
        stack.postgres(options) as dsn,
        stack.gateway(dsn, options=options, role="all") as server,
        stack.load_process() as load,
    ):
        [customer] = await set_up_customers(server, 1)
        await _submit(
            load, server, key=customer.key, tasks=WARMUP_TASKS, latency_s=0, clients=options.clients
        )
        await _wait_count(dsn, COUNT_OPEN, lambda count: count == 0)
        rss_before_bytes = server.rss_bytes()
        # The first tasks must still be in processing when the last sample is taken.
        latency_s = LATENCY_S + tasks / 1000
        start = time.perf_counter()
        await _submit(
            load, server, key=customer.key, tasks=tasks, latency_s=latency_s, clients=options.clients
        )
        submitted_s = time.perf_counter() - start
        await _wait_count(dsn, COUNT_PROCESSING, lambda count: count >= tasks)
        claimed_s = time.perf_counter() - start
        rss_bytes, cpu_share = await _sample(server)
        still = await _count(dsn, COUNT_PROCESSING)
    figures = {
        "tasks": tasks,
        "still_processing_at_end": still,
        "submitted_s": submitted_s,
        "all_processing_s": claimed_s,
        "rss_before_bytes": rss_before_bytes,
        "rss_bytes": rss_bytes,
        "bytes_per_task": (rss_bytes - rss_before_bytes) / tasks,
        "cpu_share_of_one_core": cpu_share,
    }
    _print(figures)
    return figures


async def _submit(
    load: LoadProcess, server: Server, *, key: str, tasks: int, latency_s: float, clients: int
) -> None:
    request = wire.post("/v1/tasks", key=key, body=wire.submit_body(latency_s=latency_s))
    window = Window(
        host="127.0.0.1",
        port=server.port,
        requests=[request],
        clients=clients,
        warmup_s=0,
        seconds=120,
        requests_max=tasks,
    )
    sample = await load.run(window)
    if sample.statuses != {"201": tasks}:
        raise InvalidMeasurement(f"submits were answered {sample.statuses}: {sample.examples}")


async def _wait_count(dsn: str, query: str, is_reached: Callable[[int], bool]) -> None:
    deadline = time.perf_counter() + CLAIM_TIMEOUT_S
    while not is_reached(count := await _count(dsn, query)):
        if time.perf_counter() > deadline:
            raise InvalidMeasurement(f"after {CLAIM_TIMEOUT_S:.0f} s still at {count}: {query}")
        await asyncio.sleep(0.25)


async def _count(dsn: str, query: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval(query))
    finally:
        await connection.close()


async def _sample(server: Server) -> tuple[int, float]:
    """Median resident bytes and the share of one core used, over the sampling time."""
    cpu_start_s, start = server.cpu_s(), time.perf_counter()
    rss_bytes = []
    while time.perf_counter() - start < SAMPLE_S:
        await asyncio.sleep(SAMPLE_EVERY_S)
        rss_bytes.append(server.rss_bytes())
    seconds = time.perf_counter() - start
    return int(statistics.median(rss_bytes)), (server.cpu_s() - cpu_start_s) / seconds


def _print(figures: dict[str, Any]) -> None:
    row = [
        str(figures["tasks"]),
        f"{figures['all_processing_s']:.1f}",
        f"{figures['rss_before_bytes'] / 1e6:.0f}",
        f"{figures['rss_bytes'] / 1e6:.0f}",
        f"{figures['bytes_per_task']:.0f}",
        f"{figures['cpu_share_of_one_core']:.1%}",
        str(figures["still_processing_at_end"]),
    ]
    head = [
        "tasks",
        "all in processing, s",
        "MB before",
        "MB with them",
        "bytes a task",
        "CPU of a core",
        "still",
    ]
    print_table(f"In processing on a slow provider, {SAMPLE_S} s", head, [row])
