"""The end of a node: what it holds is finished or handed over, within bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

from vermilion.logs import get_logger
from vermilion.services.gateway import Gateway
from vermilion.storage import nodes
from vermilion.workers.pilot import Pilot

CUT_S = 2.0
HAND_OVER_S = 5.0  #: what handing back may take beyond the patience with work in hand
log = get_logger("drain")


async def drain(gateway: Gateway, pilot: Pilot | None, hurry: asyncio.Event) -> None:
    """Finish or hand back what is in hand and give up the lease; `hurry` cuts it short.

    What could not be handed over in time is taken over by others once the lease has run out.
    """
    handing_over = asyncio.create_task(_hand_over(gateway, pilot))
    hurrying = asyncio.create_task(hurry.wait())
    patience_s = gateway.settings.drain_timeout_s + HAND_OVER_S
    await asyncio.wait({handing_over, hurrying}, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
    handed_over = handing_over.done() and handing_over.exception() is None
    if not handed_over:
        log.warning("not everything was handed over; the lease runs out by itself")
    await cut({handing_over, hurrying})


async def cut(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait for their end, but not for those that a database that hangs holds on to."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=CUT_S)


async def _hand_over(gateway: Gateway, pilot: Pilot | None) -> None:
    if pilot is not None:
        await pilot.drain(gateway.settings.drain_timeout_s)
    await nodes.leave(gateway.database, gateway.node_id)
