"""Locking wallets: the one order in which every transaction takes its locks.

Wallets in sorted order, then tasks in sorted order, then connections. Whoever needs fewer of them skips levels
but never goes back up, so no two transactions can wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.admission import PlanLimits

# Lock wallets in sorted order, with what the plan allows.
LOCK_WALLETS = """
SELECT w.account_id, w.held, w.spent, w.running, w.lanes, w.turns, w.hears, w.budget_units IS NOT NULL AS budgeted,
       a.status = 'active' AS active, p.concurrency_total, p.concurrency_family, p.weight, p.priority_best,
       clock_timestamp() AS now
FROM wallets w JOIN accounts a ON a.id = w.account_id JOIN plans p ON p.id = a.plan_id
WHERE w.account_id = ANY($1::uuid[]) ORDER BY w.account_id FOR UPDATE OF w
"""

_counts = msgspec.json.Decoder(dict[str, int])


async def lock_wallets(connection: Any, account_ids: Iterable[UUID]) -> list[Any]:
    """Wallet rows, locked until the transaction ends; accounts that do not exist are left out."""
    rows: list[Any] = await connection.fetch(LOCK_WALLETS, list(set(account_ids)))
    return rows


def counts(text: str) -> dict[str, int]:
    """A JSON object of whole numbers, such as the tasks of an account by family."""
    return _counts.decode(text)


@lru_cache(maxsize=1024)
def plan_limits(total: int, family: str, weight: int, priority_best: int) -> PlanLimits:
    """The limits as a plan's columns have them. Few plans serve many accounts, so they are decoded once."""
    return PlanLimits(total, msgspec.json.decode(family, type=dict[str, int]), weight, priority_best)
