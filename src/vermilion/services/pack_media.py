"""Several files as one ZIP archive that is made while it is sent."""

from __future__ import annotations

import io
import mimetypes
import zipfile
from collections.abc import AsyncIterator, Sequence
from typing import Any

from vermilion.errors import NotFound
from vermilion.services.gateway import Gateway
from vermilion.storage.assets import AssetRow

BIG_BYTES = 2_000_000_000  #: entries from this size on need the archive's larger fields


async def pack_media(gateway: Gateway, files: Sequence[AssetRow]) -> AsyncIterator[bytes]:
    """The archive. Media are compressed already, so they are stored as they are; a file that is gone is left out."""
    sent = _Sent()
    with zipfile.ZipFile(sent, "w", zipfile.ZIP_STORED) as archive:
        for asset in files:
            try:
                content = await gateway.blobs.read(asset.account_id, asset.sha256)
            except NotFound:
                continue
            big = asset.size_bytes >= BIG_BYTES
            with archive.open(_entry(asset), "w", force_zip64=big) as entry:
                async for piece in content:
                    entry.write(piece)
                    yield sent.taken()
    yield sent.taken()


def file_name(asset: AssetRow) -> str:
    """What a file is called where it is kept among others: no two are called the same."""
    suffix = mimetypes.guess_extension(asset.content_type) or ".bin"
    return f"{asset.created_at:%Y-%m-%d}-{asset.id.hex[-12:]}{suffix}"


def _entry(asset: AssetRow) -> zipfile.ZipInfo:
    at = asset.created_at
    return zipfile.ZipInfo(file_name(asset), (at.year, at.month, at.day, at.hour, at.minute, at.second))


class _Sent(io.RawIOBase):
    """Where the archive is written: nothing is kept of it beyond the piece that goes out next."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def taken(self) -> bytes:
        """What was written since the last time."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
