"""Who needs which stored bytes, so that storing them and deleting them never meet.

Whoever stores bytes claims them first; whoever deletes them holds their row's lock, and only does so when no asset
names them and no claim is alive. Bytes whose process died before their asset was written fall to the sweep.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from vermilion.errors import StorageFull
from vermilion.storage.blobs import StoredBlob
from vermilion.storage.database import Database

CLAIM_LIFE_S = 2 * 3600  #: longer than storing the largest file takes

# Note bytes that are about to be stored, waiting for whoever deletes the same at this moment.
CLAIM = """
WITH noted AS (
    INSERT INTO blobs (account_id, sha256, size_bytes)
    SELECT $1, sha256, size_bytes FROM unnest($3::bytea[], $4::bigint[]) AS new (sha256, size_bytes) ORDER BY sha256
    ON CONFLICT (account_id, sha256) DO UPDATE SET size_bytes = excluded.size_bytes
)
INSERT INTO blob_claims (account_id, sha256, asset_id, until)
SELECT $1, sha256, $2, now() + $5 * interval '1 second' FROM unnest($3::bytea[]) AS new (sha256)
"""

# What an account has stored, beside these bytes.
STORED = """
SELECT coalesce(sum(size_bytes), 0)::bigint FROM blobs WHERE account_id = $1 AND sha256 <> ALL ($2::bytea[])
"""

# Whether an asset or a live claim needs these bytes.
NEEDED = """
SELECT EXISTS (SELECT 1 FROM assets WHERE account_id = $1 AND sha256 = $2)
    OR EXISTS (SELECT 1 FROM assets WHERE account_id = $1 AND thumb_sha256 = $2)
    OR EXISTS (SELECT 1 FROM blob_claims WHERE account_id = $1 AND sha256 = $2 AND until > now())
"""


async def claim(
    database: Database,
    account_id: UUID,
    asset_id: UUID,
    blobs: Sequence[StoredBlob],
    *,
    bytes_max: int | None,
    life_s: int = CLAIM_LIFE_S,
) -> None:
    """Claim bytes for an asset that is about to be written, or for an upload that goes on.

    Raises StorageFull beyond the account's limit.
    """
    by_hash = {blob.sha256: blob.size_bytes for blob in blobs}
    async with database.transaction() as connection:
        if bytes_max is not None:
            await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 9))", str(account_id))
            stored = await connection.fetchval(STORED, account_id, list(by_hash))
            if stored + sum(by_hash.values()) > bytes_max:
                raise StorageFull(stored_bytes=stored, bytes_max=bytes_max)
        await connection.execute(CLAIM, account_id, asset_id, list(by_hash), list(by_hash.values()), life_s)


async def due(database: Database, limit: int, account_id: UUID | None = None) -> list[tuple[UUID, bytes]]:
    """Bytes whose claims are over, of one account if it is named."""
    rows = await database.fetch(
        "SELECT DISTINCT account_id, sha256 FROM (SELECT account_id, sha256 FROM blob_claims "
        "WHERE until <= now() AND ($2::uuid IS NULL OR account_id = $2) ORDER BY until LIMIT $1) AS oldest",
        limit,
        account_id,
    )
    return [(row["account_id"], row["sha256"]) for row in rows]


@asynccontextmanager
async def releasing(database: Database, account_id: UUID, sha256: bytes) -> AsyncIterator[bool]:
    """Whether the bytes are to be deleted; nobody can store the same until the block ends. Their claims end with it."""
    async with database.transaction() as connection:
        locked = await connection.fetchval(
            "SELECT true FROM blobs WHERE account_id = $1 AND sha256 = $2 FOR UPDATE", account_id, sha256
        )
        free = bool(locked) and not await connection.fetchval(NEEDED, account_id, sha256)
        yield free
        if free:
            await connection.execute(
                "DELETE FROM blobs WHERE account_id = $1 AND sha256 = $2", account_id, sha256
            )
        await connection.execute(
            "DELETE FROM blob_claims WHERE account_id = $1 AND sha256 = $2 AND until <= now()",
            account_id,
            sha256,
        )


async def stored_bytes(database: Database, account_id: UUID) -> int:
    """How many bytes an account has stored."""
    held: int = await database.fetchval(STORED, account_id, [])
    return held
