"""An account's figures at one moment, in one statement."""

from __future__ import annotations

from uuid import UUID

import msgspec

from vermilion.errors import NotFound
from vermilion.storage.database import Database

ACTIVE_COUNTED_MAX = 10_000


class AccountGlance(msgspec.Struct, frozen=True):
    """Money in units; `active` counts tasks that have not ended, up to ten thousand; `newest` is the last task."""

    available: int
    held: int
    spent: int
    active: int
    newest: UUID | None


# Wallet, active tasks (bounded) and the newest task of an account.
READ_GLANCE = f"""
SELECT (SELECT coalesce(sum(remaining), 0)::bigint FROM grants
        WHERE account_id = $1 AND closed_at IS NULL AND (expires_at IS NULL OR expires_at > now())) AS available,
       w.held, w.spent,
       (SELECT count(*) FROM (SELECT 1 FROM tasks WHERE account_id = $1
           AND status IN ('staged', 'pending', 'processing') LIMIT {ACTIVE_COUNTED_MAX}) bounded) AS active,
       (SELECT id FROM tasks WHERE account_id = $1 ORDER BY id DESC LIMIT 1) AS newest
FROM wallets w WHERE w.account_id = $1
"""


async def read_glance(database: Database, account_id: UUID) -> AccountGlance:
    """The figures. Raises NotFound for an account that does not exist."""
    row = await database.fetchrow(READ_GLANCE, account_id)
    if row is None:
        raise NotFound("This account does not exist.")
    return AccountGlance(*row)
