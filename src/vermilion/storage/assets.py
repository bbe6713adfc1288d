"""Assets as rows: uploads and outputs, whose bytes lie in the blob store under their hash."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.ending import NewAsset
from vermilion.storage.database import Database

COLUMNS = """
    id, account_id, task_id, kind, sha256, thumb_sha256, content_type, size_bytes, width, height, duration_s,
    expires_at, created_at
"""


class AssetRow(msgspec.Struct, frozen=True):
    """A stored file."""

    id: UUID
    account_id: UUID
    task_id: UUID | None
    kind: str
    sha256: bytes
    thumb_sha256: bytes | None
    content_type: str
    size_bytes: int
    width: int | None
    height: int | None
    duration_s: float | None
    expires_at: datetime
    created_at: datetime


ADD_UPLOAD = f"""
INSERT INTO assets (id, account_id, kind, sha256, thumb_sha256, content_type, size_bytes, width, height, duration_s,
                    expires_at)
VALUES ($1, $2, 'upload', $3, $4, $5, $6, $7, $8, $9, $10)
RETURNING {COLUMNS}
"""

# Forget assets whose time is over, and say which of their bytes nothing else refers to any more.
DELETE_DUE = """
WITH gone AS (
    DELETE FROM assets WHERE id IN (SELECT id FROM assets WHERE expires_at <= now() ORDER BY expires_at LIMIT $1)
    RETURNING id, account_id, sha256, thumb_sha256
), bytes AS (
    SELECT DISTINCT account_id, hash FROM gone, unnest(ARRAY[sha256, thumb_sha256]) AS hash WHERE hash IS NOT NULL
)
SELECT account_id, hash FROM bytes b WHERE NOT EXISTS (
    SELECT 1 FROM assets a WHERE a.account_id = b.account_id AND b.hash IN (a.sha256, a.thumb_sha256)
      AND a.id NOT IN (SELECT id FROM gone))
"""


async def add_upload(database: Database, account_id: UUID, new: NewAsset) -> AssetRow:
    """A new upload of this account."""
    row = await database.fetchrow(ADD_UPLOAD, new.id, account_id, *msgspec.structs.astuple(new)[1:])
    assert row is not None  # INSERT … RETURNING always answers
    return AssetRow(*row)


async def read_many(database: Database, ids: Sequence[UUID]) -> list[AssetRow | None]:
    """The assets with these ids, in order; None for those that do not exist or whose time is over."""
    rows = await database.fetch(
        f"SELECT {COLUMNS} FROM assets WHERE id = ANY($1::uuid[]) AND expires_at > now()", list(set(ids))
    )
    found = {row["id"]: AssetRow(*row) for row in rows}
    return [found.get(id_) for id_ in ids]


async def delete_due(database: Database, limit: int) -> list[Any]:
    """Forget assets past their retention; answers (account_id, hash) of bytes that may be deleted."""
    return await database.fetch(DELETE_DUE, limit)
