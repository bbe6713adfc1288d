"""Queues: what waits and runs, and the connections that take from them."""

from __future__ import annotations

import re
from typing import Literal, cast

from starlette.responses import Response

from vermilion.errors import InvalidRequest
from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.visit import Visit, see
from vermilion.services.steer_connection import limit_connection, steer_connection
from vermilion.storage import connections

ACTS = {
    "pause": "Paused. What runs goes on.",
    "resume": "Takes work again.",
    "reboot": "Its work has a fresh lease.",
}


async def show(visit: Visit) -> Response:
    """Every queue with active tasks, and every connection with its gauge."""
    database = visit.gateway.database
    return await page(
        visit,
        "operator/queues.html",
        title="Queues",
        queues=await connections.count_queues(database),
        connections=await connections.read_all(database),
    )


async def act(visit: Visit) -> Response:
    """Pause, resume or reboot a connection."""
    asked = visit.text("act")
    if asked not in ACTS:
        raise InvalidRequest("A connection can be paused, resumed or rebooted.")
    await steer_connection(
        visit.gateway,
        visit.bearer,
        visit.id(),
        act=cast(Literal["pause", "resume", "reboot"], asked),
        reason=visit.text("reason") or None,
    )
    return see("/operator/queues", told=ACTS[asked])


async def limit(visit: Visit) -> Response:
    """How many tasks a connection may run at once, and when its turn is."""
    number = visit.text("concurrency_max")
    if not number.isdecimal() or not 1 <= int(number) <= 1_000_000:
        raise InvalidRequest("A connection runs at least one task at once.")
    preference = visit.text("preference")
    if preference and not re.fullmatch(r"-?\d{1,3}", preference):
        raise InvalidRequest(
            "The turn of a connection is a whole number from -999 to 999; the lowest comes first."
        )
    row = await connections.read_one(visit.gateway.database, visit.id())
    await limit_connection(
        visit.gateway,
        visit.bearer,
        visit.id(),
        concurrency_max=int(number),
        window_max=row.window_max if row else None,
        window_s=row.window_s if row else None,
        preference=int(preference) if preference else None,
    )
    return see("/operator/queues", told="Changed.")
