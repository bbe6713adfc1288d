"""Grants in, expiry out, the statement, and the proof that every balance follows from its entries."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from vermilion.errors import Conflict, NotFound
from vermilion.storage import budgets
from vermilion.storage.database import Database
from vermilion.storage.wallet_locks import lock_wallets

ENTRY_COLUMNS = "ref_id, kind, seq, account_id, source, target, grant_id, units, reason, at"


class GrantRow(msgspec.Struct, frozen=True):
    """A grant as stored."""

    id: UUID
    kind: str
    scope: str | None
    units: int
    remaining: int
    expires_at: datetime | None
    reason: str | None
    created_at: datetime


class WalletRow(msgspec.Struct, frozen=True):
    """An account's money at one moment: `available` counts grants that have not expired."""

    available: int
    held: int
    spent: int
    grants: list[GrantRow]


# Put money in: the grant and its entry. The same id again changes nothing. The wallet gets a new version.
ADD_GRANT = """
WITH added AS (
    INSERT INTO grants (id, account_id, kind, scope, units, remaining, expires_at, reason)
    VALUES ($1, $2, $3, $4, $5, $5, $6, $7) ON CONFLICT (id) DO NOTHING
    RETURNING id, account_id, units, reason
), wallet AS (
    UPDATE wallets SET held = held FROM added WHERE wallets.account_id = added.account_id
)
INSERT INTO entries (ref_id, kind, seq, account_id, source, target, grant_id, units, reason, actor_id)
SELECT id, 'grant', 0, account_id, 'issued', 'grant', id, units, reason, $8 FROM added
"""

READ_GRANT = """
SELECT id, kind, scope, units, remaining, expires_at, reason, created_at, account_id FROM grants WHERE id = $1
"""

# Open grants in burn order.
READ_GRANTS = """
SELECT id, kind, scope, units, remaining, expires_at, reason, created_at FROM grants
WHERE account_id = $1 AND closed_at IS NULL AND (expires_at IS NULL OR expires_at > now())
ORDER BY expires_at NULLS LAST, scope NULLS LAST, created_at
"""

# Take money back from a grant; the wallet's row is written so that whoever has read it notices.
LOWER_GRANT = """
WITH lowered AS (
    UPDATE grants SET remaining = remaining - $3 WHERE id = $2 AND remaining >= $3 RETURNING account_id
), noticed AS (
    UPDATE wallets SET held = held FROM lowered WHERE wallets.account_id = lowered.account_id
)
INSERT INTO entries (ref_id, kind, seq, account_id, source, target, grant_id, units, reason, actor_id)
SELECT $1, 'adjust', $4, account_id, 'grant', 'issued', $2, $3, $5, $6 FROM lowered
"""

# Move what expired grants still have to the expired account, and close grants that are used up; as above.
EXPIRE = """
WITH due AS (
    SELECT g.id, g.account_id, g.remaining FROM grants g
    WHERE g.account_id = $1 AND g.closed_at IS NULL AND g.expires_at <= now()
), closed AS (
    UPDATE grants SET remaining = 0, closed_at = now() FROM due WHERE grants.id = due.id
), noticed AS (
    UPDATE wallets SET held = held WHERE account_id = $1
)
INSERT INTO entries (ref_id, kind, seq, account_id, source, target, grant_id, units)
SELECT due.id, 'expire', (SELECT count(*) FROM entries e WHERE e.ref_id = due.id AND e.kind = 'expire'),
       due.account_id, 'grant', 'expired', due.id, due.remaining
FROM due WHERE due.remaining > 0
"""

READ_EXPIRING = """
SELECT DISTINCT account_id FROM grants WHERE closed_at IS NULL AND expires_at <= now() LIMIT $1
"""

# Grants that are spent to the last unit and pay for no open hold need not be read any more.
CLOSE_SPENT = """
UPDATE grants SET closed_at = now() WHERE closed_at IS NULL AND remaining = 0 AND NOT EXISTS (
    SELECT 1 FROM tasks t WHERE t.account_id = grants.account_id AND t.status IN ('staged', 'pending', 'processing')
       AND grants.id = ANY(t.grant_ids))
"""

# Every balance that is not the sum of its entries, every task that its entries contradict, with both numbers.
VERIFY = """
WITH flows AS (
    SELECT grant_id, account_id,
        sum(CASE WHEN target = 'grant' THEN units WHEN source = 'grant' THEN -units ELSE 0 END)::bigint AS remaining,
        sum(CASE WHEN target = 'held' THEN units WHEN source = 'held' THEN -units ELSE 0 END)::bigint AS held,
        sum(CASE WHEN target = 'revenue' THEN units ELSE 0 END)::bigint AS spent,
        sum(CASE WHEN target = 'issued' THEN units WHEN source = 'issued' THEN -units ELSE 0 END)::bigint AS issued,
        sum(CASE WHEN target = 'expired' THEN units ELSE 0 END)::bigint AS expired
    FROM entries GROUP BY grant_id, account_id
), moved AS (
    SELECT ref_id, sum(CASE kind WHEN 'hold' THEN units ELSE 0 END)::bigint AS held,
        sum(CASE kind WHEN 'capture' THEN units ELSE 0 END)::bigint AS captured,
        sum(CASE kind WHEN 'release' THEN units ELSE 0 END)::bigint AS released
    FROM entries WHERE kind IN ('hold', 'capture', 'release') GROUP BY ref_id
), accounts_sum AS (
    SELECT account_id, sum(held)::bigint AS held, sum(spent)::bigint AS spent FROM flows GROUP BY account_id
)
SELECT 'grant.remaining' AS what, g.id::text AS subject, g.remaining AS stored, coalesce(f.remaining, 0) AS computed
FROM grants g LEFT JOIN flows f ON f.grant_id = g.id WHERE g.remaining <> coalesce(f.remaining, 0)
UNION ALL
SELECT 'grant.postings', f.grant_id::text, 0, f.remaining + f.held + f.spent + f.issued + f.expired
FROM flows f WHERE f.remaining + f.held + f.spent + f.issued + f.expired <> 0
UNION ALL
SELECT 'entry.grant', f.grant_id::text, 0, f.remaining
FROM flows f WHERE NOT EXISTS (SELECT 1 FROM grants g WHERE g.id = f.grant_id)
UNION ALL
SELECT 'wallet.held', w.account_id::text, w.held, coalesce(s.held, 0)
FROM wallets w LEFT JOIN accounts_sum s USING (account_id) WHERE w.held <> coalesce(s.held, 0)
UNION ALL
SELECT 'wallet.spent', w.account_id::text, w.spent, coalesce(s.spent, 0)
FROM wallets w LEFT JOIN accounts_sum s USING (account_id) WHERE w.spent <> coalesce(s.spent, 0)
UNION ALL
SELECT 'wallet.open_holds', w.account_id::text, w.held, coalesce(h.units, 0)
FROM wallets w LEFT JOIN (
    SELECT account_id, sum(held)::bigint AS units FROM tasks
    WHERE status IN ('staged', 'pending', 'processing') GROUP BY account_id
) h USING (account_id) WHERE w.held <> coalesce(h.units, 0)
UNION ALL
SELECT 'task.held', t.id::text, t.held, coalesce(m.held, 0)
FROM tasks t LEFT JOIN moved m ON m.ref_id = t.id
WHERE t.held <> coalesce(m.held, 0) OR t.held <> (SELECT coalesce(sum(units), 0) FROM unnest(t.grant_units) AS units)
UNION ALL
SELECT 'task.charged', t.id::text, coalesce(t.charged, 0), coalesce(m.captured, 0)
FROM tasks t LEFT JOIN moved m ON m.ref_id = t.id WHERE coalesce(t.charged, 0) <> coalesce(m.captured, 0)
UNION ALL
SELECT 'task.released', t.id::text,
       CASE WHEN t.status IN ('staged', 'pending', 'processing') THEN 0 ELSE t.held - coalesce(t.charged, 0) END,
       coalesce(m.released, 0)
FROM tasks t LEFT JOIN moved m ON m.ref_id = t.id
WHERE coalesce(m.released, 0) <>
      CASE WHEN t.status IN ('staged', 'pending', 'processing') THEN 0 ELSE t.held - coalesce(t.charged, 0) END
LIMIT 100
"""

# The proof reads everything, unlike all other statements.
WHOLE_TABLES = (
    "SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on"
)

# What went each way in all, from immutable entries.
READ_SUMS = """
SELECT kind, source, target, count(*) AS entries, sum(units)::bigint AS units FROM entries
GROUP BY kind, source, target ORDER BY kind
"""

# A page of an account's statement, newest first. The bound on the time is what the index begins a later page with.
READ_ENTRIES = f"""
SELECT {ENTRY_COLUMNS} FROM entries
WHERE account_id = $1 AND at <= coalesce($2::timestamptz, 'infinity')
  AND ($2::timestamptz IS NULL OR (at, ref_id, kind, seq) < ($2, $3, $4, $5))
ORDER BY at DESC, ref_id DESC, kind DESC, seq DESC LIMIT $6
"""


async def add_grant(
    database: Database,
    grant_id: UUID,
    account_id: UUID,
    *,
    kind: str,
    units: int,
    scope: str | None = None,
    expires_at: datetime | None = None,
    reason: str | None = None,
    actor_id: UUID | None = None,
) -> GrantRow:
    """Put money into a wallet exactly once for this grant id. Raises NotFound for an account that does not exist."""
    async with database.transaction() as connection:
        if not await lock_wallets(connection, [account_id]):
            raise NotFound("This account does not exist.")
        await connection.execute(
            ADD_GRANT, grant_id, account_id, kind, scope, units, expires_at, reason, actor_id
        )
        row = await connection.fetchrow(READ_GRANT, grant_id)
    if row["account_id"] != account_id:
        raise Conflict("This grant id belongs to another account.")
    return GrantRow(*tuple(row)[:8])


async def take_back(
    database: Database, adjustment_id: UUID, account_id: UUID, *, units: int, reason: str, actor_id: UUID
) -> None:
    """Lower a wallet by an operator's adjustment, from its grants in burn order. Raises Conflict if they fall short."""
    async with database.transaction() as connection:
        if not await lock_wallets(connection, [account_id]):
            raise NotFound("This account does not exist.")
        left, seq = units, 0
        for row in await connection.fetch(READ_GRANTS, account_id):
            part = min(left, row["remaining"])
            if part > 0:
                await connection.execute(LOWER_GRANT, adjustment_id, row["id"], part, seq, reason, actor_id)
                left, seq = left - part, seq + 1
        await budgets.tell_low(connection, account_id)
        if left:
            raise Conflict(
                f"Only {units - left} of {units} units are available; what is held cannot be taken back."
            )


async def read_wallet(database: Database, account_id: UUID) -> WalletRow:
    """The wallet with its open grants in burn order. Raises NotFound."""
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        wallet = await connection.fetchrow(
            "SELECT held, spent FROM wallets WHERE account_id = $1", account_id
        )
        rows = await connection.fetch(READ_GRANTS, account_id)
    if wallet is None:
        raise NotFound("This account does not exist.")
    grants = [GrantRow(*row) for row in rows]
    return WalletRow(sum(grant.remaining for grant in grants), wallet["held"], wallet["spent"], grants)


async def read_entries(
    database: Database, account_id: UUID, *, before: tuple[Any, ...] | None, limit: int
) -> list[Any]:
    """A page of the statement; `before` is (at, ref_id, kind, seq) of the last entry of the page before."""
    return await database.fetch(READ_ENTRIES, account_id, *(before or (None, None, None, None)), limit)


async def expire_grants(database: Database, *, accounts_max: int = 200) -> int:
    """Expire what is due, one account's wallet at a time, and tell of balances that are low now; answers how many
    accounts were touched.
    """
    due = await database.fetch(READ_EXPIRING, accounts_max)
    for row in due:
        async with database.transaction() as connection:
            await lock_wallets(connection, [row["account_id"]])
            await connection.execute(EXPIRE, row["account_id"])
            await budgets.tell_low(connection, row["account_id"])
    return len(due)


async def close_spent(database: Database) -> None:
    """Close grants that are used up, so that submits read fewer of them."""
    await database.execute(CLOSE_SPENT)


async def verify(database: Database) -> tuple[int, list[Any]]:
    """(number of entries, differences) at one moment of a live system; no difference means balanced."""
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await connection.execute(WHOLE_TABLES)
        entries = await connection.fetchval("SELECT count(*) FROM entries")
        rows = await connection.fetch(VERIFY)
    return int(entries), [dict(row) for row in rows]


async def read_task_entries(database: Database, account_id: UUID, task_id: UUID) -> list[Any]:
    """Every entry of one task of the account, oldest first."""
    return await database.fetch(
        f"SELECT {ENTRY_COLUMNS} FROM entries WHERE ref_id = $2 AND account_id = $1 ORDER BY at, kind, seq",
        account_id,
        task_id,
    )


async def read_sums(database: Database) -> list[Any]:
    """(kind, source, target, entries, units) of everything that ever moved."""
    async with database.transaction() as connection:
        await connection.execute(WHOLE_TABLES)
        rows: list[Any] = await connection.fetch(READ_SUMS)
    return rows
