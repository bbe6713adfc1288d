"""Set what an account may spend in a window, and at which marks it is told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from vermilion.domain.budgets import window_start
from vermilion.domain.money import UNITS_MAX
from vermilion.services.gateway import Gateway
from vermilion.storage import audit, budgets
from vermilion.storage.accounts import Bearer
from vermilion.storage.budgets import BudgetRow

Units = Annotated[int, Meta(ge=1, le=UNITS_MAX)]


class BudgetRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A budget in units; windows follow the calendar in UTC. With `hard_stop`, tasks beyond it are refused."""

    units: Units
    window: Literal["day", "week", "month", "never"] = "month"
    alerts_at: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=1000)], ...],
        Meta(max_length=10, description="Percent of the budget at which to tell the account."),
    ] = (50, 80, 100)
    hard_stop: bool = True


async def set_budget(
    gateway: Gateway, actor: Bearer, account_id: UUID, asked: BudgetRequest | None
) -> BudgetRow:
    """The budget as it is from now on, or none; what was spent in the running window counts. Raises NotFound."""
    window = asked.window if asked is not None else "month"
    row = await budgets.save(
        gateway.database,
        account_id,
        units=None if asked is None else asked.units,
        window=window,
        since=window_start(window, datetime.now(UTC)),
        marks=sorted(set(asked.alerts_at)) if asked is not None else (),
        hard=asked is None or asked.hard_stop,
    )
    facts = {} if asked is None else msgspec.to_builtins(asked)
    await audit.note(gateway.database, actor.account.id, "budget.set", account_id, **facts)
    return row
