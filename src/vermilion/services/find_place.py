"""Where a task waits: with everyone's, with those for the account's own connections, or with those for one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

import msgspec

from vermilion.domain.catalogue import Offer
from vermilion.domain.connections import queue_name
from vermilion.errors import FieldProblem, InvalidRequest
from vermilion.services.find_connection import connection_for, has_own
from vermilion.services.gateway import Gateway
from vermilion.storage.accounts import Bearer

NO_OWN = FieldProblem("/service_mode", "this account has no connection of its own for this model")


class Asked(Protocol):
    """The part of a submission that says where it is to run."""

    @property
    def service_mode(self) -> str | None:
        """On whose connections."""
        ...

    @property
    def connection_id(self) -> UUID | None:
        """On which connection."""
        ...


class Place(msgspec.Struct, frozen=True):
    """A queue, and whose connections work it off."""

    queue: str
    service_mode: str


async def find_place(
    gateway: Gateway, bearer: Bearer, offer: Offer, asked: Asked, *, task_input: Mapping[str, Any]
) -> Place:
    """The place of a task. Raises ConnectionSuspended, and InvalidRequest where no connection could ever do it."""
    one = await connection_for(gateway, bearer, asked_id=asked.connection_id, task_input=task_input)
    if one is not None and one.provider not in offer.routes:
        detail = f"{one.name!r} is a connection to {one.provider}, which cannot do this model"
        raise InvalidRequest(problems=(FieldProblem("/connection_id", detail),))
    if one is not None:
        mode = "public" if one.account_id is None else "private"
        return Place(queue_name(offer.queue, connection_id=one.id), mode)
    if (asked.service_mode or bearer.account.service_mode) != "private":
        return Place(offer.queue, "public")
    if not await has_own(gateway, bearer.account.id, offer):
        if offer.family in bearer.account.failover:
            return Place(offer.queue, "public")
        raise InvalidRequest(problems=(NO_OWN,))
    return Place(queue_name(offer.queue, account_id=bearer.account.id), "private")


def price_in(gateway: Gateway, place: Place, units: int) -> int:
    """What a task costs there: work on a connection of one's own is paid elsewhere, but for the gateway's share."""
    if place.service_mode == "public":
        return units
    return -(-units * gateway.settings.private_price_percent // 100)
