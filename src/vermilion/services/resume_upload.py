"""Take a file in parts: each is durable once it is acknowledged, and the last one makes the upload a stored file."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from vermilion.errors import BodyTooLarge, Conflict, InvalidRequest, UnsupportedMedia
from vermilion.ids import new_id
from vermilion.services.gateway import Gateway
from vermilion.services.release_bytes import release_bytes
from vermilion.services.store_media import check_size, plain_name, size_of, store_file, work_folder
from vermilion.storage import assets, resumable_uploads
from vermilion.storage.accounts import Bearer
from vermilion.storage.blob_claims import claim
from vermilion.storage.blobs import describe
from vermilion.storage.resumable_uploads import UploadRow

LIFE_S = 24 * 3600
PARTS_MAX = 10_000


async def begin_upload(
    gateway: Gateway, bearer: Bearer, *, size_bytes: int, name: str | None, sha256: bytes | None
) -> UploadRow:
    """A new upload of a known size. Raises BodyTooLarge, UnsupportedMedia for none, Conflict."""
    check_size(bearer, size_bytes)
    return await resumable_uploads.create(
        gateway.database,
        new_id(),
        bearer.account.id,
        size_bytes=size_bytes,
        name=plain_name(name),
        sha256=sha256,
        life_s=LIFE_S,
    )


async def read_upload(gateway: Gateway, bearer: Bearer, upload_id: UUID) -> UploadRow:
    """An upload; one that has all its bytes is finished first. Raises NotFound, UnsupportedMedia, StorageFull."""
    upload = await resumable_uploads.read(gateway.database, bearer.account.id, upload_id)
    if upload.state == "open" and upload.received == upload.size_bytes:
        return await _finish(gateway, bearer, upload)
    return upload


async def check_offset(gateway: Gateway, bearer: Bearer, upload_id: UUID, offset: int) -> UploadRow:
    """The upload, if it goes on at this offset. Raises NotFound, Conflict."""
    upload = await resumable_uploads.read(gateway.database, bearer.account.id, upload_id)
    if upload.state != "open":
        raise Conflict(f"This upload has ended: it is {upload.state}.")
    if upload.received != offset:
        raise Conflict(f"This upload goes on at byte {upload.received}.", offset=upload.received)
    if len(upload.parts) >= PARTS_MAX:
        raise Conflict(f"An upload may have at most {PARTS_MAX} parts; send larger ones.")
    return upload


async def add_part(gateway: Gateway, bearer: Bearer, upload: UploadRow, path: Path) -> UploadRow:
    """The upload with one more part; the last one finishes it.

    Raises Conflict if another part came first, BodyTooLarge beyond the size that was announced,
    UnsupportedMedia, StorageFull.
    """
    size_bytes = await asyncio.to_thread(size_of, path)
    if upload.received + size_bytes > upload.size_bytes:
        raise BodyTooLarge("The part goes beyond the size that was announced for this upload.")
    if size_bytes:
        part = await describe(path)
        account_id = upload.account_id
        life_s = max(1, int((upload.expires_at - datetime.now(UTC)).total_seconds()))
        await claim(gateway.database, account_id, upload.id, [part], bytes_max=None, life_s=life_s)
        await gateway.blobs.put_file(account_id, path, part)
        longer = await resumable_uploads.append(
            gateway.database, upload, part=part.sha256.hex(), size_bytes=size_bytes
        )
        if longer is None:
            raise Conflict("Another part of this upload came first; ask where it goes on.")
        upload = longer
    return await _finish(gateway, bearer, upload) if upload.received == upload.size_bytes else upload


async def drop_upload(gateway: Gateway, bearer: Bearer, upload_id: UUID) -> None:
    """Give up an upload and delete its parts. Raises NotFound."""
    await resumable_uploads.delete(gateway.database, bearer.account.id, upload_id)
    await release_bytes(gateway, bearer.account.id)


async def _finish(gateway: Gateway, bearer: Bearer, upload: UploadRow) -> UploadRow:
    """Make the parts a stored file. What cannot be kept ends the upload, and says why whenever it is asked."""
    try:
        async with work_folder(gateway) as folder:
            path = folder / "upload"
            await _assemble(gateway, upload, path)
            asset = await store_file(gateway, bearer, path, name=upload.name)
    except InvalidRequest as refused:
        await _end(gateway, upload, problem=refused.detail)
        raise
    ended = await _end(gateway, upload, asset_id=asset.id)
    if ended is None:  # somebody else finished it at the same time
        await assets.delete_own(gateway.database, upload.account_id, asset_ids=[asset.id])
        ended = await resumable_uploads.read(gateway.database, upload.account_id, upload.id)
    await release_bytes(gateway, upload.account_id)
    return ended


async def _end(
    gateway: Gateway, upload: UploadRow, *, asset_id: UUID | None = None, problem: str | None = None
) -> UploadRow | None:
    return await resumable_uploads.end(gateway.database, upload.id, asset_id=asset_id, problem=problem)


async def _assemble(gateway: Gateway, upload: UploadRow, path: Path) -> None:
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for part in upload.parts:
            async for chunk in await gateway.blobs.read(upload.account_id, bytes.fromhex(part)):
                digest.update(chunk)
                await asyncio.to_thread(file.write, chunk)
    if upload.sha256 is not None and digest.digest() != upload.sha256:
        raise UnsupportedMedia("The file does not have the SHA-256 that was announced for it.")
