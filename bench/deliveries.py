"""Webhook deliveries at a steady rate to many receivers, with and without one that never answers.

Deliveries of ended tasks are written as the gateway itself writes them, so many a second, in one statement every
twentieth of a second; a delivery's age is taken where the receiver has all of it. Windows with and without the
dead receiver take turns; with it, a twentieth more is written, all of that for the dead one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg

from bench import stack, wire
from bench.customers import Customer, set_up_customers
from bench.load import Window
from bench.report import Goal, InvalidMeasurement, median_with_range, print_goals, print_table
from bench.stack import Options, Server
from vermilion.storage.tellings import Listener, insert_due, to_listener

QUICK = 19  #: and one that hangs
RATE = 1000
TICK_S = 0.05
WINDOW_S = 8.0
ROUNDS = 7
TASKS = 200
DRAIN_TIMEOUT_S = 30.0
HEAD = ["", "delivered/s", "p50 ms", "p99 ms", "CPU of a core"]


class Receivers:
    """The process with the receivers."""

    def __init__(self, process: asyncio.subprocess.Process, ports: dict[str, Any]) -> None:
        self._process = process
        self.quick: list[int] = ports["quick"]
        self.hanging: int = ports["hanging"]

    async def ages_ms(self) -> list[float]:
        """The ages of what was heard since the last question."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        return list(json.loads(await self._process.stdout.readline()))


async def run(options: Options, *, rate: int = RATE, rounds: int = ROUNDS) -> dict[str, Any]:
    """Measure in turns; returns the figures."""
    async with (
        stack.postgres(options) as dsn,
        stack.gateway(
            dsn, options=options, role="all", extra={"VERMILION_EGRESS_ALLOW": "127.0.0.0/8"}
        ) as server,
        _receivers(QUICK) as receivers,
    ):
        [customer] = await set_up_customers(server, 1)
        tasks = await _ended_tasks(options, server, dsn, customer)
        quick = [await _endpoint(server, customer, port) for port in receivers.quick]
        connection = await asyncpg.connect(dsn)
        try:
            writer = _Writer(connection, tasks)
            await _window(writer, server, receivers, quick=quick, dead=None, rate=rate, seconds=3)
            windows: dict[str, list[dict[str, float]]] = {"without": [], "with": []}
            for _ in range(rounds):
                windows["without"].append(
                    await _window(
                        writer, server, receivers, quick=quick, dead=None, rate=rate, seconds=WINDOW_S
                    )
                )
                # A new one each time: the gateway knows nothing of it yet.
                dead = await _endpoint(server, customer, receivers.hanging)
                windows["with"].append(
                    await _window(
                        writer, server, receivers, quick=quick, dead=dead, rate=rate, seconds=WINDOW_S
                    )
                )
                await connection.execute("DELETE FROM deliveries WHERE endpoint_id = $1", dead.id)
                await connection.execute("DELETE FROM endpoints WHERE id = $1", dead.id)
        finally:
            await connection.close()
    return _report(windows, rate)


async def _window(
    writer: _Writer,
    server: Server,
    receivers: Receivers,
    *,
    quick: list[Listener],
    dead: Listener | None,
    rate: int,
    seconds: float,
) -> dict[str, float]:
    await receivers.ages_ms()
    cpu_s, start = server.cpu_s(), time.perf_counter()
    written, ticks = 0, 0
    while (elapsed_s := time.perf_counter() - start) < seconds:
        due = int(rate * elapsed_s) - written
        await writer.write(quick, written, due)
        written += due
        if dead is not None:
            await writer.write([dead], 0, max(1, due // 20))
        ticks += 1
        await asyncio.sleep(max(0.0, start + ticks * TICK_S - time.perf_counter()))
    ages_ms = await receivers.ages_ms()
    heard_in_time, cpu_s = len(ages_ms), server.cpu_s() - cpu_s
    until = time.perf_counter() + DRAIN_TIMEOUT_S
    while len(ages_ms) < written:
        if time.perf_counter() > until:
            raise InvalidMeasurement(f"{written - len(ages_ms)} of {written} deliveries never came")
        await asyncio.sleep(0.1)
        ages_ms += await receivers.ages_ms()
    percentiles = statistics.quantiles(ages_ms, n=100)
    return {
        "delivered_per_s": heard_in_time / seconds,
        "p50_ms": percentiles[49],
        "p99_ms": percentiles[98],
        "cpu_share": cpu_s / seconds,
    }


class _Writer:
    """Writes deliveries as the end of a task does."""

    def __init__(self, connection: Any, tasks: list[UUID]) -> None:
        self._connection = connection
        self._tasks = tasks

    async def write(self, listeners: list[Listener], first: int, count: int) -> None:
        """So many deliveries, to the listeners in turn."""
        due = [
            to_listener(
                listeners[number % len(listeners)],
                "task.completed",
                task_id=self._tasks[number % len(self._tasks)],
            )
            for number in range(first, first + count)
        ]
        await insert_due(self._connection, due)


@asynccontextmanager
async def _receivers(quick: int) -> AsyncIterator[Receivers]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.receivers",
        "--quick",
        str(quick),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=stack.LINE_BYTES_MAX,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        yield Receivers(process, json.loads(await process.stdout.readline()))
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _endpoint(server: Server, customer: Customer, port: int) -> Listener:
    headers = {"authorization": f"Bearer {customer.key}"}
    async with (
        aiohttp.ClientSession(server.url, headers=headers) as session,
        session.post("/v1/webhook-endpoints", json={"url": f"http://127.0.0.1:{port}/"}) as answer,
    ):
        endpoint = await answer.json()
    async with (
        aiohttp.ClientSession(server.url, headers=headers) as session,
        session.get("/v1/account") as answer,
    ):
        account = await answer.json()
    return Listener(UUID(endpoint["id"]), UUID(account["id"]), "webhook", "native", endpoint["url"], None)


async def _ended_tasks(options: Options, server: Server, dsn: str, customer: Customer) -> list[UUID]:
    async with stack.load_process() as load:
        window = Window(
            host="127.0.0.1",
            port=server.port,
            requests=[wire.post("/v1/tasks", key=customer.key, body=wire.submit_body(latency_s=0))],
            clients=options.clients,
            warmup_s=0,
            seconds=30,
            requests_max=TASKS,
        )
        await load.run(window)
    connection = await asyncpg.connect(dsn)
    try:
        while await connection.fetchval("SELECT count(*) FROM tasks WHERE ended_at IS NULL"):  # noqa: ASYNC110  (another process ends them)
            await asyncio.sleep(0.1)
        return [row["id"] for row in await connection.fetch("SELECT id FROM tasks")]
    finally:
        await connection.close()


def _report(windows: dict[str, list[dict[str, float]]], rate: int) -> dict[str, Any]:
    rows = [
        [
            f"{name} a receiver that hangs",
            median_with_range([one["delivered_per_s"] for one in found], digits=0),
            median_with_range([one["p50_ms"] for one in found]),
            median_with_range([one["p99_ms"] for one in found]),
            median_with_range([one["cpu_share"] for one in found], digits=2),
        ]
        for name, found in windows.items()
    ]
    print_table(f"Webhook deliveries, {rate} a second to {QUICK} quick receivers", HEAD, rows)
    goals = [
        Goal(
            f"delivered of {rate}/s while one hangs",
            [one["delivered_per_s"] / rate for one in windows["with"]],
            at_least=0.98,
        ),
        Goal(
            "p99 of the others with a receiver that hangs, to without",
            [
                hung["p99_ms"] / free["p99_ms"]
                for free, hung in zip(windows["without"], windows["with"], strict=True)
            ],
            at_most=1.5,
        ),
    ]
    print_goals(goals)
    return {**windows, "goals": [goal.as_data() for goal in goals]}
