"""Blobs hold the same promises in a local folder and on a real S3 server."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from tests.support.s3 import s3_environment

from vermilion.storage.blobs import BlobMissing, Blobs, BlobsUnavailable, open_blobs

ACCOUNT, STRANGER = uuid4(), uuid4()
LARGE = os.urandom(64 * 1024) * 180  # 11.25 MiB: several parts of a multipart upload, several chunks


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.slow)])
def blobs(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Blobs:
    """An empty store of each kind."""
    if request.param == "local":
        return open_blobs("", data_dir=tmp_path)
    _use_s3(monkeypatch, request.getfixturevalue("s3_endpoint"))
    return open_blobs(f"s3://media-tests/{uuid4()}", data_dir=tmp_path)


async def test_put_bytes_can_be_read_back(blobs: Blobs) -> None:
    """What was put is read back whole under the hash and size that put answered."""
    blob = await blobs.put_bytes(ACCOUNT, b"vermilion")

    assert hashlib.sha256(b"vermilion").digest() == blob.sha256
    assert 9 == blob.size_bytes == await blobs.size(ACCOUNT, blob.sha256)
    assert b"vermilion" == await _joined(await blobs.read(ACCOUNT, blob.sha256))


async def test_put_file_of_many_parts(blobs: Blobs, tmp_path: Path) -> None:
    """A file larger than one upload part comes back in chunks, unchanged, and the original stays."""
    path = tmp_path / "large"
    path.write_bytes(LARGE)

    blob = await blobs.put_file(ACCOUNT, path)
    chunks = [chunk async for chunk in await blobs.read(ACCOUNT, blob.sha256)]

    assert len(LARGE) == blob.size_bytes == path.stat().st_size
    assert LARGE == b"".join(chunks)
    assert 1 < len(chunks)


async def test_file_and_bytes_are_the_same_blob(blobs: Blobs, tmp_path: Path) -> None:
    """The way in does not matter: equal bytes are one blob, however often they are put."""
    path = tmp_path / "small"
    path.write_bytes(b"same")

    first, *others = await asyncio.gather(
        blobs.put_bytes(ACCOUNT, b"same"), blobs.put_file(ACCOUNT, path), blobs.put_bytes(ACCOUNT, b"same")
    )

    assert [first, first] == others


async def test_empty_file(blobs: Blobs) -> None:
    """No bytes at all are a blob too."""
    blob = await blobs.put_bytes(ACCOUNT, b"")

    assert 0 == await blobs.size(ACCOUNT, blob.sha256)
    assert b"" == await _joined(await blobs.read(ACCOUNT, blob.sha256))


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 1, b"0"),
        (2, 5, b"234"),
        (7, None, b"789"),
        (None, 3, b"012"),
        (8, 999, b"89"),
        (0, 10, b"0123456789"),
    ],
)
async def test_ranges(blobs: Blobs, start: int | None, end: int | None, expected: bytes) -> None:
    """A range is half-open and ends with the blob."""
    blob = await blobs.put_bytes(ACCOUNT, b"0123456789")

    assert expected == await _joined(await blobs.read(ACCOUNT, blob.sha256, start=start, end=end))


@pytest.mark.parametrize(("start", "end"), [(10, None), (11, 12), (5, 5), (5, 4), (-1, 3)])
async def test_ranges_outside(blobs: Blobs, start: int, end: int | None) -> None:
    """An empty range, or one that starts at or after the end, is a ValueError."""
    blob = await blobs.put_bytes(ACCOUNT, b"0123456789")

    with pytest.raises(ValueError, match="10 bytes"):
        await blobs.read(ACCOUNT, blob.sha256, start=start, end=end)


async def test_accounts_do_not_see_each_other(blobs: Blobs) -> None:
    """Knowing a hash is not enough to read another account's file, and deleting it leaves the other's."""
    blob = await blobs.put_bytes(ACCOUNT, b"mine")

    assert not await blobs.exists(STRANGER, blob.sha256)
    await blobs.delete(STRANGER, blob.sha256)
    assert await blobs.exists(ACCOUNT, blob.sha256)


async def test_delete_twice(blobs: Blobs) -> None:
    """Deleting is final, and deleting again is fine."""
    blob = await blobs.put_bytes(ACCOUNT, b"gone")

    await blobs.delete(ACCOUNT, blob.sha256)
    await blobs.delete(ACCOUNT, blob.sha256)

    assert not await blobs.exists(ACCOUNT, blob.sha256)


async def test_missing_is_said_before_the_first_byte(blobs: Blobs, tmp_path: Path) -> None:
    """Reading, measuring and fetching what is not there raises BlobMissing and leaves no file."""
    absent = hashlib.sha256(b"never stored").digest()
    target = tmp_path / "fetched" / "file"
    target.parent.mkdir()

    with pytest.raises(BlobMissing):
        await blobs.read(ACCOUNT, absent)
    with pytest.raises(BlobMissing):
        await blobs.read(ACCOUNT, absent, start=1)
    with pytest.raises(BlobMissing):
        await blobs.size(ACCOUNT, absent)
    with pytest.raises(BlobMissing):
        await blobs.fetch_to(ACCOUNT, absent, target)
    assert [] == list(target.parent.iterdir())


async def test_fetch_to_replaces_the_target(blobs: Blobs, tmp_path: Path) -> None:
    """A fetched file is complete, replaces what was there and leaves nothing else behind."""
    blob = await blobs.put_bytes(ACCOUNT, LARGE)
    target = tmp_path / "fetched" / "file"
    target.parent.mkdir()
    target.write_bytes(b"old")

    await blobs.fetch_to(ACCOUNT, blob.sha256, target)

    assert LARGE == target.read_bytes()
    assert [target] == list(target.parent.iterdir())


async def test_only_whole_hashes_are_keys(blobs: Blobs) -> None:
    """A key that is not a SHA-256 is a ValueError, so it can never name a folder."""
    with pytest.raises(ValueError, match="SHA-256"):
        await blobs.size(ACCOUNT, b"")


async def test_local_layout(tmp_path: Path) -> None:
    """On disk a blob is one file at account/first two digits/hash, and putting it twice adds nothing."""
    blobs = open_blobs("", data_dir=tmp_path)

    blob = await blobs.put_bytes(ACCOUNT, b"here")
    path = tmp_path / "media" / str(ACCOUNT) / blob.sha256.hex()[:2] / blob.sha256.hex()
    written_at = path.stat().st_mtime_ns
    await blobs.put_bytes(ACCOUNT, b"here")

    assert [path] == [file for file in tmp_path.rglob("*") if file.is_file()]
    assert written_at == path.stat().st_mtime_ns


async def test_a_copy_cut_short_is_written_again(tmp_path: Path) -> None:
    """A truncated file on disk does not count as stored."""
    blobs = open_blobs(tmp_path.as_uri(), data_dir=tmp_path / "unused")
    blob = await blobs.put_bytes(ACCOUNT, b"whole")
    path = next(tmp_path.rglob(blob.sha256.hex()))
    path.write_bytes(b"wh")

    await blobs.put_bytes(ACCOUNT, b"whole")

    assert b"whole" == path.read_bytes()


@pytest.mark.slow
async def test_wrong_secret_is_unavailable(
    s3_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An S3 server that refuses our key is an unavailable store, not a missing blob."""
    _use_s3(monkeypatch, s3_endpoint)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    blobs = open_blobs("s3://media-tests", data_dir=tmp_path)

    with pytest.raises(BlobsUnavailable):
        await blobs.put_bytes(ACCOUNT, b"refused")


@pytest.mark.parametrize("url", ["relative/path", "ftp://host/x", "s3://", "file://host/x", "file://"])
def test_other_urls(url: str, tmp_path: Path) -> None:
    """A store that we cannot open is refused at start, with the forms that work."""
    with pytest.raises(ValueError, match="s3://bucket"):
        open_blobs(url, data_dir=tmp_path)


async def _joined(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


def _use_s3(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    for name, value in s3_environment(endpoint).items():
        monkeypatch.setenv(name, value)
