"""One box finds anything: an id that is pasted goes straight to its page."""

from __future__ import annotations

from starlette.responses import Response

from vermilion.errors import NotFound
from vermilion.faces.dashboard.visit import Visit, see
from vermilion.storage.places import find_place

PAGES = {
    "task": "/tasks/{}",
    "delivery": "/webhooks/deliveries/{}",
    "key": "/keys",
    "account": "/operator/accounts/{}",
}


async def go(visit: Visit) -> Response:
    """Go to the page of what `q` names. Raises NotFound saying what can be found."""
    sought = visit.query("q").strip()
    operators = visit.is_operator and not visit.who.viewing
    found = await find_place(visit.gateway.database, sought, None if operators else visit.account_id)
    if found is None:
        raise NotFound(
            f"Nothing here has the id {sought[:80]!r}. Tasks, deliveries and keys are found by their id or its prefix."
        )
    kind, id_, account_id = found
    own = account_id == visit.account_id
    path = PAGES[kind] if own or kind == "account" else "/operator" + PAGES[kind].replace("/webhooks/", "/")
    return see(path.format(id_))
