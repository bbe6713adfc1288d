"""Runs offers on the engine pool and answers from memory; everything is lost, and may be repeated, on a restart."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from vermilion.domain.outcomes import (
    Accepted,
    ConnectionState,
    Fault,
    Outcome,
    OutputFile,
    Progress,
    Rejected,
    Succeeded,
    Unknown,
)
from vermilion.engines.contract import (
    EngineCrashed,
    EngineError,
    EngineRefused,
    EngineResult,
    EngineTimedOut,
    EngineUnavailable,
)
from vermilion.engines.diffusion.layout import layout_of
from vermilion.engines.packs.description import known_packs
from vermilion.engines.packs.shelf import Shelf
from vermilion.engines.pool import EnginePool
from vermilion.providers.local import midjourney, stand_ins
from vermilion.providers.local.engine_of import ENGINE_OF, JOB_TIMEOUT_S, LONG_JOBS_S
from vermilion.providers.protocol import Adapter, AdapterContext, ConnectionDescription, ConnectionFacts, Job

SEEDED = ("arranger", "composer", "diffusion", "smollm2")
WITH_OPERATION = ("composer", "diffusion")  #: one engine does several task types and hears which
MEMORY_BYTES_MAX = 2 * 1024**3
SURE = 0.8  #: the reader's confidence from which a description repeats what it read
CHECK_AFTER_S = 5.0  #: a net below `wake`, which tells of every change at once
FETCHED_GRACE_S = 60.0  #: how long an outcome that was told can be asked for again
UNFETCHED_KEPT_S = 3600.0
_CODES: Mapping[type[EngineError], str] = {
    EngineCrashed: "engine_crashed",
    EngineTimedOut: "engine_timed_out",
    EngineUnavailable: "engine_unavailable",
}


def build(context: AdapterContext) -> Adapter:
    """The adapter. Options: `workers`, `memory_bytes_max` of each worker, `job_timeout_s`, which no job exceeds."""
    return LocalAdapter(context)


@dataclass(slots=True)
class _Work:
    """One job from submit until it is forgotten."""

    progress: Progress = field(default_factory=lambda: Progress(0, check_after_s=CHECK_AFTER_S))
    running: asyncio.Task[EngineResult] | None = None
    outcome: Outcome | None = None
    result: EngineResult | None = None
    forgetting: asyncio.TimerHandle | None = None
    told: bool = False
    notes: Mapping[str, Any] = field(
        default_factory=dict
    )  #: what the output has to say besides the engine's facts


class LocalAdapter:
    """The Adapter protocol over the pool; the ticket of a job is its task id."""

    def __init__(self, context: AdapterContext) -> None:
        options = context.options
        self._wake = context.wake
        self._timeout_s_max = float(options.get("job_timeout_s") or math.inf)
        self._workers = int(options.get("workers") or max(1, (os.cpu_count() or 2) - 1))
        self._shelf = Shelf(context.data_dir)
        self._pool = EnginePool(
            self._workers,
            int(options.get("memory_bytes_max") or MEMORY_BYTES_MAX),
            JOB_TIMEOUT_S,
            scratch_parent=context.data_dir / "engines",
            shelf=self._shelf,
        )
        self._started: asyncio.Task[None] | None = None
        self._works: dict[str, _Work] = {}
        self._removals: set[asyncio.Task[None]] = set()

    async def submit(self, job: Job) -> Outcome:
        """Queue the job on the pool and answer at once; a job that is known already is not started twice."""
        if (job.model, job.task_type) not in {**ENGINE_OF, **stand_ins.TRANSLATIONS}:
            reason = f"no local engine does {job.model}/{job.task_type}"
            return Rejected(reason, Fault.PROVIDER, "unsupported_offer")
        ticket = str(job.task_id)
        if ticket not in self._works:
            work = self._works[ticket] = _Work()
            work.running = asyncio.create_task(self._run_all(work, job))
            work.running.add_done_callback(lambda ended: self._end(job.task_id, work, ended))
        return Accepted(ticket, CHECK_AFTER_S)

    async def check(self, job: Job, ticket: str | None) -> Outcome:
        """What is known of the job; `Unknown` once this process has forgotten it or never had it."""
        work = self._works.get(ticket or str(job.task_id))
        if work is None:
            return Unknown("this process does not know the job; it was restarted or the job was forgotten")
        if ticket is None:
            return Accepted(str(job.task_id), 0.0)
        if work.outcome is None:
            return work.progress
        if not work.told:
            work.told = True
            self._forget_later(str(job.task_id), work, FETCHED_GRACE_S)
        return work.outcome

    async def cancel(self, job: Job, ticket: str) -> bool:
        """Kill the job's worker; False if it had ended before or is not known here."""
        work = self._works.get(ticket)
        if work is None or work.outcome is not None or work.running is None:
            return False
        work.running.cancel()
        await asyncio.wait((work.running,))
        return work.running.cancelled()

    def parse_callback(self, headers: Mapping[str, str], body: bytes) -> UUID | None:
        """Nobody calls back from inside the box."""
        return None

    async def describe_connection(self, connection: ConnectionFacts) -> ConnectionDescription:
        """Always there; says how many workers it may use."""
        offers = sorted(f"{model}/{task_type}" for model, task_type in (*ENGINE_OF, *stand_ins.TRANSLATIONS))
        return ConnectionDescription(ConnectionState.ACTIVE, {"workers": self._workers, "offers": offers})

    async def close(self) -> None:
        """Stop all work, kill the workers, remove their files."""
        running = [work.running for work in self._works.values() if work.running]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, *self._removals, return_exceptions=True)
        for work in self._works.values():
            if work.forgetting:
                work.forgetting.cancel()
        self._works.clear()
        await self._pool.close()

    async def _run_all(self, work: _Work, job: Job) -> EngineResult:
        """One step after another; each gets the first file of the one before as its `image`."""
        await self._start_pool()
        drawn = (job.model, job.task_type) in stand_ins.DRAWN and await asyncio.to_thread(self._draws, job)
        steps, work.notes = _steps(job, drawn=drawn)
        result = await self._run(work, steps[0], (0, len(steps)))
        for number, step in enumerate(steps[1:], 1):
            before, files = result, {**step.files, "image": result.files[0].path}
            try:
                result = await self._run(work, replace(step, files=files), (number, len(steps)))
            finally:
                await self._pool.discard(before)
        return result

    def _draws(self, job: Job) -> bool:
        """Whether a diffusion model is here that can stand in for what the job asks for."""
        try:
            pack = known_packs()["diffusion"]
            self._shelf.folder_of(pack)
            model = self._shelf.model_of(pack)
            return model is not None and (job.task_type != stand_ins.WIDENS or layout_of(model).kind.inpaints)
        except EngineUnavailable:
            return False

    async def _run(self, work: _Work, job: Job, part: tuple[int, int]) -> EngineResult:
        """One step, whose progress is a part of the whole."""
        engine = ENGINE_OF[job.model, job.task_type]
        number, count = part
        params = _params(job)
        if engine == "describe":
            params |= await self._words(job)

        def on_progress(percent: int, text: str | None) -> None:
            work.progress = Progress((100 * number + percent) // count, text, CHECK_AFTER_S)
            self._wake(job.task_id)

        timeout_s = min(LONG_JOBS_S.get(engine, JOB_TIMEOUT_S), self._timeout_s_max)
        return await self._pool.run(engine, params, job.files, on_progress=on_progress, timeout_s=timeout_s)

    async def _words(self, job: Job) -> dict[str, Any]:
        """What is written in a picture, where the reader's pack is installed; its failures are no others' matter."""
        try:
            found = await self._pool.run("read", {}, job.files, on_progress=lambda _percent, _text: None)
        except EngineError:
            return {}
        return {"words": [line["text"] for line in found.facts["lines"] if line["confidence"] >= SURE]}

    def _end(self, task_id: UUID, work: _Work, ended: asyncio.Task[EngineResult]) -> None:
        """Note how the job ended, whichever way it did."""
        if ended.cancelled():
            work.outcome = Rejected("the job was cancelled", Fault.CUSTOMER, "cancelled")
        elif failure := ended.exception():
            work.outcome = _rejected(failure)
        else:
            work.result = ended.result()
            work.outcome = _succeeded(work.result, work.notes)
        self._forget_later(str(task_id), work, UNFETCHED_KEPT_S)
        self._wake(task_id)

    async def _start_pool(self) -> None:
        """Once, on first use; shielded, so that cancelling the first job does not stop it for the others."""
        if self._started is None:
            self._started = asyncio.create_task(self._pool.start())
        await asyncio.shield(self._started)

    def _forget_later(self, ticket: str, work: _Work, after_s: float) -> None:
        if work.forgetting:
            work.forgetting.cancel()
        work.forgetting = asyncio.get_running_loop().call_later(after_s, self._forget, ticket)

    def _forget(self, ticket: str) -> None:
        work = self._works.pop(ticket, None)
        if work and work.result:
            removal = asyncio.create_task(self._pool.discard(work.result))
            self._removals.add(removal)
            removal.add_done_callback(self._removals.discard)


def _steps(job: Job, *, drawn: bool) -> tuple[list[Job], dict[str, Any]]:
    """The job in the engines' own words, and what the output has to say about the translation."""
    if job.model == midjourney.MODEL:
        translated, notes = midjourney.as_composer(job)
        return [translated], notes
    if (job.model, job.task_type) in stand_ins.TRANSLATIONS:
        return stand_ins.translated(job, drawn=drawn)
    return [job], {}


def _params(job: Job) -> dict[str, Any]:
    """The input without what came as files. Without a seed the task's id is one, so that a repeat is the same."""
    as_files = {name.partition("/")[0] for name in job.files}
    params = {name: value for name, value in job.input.items() if name not in as_files}
    if job.model in WITH_OPERATION:
        params |= {"operation": job.task_type, "parent": dict(job.parent_facts)}
    if job.model in SEEDED and params.get("seed") is None:
        params["seed"] = job.task_id.int & 0xFFFF_FFFF
    return params


def _succeeded(result: EngineResult, notes: Mapping[str, Any]) -> Succeeded:
    outputs = tuple(OutputFile(path=file.path, name=file.name) for file in result.files)
    kept = {**result.facts, **result.kept}
    return Succeeded(outputs, facts={**result.facts, **notes}, provider_facts=kept, actual_usage=result.usage)


def _rejected(failure: BaseException) -> Rejected:
    if isinstance(failure, EngineRefused):
        return Rejected(failure.reason, Fault.CUSTOMER, failure.code)
    if isinstance(failure, EngineError):
        return Rejected(str(failure), Fault.PROVIDER, _CODES.get(type(failure), "engine_crashed"))
    return Rejected(f"the engine could not be run: {failure}", Fault.PROVIDER, "engine_crashed")
