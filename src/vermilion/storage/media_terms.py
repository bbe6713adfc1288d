"""On which terms files are kept, by the account's plan."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from vermilion.domain.moderation.pictures import MediaCheck
from vermilion.storage.database import Database


class MediaTerms(msgspec.Struct, frozen=True):
    """Until when a new file is kept, how large an input may be, and how pictures are checked if not as everyone's."""

    expires_at: datetime
    upload_bytes_max: int
    media_check: MediaCheck | None


async def read_media_terms(database: Database, account_id: UUID) -> MediaTerms:
    """On which terms a file that this account stores now is kept."""
    row = await database.fetchrow(
        "SELECT now() + p.retention_days * interval '1 day', p.upload_bytes_max, p.rules ->> 'media_check' "
        "FROM accounts a JOIN plans p ON p.id = a.plan_id WHERE a.id = $1",
        account_id,
    )
    assert row is not None  # accounts are never deleted
    return MediaTerms(*row)
