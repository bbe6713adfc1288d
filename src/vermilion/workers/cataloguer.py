"""Keeps this node's catalogue as the operator published it: at once when told, and when a time has come."""

from __future__ import annotations

import asyncio

from vermilion.errors import VermilionError
from vermilion.logs import get_logger
from vermilion.services.gateway import Gateway
from vermilion.workers.presence import Presence

LOOK_EVERY_S = 5.0  #: the cost of a lost notification, and how late terms of a later time may begin
log = get_logger("cataloguer")


class Cataloguer:
    """Reads published terms again and again; a node that works off tasks then serves the routes that they name."""

    def __init__(self, gateway: Gateway, presence: Presence | None) -> None:
        self._gateway = gateway
        self._presence = presence
        self._told = asyncio.Event()
        self._served = gateway.catalogue

    def changed(self, _payload: str = "") -> None:
        """Some node published terms."""
        self._told.set()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self._look()
            except VermilionError as away:
                log.warning("published terms are read later", error=str(away))
            await self._wait()

    async def _look(self) -> None:
        await self._gateway.offer_book.refresh()
        if self._presence is None or self._served is self._gateway.catalogue:
            return
        catalogue = self._gateway.catalogue
        await self._presence.serve_changed_routes()
        self._served = catalogue

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await self._told.wait()
        except TimeoutError:
            return
        self._told.clear()
