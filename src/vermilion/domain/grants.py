"""Which grants pay for a hold, and what goes back to them when it is settled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec

NEVER = datetime.max.replace(tzinfo=UTC)  #: sorts after every expiry


class Grant(msgspec.Struct):
    """Money put into a wallet, as read under the wallet's lock. `remaining` excludes what is held."""

    id: UUID
    scope: str | None
    remaining: int
    expires_at: datetime | None
    created_at: datetime


class Allocation(msgspec.Struct, frozen=True):
    """So many units of a hold come from this grant."""

    grant_id: UUID
    units: int


class Settlement(msgspec.Struct, frozen=True):
    """How a hold resolves: per grant what is taken and what is given back. Together they equal the hold."""

    captures: tuple[Allocation, ...]
    releases: tuple[Allocation, ...]

    @property
    def captured(self) -> int:
        """Units taken."""
        return sum(part.units for part in self.captures)


def spendable(grants: Iterable[Grant], family: str, now: datetime) -> list[Grant]:
    """Grants that may pay for `family` at `now`, in burn order.

    Soonest expiry first, never-expiring last; among equals those scoped to the family first, then the oldest.
    """
    usable = [
        grant
        for grant in grants
        if grant.remaining > 0
        and grant.scope in (None, family)
        and (grant.expires_at is None or grant.expires_at > now)
    ]
    if len(usable) > 1:
        usable.sort(key=_burn_key)
    return usable


def allocate(
    grants: Iterable[Grant], units: int, family: str, now: datetime
) -> tuple[Allocation, ...] | None:
    """Reserve `units` from the grants in burn order, lowering `remaining`; None and no change if they fall short."""
    if units == 0:
        return ()
    usable = spendable(grants, family, now)
    if usable and usable[0].remaining >= units:  # as it mostly is
        return (_taken(usable[0], units),)
    parts = []
    for grant in usable:
        part = min(grant.remaining, units)
        parts.append((grant, part))
        units -= part
        if units == 0:
            return tuple([_taken(grant, part) for grant, part in parts])
    return None


def _taken(grant: Grant, units: int) -> Allocation:
    grant.remaining -= units
    return Allocation(grant.id, units)


def settle(allocations: Sequence[Allocation], captured: int) -> Settlement:
    """Split a hold into what is taken, soonest-expiring grants first, and what goes back.

    Raises ValueError if `captured` is negative or more than was held.
    """
    if not 0 <= captured <= sum(part.units for part in allocations):
        raise ValueError("a capture lies between nothing and the hold")
    captures, releases = [], []
    for part in allocations:
        taken = min(part.units, captured)
        captured -= taken
        if taken:
            captures.append(Allocation(part.grant_id, taken))
        if taken < part.units:
            releases.append(Allocation(part.grant_id, part.units - taken))
    return Settlement(tuple(captures), tuple(releases))


def _burn_key(grant: Grant) -> tuple[datetime, bool, datetime]:
    return grant.expires_at or NEVER, grant.scope is None, grant.created_at
