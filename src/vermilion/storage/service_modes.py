"""Whose connections an account works on unless its tasks say."""

from __future__ import annotations

from uuid import UUID

from vermilion.errors import NotFound
from vermilion.storage.accounts import ACCOUNT_COLUMNS, AccountRow, announce_keys
from vermilion.storage.database import Database


async def set_service_mode(
    database: Database, account_id: UUID, *, service_mode: str, failover: list[str]
) -> AccountRow:
    """Choose whose connections an account works on. Raises NotFound."""
    row = await database.fetchrow(
        "UPDATE accounts a SET service_mode = $2, failover = $3, updated_at = now() "
        f"WHERE id = $1 RETURNING {ACCOUNT_COLUMNS}",
        account_id,
        service_mode,
        failover,
    )
    if row is None:
        raise NotFound("This account does not exist.")
    await announce_keys(database)
    return AccountRow(*row)
