"""Delete stored bytes that nothing needs any more: of deleted files, and of work that died before its end."""

from __future__ import annotations

from uuid import UUID

from vermilion.services.gateway import Gateway
from vermilion.storage import blob_claims

BATCH = 500


async def release_bytes(gateway: Gateway, account_id: UUID | None = None) -> int:
    """Delete the bytes whose claims are over and that no file needs; answers how many.

    If the media store is away, they stay due.
    """
    deleted = 0
    for owner_id, sha256 in await blob_claims.due(gateway.database, BATCH, account_id):
        async with blob_claims.releasing(gateway.database, owner_id, sha256) as free:
            if free:
                await gateway.blobs.delete(owner_id, sha256)
                deleted += 1
    return deleted
