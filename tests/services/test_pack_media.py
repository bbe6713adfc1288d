"""An archive is made while it is sent: whole, a piece at a time, and without what is gone."""

from __future__ import annotations

import io
import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import uuid_utils.compat as uuids

from vermilion.services.pack_media import pack_media
from vermilion.storage.assets import AssetRow
from vermilion.storage.blobs import StoredBlob, open_blobs

ACCOUNT = uuid4()
LARGE = os.urandom(64 * 1024) * 180  #: several pieces


def asset_of(blob: StoredBlob) -> AssetRow:
    """The row of a stored film."""
    now = datetime.now(UTC)
    return AssetRow(
        id=uuids.uuid7(),
        account_id=ACCOUNT,
        task_id=None,
        kind="output",
        sha256=blob.sha256,
        thumb_sha256=None,
        content_type="video/webm",
        size_bytes=blob.size_bytes,
        width=None,
        height=None,
        duration_s=None,
        expires_at=now,
        created_at=now,
    )


async def test_an_archive_holds_every_file_that_is_still_there(tmp_path: Path) -> None:
    """Large files go out in pieces, each no larger than what was read; a file that is gone is left out."""
    blobs = open_blobs("", data_dir=tmp_path)
    gateway: Any = SimpleNamespace(blobs=blobs)
    contents = (b"small", LARGE, b"gone")
    files = [asset_of(await blobs.put_bytes(ACCOUNT, content)) for content in contents]
    await blobs.delete(ACCOUNT, files[2].sha256)

    pieces = [piece async for piece in pack_media(gateway, files)]

    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        assert [b"small", LARGE] == [archive.read(name) for name in archive.namelist()]
        assert all(name.endswith(".webm") for name in archive.namelist())
    assert max(map(len, pieces)) < len(LARGE)
