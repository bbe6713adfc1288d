"""`POST /v1/tasks` and `GET /v1/tasks/{id}` against the bare limit and the plain service, as ratios.

Method: one PostgreSQL server with its shipped, durable settings; all servers stay up; each round gives each
server one window, in an order that moves on by one a round, so that noise of the machine hits all alike.
Ratios are taken inside a round and their median is judged. It is measured with one customer's key on all clients,
where row locks queue, and with an account for each client, which is the kindest case for the plain service.
The gateway runs with `--role api` unless told otherwise, because the plain service only accepts tasks too.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import asyncpg
import msgspec

from bench import plain, stack, wire
from bench.customers import set_up_customers
from bench.load import Sample, Window
from bench.report import Goal, InvalidMeasurement, median_with_range, print_goals, print_table
from bench.stack import LoadProcess, Options, Server

TASKS_READ = 2000
DURABILITY_SETTINGS = ("server_version", "fsync", "synchronous_commit", "full_page_writes")


@dataclass(frozen=True)
class Target:
    """A server and what it is asked."""

    server: Server
    requests: list[bytes]


@dataclass(frozen=True)
class Round:
    """One window on one target; CPU is the server's own, in microseconds an answer."""

    sample: Sample
    cpu_us: float


Rounds = dict[str, list[Round]]


async def run(options: Options, parts: Sequence[str]) -> dict[str, Any]:
    """Measure `accept`, `read` or both; returns what was printed as plain data."""
    async with AsyncExitStack() as exits:
        dsn = await exits.enter_async_context(stack.postgres(options))
        settings = await _durability_of(dsn)
        print("PostgreSQL:", ", ".join(f"{name}={value}" for name, value in settings.items()))
        load = await exits.enter_async_context(stack.load_process())
        servers, keys = await _start_servers(exits, dsn, options)
        results: dict[str, Any] = {"postgres": settings}
        shared = f", {options.clients} clients of {options.accounts} account" + "s" * (options.accounts != 1)
        submits = [
            Target(server, [wire.post("/v1/tasks", key=key, body=wire.submit_body()) for key in keys])
            for server in servers
        ]
        if "accept" in parts:
            rounds = await _interleave(load, submits, options)
            results["accept"] = _report(f"POST /v1/tasks{shared}", rounds, accept_goals(rounds))
        if "read" in parts:
            reads = [await _reads_of(load, submit, keys) for submit in submits]
            rounds = await _interleave(load, reads, options)
            results["read"] = _report(f"GET /v1/tasks/{{id}}{shared}", rounds, read_goals(rounds))
        return results


def accept_goals(rounds: Rounds) -> list[Goal]:
    """What the project promises of accepting tasks."""
    tail = [_tail(entry) for entry in rounds["vermilion"]]
    return [
        Goal("vermilion ÷ plain, rps", _ratios(rounds, "vermilion", "plain"), at_least=10.0),
        Goal("vermilion ÷ bare, rps", _ratios(rounds, "vermilion", "bare"), at_least=0.5),
        Goal("vermilion p99 ÷ p50", tail, at_most=3.0),
    ]


def read_goals(rounds: Rounds) -> list[Goal]:
    """What the project promises of reading a task by id."""
    return [Goal("vermilion ÷ plain, rps", _ratios(rounds, "vermilion", "plain"), at_least=8.0)]


async def _start_servers(exits: AsyncExitStack, dsn: str, options: Options) -> tuple[list[Server], list[str]]:
    """The three servers and the keys that all of them know."""
    gateway = await exits.enter_async_context(stack.gateway(dsn, options=options, role=options.role))
    keys = [customer.key for customer in await set_up_customers(gateway, options.accounts)]
    await plain.prepare(dsn, keys)
    plain_peer = await exits.enter_async_context(stack.plain_peer(dsn))
    bare_peer = await exits.enter_async_context(stack.bare_peer(keys))
    return [bare_peer, gateway, plain_peer], keys


async def _interleave(load: LoadProcess, targets: list[Target], options: Options) -> Rounds:
    """One unrecorded window each to warm everything up, then the rounds."""
    rounds: Rounds = {target.server.name: [] for target in targets}
    for target in targets:
        await load.run(_window(target, options, seconds=min(1.0, options.seconds)))
    for number in range(options.rounds):
        turn = number % len(targets)
        for target in targets[turn:] + targets[:turn]:
            rounds[target.server.name].append(await _measure(load, target, options))
    return rounds


async def _measure(load: LoadProcess, target: Target, options: Options) -> Round:
    cpu_start_s = target.server.cpu_s()
    sample = await load.run(_window(target, options, seconds=options.seconds))
    answers = max(1, sum(sample.statuses.values()))
    return Round(sample, (target.server.cpu_s() - cpu_start_s) * 1e6 / answers)


def _window(target: Target, options: Options, *, seconds: float) -> Window:
    return Window(
        host="127.0.0.1",
        port=target.server.port,
        requests=target.requests,
        clients=options.clients,
        seconds=seconds,
    )


async def _reads_of(load: LoadProcess, submit: Target, keys: list[str]) -> Target:
    """Make tasks through the server itself, then ask for each with the key of its owner.

    One client makes them, so answers come back in the order of the keys.
    """
    window = Window(
        host="127.0.0.1",
        port=submit.server.port,
        requests=submit.requests,
        clients=1,
        warmup_s=0,
        seconds=120,
        requests_max=TASKS_READ,
        bodies_max=TASKS_READ,
    )
    sample = await load.run(window)
    if len(sample.bodies) != TASKS_READ:
        raise InvalidMeasurement(f"{submit.server.name} answered {sample.statuses}: {sample.examples}")
    ids = [msgspec.json.decode(body)["id"] for body in sample.bodies]
    owners = [keys[index % len(keys)] for index in range(len(ids))]
    return Target(
        submit.server,
        [wire.get(f"/v1/tasks/{task_id}", key=key) for task_id, key in zip(ids, owners, strict=True)],
    )


async def _durability_of(dsn: str) -> dict[str, str]:
    """Figures without durability would be worth nothing, so they are printed with it."""
    connection = await asyncpg.connect(dsn)
    try:
        return {name: await connection.fetchval(f"SHOW {name}") for name in DURABILITY_SETTINGS}
    finally:
        await connection.close()


def _report(title: str, rounds: Rounds, goals: list[Goal]) -> dict[str, Any]:
    """Print the table, then the goals, unless refusals made the figures worthless."""
    rows = [[name, *_cells(entries)] for name, entries in rounds.items()]
    head = ["server", "rps", "p50 ms", "p99 ms", "p99÷p50", "CPU µs", "load CPU", "refused", "lost"]
    print_table(title, head, rows)
    _require_no_refusals(rounds)
    print_goals(goals)
    return {
        "servers": {name: [_as_data(entry) for entry in entries] for name, entries in rounds.items()},
        "goals": [goal.as_data() for goal in goals],
    }


def _require_no_refusals(rounds: Rounds) -> None:
    for name, entries in rounds.items():
        for sample in (entry.sample for entry in entries):
            if sample.refused or sample.broken or sample.unanswered:
                raise InvalidMeasurement(
                    f"{name} refused or lost requests: {sample.statuses} {sample.examples}"
                )


def _cells(entries: list[Round]) -> list[str]:
    samples = [entry.sample for entry in entries]
    return [
        median_with_range([sample.rps for sample in samples], digits=0),
        median_with_range([sample.p50_ms for sample in samples]),
        median_with_range([sample.p99_ms for sample in samples]),
        median_with_range([_tail(entry) for entry in entries]),
        f"{statistics.median(entry.cpu_us for entry in entries):.0f}",
        f"{statistics.median(sample.cpu_share for sample in samples):.2f}",
        str(sum(sample.refused for sample in samples)),
        str(sum(sample.broken + sample.unanswered for sample in samples)),
    ]


def _as_data(entry: Round) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.to_builtins(entry.sample)
    del data["bodies"]
    return data | {"cpu_us": entry.cpu_us}


def _ratios(rounds: Rounds, upper: str, lower: str) -> list[float]:
    rps: Callable[[Round], float] = lambda entry: entry.sample.rps  # noqa: E731
    pairs = zip(rounds[upper], rounds[lower], strict=True)
    return [rps(one) / rps(other) if rps(other) else math.nan for one, other in pairs]


def _tail(entry: Round) -> float:
    return entry.sample.p99_ms / entry.sample.p50_ms if entry.sample.p50_ms else math.nan
