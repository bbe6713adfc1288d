"""The person's own settings: password, sessions, keyboard; and what the account's plan allows."""

from __future__ import annotations

from zoneinfo import available_timezones

import msgspec
from starlette.responses import Response

from vermilion.errors import FieldProblem, InvalidRequest, Unauthenticated, VermilionError
from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.notices import shown_notices
from vermilion.faces.dashboard.pages.keys import units_of
from vermilion.faces.dashboard.visit import Visit, see
from vermilion.services import member_links, sign_in
from vermilion.services.choose_notices import NotificationSettings, choose_notices
from vermilion.storage import members

MARKS_MAX = 10
ZONES = frozenset(available_timezones())
NO_ZONE = "must be the name of a time zone, such as Europe/Berlin"
FIELDS = {"low_balance": "An amount", "zone": "The time zone"}
DENSITIES = {"comfortable": "Comfortable", "compact": "Compact"}


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
    zone = visit.text("zone")
    if zone and zone not in ZONES:
        return await _page(
            visit, refusal=InvalidRequest(problems=(FieldProblem("/zone", NO_ZONE),)), status=422
        )
    density = "compact" if visit.text("density") == "compact" else "comfortable"
    chosen = {"keys": visit.text("keys") == "on", "zone": zone, "density": density}
    await members.save_settings(
        visit.gateway.database, visit.who.member.id, msgspec.json.encode(chosen).decode()
    )
    return see("/settings", told="Saved.")


async def save_notices(visit: Visit) -> Response:
    """Choose how the account is told of itself."""
    try:
        asked = NotificationSettings(email=visit.text("email") == "on", low_balance=_marks(visit))
    except InvalidRequest as refused:
        return await _page(visit, refusal=refused, status=refused.status)
    await choose_notices(visit.gateway, visit.bearer, asked)
    return see("/settings#notifications", told="Saved.")


async def _page(visit: Visit, *, refusal: VermilionError | None = None, status: int = 200) -> Response:
    database, who = visit.gateway.database, visit.who
    return await page(
        visit,
        "pages/settings.html",
        title="Error: Settings" if refusal else "Settings",
        status=status,
        refusal=refusal,
        error=_error(refusal),
        sessions=await members.read_sessions(database, who.member.id),
        people=await members.read_members(database, who.account.id),
        notices=await shown_notices(visit.gateway, who.account),
        single_keys=visit.settings.get("keys", True),
        chosen_zone=visit.settings.get("zone", ""),
        densities=DENSITIES,
    )


def _marks(visit: Visit) -> tuple[int, ...]:
    """The amounts of the form. Raises InvalidRequest."""
    texts = visit.text("low_balance").replace(";", " ").replace(",", " ").split()
    units = tuple(units for text in texts if (units := units_of(text, "/low_balance")))
    if len(units) > MARKS_MAX:
        problem = FieldProblem("/low_balance", f"may be one of at most {MARKS_MAX}")
        raise InvalidRequest(problems=(problem,))
    return units


def _error(refusal: VermilionError | None) -> tuple[str, str]:
    """(field, words) of what was refused."""
    if isinstance(refusal, InvalidRequest) and refusal.problems:
        field = refusal.problems[0].pointer.strip("/")
        if field in FIELDS:
            return field, f"{FIELDS[field]} {refusal.problems[0].detail}."
        return "new", f"The new password {refusal.problems[0].detail}"
    return "old", refusal.detail if refusal else ""
