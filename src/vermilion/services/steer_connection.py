"""What its owner or an operator does with a connection: stop it, let it go on, or give its work a fresh start."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from vermilion.domain.outcomes import ConnectionState
from vermilion.errors import InvalidRequest, NotFound
from vermilion.services.find_connection import find_connection
from vermilion.services.gateway import Gateway
from vermilion.storage import audit, connections, flights
from vermilion.storage.accounts import Bearer
from vermilion.storage.connections import ConnectionRow

Act = Literal["pause", "resume", "reboot", "suspend"]
STATES: dict[Act, ConnectionState] = {
    "pause": ConnectionState.PAUSED,
    "resume": ConnectionState.ACTIVE,
    "reboot": ConnectionState.ACTIVE,
    "suspend": ConnectionState.SUSPENDED,
}


async def steer_connection(
    gateway: Gateway,
    actor: Bearer,
    connection_id: UUID,
    *,
    act: Act,
    reason: str | None,
    owner_id: UUID | None = None,
) -> ConnectionRow:
    """The connection afterwards, of this owner if one is given. Work that waits goes on waiting, whatever the act.

    Reboot drops nothing: its tasks are taken up again by whichever node is alive. Raises NotFound.
    """
    await find_connection(gateway, connection_id, owner_id)
    state = STATES[act].value
    row = await connections.set_state(gateway.database, connection_id, state=state, reason=reason)
    if row is None:
        raise NotFound("There is no such connection.")
    if act == "reboot":
        await flights.release_lease(gateway.database, connection_id)
    await audit.note(gateway.database, actor.account.id, f"connection.{act}", connection_id, reason=reason)
    return row


async def limit_connection(
    gateway: Gateway,
    actor: Bearer,
    connection_id: UUID,
    *,
    concurrency_max: int | None,
    window_max: int | None,
    window_s: int | None,
    preference: int | None = None,
    owner_id: UUID | None = None,
) -> ConnectionRow:
    """The connection with these limits, which hold exactly on any number of nodes from the next claim on.

    A node offers work to connections in the order of their `preference`, the lowest first; None leaves it as it is.
    Raises InvalidRequest for half a window, NotFound.
    """
    if (window_max is None) != (window_s is None):
        raise InvalidRequest("A window needs both window_max and window_s; leave both out for none.")
    await find_connection(gateway, connection_id, owner_id)
    row = await connections.set_limits(
        gateway.database,
        connection_id,
        concurrency_max=concurrency_max,
        window_max=window_max,
        window_s=window_s,
        preference=preference,
    )
    if row is None:
        raise NotFound("There is no such connection.")
    facts = {
        "concurrency_max": concurrency_max,
        "window_max": window_max,
        "window_s": window_s,
        "preference": preference,
    }
    await audit.note(gateway.database, actor.account.id, "connection.limit", connection_id, **facts)
    return row
