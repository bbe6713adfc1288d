"""Customers: found, opened, granted, changed; their pages seen as they see them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal, cast
from uuid import UUID

from starlette.responses import Response

from vermilion.errors import InvalidRequest, VermilionError
from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.pages.keys import units_of
from vermilion.faces.dashboard.pages.tasks import cursor_of
from vermilion.faces.dashboard.pages.wallet import shown_entry
from vermilion.faces.dashboard.shown_task import ShownTask
from vermilion.faces.dashboard.visit import Visit, see
from vermilion.services.account_glance import glance
from vermilion.services.find_tasks import list_tasks
from vermilion.services.grant_units import GrantRequest, adjust_wallet, grant_units
from vermilion.services.member_links import invite_member, renew_link
from vermilion.services.open_account import change_account, open_account
from vermilion.storage import accounts, audit, ledger, members, oversight
from vermilion.storage.tasks import TaskFilter

PAGE = 50
TASKS_SHOWN = 10
ENTRIES_SHOWN = 15
KINDS = {"topup": "Top-up", "pack": "Credit pack", "quota": "Quota", "goodwill": "Goodwill"}


async def show(visit: Visit) -> Response:
    """Accounts whose name or e-mail contains `q`, newest first."""
    return await _list(visit)


async def create(visit: Visit) -> Response:
    """Open an account, and make the link with which its owner signs in."""
    name, email = visit.text("name"), visit.text("email")
    try:
        if not name or "@" not in email:
            raise InvalidRequest("An account needs a name and an e-mail address.")
        row = await open_account(
            visit.gateway, visit.bearer, name=name, email=email, plan=visit.text("plan") or None
        )
        _, path = await invite_member(
            visit.gateway, visit.bearer, row.id, email=email, name=name, role="owner"
        )
    except VermilionError as refused:
        return await _list(visit, refusal=refused, status=refused.status)
    return await _one(visit, row.id, link=visit.origin + path)


async def show_one(visit: Visit) -> Response:
    """One account: money, people, tasks, what moved last."""
    return await _one(visit, visit.id())


async def grant(visit: Visit) -> Response:
    """Put money in, with a reason."""
    units = units_of(visit.text("amount"), "/amount")
    if not units:
        raise InvalidRequest("Say how many dollars to grant.")
    kind, days = visit.text("kind"), visit.text("days")
    asked = GrantRequest(
        units=units,
        kind=cast(Literal["quota", "pack", "topup", "goodwill"], kind if kind in KINDS else "topup"),
        scope=visit.text("scope") or None,
        expires_at=datetime.now(UTC) + timedelta(days=int(days)) if days.isdecimal() and int(days) else None,
        reason=visit.text("reason") or None,
    )
    await grant_units(visit.gateway, visit.bearer, visit.id(), asked)
    return see(f"/operator/accounts/{visit.id()}", told="Granted.")


async def take_back(visit: Visit) -> Response:
    """Lower a wallet, with a reason."""
    units = units_of(visit.text("amount"), "/amount") or 0
    await adjust_wallet(visit.gateway, visit.bearer, visit.id(), units=-units, reason=visit.text("reason"))
    return see(f"/operator/accounts/{visit.id()}", told="Taken back.")


async def change(visit: Visit) -> Response:
    """Move to another plan, disable or enable."""
    status = visit.text("status")
    await change_account(
        visit.gateway,
        visit.bearer,
        visit.id(),
        status=status if status in ("active", "disabled") else None,
        plan=visit.text("plan") or None,
    )
    return see(f"/operator/accounts/{visit.id()}", told="Changed.")


async def invite(visit: Visit) -> Response:
    """Invite somebody to the account; the link is shown once."""
    email, role = visit.text("email"), visit.text("role")
    if "@" not in email:
        raise InvalidRequest("An invitation needs an e-mail address.")
    _, path = await invite_member(
        visit.gateway,
        visit.bearer,
        visit.id(),
        email=email,
        name=visit.text("name") or email,
        role="viewer" if role == "viewer" else "owner",
    )
    return await _one(visit, visit.id(), link=visit.origin + path)


async def new_link(visit: Visit) -> Response:
    """A new one-time link for somebody who lost their password."""
    path = await renew_link(visit.gateway, visit.bearer, visit.id("member"))
    return await _one(visit, visit.id(), link=visit.origin + path)


async def view(visit: Visit) -> Response:
    """See the customer's pages as they do, and change nothing."""
    await members.set_view(visit.gateway.database, visit.who.session.id, visit.id())
    await audit.note(visit.gateway.database, visit.who.member.account_id, "account.view", visit.id())
    return see("/tasks")


async def end_view(visit: Visit) -> Response:
    """Back to one's own pages."""
    viewed = visit.account_id
    await members.set_view(visit.gateway.database, visit.who.session.id, None)
    return see(f"/operator/accounts/{viewed}")


async def _list(visit: Visit, *, refusal: VermilionError | None = None, status: int = 200) -> Response:
    database, sought = visit.gateway.database, visit.query("q")
    rows = await oversight.search_accounts(database, sought, before=cursor_of(visit), limit=PAGE + 1)
    return await page(
        visit,
        "operator/accounts.html",
        title="Accounts",
        status=status,
        accounts=rows[:PAGE],
        sought=sought,
        older=f"?q={sought}&before={rows[PAGE - 1]['id']}" if len(rows) > PAGE else "",
        newest="/operator/accounts" if visit.query("before") else "",
        plans=await accounts.read_plans(database),
        refusal=refusal,
    )


async def _one(visit: Visit, account_id: UUID, *, link: str = "") -> Response:
    database = visit.gateway.database
    account = await accounts.read_account(database, account_id)
    rows, _ = await list_tasks(
        visit.gateway, TaskFilter(account_id=account_id), before=None, limit=TASKS_SHOWN
    )
    entries = await ledger.read_entries(database, account_id, before=None, limit=ENTRIES_SHOWN)
    return await page(
        visit,
        "operator/account.html",
        title=account.name,
        secret=bool(link),
        account=account,
        link=link,
        money=await glance(visit.gateway, account_id),
        people=await members.read_members(database, account_id),
        tasks=[ShownTask(visit.gateway, row) for row in rows],
        entries=[shown_entry(row) for row in entries],
        plans=await accounts.read_plans(database),
        families=sorted(visit.gateway.catalogue.families),
        kinds=KINDS,
    )
