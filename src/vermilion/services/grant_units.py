"""Put units into a wallet, or take them back with a reason; both are entries of the ledger and acts of the audit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from msgspec import Meta

from vermilion.domain.money import UNITS_MAX
from vermilion.errors import FieldProblem, IdempotencyMismatch, InvalidRequest
from vermilion.ids import new_id
from vermilion.services.gateway import Gateway
from vermilion.storage import audit, ledger
from vermilion.storage.accounts import Bearer
from vermilion.storage.ledger import GrantRow


class GrantRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Money to put in; `scope` limits it to one model family."""

    units: int
    kind: Literal["quota", "pack", "topup", "goodwill"]
    scope: str | None = None
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None
    reason: str | None = None


async def grant_units(
    gateway: Gateway,
    actor: Bearer,
    account_id: UUID,
    asked: GrantRequest,
    *,
    idempotency_key: str | None = None,
) -> GrantRow:
    """A new grant; the same idempotency key grants once. Raises InvalidRequest, NotFound, IdempotencyMismatch."""
    _check(gateway, asked)
    grant_id = new_id() if idempotency_key is None else _id_of(actor, account_id, idempotency_key)
    row = await ledger.add_grant(
        gateway.database,
        grant_id,
        account_id,
        kind=asked.kind,
        units=asked.units,
        scope=asked.scope,
        expires_at=asked.expires_at,
        reason=asked.reason,
        actor_id=actor.account.id,
    )
    if (row.units, row.kind, row.scope, row.expires_at) != (
        asked.units,
        asked.kind,
        asked.scope,
        asked.expires_at,
    ):
        raise IdempotencyMismatch
    await audit.note(
        gateway.database, actor.account.id, "grant.add", row.id, account=str(account_id), units=asked.units
    )
    return row


async def adjust_wallet(
    gateway: Gateway, actor: Bearer, account_id: UUID, *, units: int, reason: str
) -> None:
    """Correct a wallet by `units` (positive adds, negative takes back what is available) for a stated reason."""
    if not reason.strip() or units == 0 or abs(units) > UNITS_MAX:
        raise InvalidRequest("An adjustment needs a number of units other than 0, and a reason.")
    adjustment_id = new_id()
    if units > 0:
        await ledger.add_grant(
            gateway.database,
            adjustment_id,
            account_id,
            kind="goodwill",
            units=units,
            reason=reason,
            actor_id=actor.account.id,
        )
    else:
        await ledger.take_back(
            gateway.database,
            adjustment_id,
            account_id,
            units=-units,
            reason=reason,
            actor_id=actor.account.id,
        )
    await audit.note(
        gateway.database, actor.account.id, "wallet.adjust", account_id, units=units, reason=reason
    )


def _id_of(actor: Bearer, account_id: UUID, key: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"grant:{actor.account.id}:{account_id}:{key}")


def _check(gateway: Gateway, asked: GrantRequest) -> None:
    problems = []
    if not 0 < asked.units <= UNITS_MAX:
        problems.append(FieldProblem("/units", f"must be from 1 to {UNITS_MAX}"))
    if asked.scope is not None and asked.scope not in gateway.catalogue.families:
        problems.append(
            FieldProblem(
                "/scope", f"no such family; there are: {', '.join(sorted(gateway.catalogue.families))}"
            )
        )
    if asked.expires_at is not None and asked.expires_at <= datetime.now(UTC):
        problems.append(FieldProblem("/expires_at", "lies in the past"))
    if asked.reason is not None and (len(asked.reason) > 1000 or "\0" in asked.reason):
        problems.append(FieldProblem("/reason", "must have at most 1,000 characters"))
    if problems:
        raise InvalidRequest(problems=tuple(problems))
