"""On which terms files are kept, by the account's plan."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from vermilion.storage.database import Database


class MediaTerms(msgspec.Struct, frozen=True):
    """Until when a new file is kept, and how large an input may be."""

    expires_at: datetime
    upload_bytes_max: int


async def read_media_terms(database: Database, account_id: UUID) -> MediaTerms:
    """On which terms a file that this account stores now is kept."""
    row = await database.fetchrow(
        "SELECT now() + p.retention_days * interval '1 day', p.upload_bytes_max "
        "FROM accounts a JOIN plans p ON p.id = a.plan_id WHERE a.id = $1",
        account_id,
    )
    assert row is not None  # accounts are never deleted
    return MediaTerms(*row)
