"""Keep a file that came from outside: bounded, sniffed and decoded in a worker process, then stored by its hash."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.ending import NewAsset
from vermilion.errors import BodyTooLarge, UnsafeMedia, UnsupportedMedia
from vermilion.ids import new_id
from vermilion.services.check_picture import Arrival, check_picture
from vermilion.services.gateway import Gateway
from vermilion.services.penalties import note_error
from vermilion.storage import assets
from vermilion.storage.accounts import Bearer
from vermilion.storage.assets import AssetRow
from vermilion.storage.blob_claims import claim
from vermilion.storage.blobs import describe
from vermilion.storage.flights import Claimed
from vermilion.storage.media_terms import read_media_terms

NAME_LENGTH_MAX = 128


@asynccontextmanager
async def work_folder(gateway: Gateway) -> AsyncIterator[Path]:
    """A folder that is gone afterwards."""
    gateway.work_dir.mkdir(parents=True, exist_ok=True)
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, dir=gateway.work_dir))
    try:
        yield folder
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def store_upload(
    gateway: Gateway, bearer: Bearer, content: bytes, *, name: str | None = None
) -> AssetRow:
    """Keep an upload that is in memory. Raises what store_file raises."""
    check_size(bearer, len(content))
    async with work_folder(gateway) as folder:
        path = folder / "upload"
        await asyncio.to_thread(path.write_bytes, content)
        return await store_file(gateway, bearer, path, name=name)


async def store_file(
    gateway: Gateway,
    bearer: Bearer,
    path: Path,
    *,
    name: str | None = None,
    purpose: str | None = None,
    life_s: int | None = None,
) -> AssetRow:
    """Keep a file on local disk as an upload, for so long if the plan keeps it longer.

    Raises BodyTooLarge and StorageFull beyond the plan's limits, UnsupportedMedia for what cannot be decoded,
    UnsafeMedia for what the guard refuses.
    """
    check_size(bearer, await asyncio.to_thread(size_of, path))
    try:
        stored = await keep(gateway, bearer.account.id, path, bytes_max=bearer.plan.media_bytes_max)
    except UnsafeMedia:
        await note_error(gateway, bearer)
        raise
    if life_s is not None:
        until = min(stored.expires_at, datetime.now(UTC) + timedelta(seconds=life_s))
        stored = msgspec.structs.replace(stored, expires_at=until)
    return await assets.add_upload(
        gateway.database, bearer.account.id, stored, name=plain_name(name), purpose=purpose
    )


def check_size(bearer: Bearer, size_bytes: int) -> None:
    """Raises BodyTooLarge beyond what the plan allows of one file, UnsupportedMedia for none at all."""
    if size_bytes > bearer.plan.upload_bytes_max:
        raise BodyTooLarge(f"Files may have at most {bearer.plan.upload_bytes_max} bytes on this plan.")
    if not size_bytes:
        raise UnsupportedMedia("The file is empty.")


def size_of(path: Path) -> int:
    """Bytes of a file on this machine."""
    return path.stat().st_size


async def keep(
    gateway: Gateway,
    account_id: UUID,
    path: Path,
    *,
    bytes_max: int | None = None,
    task: Claimed | None = None,
    field: str | None = None,
) -> NewAsset:
    """Inspect a file and store its bytes and thumbnail; the row is the caller's to write within the claim's life.

    Raises UnsupportedMedia, UnsafeMedia, and StorageFull if the account would have more than `bytes_max` stored.
    """
    terms = await read_media_terms(gateway.database, account_id)
    seen = await gateway.inspect(path)
    facts: Any = seen.facts
    id_ = new_id()
    blob = await describe(path)
    arrival = Arrival(account_id, id_, blob.sha256, task, field)
    await check_picture(gateway, arrival, seen.thumbnail, content_type=facts["content_type"], terms=terms)
    thumb = await describe(seen.thumbnail) if seen.thumbnail else None
    await claim(gateway.database, account_id, id_, [blob, *([thumb] if thumb else [])], bytes_max=bytes_max)
    await gateway.blobs.put_file(account_id, path, blob)
    if seen.thumbnail:
        await gateway.blobs.put_file(account_id, seen.thumbnail, thumb)
    return NewAsset(
        id=id_,
        sha256=blob.sha256,
        thumb_sha256=thumb.sha256 if thumb else None,
        content_type=facts["content_type"],
        size_bytes=blob.size_bytes,
        width=facts.get("width"),
        height=facts.get("height"),
        duration_s=facts.get("duration_s"),
        expires_at=terms.expires_at,
    )


def plain_name(name: str | None) -> str | None:
    """A file's name without its path and what cannot be shown, or None if nothing is left."""
    if name is None:
        return None
    last = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(mark for mark in last if mark.isprintable()).strip()
    return shown.encode("utf-8", "ignore").decode()[:NAME_LENGTH_MAX].strip(". ") or None
