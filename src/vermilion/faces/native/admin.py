"""What operators do for accounts: open and change them, their money, keys and plans."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from vermilion.faces.native.account import (
    CursorQuery,
    EntryView,
    IdQuery,
    Rotation,
    entries_of,
)
from vermilion.faces.native.account_wire import (
    KeyView,
    PlanView,
    WalletView,
    key_view,
    plan_view,
    wallet_view,
)
from vermilion.faces.native.tasks import idempotency_key
from vermilion.faces.native.wire import Page, Time
from vermilion.http.asgi import Answer, json_answer
from vermilion.http.endpoints import Call, Handler, Operation
from vermilion.services.grant_units import GrantRequest, adjust_wallet, grant_units
from vermilion.services.issue_key import KeyRequest, issue_key, revoke_key, rotate_key
from vermilion.services.open_account import change_account, open_account
from vermilion.services.save_plan import PlanRequest, save_plan
from vermilion.storage import accounts, ledger
from vermilion.storage.accounts import AccountRow
from vermilion.storage.ledger import GrantRow


class NewAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A customer to be."""

    name: Annotated[str, Meta(pattern=r"\S", max_length=200)]
    email: Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+$", max_length=320)]
    plan: str | None = None


class AccountChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change of an account."""

    status: Literal["active", "disabled"] | None = None
    plan: str | None = None


class Adjustment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A correction of a wallet: positive adds, negative takes back."""

    units: int
    reason: Annotated[str, Meta(max_length=1000)]


class AccountSummary(msgspec.Struct, frozen=True):
    """An account in a list."""

    id: UUID
    name: str
    email: str
    role: str
    status: str
    plan: str
    created_at: Time


async def create_account(call: Call) -> Answer:
    """Open an account."""
    asked: NewAccount = call.body
    row = await open_account(call.gateway, call.bearer, name=asked.name, email=asked.email, plan=asked.plan)
    return json_answer(_summary(row), 201)


async def list_accounts(call: Call) -> Answer:
    """List accounts, newest first."""
    query: IdQuery = call.query
    rows = await accounts.read_accounts(call.gateway.database, after=query.cursor, limit=query.limit + 1)
    page = [_summary(row) for row in rows[: query.limit]]
    return json_answer(Page(page, str(page[-1].id) if len(rows) > query.limit else None))


async def show_account(call: Call) -> Answer:
    """Read an account."""
    return json_answer(_summary(await accounts.read_account(call.gateway.database, call.id())))


async def edit_account(call: Call) -> Answer:
    """Disable, enable, or move to another plan."""
    asked: AccountChange = call.body
    row = await change_account(call.gateway, call.bearer, call.id(), status=asked.status, plan=asked.plan)
    return json_answer(_summary(row))


async def add_grant(call: Call) -> Answer:
    """Put money into a wallet; an Idempotency-Key makes a repeat harmless."""
    row = await grant_units(
        call.gateway, call.bearer, call.id(), call.body, idempotency_key=idempotency_key(call)
    )
    return json_answer(row, 201)


async def adjust(call: Call) -> Answer:
    """Correct a wallet for a stated reason."""
    asked: Adjustment = call.body
    await adjust_wallet(call.gateway, call.bearer, call.id(), units=asked.units, reason=asked.reason)
    return json_answer(wallet_view(await ledger.read_wallet(call.gateway.database, call.id())), 201)


async def show_wallet(call: Call) -> Answer:
    """Read an account's wallet."""
    return json_answer(wallet_view(await ledger.read_wallet(call.gateway.database, call.id())))


async def show_entries(call: Call) -> Answer:
    """Read an account's statement."""
    return await entries_of(call, call.id())


async def add_key(call: Call) -> Answer:
    """Make a key for an account; its secret is in this answer only."""
    issued = await issue_key(call.gateway, call.bearer, call.id(), call.body)
    return json_answer(key_view(issued.row, issued.secret), 201)


async def list_keys(call: Call) -> Answer:
    """List an account's keys."""
    return json_answer(
        Page([key_view(row) for row in await accounts.read_keys(call.gateway.database, call.id())], None)
    )


async def rotate(call: Call) -> Answer:
    """Replace any key's secret."""
    rotation: Rotation = call.body
    issued = await rotate_key(call.gateway, call.bearer, call.id(), account_id=None, grace_s=rotation.grace_s)
    return json_answer(key_view(issued.row, issued.secret), 201)


async def revoke(call: Call) -> Answer:
    """Revoke any key."""
    return json_answer(key_view(await revoke_key(call.gateway, call.bearer, call.id(), account_id=None)))


async def put_plan(call: Call) -> Answer:
    """Make or change a plan."""
    return json_answer(plan_view(await save_plan(call.gateway, call.bearer, call.body)), 201)


async def list_plans(call: Call) -> Answer:
    """List plans."""
    return json_answer(
        Page([plan_view(row) for row in await accounts.read_plans(call.gateway.database)], None)
    )


def _summary(row: AccountRow) -> AccountSummary:
    return AccountSummary(row.id, row.name, row.email, row.role, row.status, row.plan_id, row.created_at)


def admin_operation(  # noqa: PLR0917  (its calls are the columns of a table)
    method: str,
    path: str,
    handler: Handler,
    summary: str,
    answers: Any,
    status: int = 200,
    **more: Any,
) -> Operation:
    """An operation under /admin/v1, for operators only."""
    return Operation(
        method, "/admin/v1" + path, handler, "operator", summary, answers, status, tag="Operators", **more
    )


OPERATIONS = (
    admin_operation(
        "POST",
        "/accounts",
        create_account,
        "Open an account",
        AccountSummary,
        201,
        body=NewAccount,
        errors=(404, 409),
    ),
    admin_operation("GET", "/accounts", list_accounts, "List accounts", Page[AccountSummary], query=IdQuery),
    admin_operation("GET", "/accounts/{id}", show_account, "Read an account", AccountSummary, errors=(404,)),
    admin_operation(
        "PATCH",
        "/accounts/{id}",
        edit_account,
        "Change an account",
        AccountSummary,
        body=AccountChange,
        errors=(404,),
    ),
    admin_operation(
        "POST",
        "/accounts/{id}/grants",
        add_grant,
        "Grant units",
        GrantRow,
        201,
        body=GrantRequest,
        headers=("Idempotency-Key",),
        errors=(404, 409),
    ),
    admin_operation(
        "POST",
        "/accounts/{id}/adjustments",
        adjust,
        "Correct a wallet",
        WalletView,
        201,
        body=Adjustment,
        errors=(404, 409),
    ),
    admin_operation("GET", "/accounts/{id}/wallet", show_wallet, "Read a wallet", WalletView, errors=(404,)),
    admin_operation(
        "GET",
        "/accounts/{id}/entries",
        show_entries,
        "Read a statement",
        Page[EntryView],
        query=CursorQuery,
        errors=(404,),
    ),
    admin_operation(
        "POST", "/accounts/{id}/keys", add_key, "Make a key", KeyView, 201, body=KeyRequest, errors=(404, 409)
    ),
    admin_operation(
        "GET", "/accounts/{id}/keys", list_keys, "List an account's keys", Page[KeyView], errors=(404,)
    ),
    admin_operation(
        "POST", "/keys/{id}/rotate", rotate, "Rotate a key", KeyView, 201, body=Rotation, errors=(404, 409)
    ),
    admin_operation("DELETE", "/keys/{id}", revoke, "Revoke a key", KeyView, errors=(404,)),
    admin_operation("POST", "/plans", put_plan, "Make or change a plan", PlanView, 201, body=PlanRequest),
    admin_operation("GET", "/plans", list_plans, "List plans", Page[PlanView]),
)
