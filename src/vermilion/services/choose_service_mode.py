"""Whose connections an account's tasks use, unless they say."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from vermilion.errors import FieldProblem, InvalidRequest
from vermilion.services.gateway import Gateway
from vermilion.storage import audit
from vermilion.storage.accounts import AccountRow, Bearer
from vermilion.storage.service_modes import set_service_mode


class ServiceModeChoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`private` uses only the account's own connections; families in `failover` use everyone's when there is none."""

    service_mode: Literal["public", "private"]
    failover: Annotated[list[str], Meta(max_length=100)] = []


async def choose_service_mode(gateway: Gateway, bearer: Bearer, choice: ServiceModeChoice) -> AccountRow:
    """Change it for every task from now on. Raises InvalidRequest for families that do not exist."""
    unknown = sorted(set(choice.failover) - gateway.catalogue.families.keys())
    if unknown:
        detail = f"there is no family {unknown[0]!r}"
        raise InvalidRequest(problems=(FieldProblem("/failover", detail),))
    row = await set_service_mode(
        gateway.database,
        bearer.account.id,
        service_mode=choice.service_mode,
        failover=sorted(set(choice.failover)),
    )
    gateway.keys.clear()  # every other node hears of it a moment later
    await audit.note(
        gateway.database,
        bearer.account.id,
        "account.service_mode",
        bearer.account.id,
        service_mode=row.service_mode,
        failover=row.failover,
    )
    return row
