"""Tell again: one delivery, or what was missed in a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from vermilion.errors import Conflict, FieldProblem, InvalidRequest, NotFound
from vermilion.services.gateway import Gateway
from vermilion.storage import deliveries, endpoints, replays, tellings
from vermilion.storage.deliveries import DeliveryRow
from vermilion.storage.tasks import first_id

REPLAYED_MAX = 10_000  #: at once; asking again goes on with the rest
STATES = {"failed": ("given_up",), "all": ("given_up", "delivered")}


class Replay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which deliveries to send again: those written from `since` on, up to `until`; only failed ones unless `all`."""

    since: Annotated[datetime, Meta(tz=True)]
    until: Annotated[datetime, Meta(tz=True)] | None = None
    which: Annotated[
        Literal["failed", "all", "missed"],
        Meta(
            description="`missed`: ends of tasks that this endpoint wants and was never told, because it was off, "
            "was added later, or asked for other events then."
        ),
    ] = "failed"
    endpoint_id: UUID | None = None


async def replay_one(gateway: Gateway, account_id: UUID, delivery_id: UUID) -> DeliveryRow:
    """The delivery, due again from the start of its schedule. Raises NotFound, and Conflict if it is due anyway."""
    if not await replays.replay_one(gateway.database, delivery_id, account_id):
        if await deliveries.read_one(gateway.database, delivery_id, account_id) is None:
            raise NotFound("There is no such delivery.")
        raise Conflict("This delivery is due already; it is being tried.")
    row = await deliveries.read_one(gateway.database, delivery_id, account_id)
    assert row is not None  # replayed just now
    return row


async def replay_range(gateway: Gateway, account_id: UUID, asked: Replay) -> int:
    """How many deliveries were made due, the oldest first. Raises InvalidRequest, NotFound."""
    if asked.which == "missed":
        return await _tell_missed(gateway, account_id, asked)
    return await replays.replay_range(
        gateway.database,
        account_id,
        first_id=first_id(asked.since, timedelta()),
        end_id=first_id(asked.until, timedelta()),
        states=STATES[asked.which],
        endpoint_id=asked.endpoint_id,
        limit=REPLAYED_MAX,
    )


async def _tell_missed(gateway: Gateway, account_id: UUID, asked: Replay) -> int:
    if asked.endpoint_id is None:
        raise InvalidRequest(problems=(FieldProblem("/endpoint_id", "must name who missed something"),))
    endpoint = await endpoints.read_one(gateway.database, asked.endpoint_id, account_id)
    if endpoint.state != "on":
        raise Conflict("This endpoint is switched off; switch it on first.")
    untried = await replays.replay_untried(
        gateway.database,
        account_id,
        endpoint.id,
        first_id=first_id(asked.since, timedelta()),
        end_id=first_id(asked.until, timedelta()),
        limit=REPLAYED_MAX,
    )
    untold = await tellings.tell_missed(
        gateway.database,
        tellings.Listener(
            endpoint.id, account_id, endpoint.channel, endpoint.face, endpoint.url, endpoint.events
        ),
        since=asked.since,
        until=asked.until,
        limit=REPLAYED_MAX,
    )
    return untried + untold
