"""Keep a file that came from outside: bounded, sniffed and decoded in a worker process, then stored by its hash."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import uuid_utils.compat as uuids

from vermilion.domain.ending import NewAsset
from vermilion.errors import BodyTooLarge, UnsupportedMedia
from vermilion.services.gateway import Gateway
from vermilion.storage import accounts, assets
from vermilion.storage.accounts import Bearer
from vermilion.storage.assets import AssetRow


@asynccontextmanager
async def work_folder(gateway: Gateway) -> AsyncIterator[Path]:
    """A folder that is gone afterwards."""
    gateway.work_dir.mkdir(parents=True, exist_ok=True)
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, dir=gateway.work_dir))
    try:
        yield folder
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def store_upload(gateway: Gateway, bearer: Bearer, content: bytes) -> AssetRow:
    """Keep an upload. Raises BodyTooLarge beyond the plan's limit, UnsupportedMedia for what cannot be decoded."""
    if len(content) > bearer.plan.upload_bytes_max:
        raise BodyTooLarge(f"Files may have at most {bearer.plan.upload_bytes_max} bytes on this plan.")
    if not content:
        raise UnsupportedMedia("The file is empty.")
    async with work_folder(gateway) as folder:
        path = folder / "upload"
        await asyncio.to_thread(path.write_bytes, content)
        return await store_file(gateway, bearer.account.id, path)


async def store_file(gateway: Gateway, account_id: UUID, path: Path) -> AssetRow:
    """Keep a file on local disk as an upload of this account."""
    stored = await keep(gateway, account_id, path)
    return await assets.add_upload(gateway.database, account_id, stored)


async def keep(gateway: Gateway, account_id: UUID, path: Path) -> NewAsset:
    """Inspect a file and store its bytes and thumbnail; the row is the caller's to write."""
    expires_at = await accounts.media_expiry(gateway.database, account_id)
    seen = await gateway.inspect(path)
    facts: Any = seen.facts
    blob = await gateway.blobs.put_file(account_id, path)
    thumb = await gateway.blobs.put_file(account_id, seen.thumbnail) if seen.thumbnail else None
    return NewAsset(
        id=uuids.uuid7(),
        sha256=blob.sha256,
        thumb_sha256=thumb.sha256 if thumb else None,
        content_type=facts["content_type"],
        size_bytes=blob.size_bytes,
        width=facts.get("width"),
        height=facts.get("height"),
        duration_s=facts.get("duration_s"),
        expires_at=expires_at,
    )
