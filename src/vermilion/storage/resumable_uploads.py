"""Files that arrive in parts, as rows; the parts lie in the blob store, claimed until the upload runs out."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from vermilion.errors import Conflict, NotFound
from vermilion.storage.database import Database

OPEN_MAX = 100  #: unfinished uploads of one account
COLUMNS = "id, account_id, size_bytes, received, parts, name, sha256, state, problem, asset_id, expires_at"


class UploadRow(msgspec.Struct, frozen=True):
    """An upload under way: `parts` are the hashes of what has been received, in order."""

    id: UUID
    account_id: UUID
    size_bytes: int
    received: int
    parts: list[str]
    name: str | None
    sha256: bytes | None
    state: str
    problem: str | None
    asset_id: UUID | None
    expires_at: datetime


# A new upload, unless the account has too many under way.
CREATE = f"""
INSERT INTO resumable_uploads (id, account_id, size_bytes, name, sha256, expires_at)
SELECT $1, $2, $3, $4, $5, now() + $6 * interval '1 second'
WHERE (SELECT count(*) FROM resumable_uploads WHERE account_id = $2 AND state = 'open' AND expires_at > now()) < $7
RETURNING {COLUMNS}
"""

# One more part, if nobody else has added one meanwhile.
APPEND = f"""
UPDATE resumable_uploads SET received = received + $4, parts = parts || $5::text
WHERE id = $1 AND account_id = $2 AND received = $3 AND state = 'open' RETURNING {COLUMNS}
"""

END = f"""
UPDATE resumable_uploads SET state = $2, asset_id = $3, problem = $4, parts = '{{}}' WHERE id = $1 AND state = 'open'
RETURNING {COLUMNS}
"""

# Its parts are not needed any more.
RELEASE = "UPDATE blob_claims SET until = now() WHERE asset_id = $1"


async def create(
    database: Database,
    upload_id: UUID,
    account_id: UUID,
    *,
    size_bytes: int,
    name: str | None,
    sha256: bytes | None,
    life_s: int,
) -> UploadRow:
    """A new upload. Raises Conflict if the account has too many unfinished ones."""
    row = await database.fetchrow(CREATE, upload_id, account_id, size_bytes, name, sha256, life_s, OPEN_MAX)
    if row is None:
        raise Conflict(f"This account has {OPEN_MAX} unfinished uploads; finish or delete some of them.")
    return UploadRow(*row)


async def read(database: Database, account_id: UUID, upload_id: UUID) -> UploadRow:
    """An upload of this account. Raises NotFound, also for one that has run out."""
    row = await database.fetchrow(
        f"SELECT {COLUMNS} FROM resumable_uploads WHERE id = $1 AND account_id = $2 AND expires_at > now()",
        upload_id,
        account_id,
    )
    if row is None:
        raise NotFound("There is no such upload, or its time is over.")
    return UploadRow(*row)


async def append(database: Database, upload: UploadRow, *, part: str, size_bytes: int) -> UploadRow | None:
    """The upload with one more part, or None if it has moved on."""
    row = await database.fetchrow(APPEND, upload.id, upload.account_id, upload.received, size_bytes, part)
    return None if row is None else UploadRow(*row)


async def end(
    database: Database, upload_id: UUID, *, asset_id: UUID | None = None, problem: str | None = None
) -> UploadRow | None:
    """The upload as ended, stored or refused; None if it has ended before."""
    async with database.transaction() as connection:
        state = "refused" if asset_id is None else "stored"
        row = await connection.fetchrow(END, upload_id, state, asset_id, problem)
        if row is not None:
            await connection.execute(RELEASE, upload_id)
    return None if row is None else UploadRow(*row)


async def delete(database: Database, account_id: UUID, upload_id: UUID) -> None:
    """Forget an upload and its parts. Raises NotFound."""
    async with database.transaction() as connection:
        gone = await connection.fetchval(
            "DELETE FROM resumable_uploads WHERE id = $1 AND account_id = $2 RETURNING id",
            upload_id,
            account_id,
        )
        if gone is None:
            raise NotFound("There is no such upload.")
        await connection.execute(RELEASE, upload_id)


async def forget_expired(database: Database) -> None:
    """Delete uploads whose time is over; the claims on their parts end at the same time."""
    await database.execute(
        "DELETE FROM resumable_uploads WHERE id IN "
        "(SELECT id FROM resumable_uploads WHERE expires_at <= now() ORDER BY expires_at LIMIT 500)"
    )
