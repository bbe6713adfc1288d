"""Where an account is told of itself, beside its own webhooks: mailboxes and chats, which operators add."""

from __future__ import annotations

from starlette.responses import Response

from vermilion.domain.notifications import TEST, TYPES
from vermilion.errors import InvalidRequest, NotFound
from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.notices import shown_notices
from vermilion.faces.dashboard.visit import Visit, see
from vermilion.services.keep_channel import NewChannel, add_channel, remove_channel
from vermilion.storage import accounts, endpoints


async def show(visit: Visit) -> Response:
    """Which notification of the account goes where, and a form for one more place."""
    return await _page(visit)


async def add(visit: Visit) -> Response:
    """Have the account told at a mailbox or in a chat."""
    types = tuple(str(type_) for type_ in visit.form.getlist("types"))
    asked = NewChannel(
        visit.text("url")[:2000], events=types or None, description=visit.text("description")[:500] or None
    )
    try:
        await add_channel(visit.gateway, visit.bearer, visit.id(), asked)
    except InvalidRequest as refused:
        return await _page(visit, refusal=refused)
    return see(f"/operator/accounts/{visit.id()}/notifications", told="It is told there, too.")


async def remove(visit: Visit) -> Response:
    """Tell the account no longer there."""
    row = await endpoints.read_one(visit.gateway.database, visit.id("channel"), visit.id())
    if row.channel == "webhook":
        raise NotFound("There is no such channel.")
    await remove_channel(visit.gateway, visit.bearer, visit.id(), row.id)
    return see(f"/operator/accounts/{visit.id()}/notifications", told="Removed.")


async def _page(visit: Visit, *, refusal: InvalidRequest | None = None) -> Response:
    account = await accounts.read_account(visit.gateway.database, visit.id())
    problems = refusal.problems if refusal else ()
    return await page(
        visit,
        "operator/notices.html",
        title="Error: Notifications" if refusal else f"Notifications of {account.name}",
        status=refusal.status if refusal else 200,
        account=account,
        notices=await shown_notices(visit.gateway, account),
        types={type_: meaning for type_, (meaning, _) in TYPES.items() if type_ != TEST},
        chosen=set(visit.form.getlist("types")),
        errors=[(problem.pointer.split("/")[1], f"The address {problem.detail}.") for problem in problems],
        sent=visit.form,
    )
