"""What an id belongs to."""

from __future__ import annotations

from uuid import UUID

from vermilion.storage.database import Database

# Whatever has this id, of one account if one is given.
FIND_ID = """
SELECT kind, id, account_id FROM (
    SELECT 'task' AS kind, id, account_id FROM tasks WHERE id = $1
    UNION ALL SELECT 'delivery', id, account_id FROM deliveries WHERE id = $1
    UNION ALL SELECT 'key', id, account_id FROM api_keys WHERE id = $1
    UNION ALL SELECT 'account', id, id FROM accounts WHERE id = $1 AND $2::uuid IS NULL) found
WHERE $2::uuid IS NULL OR account_id = $2 LIMIT 1
"""

# The key whose shown prefix this is, or the account with this e-mail.
FIND_TEXT = """
SELECT 'key' AS kind, id, account_id FROM api_keys WHERE account_id = $2 AND left($1, length(prefix)) = prefix
UNION ALL SELECT 'account', id, id FROM accounts WHERE lower(email) = lower($1) AND $2::uuid IS NULL LIMIT 1
"""


async def find_place(
    database: Database, sought: str, account_id: UUID | None
) -> tuple[str, UUID, UUID] | None:
    """(kind, id, account) of what a text names: a task, delivery, key or account; None for nothing of this account.

    Without an account everybody's are found.
    """
    try:
        row = await database.fetchrow(FIND_ID, UUID(sought.removeprefix("task_")), account_id)
    except ValueError:
        row = await database.fetchrow(FIND_TEXT, sought, account_id) if sought else None
    return (row["kind"], row["id"], row["account_id"]) if row else None
