"""Budgets and notifications over HTTP: what an account is told of itself, where, and at which marks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.budgets import window_end, window_start
from vermilion.domain.notifications import sentence
from vermilion.errors import NotFound
from vermilion.faces.native.account import IdQuery
from vermilion.faces.native.wire import Page, Time
from vermilion.http.asgi import Answer, json_answer
from vermilion.http.endpoints import Call, Operation
from vermilion.services.choose_notices import NotificationSettings, choose_notices, read_notices
from vermilion.services.keep_channel import NewChannel, add_channel, remove_channel
from vermilion.services.set_budget import BudgetRequest, set_budget
from vermilion.storage import budgets, endpoints, notifications
from vermilion.storage.budgets import BudgetRow
from vermilion.storage.endpoints import EndpointRow


class BudgetView(msgspec.Struct, frozen=True):
    """A budget and what is used of it; `units` null means that there is none."""

    units: int | None
    window: str
    used: int
    left: int | None
    alerts_at: list[int]
    hard_stop: bool
    resets_at: Time | None


class NotificationView(msgspec.Struct, frozen=True):
    """Something that the account should know, as facts and as a sentence."""

    id: UUID
    type: str
    text: str
    data: dict[str, Any]
    created_at: Time


class ChannelView(msgspec.Struct, frozen=True):
    """A mailbox or chat that an account is told at."""

    id: UUID
    kind: str
    url: str
    events: list[str] | None
    description: str | None
    enabled: bool
    created_at: Time


async def read_budget(call: Call) -> Answer:
    """The account's budget."""
    return await _budget(call, call.bearer.account.id)


async def put_budget(call: Call) -> Answer:
    """Set the account's budget; what it spent in the running window counts."""
    return _budget_answer(await set_budget(call.gateway, call.bearer, call.bearer.account.id, call.body))


async def delete_budget(call: Call) -> Answer:
    """Remove the account's budget."""
    return _budget_answer(await set_budget(call.gateway, call.bearer, call.bearer.account.id, None))


async def read_budget_of(call: Call) -> Answer:
    """An account's budget."""
    return await _budget(call, call.id())


async def put_budget_of(call: Call) -> Answer:
    """Set an account's budget; what it spent in the running window counts."""
    return _budget_answer(await set_budget(call.gateway, call.bearer, call.id(), call.body))


async def delete_budget_of(call: Call) -> Answer:
    """Remove an account's budget."""
    return _budget_answer(await set_budget(call.gateway, call.bearer, call.id(), None))


async def list_notifications(call: Call) -> Answer:
    """What the account was told of itself, the newest first."""
    query: IdQuery = call.query
    rows = await notifications.read_page(
        call.gateway.database, call.bearer.account.id, before=query.cursor, limit=query.limit + 1
    )
    cursor = str(rows[query.limit - 1].id) if len(rows) > query.limit else None
    page = []
    for row in rows[: query.limit]:
        facts = msgspec.json.decode(row.facts)
        page.append(NotificationView(row.id, row.type, sentence(row.type, facts), facts, row.created_at))
    return json_answer(Page(page, cursor))


async def read_settings(call: Call) -> Answer:
    """How the account wants to be told."""
    return json_answer(await read_notices(call.gateway, call.bearer.account.id))


async def put_settings(call: Call) -> Answer:
    """Set how the account wants to be told."""
    await choose_notices(call.gateway, call.bearer, call.body)
    return await read_settings(call)


async def list_channels(call: Call) -> Answer:
    """The mailboxes and chats of an account."""
    rows = await endpoints.read_all(call.gateway.database, call.id())
    return json_answer(Page([_channel_view(row) for row in rows if row.channel != "webhook"], None))


async def create_channel(call: Call) -> Answer:
    """Have an account told at a mailbox or in a chat, too."""
    row = await add_channel(call.gateway, call.bearer, call.id(), call.body)
    return json_answer(_channel_view(row), 201)


async def delete_channel(call: Call) -> Answer:
    """Remove a mailbox or chat."""
    row = await endpoints.read_one(call.gateway.database, call.id("channel_id"), call.id())
    if row.channel == "webhook":
        raise NotFound("There is no such channel.")
    return json_answer(_channel_view(await remove_channel(call.gateway, call.bearer, call.id(), row.id)))


async def _budget(call: Call, account_id: UUID) -> Answer:
    return _budget_answer(await budgets.read(call.gateway.database, account_id))


def _budget_answer(row: BudgetRow) -> Answer:
    now = datetime.now(UTC)
    start = window_start(row.budget_window, now)
    used = 0 if start is not None and row.budget_since < start else row.budget_used
    view = BudgetView(
        units=row.budget_units,
        window=row.budget_window,
        used=used,
        left=None if row.budget_units is None else max(0, row.budget_units - used),
        alerts_at=row.budget_marks,
        hard_stop=row.budget_hard,
        resets_at=window_end(row.budget_window, now),
    )
    return json_answer(view)


def _channel_view(row: EndpointRow) -> ChannelView:
    return ChannelView(
        row.id, row.channel, row.url, row.events, row.description, row.state == "on", row.created_at
    )


OPERATIONS = (
    Operation(
        "GET",
        "/v1/budget",
        read_budget,
        needs="wallet:read",
        summary="The budget",
        answers=BudgetView,
        tag="Account",
    ),
    Operation(
        "PUT",
        "/v1/budget",
        put_budget,
        needs="account:write",
        summary="Set the budget",
        body=BudgetRequest,
        answers=BudgetView,
        tag="Account",
    ),
    Operation(
        "DELETE",
        "/v1/budget",
        delete_budget,
        needs="account:write",
        summary="Remove the budget",
        answers=BudgetView,
        tag="Account",
    ),
    Operation(
        "GET",
        "/v1/notifications",
        list_notifications,
        needs="wallet:read",
        summary="List notifications",
        answers=Page[NotificationView],
        query=IdQuery,
        tag="Account",
    ),
    Operation(
        "GET",
        "/v1/notification-settings",
        read_settings,
        needs="wallet:read",
        summary="How the account is told",
        answers=NotificationSettings,
        tag="Account",
    ),
    Operation(
        "PUT",
        "/v1/notification-settings",
        put_settings,
        needs="account:write",
        summary="Set how the account is told",
        body=NotificationSettings,
        answers=NotificationSettings,
        tag="Account",
    ),
    Operation(
        "GET",
        "/admin/v1/accounts/{id}/budget",
        read_budget_of,
        needs="operator",
        summary="An account's budget",
        answers=BudgetView,
        errors=(404,),
        tag="Operators",
    ),
    Operation(
        "PUT",
        "/admin/v1/accounts/{id}/budget",
        put_budget_of,
        needs="operator",
        summary="Set an account's budget",
        body=BudgetRequest,
        answers=BudgetView,
        errors=(404,),
        tag="Operators",
    ),
    Operation(
        "DELETE",
        "/admin/v1/accounts/{id}/budget",
        delete_budget_of,
        needs="operator",
        summary="Remove an account's budget",
        answers=BudgetView,
        errors=(404,),
        tag="Operators",
    ),
    Operation(
        "GET",
        "/admin/v1/accounts/{id}/notification-channels",
        list_channels,
        needs="operator",
        summary="List an account's mailboxes and chats",
        answers=Page[ChannelView],
        errors=(404,),
        tag="Operators",
    ),
    Operation(
        "POST",
        "/admin/v1/accounts/{id}/notification-channels",
        create_channel,
        needs="operator",
        summary="Add a mailbox or chat",
        body=NewChannel,
        answers=ChannelView,
        status=201,
        errors=(404, 409),
        tag="Operators",
    ),
    Operation(
        "DELETE",
        "/admin/v1/accounts/{id}/notification-channels/{channel_id}",
        delete_channel,
        needs="operator",
        summary="Remove a mailbox or chat",
        answers=ChannelView,
        errors=(404,),
        tag="Operators",
    ),
)
