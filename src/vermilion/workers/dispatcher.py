"""Gives waiting tasks to connections with room, late: a task meets its connection when a slot is free."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from vermilion.domain.connections import queue_base
from vermilion.errors import ServiceUnavailable
from vermilion.logs import get_logger
from vermilion.services.gateway import Gateway
from vermilion.storage import connections, flights
from vermilion.storage.connections import ConnectionRow
from vermilion.storage.flights import Claimed
from vermilion.workers.flight import persist
from vermilion.workers.pilot import Pilot

CLAIM_MAX = 200
LOOK_ANYWAY_S = 1.0  #: the cost of a lost notification
REFRESH_S = 5.0
log = get_logger("dispatcher")


def serves(row: ConnectionRow, *, providers: Collection[str], node_name: str) -> bool:
    """Whether a node does a connection's work: its own engines, and engines lent to a customer, which any node has."""
    if row.provider not in providers:
        return False
    return row.provider != "local" or row.account_id is not None or row.name == node_name


class Dispatcher:
    """Claims for the connections that this node serves."""

    def __init__(self, gateway: Gateway, pilot: Pilot, *, providers: frozenset[str]) -> None:
        self._gateway = gateway
        self._pilot = pilot
        self._providers = providers
        self._connections: dict[str, ConnectionRow] = {}
        self._woken = asyncio.Event()
        self._queues: set[str] = set()
        self._stopped = False

    def work_arrived(self, queue: str) -> None:
        """There is, or may be, something to claim in this queue, or room for its kind of work."""
        self._queues.add(queue_base(queue))
        self._woken.set()

    def connections_changed(self, _payload: str = "") -> None:
        """A connection was added, changed, paused or resumed."""
        self._connections = {}
        self._woken.set()

    def stop(self) -> None:
        """Claim nothing more."""
        self._stopped = True

    async def run(self) -> None:
        """Claim until cancelled."""
        clock = asyncio.get_running_loop().time
        refresh_at = look_at = 0.0
        while not self._stopped:
            if not self._connections or clock() >= refresh_at:
                await self._refresh()
                refresh_at = clock() + REFRESH_S
            if clock() >= look_at:
                self._queues.update(base for row in self._connections.values() for base in row.bases)
                look_at = clock() + LOOK_ANYWAY_S
            await self._claim_all()
            await self._wait(look_at - clock())

    async def _claim_all(self) -> None:
        self._woken.clear()
        queues, self._queues = self._queues, set()
        for row in list(self._connections.values()):
            if queues.intersection(row.bases) and await self._claim(row):
                self._queues.update(row.bases)
        if self._queues:
            self._woken.set()

    async def _claim(self, row: ConnectionRow) -> bool:
        """Claim once; True if there may be more."""
        gateway = self._gateway
        try:
            tasks = await flights.claim(
                gateway.database, connection_id=row.id, node_id=gateway.node_id, at_most=CLAIM_MAX
            )
        except ServiceUnavailable:
            tasks = await self._claimed_unawares(row)
        if tasks:
            self._pilot.take(row, tasks)
        return bool(tasks)

    async def _claimed_unawares(self, row: ConnectionRow) -> list[Claimed]:
        """What a claim took whose commit was never answered, because the database went away over it."""
        gateway = self._gateway
        tasks = await persist(
            lambda: flights.read_unsent(gateway.database, connection_id=row.id, node_id=gateway.node_id)
        )
        return [task for task in tasks if not self._pilot.holds(task.id)]

    async def _refresh(self) -> None:
        rows = await persist(lambda: connections.read_all(self._gateway.database))
        self._connections = {str(row.id): row for row in rows if self._serves(row)}

    def _serves(self, row: ConnectionRow) -> bool:
        if row.state in ("paused", "attention", "suspended"):
            return False
        return serves(row, providers=self._providers, node_name=self._gateway.settings.node_name)

    async def _wait(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, timeout_s)):
                await self._woken.wait()
        except TimeoutError:
            return
