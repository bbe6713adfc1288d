"""Tells all nodes what this one can run: its connections that need no credential, and the queues that they serve."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from vermilion.errors import VermilionError
from vermilion.logs import get_logger
from vermilion.providers.manifest import Manifest
from vermilion.services.gateway import Gateway
from vermilion.storage import connections

LOOK_EVERY_S = 3.0
Packs = Callable[[], frozenset[str]]
log = get_logger("presence")


class Presence:
    """Providers without a credential have one connection each: echo for all nodes, engines one a node.

    `packs` says which engine packs this node can run at this moment; it is asked in a thread.
    """

    def __init__(self, gateway: Gateway, manifests: Mapping[str, Manifest], packs: Packs) -> None:
        self._gateway = gateway
        self._manifests = {id_: manifest for id_, manifest in manifests.items() if manifest.auth == "none"}
        self._packs = packs
        self._announced: frozenset[str] | None = None

    async def announce(self) -> None:
        """Bring the connections up to date if the packs changed since the last time."""
        packs = await asyncio.to_thread(self._packs)
        if packs == self._announced:
            return
        for id_, manifest in self._manifests.items():
            await self._ensure(id_, manifest, packs)
        await self._refresh_linked()
        if self._announced is not None:
            log.info("engine packs changed", packs=sorted(packs))
        self._announced = packs
        await connections.tell_changed(self._gateway.database)

    async def serve_changed_routes(self) -> None:
        """Let connections serve the queues of the catalogue as it is now."""
        self._announced = None
        await self.announce()

    async def run(self) -> None:
        """Look for added and removed packs until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self.announce()
            except VermilionError as away:
                log.warning("what this node can run is told later", error=str(away))

    async def _refresh_linked(self) -> None:
        """Linked connections serve what the catalogue has now; the engines of other nodes speak for themselves."""
        gateway = self._gateway
        for row in await connections.read_all(gateway.database):
            if row.provider != "local":
                queues = gateway.catalogue.queues_of(row.provider)
                await connections.keep_queues(gateway.database, row, queues)

    async def _ensure(self, id_: str, manifest: Manifest, packs: frozenset[str]) -> None:
        settings, local = self._gateway.settings, id_ == "local"
        await connections.ensure(
            self._gateway.database,
            provider=id_,
            name=settings.node_name if local else "default",
            queues=self._gateway.catalogue.queues_of(id_, packs),
            concurrency_max=settings.engine_workers if local else manifest.concurrency_max,
            fixed=local,  # as many as this node has workers
        )
