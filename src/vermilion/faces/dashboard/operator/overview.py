"""How the place is doing: one line first, then the figures of the last day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.responses import Response

from vermilion.domain.outcomes import ConnectionState
from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.visit import Visit
from vermilion.storage import connections, nodes, oversight
from vermilion.storage.oversight import PlaceFigures

HOURS = 24
OLDEST_PENDING_FINE_S = 300.0
UNCONFIRMED_SHOWN = 50


async def show(visit: Visit) -> Response:
    """The overview."""
    database = visit.gateway.database
    figures = await oversight.read_figures(database, datetime.now(UTC) - timedelta(hours=HOURS))
    alive = await nodes.read_all(database)
    in_trouble = [
        row for row in await connections.read_all(database) if row.state == ConnectionState.ATTENTION
    ]
    unconfirmed = await oversight.read_unconfirmed(database, UNCONFIRMED_SHOWN)
    tone, words = _headline(visit, figures, alive, len(in_trouble) + len(unconfirmed))
    return await page(
        visit,
        "operator/overview.html",
        title="Overview",
        figures=figures,
        nodes=alive,
        lease_s=visit.gateway.settings.lease_s,
        tone=tone,
        words=words,
        hours=HOURS,
    )


def _headline(visit: Visit, figures: PlaceFigures, alive: list[Any], needy: int) -> tuple[str, str]:
    """(tone, words): the worst thing there is to say, or that all is well."""
    silent = [row["name"] for row in alive if row["silent_s"] > visit.gateway.settings.lease_s]
    if silent:
        return "bad", f"{', '.join(silent)} gives no sign of life; others have taken its tasks over."
    if needy:
        return "warn", f"{needy} matter{'s need' if needy > 1 else ' needs'} a person."
    if (figures.oldest_pending_s or 0) > OLDEST_PENDING_FINE_S:
        return "warn", "The oldest waiting task has waited for longer than five minutes."
    return "ok", "All well."
