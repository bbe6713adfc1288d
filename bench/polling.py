"""Two thousand clients poll through each face at the pace of the service whose contract it speaks.

Every client asks for a task of its own that does not end; what counts is how long answers take, and how much of a
core the gateway needs for them. Faces are measured one after the other on one gateway.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

import aiohttp

from bench import stack
from bench.customers import Customer, set_up_customers
from bench.report import InvalidMeasurement, print_table
from bench.stack import Options, Server

CLIENTS = 2_000
ACCOUNTS = 250  #: so few clients an account that no service's own rate is met
SECONDS = 20.0
#: Each face: the path of a task, and seconds from one question of a client to the next.
FACES: dict[str, tuple[str, float]] = {
    "native": ("/v1/tasks/{}", 2.0),
    "GoAPI": ("/api/v1/task/{}", 5.0),
    "ImaginePro": ("/api/v1/message/fetch/{}", 2.0),
    "LinkrAPI": ("/api/v1/fetch/{}", 5.0),
    "midjourney-proxy": ("/mj/task/{}/fetch", 3.0),
}


async def run(options: Options) -> dict[str, Any]:
    """Every face on one gateway; returns the figures."""
    async with stack.postgres(options) as dsn, stack.gateway(dsn, options=options, role="all") as server:
        customers = await set_up_customers(server, ACCOUNTS)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(server.url, connector=connector) as session:
            tasks = [await _task(session, customers[number % ACCOUNTS]) for number in range(CLIENTS)]
            figures = {name: await _poll(server, session, tasks, *face) for name, face in FACES.items()}
    _print(figures)
    return figures


async def _task(session: aiohttp.ClientSession, customer: Customer) -> tuple[str, dict[str, str]]:
    """A task that goes on, and the headers that its owner asks with."""
    headers = {"authorization": f"Bearer {customer.key}", "x-api-key": customer.key}
    body = {"model": "echo", "task_type": "echo", "input": {"prompt": "a red fox", "latency_s": 3_600}}
    async with session.post("/v1/tasks", json=body, headers=headers) as answer:
        made = await answer.json()
        if answer.status != 201:
            raise InvalidMeasurement(f"a task was not accepted: {made}")
    return str(made["id"]), headers


async def _poll(
    server: Server,
    session: aiohttp.ClientSession,
    tasks: list[tuple[str, dict[str, str]]],
    path: str,
    every_s: float,
) -> dict[str, float]:
    times_s: list[float] = []
    cpu_s, began = server.cpu_s(), time.perf_counter()
    async with asyncio.TaskGroup() as clients:
        for number, (task_id, headers) in enumerate(tasks):
            first_at = began + every_s * number / len(tasks)
            clients.create_task(
                _client(session, path.format(task_id), headers, times_s, first_at=first_at, every_s=every_s)
            )
    took_s = time.perf_counter() - began
    cuts = statistics.quantiles(times_s, n=1000)
    return {
        "requests_s": len(times_s) / took_s,
        "p50_ms": cuts[499] * 1e3,
        "p99_ms": cuts[989] * 1e3,
        "cores": (server.cpu_s() - cpu_s) / took_s,
    }


async def _client(
    session: aiohttp.ClientSession,
    path: str,
    headers: dict[str, str],
    times_s: list[float],
    *,
    first_at: float,
    every_s: float,
) -> None:
    """One client: asks at its moments, whether or not the last answer was slow."""
    until, due = time.perf_counter() + SECONDS, first_at
    while due < until:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        asked = time.perf_counter()
        async with session.get(path, headers=headers) as answer:
            await answer.read()
            if answer.status != 200:
                raise InvalidMeasurement(f"{path} was answered {answer.status}")
        times_s.append(time.perf_counter() - asked)
        due += every_s


def _print(figures: dict[str, dict[str, float]]) -> None:
    head = [f"{CLIENTS:,} clients polling", "each, every", "requests/s", "p50, ms", "p99, ms", "cores"]
    rows = [
        [
            name,
            f"{FACES[name][1]:g} s",
            f"{figure['requests_s']:.0f}",
            f"{figure['p50_ms']:.1f}",
            f"{figure['p99_ms']:.1f}",
            f"{figure['cores']:.2f}",
        ]
        for name, figure in figures.items()
    ]
    print_table("Polling through each face", head, rows)
