"""What became of every grant of an account: left, held, spent, expired, taken back; they sum to what was granted."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from vermilion.storage.database import Database


class GrantUse(msgspec.Struct, frozen=True):
    """One grant and where its units are."""

    id: UUID
    kind: str
    scope: str | None
    units: int
    remaining: int
    held: int
    expired: int
    taken_back: int
    expires_at: datetime | None
    created_at: datetime

    @property
    def spent(self) -> int:
        """Units that paid for tasks."""
        return self.units - self.remaining - self.held - self.expired - self.taken_back


# Every grant of an account, with what is held of it now and what never paid for anything.
READ_USES = """
WITH holding AS (
    SELECT part.grant_id, sum(part.units)::bigint AS units
    FROM tasks t, unnest(t.grant_ids, t.grant_units) AS part (grant_id, units)
    WHERE t.account_id = $1 AND t.status IN ('staged', 'pending', 'processing') GROUP BY part.grant_id
), lost AS (
    SELECT grant_id, coalesce(sum(units) FILTER (WHERE kind = 'expire'), 0)::bigint AS expired,
           coalesce(sum(units) FILTER (WHERE kind = 'adjust'), 0)::bigint AS taken_back
    FROM entries WHERE account_id = $1 AND kind IN ('expire', 'adjust') GROUP BY grant_id
)
SELECT g.id, g.kind, g.scope, g.units, g.remaining, coalesce(h.units, 0), coalesce(l.expired, 0),
       coalesce(l.taken_back, 0), g.expires_at, g.created_at
FROM grants g LEFT JOIN holding h ON h.grant_id = g.id LEFT JOIN lost l ON l.grant_id = g.id
WHERE g.account_id = $1 ORDER BY g.id
"""

# When an account's money last moved.
READ_LAST_MOVED = "SELECT at FROM entries WHERE account_id = $1 ORDER BY at DESC LIMIT 1"


async def read_uses(database: Database, account_id: UUID) -> tuple[list[GrantUse], datetime | None]:
    """All grants, the oldest first, and the time of the last movement, at one moment."""
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        rows = await connection.fetch(READ_USES, account_id)
        moved_at = await connection.fetchval(READ_LAST_MOVED, account_id)
    return [GrantUse(*row) for row in rows], moved_at
