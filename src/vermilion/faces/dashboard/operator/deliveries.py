"""Webhook deliveries of every account, and how one went."""

from __future__ import annotations

from starlette.responses import Response

from vermilion.errors import NotFound
from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.pages.tasks import cursor_of
from vermilion.faces.dashboard.pages.webhooks import PAGE, STATES
from vermilion.faces.dashboard.visit import Visit, see
from vermilion.services.replay_deliveries import replay_one
from vermilion.storage import deliveries, oversight

HOSTS_AMONG = 2_000  #: of the newest deliveries
HOSTS_SHOWN = 8


async def show(visit: Visit) -> Response:
    """Deliveries in a state, newest first."""
    database = visit.gateway.database
    state = visit.query("state") if visit.query("state") in STATES else ""
    rows = await deliveries.read_everybodys(
        database, state=state or None, before=cursor_of(visit), limit=PAGE + 1
    )
    return await page(
        visit,
        "operator/deliveries.html",
        title="Deliveries",
        deliveries=rows[:PAGE],
        names=await oversight.read_account_names(database, [row.account_id for row in rows]),
        hosts=await deliveries.read_troubled_hosts(database, among=HOSTS_AMONG, limit=HOSTS_SHOWN),
        state=state,
        states=STATES,
        older=f"?state={state}&before={rows[PAGE - 1].id}" if len(rows) > PAGE else "",
        newest=f"?state={state}" if visit.query("before") else "",
    )


async def show_one(visit: Visit) -> Response:
    """One delivery with its attempts."""
    row = await deliveries.find(visit.gateway.database, visit.id())
    if row is None:
        raise NotFound("There is no such delivery.")
    return await page(
        visit,
        "operator/delivery.html",
        title=row.event,
        delivery=row,
        attempts=await deliveries.read_attempts(visit.gateway.database, row.id),
    )


async def resend(visit: Visit) -> Response:
    """Send one delivery again."""
    row = await deliveries.find(visit.gateway.database, visit.id())
    if row is None:
        raise NotFound("There is no such delivery.")
    await replay_one(visit.gateway, row.account_id, row.id)
    return see(f"/operator/deliveries/{row.id}", told="It is sent again.")
