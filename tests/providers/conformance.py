"""What every adapter has to show: the cases, and the driver that each provider brings for them.

A new provider adds one file, `tests/providers/drivers/<id>.py`, with a class `Driver(ProviderDriver)`.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID, uuid4

from vermilion.domain.outcomes import (
    Accepted,
    Outcome,
    Progress,
    Rejected,
    Succeeded,
    Unavailable,
    Unknown,
)
from vermilion.providers.manifest import Manifest, provider_ids, read_manifest
from vermilion.providers.protocol import Adapter, AdapterContext, ConnectionFacts, Job

SUBMIT_ANSWERS = (Accepted, Succeeded, Rejected, Unavailable, Unknown)
CHECK_ANSWERS = (Accepted, Progress, Succeeded, Rejected, Unavailable, Unknown)


class Case(StrEnum):
    """What the upstream is made to do with a job."""

    SUCCEEDS = "succeeds"
    SLOW = "slow"  #: runs long enough to be cancelled and to show progress
    FAILS = "fails"  #: takes the work, then fails at it
    REFUSED = "refused"  #: says no, for the customer or for itself
    OVERLOADED = "overloaded"  #: asks to come back later
    UNANSWERED = "unanswered"  #: the submit is sent and no answer comes
    MALFORMED = "malformed"  #: answers with HTML, or JSON of another shape
    FORGOTTEN = "forgotten"  #: takes the work, then does not know its ticket any more


@dataclass(frozen=True)
class Wish:
    """A job for one case."""

    model: str
    task_type: str
    input: Mapping[str, Any]
    files: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Excuse:
    """Why a provider has no job for a case."""

    reason: str


class ProviderDriver:
    """One provider's part of the suite. An emulator of its upstream starts in `open` and ends in `close`."""

    wishes: ClassVar[Mapping[Case, Wish | Excuse]]

    def __init__(self, provider_id: str, folder: Path) -> None:
        self.manifest: Manifest = read_manifest(provider_id)
        self.folder = folder
        self.woken: dict[UUID, asyncio.Event] = {}
        self.adapter: Adapter

    @property
    def options(self) -> Mapping[str, Any]:
        """The options that the adapter is built with."""
        return {}

    @property
    def connection(self) -> ConnectionFacts:
        """The connection that jobs name."""
        return ConnectionFacts(uuid4(), self.manifest.id, "conformance")

    async def starts(self, job: Job) -> int:
        """How often the upstream started this job."""
        raise NotImplementedError

    async def open(self) -> None:
        """Build the adapter."""
        module = importlib.import_module(f"vermilion.providers.{self.manifest.id}.adapter")
        self.adapter = module.build(AdapterContext(self._wake, self.folder, self.options))

    async def close(self) -> None:
        """Let go of everything."""
        await self.adapter.close()

    def job(self, case: Case) -> Job:
        """A fresh job for a case that this provider has a wish for."""
        wish = self.wishes[case]
        assert isinstance(wish, Wish)
        return self.job_of(wish)

    def job_of(self, wish: Wish) -> Job:
        """A fresh job for a wish."""
        return Job(
            task_id=uuid4(),
            model=wish.model,
            task_type=wish.task_type,
            input=wish.input,
            connection=self.connection,
            deadline_at=datetime.now(UTC) + timedelta(minutes=5),
            files=wish.files,
        )

    async def submit(self, job: Job) -> Outcome:
        """Submit; the answer comes in time and is one of those allowed."""
        async with asyncio.timeout(self.manifest.submit_timeout_s):
            answer = await self.adapter.submit(job)
        assert isinstance(answer, SUBMIT_ANSWERS), answer
        return sane(answer)

    async def check(self, job: Job, ticket: str | None) -> Outcome:
        """Check; the answer comes in time and is one of those allowed."""
        async with asyncio.timeout(self.manifest.check_timeout_s):
            answer = await self.adapter.check(job, ticket)
        assert isinstance(answer, CHECK_ANSWERS), answer
        return sane(answer)

    async def follow(self, job: Job, answer: Outcome) -> tuple[list[Progress], Outcome]:
        """Check as often as the adapter asks for, until something final is said."""
        seen: list[Progress] = []
        if not isinstance(answer, Accepted):
            return seen, answer
        ticket, after_s = answer.ticket, answer.check_after_s
        while True:
            await self._due(job, after_s)
            answer = await self.check(job, ticket)
            if isinstance(answer, Progress):
                seen.append(answer)
                after_s = answer.check_after_s
            elif not isinstance(answer, Accepted | Unavailable):
                return seen, answer

    async def _due(self, job: Job, after_s: float) -> None:
        event = self.woken.setdefault(job.task_id, asyncio.Event())
        try:
            await asyncio.wait_for(event.wait(), after_s)
        except TimeoutError:
            return
        event.clear()

    def _wake(self, task_id: UUID) -> None:
        self.woken.setdefault(task_id, asyncio.Event()).set()


def sane(answer: Outcome) -> Outcome:
    """The answer, whose fields are what the vocabulary says of them."""
    match answer:
        case Accepted(ticket, check_after_s):
            assert isinstance(ticket, str)
            assert ticket
            assert "\0" not in ticket
            assert 0 <= check_after_s < 3600
        case Progress(percent, _, check_after_s):
            assert isinstance(percent, int)
            assert 0 <= percent <= 100
            assert 0 < check_after_s < 3600
        case Succeeded(outputs):
            for file in outputs:
                assert 1 == sum(given is not None for given in (file.content, file.path, file.url))
        case Rejected(reason, _, code):
            assert reason
            assert code.replace("_", "").isalnum()
        case Unavailable(reason) | Unknown(reason):
            assert reason
    return answer


def drivers() -> dict[str, type[ProviderDriver]]:
    """The driver class of every provider there is. Raises ImportError for one that brought none."""
    return {id_: importlib.import_module(f"tests.providers.drivers.{id_}").Driver for id_ in provider_ids()}


def cases(*wanted: Case) -> list[tuple[str, Case]]:
    """Every (provider, case) for which the provider has a job."""
    return [
        (id_, case)
        for id_, driver in drivers().items()
        for case in wanted
        if isinstance(driver.wishes.get(case), Wish)
    ]
