"""The proof that every balance follows from its entries."""

from __future__ import annotations

from starlette.responses import Response

from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.visit import Visit
from vermilion.storage import ledger


async def show(visit: Visit) -> Response:
    """What was issued, spent, held and expired in all; the proof is asked for, since it reads every entry."""
    return await page(
        visit,
        "operator/ledger.html",
        title="Ledger",
        sums=await ledger.read_sums(visit.gateway.database),
        verdict=None,
        differences=[],
    )


async def verify(visit: Visit) -> Response:
    """Recompute every balance, on the live system."""
    entries, differences = await ledger.verify(visit.gateway.database)
    return await page(
        visit,
        "operator/ledger.html",
        title="Ledger",
        sums=await ledger.read_sums(visit.gateway.database),
        verdict=entries,
        differences=differences,
    )
