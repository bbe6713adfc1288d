"""API keys: made, rolled, revoked; a secret is shown in the answer that made it and never again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Literal, cast

from starlette.responses import Response

from vermilion.domain.keys import CUSTOMER_SCOPES, SCOPES
from vermilion.domain.money import UNITS_MAX, UNITS_PER_USD
from vermilion.errors import FieldProblem, InvalidRequest, VermilionError
from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.visit import Visit, see
from vermilion.services.issue_key import IssuedKey, KeyRequest, issue_key, revoke_key, rotate_key
from vermilion.storage import accounts

GRACES = {"0": "at once", "3600": "in an hour", "86400": "in a day", "604800": "in a week"}
LIVES = {"": "Never", "7": "In 7 days", "30": "In 30 days", "90": "In 90 days", "365": "In a year"}
WINDOWS = {"never": "in all", "day": "a day", "week": "a week", "month": "a month"}


async def show(visit: Visit) -> Response:
    """The account's keys."""
    return await _page(visit)


async def create(visit: Visit) -> Response:
    """Make a key and show its secret, this once."""
    try:
        issued = await issue_key(visit.gateway, visit.bearer, visit.account_id, _asked(visit))
    except InvalidRequest as refused:
        return await _page(visit, refusal=refused, status=refused.status)
    return await _page(visit, issued=issued)


async def rotate(visit: Visit) -> Response:
    """Replace a key's secret; the old one works until its grace is over."""
    grace = visit.text("grace_s")
    issued = await rotate_key(
        visit.gateway,
        visit.bearer,
        visit.id(),
        account_id=visit.account_id,
        grace_s=float(grace) if grace in GRACES else 0,
    )
    return await _page(visit, issued=issued)


async def revoke(visit: Visit) -> Response:
    """End a key at once; the name has to be typed."""
    row = await accounts.read_key(visit.gateway.database, visit.id(), visit.account_id)
    if visit.text("name") != row.name:
        raise InvalidRequest(f"Type the key's name, {row.name!r}, to revoke it.")
    await revoke_key(visit.gateway, visit.bearer, row.id, account_id=visit.account_id)
    return see("/keys", told=f"Revoked {row.name}. Whoever uses it is refused from now on.")


async def _page(
    visit: Visit, *, issued: IssuedKey | None = None, refusal: VermilionError | None = None, status: int = 200
) -> Response:
    problems = refusal.problems if isinstance(refusal, InvalidRequest) else ()
    return await page(
        visit,
        "pages/keys.html",
        title="Error: API keys" if refusal else "API keys",
        status=status,
        secret=issued is not None,
        keys=await accounts.read_keys(visit.gateway.database, visit.account_id),
        now=datetime.now(UTC),
        issued=issued,
        errors=[(problem.pointer.strip("/"), problem.detail) for problem in problems],
        scopes={scope: SCOPES[scope] for scope in CUSTOMER_SCOPES},
        models=sorted(visit.gateway.catalogue.models),
        graces=GRACES,
        lives=LIVES,
        windows=WINDOWS,
    )


def _asked(visit: Visit) -> KeyRequest:
    days, window = visit.text("expires_days"), visit.text("cap_window")
    models = tuple(str(model) for model in visit.form.getlist("models"))
    return KeyRequest(
        name=visit.text("name"),
        scopes=tuple(str(scope) for scope in visit.form.getlist("scopes")),
        models=models or None,
        expires_at=datetime.now(UTC) + timedelta(days=int(days)) if days in LIVES and days else None,
        cap_units=units_of(visit.text("cap"), "/cap"),
        cap_window=cast(Literal["never", "day", "week", "month"], window if window in WINDOWS else "never"),
    )


def units_of(text: str, pointer: str) -> int | None:
    """An amount in dollars as units; None for nothing. Raises InvalidRequest for anything else."""
    if not text:
        return None
    try:
        units = Decimal(text.lstrip("$").replace(",", "")) * UNITS_PER_USD
    except InvalidOperation:
        units = Decimal("NaN")
    if not units.is_finite() or units != int(units) or not 0 <= units <= UNITS_MAX:
        raise InvalidRequest(problems=(FieldProblem(pointer, "must be an amount in dollars, such as 12.50"),))
    return int(units)
