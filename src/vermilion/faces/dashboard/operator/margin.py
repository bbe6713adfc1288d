"""What is left after the providers: charges against what operators state that providers take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from starlette.responses import Response

from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.pages.usage import DAYS, RANGES
from vermilion.faces.dashboard.visit import Visit
from vermilion.storage.margins import MarginRow, read_margins


async def show(visit: Visit) -> Response:
    """Charges, costs and margin by offer, of the range in the URL."""
    range_ = visit.query("range") if visit.query("range") in RANGES else "7d"
    rows = await read_margins(visit.gateway.database, datetime.now(UTC) - timedelta(days=DAYS[range_]))
    known = [row for row in rows if is_known(row)]
    return await page(
        visit,
        "operator/margin.html",
        title="Margin",
        rows=rows,
        is_known=is_known,
        percent=percent,
        charged=sum(row.spent for row in rows),
        known_charged=sum(row.spent for row in known),
        known_cost=sum(row.cost for row in known),
        range=range_,
        ranges=RANGES,
    )


def is_known(row: MarginRow) -> bool:
    """Whether a cost was stated for all of the offer's tasks."""
    return row.costed == row.tasks


def percent(charged: int, cost: int) -> str:
    """The margin as a share of what was charged, to the tenth: `42.5 %`."""
    if charged == 0:
        return "–"
    tenths = (charged - cost) * 1000 // charged
    sign, tenths = ("−", -tenths) if tenths < 0 else ("", tenths)
    return f"{sign}{tenths // 10}.{tenths % 10} %"
