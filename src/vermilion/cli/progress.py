"""Follows tasks to their end and shows how far they are: bars on a terminal, plain lines anywhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vermilion.cli.client import Client
from vermilion.cli.failures import Refused, Unreachable
from vermilion.cli.show import console
from vermilion.domain.tasks import ENDED

if TYPE_CHECKING:
    from rich.console import Console

Task = dict[str, Any]
Watch = Callable[[Task], None]
POLL_WAIT_S = 5
SILENCES_MAX = 6  #: times that a gateway may be away in a row, longer each time
PLAIN_STEP = 20  #: percent between two plain lines about the same task


async def follow(client: Client, task: Task, watch: Watch) -> Task:
    """The task at its end; every change passes through `watch`. Streams, and asks instead where streams break."""
    watch(task)
    streams, silences, seen = True, 0, None
    while task["status"] not in ENDED:
        try:
            if not streams:
                watch(task := await client.get(f"/v1/tasks/{task['id']}", wait_s=POLL_WAIT_S))
                silences = 0
                continue
            async for event_id, changed in client.changes(task["id"], seen):
                seen, task, silences = event_id, changed, 0
                watch(task)
        except Refused:
            if not streams:
                raise
            streams = False
        except Unreachable:
            silences += 1
            if silences > SILENCES_MAX:
                raise
            await asyncio.sleep(silences)
    return task


@contextmanager
def board(*, stderr: bool = False) -> Iterator[Callable[[str], Watch]]:
    """Inside the block, `add(label)` gives a watch for one task, drawn on its own line."""
    out = console(stderr=stderr)
    if not out.is_terminal:
        yield lambda label: _plain(out, label)
        return
    from rich.progress import (  # noqa: PLC0415  (slow; --help does without)
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24, complete_style="cyan", finished_style="green"),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}", style="dim", markup=False),
    )
    with Progress(*columns, console=out) as progress:
        yield lambda label: _bar(progress, label)


def _bar(progress: Any, label: str) -> Watch:
    row = progress.add_task(label, total=100, note="")

    def watch(task: Task) -> None:
        progress.update(
            row, completed=100 if task["status"] == "completed" else task["progress"], note=_note(task)
        )
        if task["status"] in ENDED:
            progress.stop_task(row)

    return watch


def _plain(out: Console, label: str) -> Watch:
    told: tuple[str, int] | None = None

    def watch(task: Task) -> None:
        nonlocal told
        percent = 100 if task["status"] == "completed" else task["progress"]
        now = (task["status"], percent // PLAIN_STEP)
        if now != told:
            told = now
            out.print(f"{label}  {percent:3d}%  {_note(task)}", markup=False, soft_wrap=True)

    return watch


def _note(task: Task) -> str:
    if task["status"] == "processing":
        return str(task["progress_text"] or "working")
    if task["status"] in {"staged", "pending"}:
        position = task.get("queue_position")
        return "waiting" if not position else f"waiting, {position} before it"
    if task["error"]:
        return f"{task['status']}: {task['error']['message']}"
    return "done" if task["status"] == "completed" else str(task["status"])
