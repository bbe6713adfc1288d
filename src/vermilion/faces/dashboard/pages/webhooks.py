"""Webhook endpoints and what was sent to them: added, tested, paused; one delivery resent, or all that failed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from starlette.responses import Response

from vermilion.errors import InvalidRequest, NotFound, VermilionError
from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.pages.tasks import cursor_of
from vermilion.faces.dashboard.visit import Visit, see
from vermilion.services.keep_endpoint import (
    EVENTS,
    OVERLAP_S_DEFAULT,
    EndpointChange,
    NewEndpoint,
    add_endpoint,
    change_endpoint,
    remove_endpoint,
    rotate_secret,
    send_test,
)
from vermilion.services.replay_deliveries import Replay, replay_one, replay_range
from vermilion.services.webhook_secret import endpoint_secret
from vermilion.storage import deliveries, endpoints
from vermilion.storage.endpoints import EndpointRow

PAGE = 25
STATES = {"": "All", "due": "To be sent", "delivered": "Delivered", "given_up": "Given up"}
RECOVER_HOURS = {"1": "the last hour", "24": "the last 24 hours", "168": "the last 7 days"}


async def show(visit: Visit) -> Response:
    """Endpoints and a page of deliveries."""
    return await _page(visit)


async def create(visit: Visit) -> Response:
    """Add an endpoint and show its secret, this once."""
    events = tuple(str(event) for event in visit.form.getlist("events"))
    asked = NewEndpoint(
        url=visit.text("url"), events=events or None, description=visit.text("description") or None
    )
    try:
        row = await add_endpoint(visit.gateway, visit.bearer, asked)
    except VermilionError as refused:
        return await _page(visit, refusal=refused, status=refused.status)
    return await _page(visit, made=row)


async def rotate(visit: Visit) -> Response:
    """A new secret; during the overlap both sign."""
    row = await rotate_secret(visit.gateway, visit.bearer, visit.id(), overlap_s=OVERLAP_S_DEFAULT)
    return await _page(visit, made=row)


async def switch(visit: Visit) -> Response:
    """Pause an endpoint, or switch it on again."""
    enabled = visit.text("enabled") == "true"
    await change_endpoint(visit.gateway, visit.bearer, visit.id(), EndpointChange(enabled=enabled))
    return see(
        "/webhooks", told="It is told again." if enabled else "It is told nothing until you switch it on."
    )


async def remove(visit: Visit) -> Response:
    """Remove an endpoint."""
    await remove_endpoint(visit.gateway, visit.bearer, visit.id())
    return see("/webhooks", told="Removed.")


async def test(visit: Visit) -> Response:
    """Send a test message and go to its delivery."""
    delivery_id = await send_test(visit.gateway, visit.bearer, visit.id())
    return see(f"/webhooks/deliveries/{delivery_id}", told="Sent. Reload in a moment to see how it went.")


async def show_delivery(visit: Visit) -> Response:
    """One delivery with every attempt."""
    row = await deliveries.read_one(visit.gateway.database, visit.id(), visit.account_id)
    if row is None:
        raise NotFound("There is no such delivery.")
    return await page(
        visit,
        "pages/delivery.html",
        title=row.event,
        delivery=row,
        attempts=await deliveries.read_attempts(visit.gateway.database, row.id),
    )


async def resend(visit: Visit) -> Response:
    """Send one delivery again."""
    row = await replay_one(visit.gateway, visit.account_id, visit.id())
    return see(f"/webhooks/deliveries/{row.id}", told="It is sent again.")


async def recover(visit: Visit) -> Response:
    """Send again everything that failed since a time."""
    number = await replay_range(visit.gateway, visit.account_id, Replay(since=_since(visit)))
    return see("/webhooks", told=f"{_deliveries(number)} that failed, sent again.")


async def tell_missed(visit: Visit) -> Response:
    """Send one endpoint what it wants and was never told since a time."""
    asked = Replay(since=_since(visit), which="missed", endpoint_id=visit.id())
    number = await replay_range(visit.gateway, visit.account_id, asked)
    return see(
        "/webhooks",
        told=f"{_deliveries(number)} that it missed, sent now." if number else "It missed nothing.",
    )


def _since(visit: Visit) -> datetime:
    hours = visit.text("hours")
    if hours not in RECOVER_HOURS:
        raise InvalidRequest("Choose how far back to go.")
    return datetime.now(UTC) - timedelta(hours=int(hours))


def _deliveries(number: int) -> str:
    return f"{number:,} deliver{'y' if number == 1 else 'ies'}"


async def _page(
    visit: Visit, *, made: EndpointRow | None = None, refusal: VermilionError | None = None, status: int = 200
) -> Response:
    database = visit.gateway.database
    state = visit.choice("state", STATES)
    rows = await deliveries.read_page(
        database, visit.account_id, task_id=None, state=state or None, before=cursor_of(visit), limit=PAGE + 1
    )
    problems = refusal.problems if isinstance(refusal, InvalidRequest) else ()
    fallback = [("", refusal.detail)] if refusal else []
    return await page(
        visit,
        "pages/webhooks.html",
        title="Error: Webhooks" if refusal else "Webhooks",
        status=status,
        secret=made is not None,
        endpoints=[
            row for row in await endpoints.read_all(database, visit.account_id) if row.channel == "webhook"
        ],
        made=made,
        made_secret=endpoint_secret(visit.gateway, made.id, made.secret_version) if made else "",
        errors=[(problem.pointer.strip("/"), problem.detail) for problem in problems] or fallback,
        events=EVENTS,
        deliveries=rows[:PAGE],
        state=state,
        states=STATES,
        recover_hours=RECOVER_HOURS,
        older=_link(state, rows[PAGE - 1].id) if len(rows) > PAGE else "",
        newest=_link(state) if visit.query("before") else "",
    )


def _link(state: str, before: UUID | None = None) -> str:
    query = {"state": state, "before": str(before or "")}
    return "/webhooks?" + urlencode({name: value for name, value in query.items() if value})
