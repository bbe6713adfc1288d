"""Connections over HTTP: an account's own under /v1, every one under /admin/v1."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec

from vermilion.domain.connections import hours
from vermilion.faces.native.admin import admin_operation
from vermilion.faces.native.wire import Page, Time
from vermilion.http.asgi import Answer, json_answer
from vermilion.http.endpoints import Call, Handler, Operation
from vermilion.services.describe_connection import Description, describe_connection, queue_counts
from vermilion.services.find_connection import find_connection
from vermilion.services.link_connection import (
    ConnectionChange,
    NewConnection,
    RestHours,
    change_connection,
    link_connection,
)
from vermilion.services.steer_connection import Act, limit_connection, steer_connection
from vermilion.services.trace_task import Trace, trace_task
from vermilion.storage import connections
from vermilion.storage.connections import ConnectionRow

ERRORS = (404, 409, 502)
Positive = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class ConnectionView(msgspec.Struct, frozen=True):
    """A connection without its secret."""

    id: UUID
    number: int
    account_id: UUID | None
    provider: str
    name: str
    queues: list[str]
    state: str
    state_reason: str | None
    reason_code: str | None
    concurrency_max: int
    preference: int
    running: int
    done: int
    window_max: int | None
    window_s: int | None
    rest_hours: RestHours | None
    rests_until: Time | None
    described_at: Time | None


class ConnectionAct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Pause keeps running work and takes no more; resume takes more; reboot gives running work to a fresh lease;
    suspend takes no more and refuses what is bound to it.
    """

    act: Act
    reason: str | None = None


class ConnectionLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many tasks at once, and how many may begin in a window of so many seconds."""

    concurrency_max: Positive | None = None
    window_max: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)] | None = None
    window_s: Annotated[int, msgspec.Meta(ge=1, le=31_536_000)] | None = None
    preference: Annotated[
        Annotated[int, msgspec.Meta(ge=-1000, le=1000)] | None,
        msgspec.Meta(description="Of connections with room, that with the lowest is offered work first."),
    ] = None


class ConnectionQueue(msgspec.Struct, frozen=True):
    """What a connection could begin now, what it does, and how much it may do at once."""

    waiting: int
    active: int
    concurrency: int
    state: str


class LentConnection(NewConnection, frozen=True, forbid_unknown_fields=True):
    """A connection to make for an account."""

    account_id: UUID | None = None


class Refresh(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether to ask the provider now; at most once a minute."""

    refresh: bool = False


def connection_view(row: ConnectionRow) -> ConnectionView:
    """A connection without its secret."""
    rests = hours(row.rest_from, row.rest_to)
    return ConnectionView(
        id=row.id,
        number=row.number,
        account_id=row.account_id,
        provider=row.provider,
        name=row.name,
        queues=sorted(row.bases),
        state=row.state,
        state_reason=row.state_reason,
        reason_code=row.reason_code,
        concurrency_max=row.concurrency_max,
        preference=row.preference,
        running=row.running,
        done=row.done,
        window_max=row.window_max,
        window_s=row.window_s,
        rest_hours=None if rests is None else RestHours(*rests),
        rests_until=row.rests_until,
        described_at=row.described_at,
    )


async def list_own(call: Call) -> Answer:
    """List your own connections: accounts elsewhere, or engines lent to you, that work for you alone."""
    rows = await connections.read_own(call.gateway.database, call.bearer.account.id)
    return json_answer(Page([connection_view(row) for row in rows], None))


async def list_all(call: Call) -> Answer:
    """List connections with what they are doing."""
    rows = await connections.read_all(call.gateway.database)
    return json_answer(Page([connection_view(row) for row in rows], None))


async def link_own(call: Call) -> Answer:
    """Link a connection of your own."""
    row = await link_connection(call.gateway, call.bearer, call.bearer.account.id, call.body)
    return json_answer(connection_view(row), 201)


async def link_for(call: Call) -> Answer:
    """Link a connection for an account, or lend it an engine of this gateway."""
    asked: LentConnection = call.body
    account_id = asked.account_id or call.bearer.account.id
    return json_answer(
        connection_view(await link_connection(call.gateway, call.bearer, account_id, asked)), 201
    )


async def show(call: Call) -> Answer:
    """Read a connection."""
    return json_answer(connection_view(await find_connection(call.gateway, call.id(), _owner(call))))


async def change(call: Call) -> Answer:
    """Change a connection's name, resting hours and speed."""
    asked: ConnectionChange = call.body
    row = await change_connection(call.gateway, call.bearer, call.id(), asked, owner_id=_owner(call))
    return json_answer(connection_view(row))


async def act(call: Call) -> Answer:
    """Pause, resume, reboot or suspend a connection."""
    asked: ConnectionAct = call.body
    row = await steer_connection(
        call.gateway, call.bearer, call.id(), act=asked.act, reason=asked.reason, owner_id=_owner(call)
    )
    return json_answer(connection_view(row))


async def limit(call: Call) -> Answer:
    """Set how much a connection may take."""
    limits = msgspec.structs.asdict(call.body)
    row = await limit_connection(call.gateway, call.bearer, call.id(), **limits, owner_id=_owner(call))
    return json_answer(connection_view(row))


async def describe(call: Call) -> Answer:
    """Tell what the account behind a connection is and does, as of at most 15 minutes ago."""
    query: Refresh = call.query
    row = await find_connection(call.gateway, call.id(), _owner(call))
    return json_answer(await describe_connection(call.gateway, row, refresh=query.refresh))


async def queue(call: Call) -> Answer:
    """Count the tasks of a connection."""
    row = await find_connection(call.gateway, call.id(), _owner(call))
    waiting, active = await queue_counts(call.gateway, row)
    return json_answer(ConnectionQueue(waiting, active, row.concurrency_max, row.state))


async def trace(call: Call) -> Answer:
    """Tell which connection has, or had, a task. Customers see connections of their own only."""
    return json_answer(await trace_task(call.gateway, call.id(), owner_id=_owner(call)))


def _owner(call: Call) -> UUID | None:
    """Whose connections these are; under /admin, anyone's."""
    return None if call.scope["path"].startswith("/admin/") else call.bearer.account.id


def _own_operation(
    method: str, path: str, handler: Handler, summary: str, answers: Any, **more: Any
) -> Operation:
    """An operation under /v1 on connections of the caller's."""
    needs = "tasks:read" if method == "GET" else "keys:write"
    return Operation(method, "/v1" + path, handler, needs, summary, answers, tag="Connections", **more)


#: What owners do with their own connections, and operators with every one.
BOTH: tuple[tuple[str, str, Handler, str, Any, dict[str, Any]], ...] = (
    ("GET", "/connections/{id}", show, "Read a connection", ConnectionView, {}),
    ("PATCH", "/connections/{id}", change, "Change a connection", ConnectionView, {"body": ConnectionChange}),
    ("POST", "/connections/{id}/acts", act, "Steer a connection", ConnectionView, {"body": ConnectionAct}),
    (
        "PUT",
        "/connections/{id}/limits",
        limit,
        "Limit a connection",
        ConnectionView,
        {"body": ConnectionLimits},
    ),
    (
        "GET",
        "/connections/{id}/description",
        describe,
        "Describe a connection",
        Description,
        {"query": Refresh},
    ),
    ("GET", "/connections/{id}/queue", queue, "Count a connection's tasks", ConnectionQueue, {}),
    ("GET", "/tasks/{id}/trace", trace, "Trace a task", Trace, {}),
)
OPERATIONS = (
    _own_operation("GET", "/connections", list_own, "List your connections", Page[ConnectionView]),
    _own_operation(
        "POST",
        "/connections",
        link_own,
        "Link a connection",
        ConnectionView,
        status=201,
        body=NewConnection,
        errors=(409,),
    ),
    *(_own_operation(m, p, h, s, a, errors=ERRORS, **more) for m, p, h, s, a, more in BOTH),
    admin_operation("GET", "/connections", list_all, "List connections", Page[ConnectionView]),
    admin_operation(
        "POST",
        "/connections",
        link_for,
        "Link a connection for an account",
        ConnectionView,
        201,
        body=LentConnection,
        errors=(404, 409),
    ),
    *(admin_operation(m, p, h, s, a, errors=ERRORS, **more) for m, p, h, s, a, more in BOTH),
)
