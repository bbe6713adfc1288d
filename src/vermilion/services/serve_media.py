"""Signed links to stored files, and the files behind them."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from datetime import datetime
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec

from vermilion.domain.links import LinkVerdict, check_media, sign_media
from vermilion.errors import Forbidden, NotFound
from vermilion.services.gateway import Gateway
from vermilion.storage import assets
from vermilion.storage.assets import AssetRow

MEDIA_PATH = re.compile(r"^https?://[^/]+/v1/media/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$")
LINK_LIFE_S = 24 * 3600  #: how long a link works; the file itself lives as long as its plan's retention
LINK_STEP_S = 3600  #: links made within the same hour are the same, so that caches can hold on to them


class ServedFile(msgspec.Struct, frozen=True):
    """A stored file ready to be sent."""

    asset: AssetRow
    content_type: str
    size_bytes: int
    sha256: bytes


def media_path(gateway: Gateway, asset_id: UUID, expires_at: datetime) -> str:
    """The signed path of an asset; it works for a day at the longest, and never beyond the asset's own time."""
    until = (int(time.time()) // LINK_STEP_S) * LINK_STEP_S + LINK_LIFE_S + LINK_STEP_S
    query = sign_media(asset_id, expires_at=min(until, int(expires_at.timestamp())), key=gateway.signing_key)
    return f"/v1/media/{asset_id}?{query}"


def linked_asset(gateway: Gateway, url: str) -> UUID | None:
    """The asset of a link that was made here and still works; None for every other URL."""
    path, _, query = url.partition("?")
    found = MEDIA_PATH.search(path)
    values = dict(parse_qsl(query))
    if found is None or not {"expires", "signature"} <= values.keys():
        return None
    asset_id = UUID(found[1])
    verdict = check_media(
        asset_id,
        expires=values["expires"],
        signature=values["signature"],
        now=int(time.time()),
        key=gateway.signing_key,
    )
    return asset_id if verdict is LinkVerdict.VALID else None


async def open_media(
    gateway: Gateway, asset_id: UUID, *, expires: str, signature: str, thumbnail: bool = False
) -> ServedFile:
    """The file of a signed link. Raises Forbidden if the link is forged or over, NotFound if the file is gone."""
    verdict = check_media(
        asset_id, expires=expires, signature=signature, now=int(time.time()), key=gateway.signing_key
    )
    if verdict is LinkVerdict.EXPIRED:
        raise Forbidden("This link is over; read the task again for a fresh one.")
    if verdict is not LinkVerdict.VALID:
        raise Forbidden("This link was not made here.")
    [asset] = await assets.read_many(gateway.database, [asset_id])
    if asset is None or (thumbnail and asset.thumb_sha256 is None):
        raise NotFound("This file is not stored here any more.")
    if not thumbnail or asset.thumb_sha256 is None:
        return ServedFile(asset, asset.content_type, asset.size_bytes, asset.sha256)
    size = await gateway.blobs.size(asset.account_id, asset.thumb_sha256)
    return ServedFile(asset, "image/webp", size, asset.thumb_sha256)


async def read_media(
    gateway: Gateway, file: ServedFile, *, start: int | None = None, end: int | None = None
) -> AsyncIterator[bytes]:
    """The bytes of a file, or of the range [start, end). Raises NotFound before the first byte."""
    return await gateway.blobs.read(file.asset.account_id, file.sha256, start=start, end=end)
