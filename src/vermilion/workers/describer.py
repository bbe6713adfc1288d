"""Asks providers to describe the connections that somebody wants to know of, where those connections are served."""

from __future__ import annotations

import asyncio

import msgspec

from vermilion.domain.outcomes import ConnectionState
from vermilion.errors import VermilionError
from vermilion.logs import get_logger
from vermilion.providers.protocol import ConnectionFacts
from vermilion.providers.registry import Registry
from vermilion.services.gateway import Gateway
from vermilion.services.link_connection import unseal
from vermilion.storage import connections, descriptions
from vermilion.storage.connections import ConnectionRow
from vermilion.workers.dispatcher import serves

LOOK_ANYWAY_S = 5.0  #: the cost of a lost notification
ANSWER_S_MAX = 15.0
log = get_logger("describer")


class Describer:
    """The loop over connections that are to be described."""

    def __init__(self, gateway: Gateway, registry: Registry) -> None:
        self._gateway = gateway
        self._registry = registry
        self._woken = asyncio.Event()

    def asked(self, _payload: str = "") -> None:
        """Somebody wants to know of a connection."""
        self._woken.set()

    async def run(self) -> None:
        """Describe until cancelled."""
        while True:
            try:
                await self._describe_asked()
                async with asyncio.timeout(LOOK_ANYWAY_S):
                    await self._woken.wait()
            except VermilionError as away:
                log.warning("descriptions have to wait", error=str(away))
                await asyncio.sleep(1.0)
            except TimeoutError:
                continue

    async def _describe_asked(self) -> None:
        self._woken.clear()
        providers, node_name = self._registry.manifests, self._gateway.settings.node_name
        rows = await descriptions.read_asked(self._gateway.database, providers)
        mine = [row for row in rows if serves(row, providers=providers, node_name=node_name)]
        await asyncio.gather(*(self._describe(row) for row in mine))

    async def _describe(self, row: ConnectionRow) -> None:
        database = self._gateway.database
        options = msgspec.json.decode(row.options)
        try:
            facts = ConnectionFacts(row.id, row.provider, row.name, options, unseal(self._gateway, row))
            async with asyncio.timeout(ANSWER_S_MAX):
                said = await self._registry.get(row.provider).adapter.describe_connection(facts)
        except Exception as silent:
            log.exception("a connection could not be described", connection_id=str(row.id))
            await descriptions.keep(
                database, row, description=None, error=f"The provider did not answer: {silent}"
            )
            return
        described = msgspec.json.encode(said.facts).decode()
        await descriptions.keep(database, row, description=described, error=None)
        await self._note_state(row, said.state, str(said.facts.get("reason", "")))

    async def _note_state(self, row: ConnectionRow, state: ConnectionState, reason: str) -> None:
        """Trouble that a provider tells of stops a connection; what it calls well again goes on."""
        database = self._gateway.database
        if state is ConnectionState.ATTENTION and row.state == ConnectionState.ACTIVE:
            await connections.note_trouble(
                database, row.id, state=state.value, reason=reason, code=reason or None, rest_s=None
            )
        elif state is ConnectionState.ACTIVE and row.state == ConnectionState.ATTENTION:
            await connections.set_state(database, row.id, state=state.value)
