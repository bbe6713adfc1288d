"""Subscription quotas that are due."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from vermilion.storage import budgets
from vermilion.storage.database import Database
from vermilion.storage.wallet_locks import lock_wallets

# Accounts whose subscription quota is due, with the start and end of the period that begins now.
READ_QUOTA_DUE = """
SELECT a.id AS account_id, p.quota_units, date_trunc(p.quota_period, now()) AS starts_at,
       date_trunc(p.quota_period, now()) + ('1 ' || p.quota_period)::interval AS ends_at
FROM accounts a JOIN plans p ON p.id = a.plan_id
WHERE p.quota_units > 0 AND a.status = 'active' AND (a.quota_until IS NULL OR a.quota_until <= now()) LIMIT $1
"""


async def read_quota_due(database: Database, limit: int) -> list[Any]:
    """(account_id, quota_units, starts_at, ends_at) of accounts whose subscription quota is to be renewed."""
    return await database.fetch(READ_QUOTA_DUE, limit)


async def mark_quota(database: Database, account_id: UUID, until: datetime) -> None:
    """Remember until when an account's quota has been granted, and tell it if its balance is low all the same."""
    async with database.transaction() as connection:
        await lock_wallets(connection, [account_id])
        await connection.execute("UPDATE accounts SET quota_until = $2 WHERE id = $1", account_id, until)
        await budgets.tell_low(connection, account_id)
