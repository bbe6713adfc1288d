"""How an account wants to be told of itself: whether by mail, and below which balances."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from vermilion.services.gateway import Gateway
from vermilion.services.set_budget import Units
from vermilion.storage import audit, budgets, notifications
from vermilion.storage.accounts import Bearer


class NotificationSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether notifications go to the account's e-mail address, and the balances (units) below which it is told."""

    email: bool = True
    low_balance: Annotated[tuple[Units, ...], Meta(max_length=10)] = ()


async def read_notices(gateway: Gateway, account_id: UUID) -> NotificationSettings:
    """What the account chose. Raises NotFound."""
    row = await budgets.read(gateway.database, account_id)
    email = await notifications.reads_mail(gateway.database, account_id)
    return NotificationSettings(email, tuple(row.low_marks or ()))


async def choose_notices(gateway: Gateway, actor: Bearer, asked: NotificationSettings) -> None:
    """Choose for the caller's own account."""
    account_id = actor.account.id
    await budgets.save_low_marks(gateway.database, account_id, sorted(set(asked.low_balance)))
    await notifications.set_reads_mail(gateway.database, account_id, asked.email)
    facts = msgspec.to_builtins(asked)
    await audit.note(gateway.database, account_id, "notifications.set", account_id, **facts)
