"""Takes claimed tasks through their provider: submit once, follow, end. One branch for each decision."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import msgspec

from vermilion import faults
from vermilion.domain.outcomes import Fault, Outcome, Unavailable, Unknown
from vermilion.domain.retry import (
    Decision,
    End,
    Follow,
    HandBack,
    MarkUnknown,
    Wait,
    decide_check,
    decide_submit,
)
from vermilion.domain.tasks import Status, Submission, TaskError
from vermilion.logs import get_logger
from vermilion.providers.protocol import ConnectionFacts
from vermilion.providers.registry import Registry
from vermilion.services.finish_task import complete_task, fail_task, withdraw_task
from vermilion.services.gateway import Gateway
from vermilion.services.link_connection import unseal
from vermilion.services.prepare_job import InputUnusable, has_files, prepare_job
from vermilion.storage import connections
from vermilion.storage.connections import ConnectionRow
from vermilion.storage.flights import Claimed, ProgressNote, SubmissionNote
from vermilion.storage.hand_backs import HandBackNote
from vermilion.workers.answers import ask, understand
from vermilion.workers.flight import ENDED_BY_OTHERS_S, Flight, persist, persist_while_it_lasts
from vermilion.workers.lane import Lane

PROGRESS_EVERY_S = 1.0
log = get_logger("pilot")


class Pilot:
    """All tasks in flight on this node, by provider."""

    def __init__(self, gateway: Gateway, registry: Registry) -> None:
        self._gateway = gateway
        self._registry = registry
        self._lanes: dict[str, Lane] = {}

    @property
    def providers(self) -> Collection[str]:
        """The providers whose tasks this node can fly."""
        return self._registry.manifests

    def holds(self, task_id: UUID) -> bool:
        """Whether a task is in hand here."""
        return any(task_id in lane.flights for lane in self._lanes.values())

    async def run(self) -> None:
        """Work until cancelled; a lane that dies takes the process with it."""
        async with asyncio.TaskGroup() as group:
            for provider_id in self._registry.manifests:
                lane = Lane(self._registry.get(provider_id), self._submit, self._check)
                self._lanes[provider_id] = lane
                group.create_task(lane.run())

    def take(self, connection: ConnectionRow, tasks: list[Claimed]) -> None:
        """Tasks that were just claimed for this connection."""
        for task in tasks:
            flight = Flight(task, connection.provider, percent=task.progress, cancel_asked=task.cancel_asked)
            self._lanes[connection.provider].add(flight)

    async def adopt(self, connection: ConnectionRow, task: Claimed) -> None:
        """A task of a node that fell silent: followed if its submit may have happened, else handed back.

        The silent node may be this very one, back from a time without a database, with the task still in hand.
        """
        lane = self._lanes[connection.provider]
        flight = Flight(task, connection.provider, ticket=task.ticket, percent=task.progress)
        flight.cancel_asked = task.cancel_asked
        traits = lane.provider.manifest.traits
        if task.submission is None:
            await self._hand_back(flight, HandBack(datetime.now(UTC), elsewhere=False), unsent=True)
        elif task.submission == Submission.SENDING and traits.repeatable:
            await self._hand_back(flight, HandBack(datetime.now(UTC), elsewhere=False))
        elif task.ticket is None:
            now = datetime.now(UTC)
            await self._apply(lane, flight, MarkUnknown(now, "the node that submitted it died"))
        else:
            lane.follow(flight, 0)

    def wake(self, task_id: UUID) -> None:
        """An adapter or a callback has news of a task."""
        for lane in self._lanes.values():
            lane.look_now(task_id)

    def cancel(self, task_id: UUID) -> None:
        """A customer wants this task stopped."""
        for lane in self._lanes.values():
            if task_id in lane.flights:
                lane.flights[task_id].cancel_asked = True
                lane.look_now(task_id)

    async def drain(self, timeout_s: float) -> None:
        """Hand back what was not submitted, give submits and repeatable work time to end, hand back the rest."""
        for lane in self._lanes.values():
            for flight in lane.waiting():
                await self._apply(lane, flight, HandBack(datetime.now(UTC), elsewhere=False))
        until = asyncio.get_running_loop().time() + timeout_s
        while self._must_wait() and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110  (spread over lanes)
            await asyncio.sleep(0.05)
        for lane in self._lanes.values():
            if lane.provider.manifest.repeatable:
                for flight in list(lane.flights.values()):
                    await self._apply(lane, flight, HandBack(datetime.now(UTC), elsewhere=False))

    def _must_wait(self) -> bool:
        return any(
            lane.submitting or (lane.provider.manifest.repeatable and lane.flights)
            for lane in self._lanes.values()
        )

    async def _submit(self, lane: Lane, flight: Flight) -> None:
        """Submit once. What was sent is noted before it is sent, so that a crash can never lead to a second submit."""
        if flight.cancel_asked:
            await self._withdraw(lane, flight)
            return
        try:
            await self._prepare(flight)
        except InputUnusable as wrong:
            error = TaskError(wrong.code, str(wrong), Fault.CUSTOMER.value)
            await self._apply(lane, flight, End(Status.FAILED, error=error))
            return
        manifest = lane.provider.manifest
        if not manifest.repeatable and not await self._note_submission(flight, Submission.SENDING):
            lane.land(flight)
            return
        faults.at("submit.marked")
        assert flight.job is not None  # just prepared
        flight.sent = True
        answer = await ask(lane.provider.adapter.submit(flight.job), manifest.submit_timeout_s, Unknown)
        faults.at("submit.sent")
        await self._follow_from(lane, flight, answer)

    async def _check(self, lane: Lane, flight: Flight) -> None:
        """Look how a submitted task stands, or pass a cancel on."""
        if flight.seconds_left() < -ENDED_BY_OTHERS_S:
            lane.land(flight)
            return
        if flight.ticket is None and not flight.unknown:
            await self._resume(lane, flight)
            return
        if flight.job is None:
            await self._prepare(flight, with_files=False)
        assert flight.job is not None  # just prepared
        if flight.cancel_asked and flight.ticket is not None and await self._cancelled(lane, flight):
            await self._withdraw(lane, flight)
            return
        manifest = lane.provider.manifest
        if flight.ticket is None and not manifest.looks_up:
            lane.follow(flight, flight.seconds_left() + 2 * ENDED_BY_OTHERS_S)
            return
        asked = lane.provider.adapter.check(flight.job, flight.ticket)
        answer = await ask(asked, manifest.check_timeout_s, Unavailable)
        decision = understand(
            answer, flight.task.attempt, decide=decide_check, traits=manifest.traits, instead=Unavailable
        )
        await self._apply(lane, flight, decision)

    async def _resume(self, lane: Lane, flight: Flight) -> None:
        """After a step that failed on our side: submit if nothing was sent, else admit that the answer is lost."""
        if not flight.sent:
            lane.add(flight)
            return
        await self._follow_from(lane, flight, Unknown("the answer to the submit was lost on our side"))

    async def _follow_from(self, lane: Lane, flight: Flight, answer: Outcome) -> None:
        """Do what the answer to a submit demands."""
        traits = lane.provider.manifest.traits
        decision = understand(
            answer, flight.task.attempt, decide=decide_submit, traits=traits, instead=Unknown
        )
        await self._apply(lane, flight, decision)

    async def _cancelled(self, lane: Lane, flight: Flight) -> bool:
        flight.cancel_asked = False
        if not lane.provider.manifest.cancels or flight.job is None or flight.ticket is None:
            return False
        try:
            async with asyncio.timeout(lane.provider.manifest.check_timeout_s):
                return await lane.provider.adapter.cancel(flight.job, flight.ticket)
        except Exception:
            log.exception("a cancel could not be passed on", task_id=str(flight.task.id))
            return False

    async def _apply(self, lane: Lane, flight: Flight, decision: Decision) -> None:
        match decision:
            case Follow(ticket, check_at):
                flight.ticket, flight.unknown = ticket, False
                if await self._note_submission(flight, Submission.ACCEPTED, ticket):
                    faults.at("submit.ticket_kept")
                    lane.follow(flight, 0 if flight.cancel_asked else _seconds_until(check_at))
                else:
                    lane.land(flight)
            case Wait(check_at, progress):
                if progress is not None:
                    check_at_s = await self._keep_progress(flight, progress.percent, progress.text)
                    lane.follow(flight, min(_seconds_until(check_at), check_at_s))
                else:
                    lane.follow(flight, _seconds_until(check_at))
            case MarkUnknown(check_at):
                if not flight.unknown:
                    flight.unknown = True
                    await self._note_submission(flight, Submission.UNKNOWN)
                lane.follow(flight, _seconds_until(check_at))
            case HandBack():
                await self._hand_back(flight, decision)
                lane.land(flight)
            case End(Status.COMPLETED, success=success) if success is not None:
                await persist_while_it_lasts(
                    flight, lambda: complete_task(self._gateway, flight.task, success)
                )
                lane.land(flight)
            case End(error=error) if error is not None:
                await persist(lambda: fail_task(self._gateway, flight.task, error))
                lane.land(flight)

    async def _hand_back(self, flight: Flight, decision: HandBack, *, unsent: bool = False) -> None:
        if decision.connection_state is not None:
            state, rest_s = decision.connection_state.value, decision.rest_s
            await persist(
                lambda: connections.note_trouble(
                    self._gateway.database,
                    flight.task.connection_id,
                    state=state,
                    reason=decision.reason,
                    code=decision.code,
                    rest_s=rest_s,
                )
            )
        if flight.cancel_asked:
            await persist(lambda: withdraw_task(self._gateway, flight.task))
            return
        note = HandBackNote(
            flight.task.id,
            self._gateway.node_id,
            flight.task.attempt,
            decision.ready_at,
            decision.elsewhere,
            unsent,
            decision.reason,
            decision.code,
            flight.seconds_here(),
        )
        await persist(lambda: self._gateway.hand_backs(note))

    async def _withdraw(self, lane: Lane, flight: Flight) -> None:
        await persist(lambda: withdraw_task(self._gateway, flight.task))
        lane.land(flight)

    async def _note_submission(self, flight: Flight, what: Submission, ticket: str | None = None) -> bool:
        note = SubmissionNote(flight.task.id, self._gateway.node_id, flight.task.attempt, what.value, ticket)
        return await persist(lambda: self._gateway.submission_notes(note))

    async def _keep_progress(self, flight: Flight, percent: int, text: str | None) -> float:
        """Keep progress at most once a second; answers after how many seconds to look again at the latest."""
        now = asyncio.get_running_loop().time()
        too_soon_s = flight.noted_at + PROGRESS_EVERY_S - now
        if percent <= flight.percent:
            return float("inf")
        if too_soon_s > 0:
            return too_soon_s
        flight.percent, flight.noted_at = percent, now
        await self._gateway.progress_notes(ProgressNote(flight.task.id, self._gateway.node_id, percent, text))
        faults.at("progress.kept")
        return float("inf")

    async def _prepare(self, flight: Flight, *, with_files: bool = True) -> None:
        gateway = self._gateway
        row = await gateway.connection_reads(flight.task.connection_id)
        assert row is not None  # connections are never deleted while they have tasks
        options = msgspec.json.decode(row.options)
        facts = ConnectionFacts(row.id, row.provider, row.name, options, unseal(gateway, row))
        flight.clear_folder()
        with_parent_files = self._lanes[flight.provider_id].provider.manifest.reads_parent_files
        if with_files and has_files(gateway, flight.task, with_parent_files=with_parent_files):
            gateway.work_dir.mkdir(parents=True, exist_ok=True)
            flight.folder = Path(await asyncio.to_thread(tempfile.mkdtemp, dir=gateway.work_dir))
        flight.job = await prepare_job(
            gateway, flight.task, facts, flight.folder, with_parent_files=with_parent_files
        )


def _seconds_until(at: datetime) -> float:
    return (at - datetime.now(UTC)).total_seconds()
