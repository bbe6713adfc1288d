"""One provider's share of this node: its own workers, so that a hung provider delays no other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from vermilion.logs import get_logger
from vermilion.providers.registry import Provider
from vermilion.workers.flight import Flight
from vermilion.workers.timetable import Timetable

SUBMIT_WORKERS = 64
CHECK_WORKERS = 64
log = get_logger("lane")

Step = Callable[["Lane", Flight], Awaitable[None]]


class Lane:
    """Submits and checks of one provider. A step that raises is logged and the task is looked at again."""

    def __init__(self, provider: Provider, submit: Step, check: Step) -> None:
        self.provider = provider
        self.timetable = Timetable()
        self.flights: dict[UUID, Flight] = {}
        self._submits: asyncio.Queue[Flight] = asyncio.Queue()
        self._submit, self._check = submit, check
        self._busy: set[UUID] = set()
        self._again: set[UUID] = set()

    @property
    def submitting(self) -> int:
        """How many submits wait or are under way."""
        return self._submits.qsize() + len(
            self._busy & {id_ for id_, f in self.flights.items() if f.ticket is None}
        )

    def add(self, flight: Flight) -> None:
        """Take a claimed task in hand: it is submitted as soon as a worker is free."""
        self.flights[flight.task.id] = flight
        self._submits.put_nowait(flight)

    def follow(self, flight: Flight, after_s: float) -> None:
        """Look at a task after a while."""
        self.flights[flight.task.id] = flight
        self.timetable.set(flight.task.id, after_s)

    def land(self, flight: Flight) -> None:
        """Let go of a task, unless it is in hand again by a later claim."""
        flight.clear_folder()
        if self.flights.get(flight.task.id) is flight:
            del self.flights[flight.task.id]
            self.timetable.drop(flight.task.id)
            self._again.discard(flight.task.id)

    def look_now(self, task_id: UUID) -> None:
        """Look at a task right away, or right after what is being done with it."""
        if task_id in self._busy:
            self._again.add(task_id)
        elif task_id in self.flights and (self.flights[task_id].ticket or self.flights[task_id].unknown):
            self.timetable.set(task_id, 0)

    def waiting(self) -> list[Flight]:
        """Take out the tasks whose submit has not begun."""
        waiting = []
        while not self._submits.empty():
            waiting.append(self._submits.get_nowait())
        return waiting

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as workers:
            for _ in range(SUBMIT_WORKERS):
                workers.create_task(self._submit_loop())
            for _ in range(CHECK_WORKERS):
                workers.create_task(self._check_loop())

    async def _submit_loop(self) -> None:
        while True:
            await self._step(self._submit, await self._submits.get())

    async def _check_loop(self) -> None:
        while True:
            flight = self.flights.get(await self.timetable.next())
            if flight is not None:
                await self._step(self._check, flight)

    async def _step(self, step: Step, flight: Flight) -> None:
        task_id = flight.task.id
        if task_id in self._busy:
            self._again.add(task_id)
            return
        self._busy.add(task_id)
        try:
            await step(self, flight)
        except Exception:
            log.exception("a step of a task failed", task_id=str(task_id), provider=flight.provider_id)
            self.timetable.set(task_id, 1.0)
        finally:
            self._busy.discard(task_id)
        if task_id in self._again and task_id in self.flights:
            self._again.discard(task_id)
            self.timetable.set(task_id, 0)
