"""The person's own settings: password, sessions, keyboard; and what the account's plan allows."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from vermilion.errors import InvalidRequest, Unauthenticated, VermilionError
from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.visit import Visit, see
from vermilion.services import member_links, sign_in
from vermilion.storage import members


async def show(visit: Visit) -> Response:
    """The page."""
    return await _page(visit)


async def change_password(visit: Visit) -> Response:
    """Change the password; the member's other sessions end."""
    new = str(visit.form.get("new") or "")
    try:
        member_links.check_password(new)
        await sign_in.change_password(visit.gateway, visit.who, str(visit.form.get("old") or ""), new)
    except (InvalidRequest, Unauthenticated) as refused:
        return await _page(visit, refusal=refused, status=refused.status)
    return see("/settings", told="Changed. Your other sessions have ended.")


async def end_session(visit: Visit) -> Response:
    """End one of the member's sessions."""
    await members.end_session(visit.gateway.database, visit.who.member.id, visit.id())
    return see("/settings", told="That session has ended.")


async def save(visit: Visit) -> Response:
    """Keep what the member prefers."""
    chosen = {"keys": visit.text("keys") == "on"}
    await members.save_settings(
        visit.gateway.database, visit.who.member.id, msgspec.json.encode(chosen).decode()
    )
    return see("/settings", told="Saved.")


async def _page(visit: Visit, *, refusal: VermilionError | None = None, status: int = 200) -> Response:
    database, who = visit.gateway.database, visit.who
    return await page(
        visit,
        "pages/settings.html",
        title="Error: Settings" if refusal else "Settings",
        status=status,
        refusal=refusal,
        sessions=await members.read_sessions(database, who.member.id),
        people=await members.read_members(database, who.account.id),
        single_keys=visit.settings.get("keys", True),
    )
