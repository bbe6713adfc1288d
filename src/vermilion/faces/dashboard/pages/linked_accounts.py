"""Connections of the account's own: linked, paused, rested, described; what needs the owner first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

import msgspec
from starlette.responses import Response

from vermilion.domain.connections import hours
from vermilion.errors import InvalidRequest, VermilionError
from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.visit import Visit, see
from vermilion.services.describe_connection import describe_connection
from vermilion.services.find_connection import find_connection
from vermilion.services.link_connection import (
    ConnectionChange,
    NewConnection,
    RestHours,
    change_connection,
    link_connection,
    linkable_providers,
)
from vermilion.services.steer_connection import Act, steer_connection
from vermilion.storage import connections

TOLD = {
    "pause": "Paused. What runs goes on; what waits, waits.",
    "resume": "It takes work again.",
    "reboot": "Its work has a fresh start; nothing was dropped.",
}


async def show(visit: Visit) -> Response:
    """The account's connections."""
    return await _page(visit)


async def link(visit: Visit) -> Response:
    """Link an account at a provider; its secret is encrypted at once and never shown again."""
    number = visit.text("concurrency_max")
    try:
        if visit.text("terms") != "on":
            raise InvalidRequest("Read the notice and accept it before linking an account.")
        asked = NewConnection(
            provider=visit.text("provider"),
            name=visit.text("name"),
            secret={"api_key": visit.text("secret")} if visit.text("secret") else None,
            concurrency_max=int(number) if number.isdecimal() and 1 <= int(number) <= 1_000 else 3,
        )
        await link_connection(visit.gateway, visit.bearer, visit.account_id, asked)
    except VermilionError as refused:
        return await _page(visit, refusal=refused, status=refused.status)
    return see("/linked-accounts", told="Linked.")


async def act(visit: Visit) -> Response:
    """Pause, resume or reboot a connection of one's own."""
    asked = visit.text("act")
    if asked not in TOLD:
        raise InvalidRequest("A connection can be paused, resumed or rebooted.")
    await steer_connection(
        visit.gateway, visit.bearer, visit.id(), act=cast(Act, asked), reason=None, owner_id=visit.account_id
    )
    return see("/linked-accounts", told=TOLD[asked])


async def rest(visit: Visit) -> Response:
    """Set the hours of the day in which it begins nothing, or end them."""
    start, end = visit.text("start"), visit.text("end")
    try:
        rests = msgspec.convert({"start": start, "end": end}, RestHours) if start and end else None
    except msgspec.ValidationError:
        raise InvalidRequest("Resting hours are times of day such as 22:00, in UTC.") from None
    await change_connection(
        visit.gateway, visit.bearer, visit.id(), ConnectionChange(rest_hours=rests), owner_id=visit.account_id
    )
    return see("/linked-accounts", told="Changed.")


async def refresh(visit: Visit) -> Response:
    """Ask the provider now; at most once a minute, so that it does not mind."""
    row = await find_connection(visit.gateway, visit.id(), visit.account_id)
    await describe_connection(visit.gateway, row, refresh=True)
    return see("/linked-accounts", told="Asked just now.")


async def _page(visit: Visit, *, refusal: VermilionError | None = None, status: int = 200) -> Response:
    rows = await connections.read_own(visit.gateway.database, visit.account_id)
    return await page(
        visit,
        "pages/linked_accounts.html",
        title="Error: Linked accounts" if refusal else "Linked accounts",
        status=status,
        connections=rows,
        descriptions={row.id: msgspec.json.decode(row.description) for row in rows if row.description},
        rests={row.id: hours(row.rest_from, row.rest_to) for row in rows},
        needy=[row for row in rows if row.state == "attention"],
        providers=linkable_providers(),
        refusal=refusal,
        now=datetime.now(UTC),
    )
