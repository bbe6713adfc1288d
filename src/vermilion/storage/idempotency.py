"""Idempotency records grow old; they are written and compared where tasks are accepted."""

from __future__ import annotations

from uuid import UUID

from vermilion.domain.submission import Accepted
from vermilion.storage.database import Database

# The submission that was accepted under a key of an account.
FIRST = "SELECT request_hash, task_id, first_status, created_at FROM idempotency WHERE account_id = $1 AND key = $2"

# Records that no client will ask for again.
FORGET_OLD = """
DELETE FROM idempotency WHERE (account_id, key) IN (
    SELECT account_id, key FROM idempotency WHERE created_at < now() - $1 * interval '1 day'
    ORDER BY created_at LIMIT 5000)
"""


async def is_known(database: Database, account_id: UUID, key: str) -> bool:
    """Whether this account has made a task with this key."""
    known: bool = await database.fetchval(
        "SELECT EXISTS (SELECT 1 FROM idempotency WHERE account_id = $1 AND key = $2)", account_id, key
    )
    return known


async def find_task(database: Database, account_id: UUID, key: str) -> UUID | None:
    """The task that this account made with this key, or None."""
    task_id: UUID | None = await database.fetchval(
        "SELECT task_id FROM idempotency WHERE account_id = $1 AND key = $2", account_id, key
    )
    return task_id


async def first_of(database: Database, account_id: UUID, key: str) -> tuple[bytes, Accepted] | None:
    """What this account was answered when it used the key first, with the hash of what it asked; None if it did not."""
    row = await database.fetchrow(FIRST, account_id, key)
    if row is None:
        return None
    accepted = Accepted(row["task_id"], row["first_status"], row["created_at"], replayed=True)
    return bytes(row["request_hash"]), accepted


async def forget_old(database: Database, kept_days: int) -> None:
    """Delete records older than `kept_days`."""
    await database.execute(FORGET_OLD, kept_days)
