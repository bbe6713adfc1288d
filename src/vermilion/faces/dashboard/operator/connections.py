"""Connections of everybody: how they stand, what they do, who owns them."""

from __future__ import annotations

from starlette.responses import Response

from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.visit import Visit, see
from vermilion.services.describe_connection import describe_connection
from vermilion.services.find_connection import find_connection
from vermilion.storage import connections, oversight


async def show(visit: Visit) -> Response:
    """Every connection, in order of preference."""
    rows = await connections.read_all(visit.gateway.database)
    owners = [row.account_id for row in rows if row.account_id]
    return await page(
        visit,
        "operator/connections.html",
        title="Connections",
        connections=rows,
        names=await oversight.read_account_names(visit.gateway.database, owners),
    )


async def refresh(visit: Visit) -> Response:
    """Ask its provider now."""
    row = await find_connection(visit.gateway, visit.id(), None)
    await describe_connection(visit.gateway, row, refresh=True)
    return see("/operator/connections", told=f"{row.name} was asked just now.")
