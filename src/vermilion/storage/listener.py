"""LISTEN on its own connection: notifications only wake, a lost one costs latency and never work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg

from vermilion.logs import get_logger
from vermilion.storage.database import AWAY

CHANNELS = (
    "vermilion_task",
    "vermilion_work",
    "vermilion_cancel",
    "vermilion_connection",
    "vermilion_describe",
    "vermilion_delivery",
    "vermilion_key",
    "vermilion_words",
    "vermilion_terms",
)
RECONNECT_S = 0.5
log = get_logger("listener")


class Listener:
    """Calls back for each notification of a channel, reconnecting for as long as it runs.

    It listens to the channels that somebody wanted to hear of before it ran: a node that does no work, say, is not
    woken by each batch of it.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._callbacks: dict[str, list[Callable[[str], None]]] = {channel: [] for channel in CHANNELS}
        self._lost: list[Callable[[], None]] = []

    def on(self, channel: str, callback: Callable[[str], None]) -> None:
        """Call back with the payload of every notification on `channel`."""
        self._callbacks[channel].append(callback)

    def on_reconnect(self, callback: Callable[[], None]) -> None:
        """Call back when notifications may have been missed."""
        self._lost.append(callback)

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                await self._listen_once()
            except AWAY as away:
                log.warning("listener lost its connection", error=str(away))
            await asyncio.sleep(RECONNECT_S)

    async def _listen_once(self) -> None:
        connection = await asyncpg.connect(
            self._dsn, server_settings={"application_name": "vermilion-listener"}
        )
        closed = asyncio.Event()
        connection.add_termination_listener(lambda _: closed.set())
        try:
            for channel in [channel for channel, callbacks in self._callbacks.items() if callbacks]:
                await connection.add_listener(channel, self._received)
            for callback in self._lost:
                callback()
            await closed.wait()
        finally:
            connection.terminate()

    def _received(self, _connection: Any, _pid: int, channel: str, payload: Any) -> None:
        for callback in self._callbacks[channel]:
            callback(str(payload))
