"""Every offer with its price rule, its routes, and whether something here can run it."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.pages.models import page_of
from vermilion.faces.dashboard.visit import Visit
from vermilion.storage import connections


async def show(visit: Visit) -> Response:
    """The catalogue as operators see it. Prices and routes are the catalogue's TOML files."""
    rows = await connections.read_all(visit.gateway.database)
    connected = {row.provider for row in rows}
    offers, more = page_of(list(visit.gateway.catalogue.offers.values()), visit.query("after"))
    return await page(
        visit,
        "operator/models.html",
        title="Models, prices, routes",
        offers=offers,
        more=f"/operator/models?{urlencode({'after': more})}" if more else "",
        first="/operator/models" if visit.query("after") else "",
        connected=connected,
    )
