"""Media files by the hash of their bytes, in a local folder or on S3; knows nothing of assets or links."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import UUID

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, S3Store

from vermilion.errors import NotFound, ServiceUnavailable

CHUNK_SIZE_BYTES = 1024 * 1024  # large enough to keep S3 busy, small enough for many readers at once
S3_CONNECT_TIMEOUT = timedelta(seconds=5)
S3_READ_TIMEOUT = timedelta(seconds=30)
S3_REQUEST_TIMEOUT = timedelta(hours=6)  # spans a whole streamed body; a stall ends by the read timeout
S3_RETRY_TIMEOUT = timedelta(seconds=20)


class BlobMissing(NotFound):
    """This file is not stored here (any more)."""


class BlobsUnavailable(ServiceUnavailable):
    """The media store cannot be reached or refuses; try again shortly."""


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """What a stored file is found by."""

    sha256: bytes
    size_bytes: int


async def describe(path: Path) -> StoredBlob:
    """Hash and size of a file on this machine."""
    return await asyncio.to_thread(_describe_file, path)


def open_blobs(url: str, *, data_dir: Path) -> Blobs:
    """Blobs in `data_dir`/media (url ""), in the folder of a file:/// URL, or under s3://bucket/prefix.

    S3 takes endpoint and credentials from AWS_*. Raises ValueError for any other URL.
    """
    parts = urlsplit(url)
    if not url:
        return _local_blobs(data_dir / "media")
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
        return _local_blobs(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc:
        return Blobs(_s3_store(parts.netloc, prefix=parts.path.strip("/")))
    raise ValueError('The media store must be "", "file:///folder" or "s3://bucket/prefix".')


class Blobs:
    """Files of accounts; the same bytes are stored once per account, and no account sees another's.

    Every method raises BlobsUnavailable if the store fails.
    """

    def __init__(self, store: ObjectStore, *, folder: Path | None = None) -> None:
        self._store = store
        self._folder = folder

    async def put_file(self, account_id: UUID, path: Path, blob: StoredBlob | None = None) -> StoredBlob:
        """Store a copy of the file at `path`, described already or not; readers see all of it or nothing."""
        blob = blob or await describe(path)
        await self._put(account_id, blob, path)
        return blob

    async def put_bytes(self, account_id: UUID, content: bytes) -> StoredBlob:
        """Store `content`; readers see all of it or nothing."""
        digest = await asyncio.to_thread(hashlib.sha256, content)
        blob = StoredBlob(sha256=digest.digest(), size_bytes=len(content))
        await self._put(account_id, blob, content)
        return blob

    async def read(
        self, account_id: UUID, sha256: bytes, *, start: int | None = None, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """Open the bytes [start, end) as a stream; BlobMissing is raised here, before the first byte.

        `end` past the size reads to the end; an empty or later range is a ValueError.
        """
        span = await self._checked_span(account_id, sha256, start or 0, end)
        options: obstore.GetOptions = {} if span is None else {"range": span}
        with _mapped(sha256):
            answer = await obstore.get_async(self._store, _key(account_id, sha256), options=options)
        return _chunks(answer, sha256)

    async def size(self, account_id: UUID, sha256: bytes) -> int:
        """Size in bytes; raises BlobMissing."""
        with _mapped(sha256):
            meta = await obstore.head_async(self._store, _key(account_id, sha256))
        return meta["size"]

    async def exists(self, account_id: UUID, sha256: bytes) -> bool:
        """Whether the account has these bytes."""
        try:
            await self.size(account_id, sha256)
        except BlobMissing:
            return False
        return True

    async def delete(self, account_id: UUID, sha256: bytes) -> None:
        """Forget these bytes; deleting what is not there is fine."""
        with contextlib.suppress(BlobMissing), _mapped(sha256):
            await obstore.delete_async(self._store, _key(account_id, sha256))

    async def fetch_to(self, account_id: UUID, sha256: bytes, target: Path) -> None:
        """Copy the bytes to the local file `target`, which appears complete or not at all."""
        chunks = await self.read(account_id, sha256)
        partial = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
        try:
            await _write(chunks, partial)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    async def _put(self, account_id: UUID, blob: StoredBlob, source: Path | bytes) -> None:
        if await self._holds(account_id, blob):
            return
        key = _key(account_id, blob.sha256)
        try:
            with _mapped(blob.sha256):
                await obstore.put_async(self._store, key, source)
                if self._folder is not None:
                    await asyncio.to_thread(_make_durable, self._folder, key)
        except BlobMissing as missing:
            raise BlobsUnavailable("The folder or bucket of the media store does not exist.") from missing

    async def _holds(self, account_id: UUID, blob: StoredBlob) -> bool:
        # The size is compared so that a copy cut short by a power failure is written again.
        try:
            return blob.size_bytes == await self.size(account_id, blob.sha256)
        except BlobMissing:
            return False

    async def _checked_span(
        self, account_id: UUID, sha256: bytes, start: int, end: int | None
    ) -> tuple[int, int] | None:
        if start == 0 and end is None:
            return None
        size_bytes = await self.size(account_id, sha256)
        end = size_bytes if end is None else min(end, size_bytes)
        if not 0 <= start < end:
            raise ValueError(f"The range [{start}, {end}) is not within a blob of {size_bytes} bytes.")
        return start, end


def _local_blobs(folder: Path) -> Blobs:
    return Blobs(LocalStore(folder, mkdir=True), folder=folder)


def _s3_store(bucket: str, *, prefix: str) -> S3Store:
    return S3Store(
        bucket,
        prefix=prefix or None,
        client_options={
            "allow_http": _endpoint_is_plain_http(),
            "connect_timeout": S3_CONNECT_TIMEOUT,
            "read_timeout": S3_READ_TIMEOUT,
            "timeout": S3_REQUEST_TIMEOUT,
        },
        retry_config={"max_retries": 5, "retry_timeout": S3_RETRY_TIMEOUT},
    )


def _endpoint_is_plain_http() -> bool:
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    return any(os.environ.get(name, "").lower().startswith("http://") for name in names)


def _describe_file(path: Path) -> StoredBlob:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return StoredBlob(sha256=digest.digest(), size_bytes=file.tell())


def _key(account_id: UUID, sha256: bytes) -> str:
    if len(sha256) != hashlib.sha256().digest_size:
        raise ValueError("A blob is named by the 32 bytes of its SHA-256.")
    name = sha256.hex()
    return f"{account_id}/{name[:2]}/{name}"


def _make_durable(folder: Path, key: str) -> None:
    """Flush the file and the folders that name it, so that a power failure cannot take back a stored blob."""
    path = folder / key
    for flushed in (path, path.parent, path.parent.parent, folder):
        handle = os.open(flushed, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


async def _chunks(answer: obstore.GetResult, sha256: bytes) -> AsyncIterator[bytes]:
    with _mapped(sha256):
        async for chunk in answer.stream(min_chunk_size=CHUNK_SIZE_BYTES):
            yield chunk


async def _write(chunks: AsyncIterator[bytes], path: Path) -> None:
    with path.open("wb") as file:
        async for chunk in chunks:
            await asyncio.to_thread(file.write, chunk)


@contextlib.contextmanager
def _mapped(sha256: bytes) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise BlobMissing(sha256=sha256.hex()) from error
    except (BaseError, OSError) as error:
        raise BlobsUnavailable(sha256=sha256.hex()) from error
