"""Budgets and low-balance marks on the wallet's row: read under its lock, written only where an account has them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.admission import AccountState
from vermilion.domain.budgets import Budget, LowMarks
from vermilion.domain.money_alerts import low_balance
from vermilion.domain.notifications import Notification
from vermilion.errors import NotFound
from vermilion.storage.database import Database
from vermilion.storage.notifications import notify
from vermilion.storage.tasks import CLOCKS_APART, first_id

COLUMNS = """
    budget_units, budget_window, budget_since, budget_used, budget_marks, budget_told, budget_hard, low_marks, low_told
"""

#: SQL: the budget and marks of the wallet `w` as one JSON text, null for the many accounts that have neither.
BUDGET = """CASE WHEN w.budget_units IS NOT NULL OR w.low_marks IS NOT NULL THEN json_build_object(
    'budget_units', w.budget_units, 'budget_window', w.budget_window, 'budget_since', w.budget_since,
    'budget_used', w.budget_used, 'budget_marks', w.budget_marks, 'budget_told', w.budget_told,
    'budget_hard', w.budget_hard, 'low_marks', w.low_marks, 'low_told', w.low_told)::text END"""

# Keep what a batch of submissions changed of budgets and marks.
KEEP = """
UPDATE wallets SET budget_since = coalesce(k.since, budget_since), budget_used = coalesce(k.used, budget_used),
    budget_told = coalesce(k.told, budget_told), low_told = CASE WHEN k.low THEN k.low_told ELSE wallets.low_told END
FROM json_to_recordset($1::json)
     AS k (account_id uuid, version text, since timestamptz, used bigint, told smallint, low boolean, low_told bigint)
WHERE wallets.account_id = k.account_id AND (k.version IS NULL OR wallets.xmin::text = k.version)
RETURNING wallets.account_id
"""

# Give back what ended tasks did not cost, if they were held in this window.
GIVE_BACK = """
UPDATE wallets SET budget_used = greatest(0, budget_used - b.units)
FROM (SELECT g.account_id, sum(g.units)::bigint AS units
      FROM json_to_recordset($1::json) AS g (account_id uuid, units bigint, held_at timestamptz)
      JOIN wallets w ON w.account_id = g.account_id AND g.held_at >= w.budget_since GROUP BY g.account_id) b
WHERE wallets.account_id = b.account_id
"""

# What an account's tasks of a time cost or hold.
READ_USED = """
SELECT coalesce(sum(coalesce(charged, held)), 0)::bigint FROM tasks
WHERE account_id = $1 AND ($2::uuid IS NULL OR id >= $2) AND ($3::timestamptz IS NULL OR created_at >= $3)
"""

# The marks of an account and its balance, unless a new quota is due, which then tells.
READ_LOW = """
SELECT w.low_marks, w.low_told, (
    SELECT coalesce(sum(g.remaining), 0)::bigint FROM grants g
    WHERE g.account_id = w.account_id AND g.closed_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > now())
) AS available
FROM wallets w JOIN accounts a ON a.id = w.account_id JOIN plans p ON p.id = a.plan_id
WHERE w.account_id = $1 AND w.low_marks IS NOT NULL
  AND NOT (p.quota_units > 0 AND a.status = 'active' AND (a.quota_until IS NULL OR a.quota_until <= now()))
"""

SET = """
UPDATE wallets SET budget_units = $2, budget_window = $3, budget_since = $4, budget_used = $5, budget_marks = $6,
    budget_told = $7, budget_hard = $8 WHERE account_id = $1
"""


class BudgetRow(msgspec.Struct, frozen=True):
    """A budget as stored; without units there is none."""

    budget_units: int | None
    budget_window: str
    budget_since: datetime
    budget_used: int
    budget_marks: list[int]
    budget_told: int
    budget_hard: bool
    low_marks: list[int] | None
    low_told: int | None


_rows = msgspec.json.Decoder(BudgetRow)


def read_into(account: AccountState, text: str) -> None:
    """Give an account its budget and marks, as BUDGET tells them."""
    row = _rows.decode(text)
    if row.budget_units is not None:
        account.budget = Budget(
            row.budget_units,
            row.budget_window,
            row.budget_since,
            row.budget_used,
            tuple(row.budget_marks),
            row.budget_told,
            row.budget_hard,
        )
    if row.low_marks:
        account.low_marks = LowMarks(tuple(row.low_marks), row.low_told)


def is_changed(account: AccountState) -> bool:
    """Whether a batch changed anything of an account's budget or marks."""
    budget, low = account.budget, account.low_marks
    return (budget is not None and budget.changed) or (low is not None and low.changed)


async def keep(
    connection: Any, accounts: Sequence[tuple[AccountState, str | None]], told: Sequence[Notification]
) -> None:
    """Write what a batch changed of its accounts' budgets and marks, and what they are to be told of it.

    An account that must still have a version and has another is left alone, and hears of it next time.
    """
    kept: set[UUID] = set()
    if accounts:
        rows = [_kept(account, version) for account, version in accounts]
        kept = {row["account_id"] for row in await connection.fetch(KEEP, msgspec.json.encode(rows).decode())}
    await notify(connection, [one for one in told if one.once is not None or one.account_id in kept])


async def give_back(connection: Any, released: Sequence[tuple[UUID, int, datetime]]) -> None:
    """Units that budgets count no longer: (account, units, when they were held)."""
    if released:
        rows = [{"account_id": id_, "units": units, "held_at": at} for id_, units, at in released]
        await connection.execute(GIVE_BACK, msgspec.json.encode(rows).decode())


async def tell_low(connection: Any, account_id: UUID) -> None:
    """Tell an account, whose wallet is locked, of a mark that its balance fell below without a task."""
    row = await connection.fetchrow(READ_LOW, account_id)
    if row is None:
        return
    low = LowMarks(tuple(row["low_marks"]), row["low_told"])
    told = low_balance(account_id, low, row["available"])
    if low.changed:
        await connection.execute(
            "UPDATE wallets SET low_told = $2 WHERE account_id = $1", account_id, low.told
        )
    await notify(connection, told)


async def read(database: Database, account_id: UUID) -> BudgetRow:
    """An account's budget and marks. Raises NotFound."""
    row = await database.fetchrow(f"SELECT {COLUMNS} FROM wallets WHERE account_id = $1", account_id)
    if row is None:
        raise NotFound("This account does not exist.")
    return BudgetRow(*row)


async def save(
    database: Database,
    account_id: UUID,
    *,
    units: int | None,
    window: str,
    since: datetime | None,
    marks: Sequence[int],
    hard: bool,
) -> BudgetRow:
    """Set or remove a budget; what the account used since the window began counts at once. Raises NotFound."""
    async with database.transaction() as connection:
        now = await connection.fetchval(
            "SELECT clock_timestamp() FROM wallets WHERE account_id = $1 FOR UPDATE", account_id
        )
        if now is None:
            raise NotFound("This account does not exist.")
        since = since or now
        used = 0
        if units is not None:
            used = await connection.fetchval(READ_USED, account_id, first_id(since, -CLOCKS_APART), since)
        budget = Budget(units or 1, window, since, used, tuple(marks), 0, hard)
        budget.crossed()  # marks that lie behind already are no news
        await connection.execute(SET, account_id, units, window, since, used, list(marks), budget.told, hard)
    return await read(database, account_id)


async def save_low_marks(database: Database, account_id: UUID, marks: Sequence[int]) -> None:
    """Set the balances below which the account is told."""
    await database.execute(
        "UPDATE wallets SET low_marks = $2, low_told = NULL WHERE account_id = $1",
        account_id,
        sorted(marks, reverse=True) or None,
    )


def _kept(account: AccountState, version: str | None) -> dict[str, Any]:
    budget, low = account.budget, account.low_marks
    row: dict[str, Any] = {"account_id": account.account_id, "version": version, "low": False}
    if budget is not None:
        row |= {"since": budget.since, "used": budget.used, "told": budget.told}
    if low is not None:
        row |= {"low": True, "low_told": low.told}
    return row
