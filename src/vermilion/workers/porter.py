"""Carries batches on, portion by portion, on whichever node has time."""

from __future__ import annotations

import asyncio

from vermilion.errors import VermilionError
from vermilion.logs import get_logger
from vermilion.services.gateway import Gateway
from vermilion.services.run_batch import run_due_batch

IDLE_S = 0.5
log = get_logger("porter")


async def carry_batches(gateway: Gateway) -> None:
    """Take due batches a step further until cancelled."""
    while True:
        try:
            ran = await run_due_batch(gateway)
        except VermilionError as away:
            log.warning("batches have to wait", error=str(away))
            ran = False
        if not ran:
            await asyncio.sleep(IDLE_S)
