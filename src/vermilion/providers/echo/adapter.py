"""The echo provider: an upstream that keeps nothing in memory, so that it outlives any crash of the gateway.

Its tickets say when the work started and how it is to go; every answer follows from the ticket and the clock.
With a journal it notes each submit in a file, which is how tests count them.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast
from uuid import UUID

import msgspec

from vermilion.domain.outcomes import (
    Accepted,
    ConnectionState,
    Fault,
    Outcome,
    OutputFile,
    Progress,
    Rejected,
    Succeeded,
    Unavailable,
    Unknown,
)
from vermilion.providers.protocol import AdapterContext, ConnectionDescription, ConnectionFacts, Job

CHECK_S_MAX = 15.0
HANG_S = 3600.0
NOT_AN_OUTCOME = "<html>502 Bad Gateway</html>"  #: what a broken adapter might answer


class Ticket(msgspec.Struct, frozen=True, array_like=True):
    """When the work began (Unix time) and how it goes."""

    started_at: float
    latency_s: float
    end: str
    check: str


def build(context: AdapterContext) -> EchoAdapter:
    """The adapter; the option `journal` names a file that notes submits, `clock` replaces the time of day."""
    return EchoAdapter(context.options.get("journal"), context.options.get("clock", time.time))


class EchoAdapter:
    """Plays an upstream by the script in the task's input."""

    def __init__(self, journal: Path | None, clock: Callable[[], float]) -> None:
        self._journal = journal
        self._clock = clock
        self._failures: dict[UUID, int] = {}

    async def submit(self, job: Job) -> Outcome:
        """Accept the work, or answer as the script says."""
        scripted = await self._scripted_answer(job)
        if scripted is not None:
            return scripted
        self._note(job)
        return self._start(job)

    async def check(self, job: Job, ticket: str | None) -> Outcome:
        """Where the work stands by the clock."""
        if ticket is None:
            return Unknown("echo cannot be asked by task id")
        work = _read(ticket)
        if work is None:
            return Unknown("echo never gave this ticket")
        left_s = self._left_s(work)
        if left_s > 0:
            return await self._unfinished(work, left_s)
        return _ending(job, work)

    async def cancel(self, job: Job, ticket: str) -> bool:
        """Echo stops when it is asked, unless it has ended or the script says that it goes on."""
        work = _read(ticket)
        return work is not None and job.input.get("cancel", "stop") == "stop" and self._left_s(work) > 0

    def parse_callback(self, headers: Mapping[str, str], body: bytes) -> UUID | None:
        """Echo never calls back."""
        return None

    async def describe_connection(self, connection: ConnectionFacts) -> ConnectionDescription:
        """Always well."""
        return ConnectionDescription(ConnectionState.ACTIVE)

    async def close(self) -> None:
        """Nothing is held."""

    def _left_s(self, work: Ticket) -> float:
        """Seconds until the work ends; 0 or less once it has."""
        return math.inf if work.end == "never" else work.started_at + work.latency_s - self._clock()

    async def _scripted_answer(self, job: Job) -> Outcome | None:
        await asyncio.sleep(float(job.input.get("submit_latency_s", 0)))
        script, failures_wanted = job.input.get("submit", "accept"), job.input.get("submit_failures", 0)
        if script == "accept" or (failures_wanted and self._failures.get(job.task_id, 0) >= failures_wanted):
            return None
        self._failures[job.task_id] = self._failures.get(job.task_id, 0) + 1
        if script == "unknown-started":
            self._note(job)
        if script == "hang":
            await asyncio.sleep(HANG_S)
        if script == "raise":
            raise RuntimeError("echo was asked to raise")
        return _submit_answers()[script]

    def _start(self, job: Job) -> Outcome:
        latency_s = float(job.input.get("latency_s", 0))
        work = Ticket(self._clock(), latency_s, job.input.get("end", "succeed"), job.input.get("check", "ok"))
        if latency_s == 0 and work.end != "never":
            return _ending(job, work)
        return Accepted(msgspec.json.encode(work).decode(), check_after_s=min(latency_s / 10, CHECK_S_MAX))

    async def _unfinished(self, work: Ticket, left_s: float) -> Outcome:
        if work.check == "hang":
            await asyncio.sleep(HANG_S)
        if work.check == "raise":
            raise RuntimeError("echo was asked to raise")
        if work.check == "malformed":
            return cast(Outcome, NOT_AN_OUTCOME)
        if work.check == "overload":
            return Unavailable("echo is overloaded")
        if work.end == "never":
            return Progress(50, "echoing for ever", check_after_s=CHECK_S_MAX)
        percent = round(100 * (1 - left_s / work.latency_s))
        after_s = min(max(work.latency_s / 10, 0.05), left_s + 0.01, CHECK_S_MAX)
        return Progress(min(99, percent), f"{percent} % echoed", check_after_s=after_s)

    def _note(self, job: Job) -> None:
        if self._journal is None:
            return
        line = f"{job.task_id} {os.getpid()}\n".encode()
        descriptor = os.open(self._journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)


def _read(ticket: str) -> Ticket | None:
    try:
        return msgspec.json.decode(ticket, type=Ticket)
    except msgspec.DecodeError:
        return None


def _submit_answers() -> dict[str, Outcome]:
    return {
        "refuse": Rejected("echo was asked to refuse", Fault.PROVIDER),
        "refuse-connection": Rejected(
            "echo was asked to lose its credential", Fault.CONNECTION, "invalid_token"
        ),
        "overload": Unavailable("echo is overloaded", retry_after_s=0.2),
        "unknown": Unknown("echo did not answer"),
        "unknown-started": Unknown("echo did not answer"),
        "malformed": cast(Outcome, NOT_AN_OUTCOME),
        "hang": Unknown("echo did not answer"),
    }


def _ending(job: Job, work: Ticket) -> Outcome:
    if work.end == "fail":
        return Rejected("echo was asked to fail", Fault.PROVIDER, code="echo_failed")
    if work.end == "fail-customer":
        return Rejected("echo refuses this prompt", Fault.CUSTOMER, code="echo_refused")
    if work.end == "forget":
        return Unknown("echo does not know this ticket")
    prompt = str(job.input["prompt"])
    files = tuple(
        OutputFile(content=f"{number + 1}: {prompt}\n".encode(), name=f"echo-{number + 1}.txt")
        for number in range(job.input.get("files", 0))
    )
    return Succeeded(files, facts={"text": prompt}, provider_facts={"echoed": str(job.task_id)})
