"""A task on its way through a provider, as this node remembers it."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from vermilion.errors import ServiceUnavailable
from vermilion.providers.protocol import Job
from vermilion.storage.flights import Claimed

RETRY_S = 0.5
ENDED_BY_OTHERS_S = 5.0  #: after its deadline a task has been ended, by whatever node
Answer = TypeVar("Answer")


@dataclass(slots=True)
class Flight:
    """One task in hand. `folder` holds its input files for as long as the provider may read them."""

    task: Claimed
    provider_id: str
    ticket: str | None = None
    job: Job | None = None
    folder: Path | None = None
    cancel_asked: bool = False
    sent: bool = False  #: the submit has begun; it must never begin again
    unknown: bool = False
    percent: int = 0
    noted_at: float = 0.0  #: loop time of the last progress that was kept
    taken_at: float = field(default_factory=lambda: asyncio.get_running_loop().time())

    def clear_folder(self) -> None:
        """Delete the input files."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None

    def seconds_here(self) -> float:
        """For how long this node has had it in hand."""
        return asyncio.get_running_loop().time() - self.taken_at

    def seconds_left(self) -> float:
        """Seconds until the task's deadline; negative once it has passed."""
        return (self.task.deadline_at - datetime.now(UTC)).total_seconds()


async def persist_while_it_lasts(flight: Flight, write: Callable[[], Awaitable[object]]) -> None:
    """Write what a task's end needs, until that works or others have ended the task because its time was over."""
    while flight.seconds_left() > -ENDED_BY_OTHERS_S:
        with contextlib.suppress(ServiceUnavailable):
            await write()
            return
        await asyncio.sleep(RETRY_S)


async def persist(write: Callable[[], Awaitable[Answer]]) -> Answer:
    """Write what must not be lost, for as long as the database takes to come back."""
    while True:
        with contextlib.suppress(ServiceUnavailable):
            return await write()
        await asyncio.sleep(RETRY_S)
