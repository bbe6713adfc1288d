"""Every offer with its price rule, its routes, and whether something here can run it."""

from __future__ import annotations

from starlette.responses import Response

from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.visit import Visit
from vermilion.storage import connections


async def show(visit: Visit) -> Response:
    """The catalogue as operators see it. Prices and routes are the catalogue's TOML files."""
    rows = await connections.read_all(visit.gateway.database)
    connected = {row.provider for row in rows}
    return await page(
        visit,
        "operator/models.html",
        title="Models, prices, routes",
        offers=list(visit.gateway.catalogue.offers.values()),
        connected=connected,
    )
