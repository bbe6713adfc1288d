"""Keeps this node's lease, takes over from nodes that lost theirs, and does what time demands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from vermilion.errors import VermilionError
from vermilion.logs import get_logger
from vermilion.services import sweep
from vermilion.services.gateway import Gateway
from vermilion.services.served_queues import REFRESH_S
from vermilion.storage import connections, flights, nodes
from vermilion.workers.pilot import Pilot

FORGET_NODES_S = 3600.0
log = get_logger("keeper")


class Keeper:
    """The node's duties that are due again and again, each with its own pace."""

    def __init__(self, gateway: Gateway, pilot: Pilot | None) -> None:
        self._gateway = gateway
        self._pilot = pilot

    async def run(self) -> None:
        """Do every duty until cancelled."""
        lease_s = self._gateway.settings.lease_s
        async with asyncio.TaskGroup() as duties:
            duties.create_task(_every(lease_s / 4, self._beat))
            duties.create_task(_every(REFRESH_S, self._gateway.served.refresh))
            if self._pilot is not None:
                duties.create_task(_every(lease_s / 4, self._adopt))
                duties.create_task(_every(1.0, lambda: sweep.end_overdue(self._gateway)))
                duties.create_task(_every(5.0, lambda: sweep.expire_money(self._gateway)))
                duties.create_task(_every(60.0, lambda: sweep.delete_old_media(self._gateway)))
                duties.create_task(_every(60.0, lambda: sweep.sum_up_usage(self._gateway)))
                duties.create_task(_every(3600.0, lambda: sweep.forget_records(self._gateway)))
                duties.create_task(_every(600.0, lambda: sweep.forget_deliveries(self._gateway)))
                duties.create_task(_every(3600.0, self._forget_nodes))

    async def _beat(self) -> None:
        gateway = self._gateway
        if not await nodes.beat(gateway.database, gateway.node_id):
            await nodes.register(
                gateway.database,
                node_id=gateway.node_id,
                name=gateway.settings.node_name,
                role=gateway.settings.role,
            )

    async def _adopt(self) -> None:
        gateway, pilot = self._gateway, self._pilot
        assert pilot is not None  # this duty is only set up with a pilot
        await self._beat()  # after a time without a database this node would else take its own tasks over
        tasks = await flights.adopt(
            gateway.database,
            node_id=gateway.node_id,
            lease_s=gateway.settings.lease_s,
            providers=pilot.providers,
        )
        if not tasks:
            return
        log.warning("took over tasks of a silent node", tasks=len(tasks))
        rows = {row.id: row for row in await connections.read_all(gateway.database)}
        for task in tasks:
            await pilot.adopt(rows[task.connection_id], task)

    async def _forget_nodes(self) -> None:
        await nodes.forget_silent(self._gateway.database, FORGET_NODES_S)


async def _every(seconds: float, duty: Callable[[], Awaitable[object]]) -> None:
    while True:
        try:
            await duty()
        except VermilionError as away:
            log.warning("a duty has to wait", error=str(away))
        await asyncio.sleep(seconds)
