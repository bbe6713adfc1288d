"""The whole way of a task, from its submission to its paid end: so many a second, and how long each takes.

Every client submits an echo task that takes no time and waits for its end (`Prefer: wait`) before it submits the next,
so each answer stands for a task that was accepted, claimed, sent to a provider, ended and charged. At the end the
ledger has to balance.
"""

from __future__ import annotations

from typing import Any

import aiohttp

from bench import stack, wire
from bench.customers import set_up_customers
from bench.load import Sample, Window
from bench.report import InvalidMeasurement, median_with_range, print_table
from bench.stack import OPERATOR_KEY, Options, Server

WAIT_S = 30


async def run(options: Options) -> dict[str, Any]:
    """Measure it for this number of accounts; returns the figures."""
    async with (
        stack.postgres(options) as dsn,
        stack.gateway(dsn, options=options, role="all") as server,
        stack.load_process() as load,
    ):
        keys = [customer.key for customer in await set_up_customers(server, options.accounts)]
        body = wire.submit_body()
        window = Window(
            host="127.0.0.1",
            port=server.port,
            requests=[wire.post("/v1/tasks", key=key, body=body, wait_s=WAIT_S) for key in keys],
            clients=options.clients,
            seconds=options.seconds,
        )
        samples, cpu_us = [], []
        for _ in range(options.rounds):
            before_s = server.cpu_s()
            samples.append(await load.run(window))
            cpu_us.append((server.cpu_s() - before_s) * 1e6 / max(1, sum(samples[-1].statuses.values())))
        await _require_all_ended(server, samples)
    _print(options, samples, cpu_us)
    return {
        "tasks_per_s": [sample.rps for sample in samples],
        "p50_ms": [sample.p50_ms for sample in samples],
        "p99_ms": [sample.p99_ms for sample in samples],
        "cpu_us": cpu_us,
    }


async def _require_all_ended(server: Server, samples: list[Sample]) -> None:
    """A 201 is the answer to a task that has not ended in time."""
    for sample in samples:
        if set(sample.statuses) != {"200"} or sample.broken or sample.unanswered:
            raise InvalidMeasurement(f"not every task ended: {sample.statuses} {sample.examples}")
    headers = {"authorization": f"Bearer {OPERATOR_KEY}"}
    async with (
        aiohttp.ClientSession(server.url, headers=headers) as session,
        session.get("/admin/v1/ledger/verification") as answer,
    ):
        proof = await answer.json()
    if not proof["balanced"]:
        raise InvalidMeasurement(f"the ledger does not balance: {proof['differences']}")


def _print(options: Options, samples: list[Sample], cpu_us: list[float]) -> None:
    accounts = f"{options.accounts} account" + "s" * (options.accounts != 1)
    print_table(
        f"From POST /v1/tasks to the paid end, {options.clients} clients of {accounts}",
        ["server", "tasks/s", "p50 ms", "p99 ms", "CPU µs"],
        [
            [
                "vermilion",
                median_with_range([sample.rps for sample in samples], digits=0),
                median_with_range([sample.p50_ms for sample in samples]),
                median_with_range([sample.p99_ms for sample in samples]),
                median_with_range(cpu_us, digits=0),
            ]
        ],
    )
