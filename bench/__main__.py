"""`python -m bench [PART …|all]`: the project's promises about speed, measured now.

Everything is started here on loopback with throw-away data and ended again; nothing is written outside
temporary folders unless `--json PATH` asks for the figures. Exit code 1 says that a measurement is invalid
(requests were refused or lost), never that a goal was missed: machines differ, so figures are read, not tested.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import compare, deliveries, engines, history, inflight, pages, polling, whole
from bench.report import InvalidMeasurement
from bench.stack import Options

PARTS = ("accept", "read", "whole", "inflight", "history", "pages", "deliveries", "engines", "polling")


def main() -> None:
    """Run the chosen parts and print their tables."""
    args = _arguments()
    parts = PARTS if "all" in args.parts else tuple(part for part in PARTS if part in args.parts)
    try:
        results = asyncio.run(_run_until_signal(parts, args))
    except InvalidMeasurement as error:
        sys.exit(f"bench: {error}")
    except asyncio.CancelledError:
        sys.exit("bench: interrupted")
    if args.json is not None:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(results, indent=2) + "\n")
        print(f"\nWritten to {args.json}.")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Vermilion's benchmarks, as ratios.")
    parser.add_argument("parts", nargs="*", default=["all"], metavar="|".join([*PARTS, "all"]))
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one window (default: 3)")
    parser.add_argument("--rounds", type=int, default=5, help="windows per server (default: 5)")
    parser.add_argument("--clients", type=int, default=64, help="concurrent clients (default: 64)")
    parser.add_argument(
        "--accounts",
        type=int,
        nargs="+",
        default=[1, 64],
        help="accounts they share, one comparison each (default: 1 64)",
    )
    parser.add_argument("--role", default="api", help="role of the gateway in accept and read (default: api)")
    parser.add_argument("--dsn", help="a PostgreSQL of yours instead of an embedded one; it is written to")
    parser.add_argument("--tasks", type=int, default=inflight.TASKS, help="tasks in flight (default: 20000)")
    parser.add_argument(
        "--rows", type=int, default=history.ROWS_MANY, help="finished tasks (default: 1000000)"
    )
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    args = parser.parse_args()
    if unknown := set(args.parts) - {*PARTS, "all"}:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return args


async def _run_until_signal(parts: tuple[str, ...], args: argparse.Namespace) -> dict[str, Any]:
    """SIGTERM ends everything that was started, like Ctrl-C."""
    task = asyncio.ensure_future(_run(parts, args))
    with contextlib.suppress(NotImplementedError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


async def _run(parts: tuple[str, ...], args: argparse.Namespace) -> dict[str, Any]:
    options = Options(
        seconds=args.seconds,
        rounds=args.rounds,
        clients=args.clients,
        role=args.role,
        dsn=args.dsn,
    )
    print(
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    )
    results: dict[str, Any] = {}
    compared = [part for part in parts if part in {"accept", "read"}]
    for accounts in args.accounts:
        shared = replace(options, accounts=accounts)
        if compared:
            results[f"accounts={accounts}"] = await compare.run(shared, compared)
        if "whole" in parts:
            results[f"whole, accounts={accounts}"] = await whole.run(shared)
    alone: dict[str, Callable[[], Awaitable[Any]]] = {
        "inflight": lambda: inflight.run(options, tasks=args.tasks),
        "history": lambda: history.run(options, rows_many=args.rows),
        "pages": lambda: pages.run(options, rows_many=args.rows),
        "deliveries": lambda: deliveries.run(options),
        "engines": lambda: engines.run(options),
        "polling": lambda: polling.run(options),
    }
    for part in parts:
        if part in alone:
            results[part] = await alone[part]()
    return results


if __name__ == "__main__":
    main()
