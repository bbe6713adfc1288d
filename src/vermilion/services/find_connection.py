"""Find connections: an operator sees all, an account its own; and the ones that a submission may use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from vermilion.domain.catalogue import Offer
from vermilion.domain.outcomes import ConnectionState
from vermilion.errors import ConnectionSuspended, FieldProblem, InvalidRequest, NotFound
from vermilion.services.gateway import Gateway
from vermilion.storage import connections
from vermilion.storage.accounts import Bearer
from vermilion.storage.connections import ConnectionRow

NEEDS_A_PERSON = {ConnectionState.SUSPENDED.value, ConnectionState.ATTENTION.value}


async def find_connection(gateway: Gateway, connection_id: UUID, owner_id: UUID | None) -> ConnectionRow:
    """The connection, of this owner if one is given. Raises NotFound, also for somebody else's."""
    row = await connections.read_one(gateway.database, connection_id)
    if row is None or (owner_id is not None and row.account_id != owner_id):
        raise NotFound("There is no such connection.")
    return row


async def find_by_number(gateway: Gateway, owner_id: UUID, number: int) -> ConnectionRow:
    """The account's connection with this number. Raises NotFound, also for somebody else's."""
    for row in await connections.read_own(gateway.database, owner_id):
        if row.number == number:
            return row
    raise NotFound("There is no such connection.")


async def bound_connection(gateway: Gateway, bearer: Bearer) -> ConnectionRow | None:
    """The one connection that this key works on, or None if it is bound to none."""
    if bearer.key.connection_id is None:
        return None
    return await connections.read_one(gateway.database, bearer.key.connection_id)


async def connection_for(
    gateway: Gateway, bearer: Bearer, *, asked_id: UUID | None, task_input: Mapping[str, Any]
) -> ConnectionRow | None:
    """The one connection that is to do a task: the key's, the one asked for, or the linked account in the input.

    Raises ConnectionSuspended if it cannot before a person acts, InvalidRequest for one that is not the account's.
    """
    if bearer.key.connection_id is None and asked_id is None and not task_input.get("bot_id"):
        return None
    row = await bound_connection(gateway, bearer)
    try:
        if row is None and asked_id is not None:
            row = await find_connection(gateway, asked_id, bearer.account.id)
        elif row is None and task_input.get("bot_id"):
            row = await find_by_number(gateway, bearer.account.id, int(task_input["bot_id"]))
    except NotFound:
        pointer = "/connection_id" if asked_id is not None else "/input/bot_id"
        raise InvalidRequest(
            problems=(FieldProblem(pointer, "this account has no such connection"),)
        ) from None
    if row is not None:
        require_well(row)
    return row


def require_well(row: ConnectionRow) -> None:
    """Raises ConnectionSuspended if a person has to act before this connection does anything."""
    if row.state in NEEDS_A_PERSON:
        raise ConnectionSuspended(
            f"The connection {row.name!r} is {row.state}: {row.state_reason or 'its owner turned it off'}."
        )


async def has_own(gateway: Gateway, account_id: UUID, offer: Offer) -> bool:
    """Whether the account has a connection of its own that can do this offer."""
    rows = await connections.read_own(gateway.database, account_id)
    return any(row.provider in offer.routes and row.state not in NEEDS_A_PERSON for row in rows)
