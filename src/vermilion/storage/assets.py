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
    expires_at, created_at, name, purpose
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
    name: str | None = None
    purpose: str | None = None  #: in OpenAI's words


ADD_UPLOAD = f"""
INSERT INTO assets (id, account_id, sha256, thumb_sha256, content_type, size_bytes, width, height, duration_s,
                    expires_at, name, task_id, field, kind, purpose)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
RETURNING {COLUMNS}
"""

# Delete assets, take them off their tasks' outputs, and have somebody look whether their bytes are needed.
_DELETE = """
WITH gone AS (
    DELETE FROM assets WHERE id IN ({which}) RETURNING id, account_id, task_id, kind, sha256, thumb_sha256
), unclaimed AS (
    DELETE FROM blob_claims USING gone WHERE blob_claims.asset_id = gone.id
), due AS (
    INSERT INTO blob_claims (account_id, sha256, until)
    SELECT DISTINCT account_id, hash, now() FROM gone, unnest(ARRAY[sha256, thumb_sha256]) AS hash
    WHERE hash IS NOT NULL
){more}
SELECT id FROM gone
"""

# Those past their retention. Their tasks go on saying when that was.
DELETE_DUE = _DELETE.format(
    which="SELECT id FROM assets WHERE expires_at <= now() ORDER BY expires_at LIMIT $1", more=""
)

_FORGOTTEN = """, forgotten AS (
    UPDATE tasks SET output = jsonb_set(output::jsonb, '{assets}', (
        SELECT coalesce(jsonb_agg(asset ORDER BY place), '[]')
        FROM jsonb_array_elements(output::jsonb -> 'assets') WITH ORDINALITY AS kept (asset, place)
        WHERE (asset ->> 'id')::uuid NOT IN (SELECT id FROM gone)))::json
    WHERE id IN (SELECT task_id FROM gone WHERE kind = 'output') AND output::jsonb ? 'assets'
)"""

# Those that their owner wants gone; their tasks forget them.
DELETE_OWN = _DELETE.format(
    which="SELECT id FROM assets "
    "WHERE account_id = $1 AND (id = ANY($2::uuid[]) OR (task_id = $3 AND kind <> 'upload'))",
    more=_FORGOTTEN,
)

# Every copy of a file that an operator denied to its account.
DELETE_DENIED = _DELETE.format(
    which="SELECT a.id FROM reviews r JOIN assets a USING (account_id, sha256) WHERE r.id = $1",
    more=_FORGOTTEN,
)

READ_PAGE = f"""
SELECT {COLUMNS} FROM assets
WHERE account_id = $1 AND expires_at > now() AND ($2::text IS NULL OR kind = $2) AND ($3::uuid IS NULL OR id < $3)
ORDER BY id DESC LIMIT $4
"""

# Uploads for a purpose; those of no purpose count as user data.
READ_UPLOADS = f"""
SELECT {COLUMNS} FROM assets
WHERE account_id = $1 AND expires_at > now() AND kind = 'upload'
  AND ($2::text IS NULL OR coalesce(purpose, 'user_data') = $2) AND ($3::uuid IS NULL OR id {{beyond}} $3)
ORDER BY id {{direction}} LIMIT $4
"""
NEWEST_FIRST = READ_UPLOADS.format(beyond="<", direction="DESC")
OLDEST_FIRST = READ_UPLOADS.format(beyond=">", direction="ASC")


async def add_upload(
    database: Database,
    account_id: UUID,
    new: NewAsset,
    *,
    name: str | None = None,
    task_id: UUID | None = None,
    field: str | None = None,
    purpose: str | None = None,
) -> AssetRow:
    """A new upload of this account, or with a task and a field the file that was fetched for its input."""
    kind = "upload" if task_id is None else "input"
    facts = msgspec.structs.astuple(new)[1:]
    row = await database.fetchrow(ADD_UPLOAD, new.id, account_id, *facts, name, task_id, field, kind, purpose)
    assert row is not None  # INSERT … RETURNING always answers
    return AssetRow(*row)


async def read_input(database: Database, task_id: UUID, field: str) -> AssetRow | None:
    """The file that was fetched for a field of this task's input, or None."""
    row = await database.fetchrow(
        f"SELECT {COLUMNS} FROM assets WHERE task_id = $1 AND kind = 'input' AND field = $2 AND expires_at > now()",
        task_id,
        field,
    )
    return None if row is None else AssetRow(*row)


async def read_page(
    database: Database, account_id: UUID, *, kind: str | None, before: UUID | None, limit: int
) -> list[AssetRow]:
    """A page of an account's files, newest first."""
    return [AssetRow(*row) for row in await database.fetch(READ_PAGE, account_id, kind, before, limit)]


async def read_uploads(
    database: Database,
    account_id: UUID,
    *,
    purpose: str | None,
    after: UUID | None,
    oldest_first: bool,
    limit: int,
) -> list[AssetRow]:
    """A page of an account's uploads."""
    statement = OLDEST_FIRST if oldest_first else NEWEST_FIRST
    return [AssetRow(*row) for row in await database.fetch(statement, account_id, purpose, after, limit)]


async def read_many(database: Database, ids: Sequence[UUID]) -> list[AssetRow | None]:
    """The assets with these ids, in order; None for those that do not exist or whose time is over."""
    rows = await database.fetch(
        f"SELECT {COLUMNS} FROM assets WHERE id = ANY($1::uuid[]) AND expires_at > now()", list(set(ids))
    )
    found = {row["id"]: AssetRow(*row) for row in rows}
    return [found.get(id_) for id_ in ids]


async def delete_due(database: Database, limit: int) -> int:
    """Forget assets past their retention; answers how many."""
    return len(await database.fetch(DELETE_DUE, limit))


async def delete_own(
    database: Database, account_id: UUID, *, asset_ids: Sequence[UUID] = (), task_id: UUID | None = None
) -> int:
    """Forget files of the account, or all that a task of it fetched and made; answers how many."""
    return len(await database.fetch(DELETE_OWN, account_id, list(asset_ids), task_id))


async def delete_denied(connection: Any, review_id: UUID) -> None:
    """Forget every copy of the file that a finding is about."""
    await connection.execute(DELETE_DENIED, review_id)
