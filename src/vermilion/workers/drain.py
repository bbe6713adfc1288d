"""The end of a node: what it holds is finished or handed over, within bounded time."""

from __future__ import annotations

import asyncio

from vermilion.logs import get_logger
from vermilion.services.gateway import Gateway
from vermilion.storage import nodes
from vermilion.workers.pilot import Pilot

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
    for task in (handing_over, hurrying):
        task.cancel()
    [failure, _] = await asyncio.gather(handing_over, hurrying, return_exceptions=True)
    if failure is not None:
        log.warning("not everything was handed over; the lease runs out by itself", error=repr(failure))


async def _hand_over(gateway: Gateway, pilot: Pilot | None) -> None:
    if pilot is not None:
        await pilot.drain(gateway.settings.drain_timeout_s)
    await nodes.leave(gateway.database, gateway.node_id)
