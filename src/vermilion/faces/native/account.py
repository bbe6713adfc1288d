"""What an account can see and do of itself: wallet, statement, keys, uploads."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from vermilion.faces.native.account_wire import (
    AccountView,
    KeyView,
    WalletView,
    account_view,
    key_view,
    wallet_view,
)
from vermilion.faces.native.wire import Limit, Page, Time
from vermilion.http.asgi import Answer, json_answer
from vermilion.http.endpoints import Call, Operation
from vermilion.services.choose_service_mode import ServiceModeChoice, choose_service_mode
from vermilion.services.issue_key import KeyRequest, issue_key, revoke_key, rotate_key
from vermilion.services.statement import entry_cursor, parse_entry_cursor
from vermilion.services.webhook_secret import webhook_secret
from vermilion.storage import accounts, ledger

GRACE_S_MAX = 30 * 86_400


class IdQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of a list whose cursors are ids."""

    cursor: UUID | None = None
    limit: Limit = 50


class CursorQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of a list."""

    cursor: str | None = None
    limit: Limit = 50


class Rotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long the old secret goes on working."""

    grace_s: Annotated[float, Meta(ge=0, le=GRACE_S_MAX)] = 0


class EntryView(msgspec.Struct, frozen=True):
    """One immutable posting: units moved from source to target."""

    kind: str
    source: str
    target: str
    units: int
    grant_id: UUID
    ref_id: UUID
    reason: str | None
    at: Time


async def me(call: Call) -> Answer:
    """The account that this key belongs to."""
    bearer = call.bearer
    secret = webhook_secret(call.gateway, bearer.account.id)
    return json_answer(account_view(bearer.account, bearer.plan, secret))


async def choose_mode(call: Call) -> Answer:
    """Choose whose connections the account's tasks use unless they say."""
    row = await choose_service_mode(call.gateway, call.bearer, call.body)
    return json_answer(account_view(row, call.bearer.plan, webhook_secret(call.gateway, row.id)))


async def wallet(call: Call) -> Answer:
    """The wallet with its grants in burn order."""
    row = await ledger.read_wallet(call.gateway.database, call.bearer.account.id)
    return json_answer(wallet_view(row))


async def statement(call: Call) -> Answer:
    """The wallet's entries, newest first."""
    return await entries_of(call, call.bearer.account.id)


async def entries_of(call: Call, account_id: UUID) -> Answer:
    """A page of an account's entries."""
    query: CursorQuery = call.query
    limit = query.limit
    rows = await ledger.read_entries(
        call.gateway.database, account_id, before=parse_entry_cursor(query.cursor), limit=limit + 1
    )
    page = [
        EntryView(
            r["kind"], r["source"], r["target"], r["units"], r["grant_id"], r["ref_id"], r["reason"], r["at"]
        )
        for r in rows[:limit]
    ]
    return Answer(
        200, msgspec.json.encode(Page(page, entry_cursor(rows[limit - 1]) if len(rows) > limit else None))
    )


async def list_keys(call: Call) -> Answer:
    """The account's API keys."""
    rows = await accounts.read_keys(call.gateway.database, call.bearer.account.id)
    return json_answer(Page([key_view(row) for row in rows], None))


async def create_key(call: Call) -> Answer:
    """Make an API key; its secret is in this answer only."""
    issued = await issue_key(call.gateway, call.bearer, call.bearer.account.id, call.body)
    return json_answer(key_view(issued.row, issued.secret), 201)


async def rotate(call: Call) -> Answer:
    """Replace a key's secret; the old one goes on working for `grace_s`."""
    rotation: Rotation = call.body
    issued = await rotate_key(
        call.gateway,
        call.bearer,
        call.id(),
        account_id=call.bearer.account.id,
        grace_s=rotation.grace_s,
    )
    return json_answer(key_view(issued.row, issued.secret), 201)


async def revoke(call: Call) -> Answer:
    """End a key at once."""
    row = await revoke_key(call.gateway, call.bearer, call.id(), account_id=call.bearer.account.id)
    return json_answer(key_view(row))


OPERATIONS = (
    Operation(
        "GET", "/v1/account", me, needs="tasks:read", summary="Who am I", answers=AccountView, tag="Account"
    ),
    Operation(
        "PUT",
        "/v1/account/service-mode",
        choose_mode,
        needs="account:write",
        summary="Choose whose connections to use",
        body=ServiceModeChoice,
        answers=AccountView,
        tag="Account",
    ),
    Operation(
        "GET",
        "/v1/wallet",
        wallet,
        needs="wallet:read",
        summary="The wallet",
        answers=WalletView,
        tag="Account",
    ),
    Operation(
        "GET",
        "/v1/wallet/entries",
        statement,
        needs="wallet:read",
        summary="The wallet's statement",
        answers=Page[EntryView],
        query=CursorQuery,
        tag="Account",
    ),
    Operation(
        "GET",
        "/v1/keys",
        list_keys,
        needs="keys:write",
        summary="List keys",
        answers=Page[KeyView],
        tag="Keys",
    ),
    Operation(
        "POST",
        "/v1/keys",
        create_key,
        needs="keys:write",
        summary="Make a key",
        body=KeyRequest,
        answers=KeyView,
        status=201,
        tag="Keys",
    ),
    Operation(
        "POST",
        "/v1/keys/{id}/rotate",
        rotate,
        needs="keys:write",
        summary="Replace a key's secret",
        body=Rotation,
        answers=KeyView,
        status=201,
        errors=(404, 409),
        tag="Keys",
    ),
    Operation(
        "DELETE",
        "/v1/keys/{id}",
        revoke,
        needs="keys:write",
        summary="Revoke a key",
        answers=KeyView,
        errors=(404,),
        tag="Keys",
    ),
)
