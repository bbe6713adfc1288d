"""Resumable uploads: tus 1.0.0, part by part, over breaks and nodes, on a local folder and on S3."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from PIL import Image
from tests.support.patience import PATIENCE_S
from tests.support.s3 import s3_environment
from tests.support.server import Api, Server, new_customer, operator_of

pytestmark = pytest.mark.slow

PART = "application/offset+octet-stream"


def noise(side: int = 300) -> bytes:
    """A picture that does not compress."""
    held = io.BytesIO()
    Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)).save(held, "PNG")
    return held.getvalue()


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


class Tus:
    """The protocol as a client speaks it."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def call(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, Any, Any]:
        headers["tus_resumable"] = "1.0.0"
        return await self.api.call_raw(method, path, body, **headers)

    async def begin(self, size: int, **headers: str) -> str:
        headers["upload_length"] = str(size)
        status, answered, body = await self.call("POST", "/v1/uploads", None, **headers)
        assert 201 == status, body
        return urlsplit(answered["location"]).path

    async def send(self, path: str, offset: int, content: bytes, **headers: str) -> tuple[int, Any]:
        status, answered, _ = await self.call(
            "PATCH", path, content, upload_offset=str(offset), content_type=PART, **headers
        )
        return status, answered

    async def offset(self, path: str) -> int:
        status, headers, _ = await self.call("HEAD", path)
        assert 200 == status
        return int(headers["upload-offset"])


@pytest.fixture(params=["local", "s3"])
async def there(request: pytest.FixtureRequest, database_url: str, data_dir: Path) -> AsyncIterator[Tus]:
    """A customer of a gateway of either kind of store."""
    more = {}
    if request.param == "s3":
        endpoint = request.getfixturevalue("s3_endpoint")
        more = {"VERMILION_MEDIA_URL": f"s3://media-tests/{data_dir.parent.name}", **s3_environment(endpoint)}
    server = Server(data_dir, DATABASE_URL=database_url, **more)
    await server.start()
    async with operator_of(server) as operator:
        yield Tus(await new_customer(operator))
    await server.stop()


@pytest.fixture
def tus(customer: Api) -> Tus:
    return Tus(customer)


async def test_a_file_arrives_in_parts(there: Tus) -> None:
    """Parts of any size become one stored file with its name; the last answer names it."""
    content = noise()
    path = await there.begin(len(content), upload_metadata=f"filename {b64('holiday.png')},is_secret")
    size = len(content) // 3

    offsets = []
    for start in range(0, len(content), size):
        status, headers = await there.send(path, start, content[start : start + size])
        assert 204 == status
        offsets.append(int(headers["upload-offset"]))
    upload = await there.api.get(path)
    [stored] = (await there.api.get("/v1/media"))["data"]
    async with there.api.session.get(stored["url"]) as answer:
        fetched = await answer.read()

    assert len(content) == offsets[-1]
    assert ("stored", headers["vermilion-media-id"]) == (upload["state"], upload["media_id"])
    assert (upload["media_id"], "holiday.png") == (stored["id"], stored["name"])
    assert content == fetched


async def test_a_broken_part_goes_on_where_it_broke(tus: Tus) -> None:
    """What arrived before the connection broke is kept, and the client is told where to go on."""
    content = noise()
    path = await tus.begin(len(content))
    sent = 150_000

    async def half() -> AsyncIterator[bytes]:
        yield content[:sent]
        await asyncio.sleep(0.2)
        raise ConnectionResetError

    with pytest.raises((aiohttp.ClientError, ConnectionResetError)):
        async with tus.api.session.patch(
            path,
            data=half(),
            headers={
                "authorization": f"Bearer {tus.api.key}",
                "tus-resumable": "1.0.0",
                "upload-offset": "0",
                "content-type": PART,
            },
        ):
            pass
    async with asyncio.timeout(PATIENCE_S):
        while (offset := await tus.offset(path)) == 0:
            await asyncio.sleep(0.05)
    status, headers = await tus.send(path, offset, content[offset:])

    assert sent == offset
    assert (204, str(len(content))) == (status, headers["upload-offset"])


async def test_a_restart_loses_no_part(database_url: str, data_dir: Path) -> None:
    """A gateway that is killed between parts goes on with what it acknowledged."""
    content = noise()
    server = Server(data_dir, DATABASE_URL=database_url)
    await server.start()
    async with operator_of(server) as operator:
        tus = Tus(await new_customer(operator))
        path = await tus.begin(len(content))
        await tus.send(path, 0, content[:100_000])
        await server.kill()
        await server.start()
        offset = await tus.offset(path)
        status, headers = await tus.send(path, offset, content[offset:])
    await server.stop()

    assert (100_000, 204) == (offset, status)
    assert "vermilion-media-id" in headers


async def test_two_clients_at_once_are_told_apart(tus: Tus) -> None:
    """Of parts sent at the same offset at once exactly one counts; the other is a conflict."""
    content = noise()
    path = await tus.begin(len(content))

    statuses = sorted(
        [
            status
            for status, _ in await asyncio.gather(*(tus.send(path, 0, content[:50_000]) for _ in range(6)))
        ]
    )

    assert [204, 409, 409, 409, 409, 409] == statuses
    assert 50_000 == await tus.offset(path)


async def test_a_wrong_checksum_keeps_nothing(tus: Tus) -> None:
    """A part whose checksum differs is refused with the protocol's own status, and the offset stays."""
    content = noise()
    path = await tus.begin(len(content))

    wrong, _ = await tus.send(path, 0, content[:1000], upload_checksum=f"sha1 {b64(b'x' * 20)}")
    unknown, _ = await tus.send(path, 0, content[:1000], upload_checksum="crc32 AAAA")
    offset = await tus.offset(path)
    digest = hashlib.sha256(content[:1000]).digest()
    right, _ = await tus.send(path, 0, content[:1000], upload_checksum=f"sha256 {b64(digest)}")

    assert (460, 422, 0, 204) == (wrong, unknown, offset, right)


async def test_the_whole_is_checked_too(tus: Tus) -> None:
    """With the file's SHA-256 in the metadata, other bytes end the upload as refused."""
    content = noise()
    path = await tus.begin(len(content), upload_metadata=f"sha256 {b64('00' * 32)}")

    status, _ = await tus.send(path, 0, content)
    upload = await tus.api.get(path)

    assert (415, "refused") == (status, upload["state"])
    assert "SHA-256" in upload["problem"]
    assert [] == (await tus.api.get("/v1/media"))["data"]


async def test_what_cannot_be_decoded_is_refused_at_the_end(tus: Tus) -> None:
    """A program is no picture in however many parts it comes."""
    content = b"\x7fELF" + os.urandom(5_000)
    path = await tus.begin(len(content))
    await tus.send(path, 0, content[:2_000])

    status, _ = await tus.send(path, 2_000, content[2_000:])
    after, _ = await tus.send(path, len(content), b"")

    assert (415, 409) == (status, after)


async def test_the_protocol_is_kept(tus: Tus) -> None:
    """Version, lengths, offsets, types and bounds are checked, each with its own status."""
    content = noise()
    path = await tus.begin(len(content))

    version, _, _ = await tus.api.call_raw("HEAD", path, tus_resumable="0.2.2")
    typed, _, _ = await tus.call("PATCH", path, b"x", upload_offset="0", content_type="image/png")
    offset, _ = await tus.send(path, 5, b"x")
    beyond, _ = await tus.send(path, 0, content + b"x")
    nameless, _, _ = await tus.call("POST", "/v1/uploads")
    empty, _, _ = await tus.call("POST", "/v1/uploads", upload_length="0")
    huge, _, _ = await tus.call("POST", "/v1/uploads", upload_length="999999999999")
    missing, _, _ = await tus.call("HEAD", "/v1/uploads/018f0000-0000-7000-8000-000000000000")
    capable, told, _ = await tus.call("OPTIONS", "/v1/uploads")

    assert (412, 415, 409, 413) == (version, typed, offset, beyond)
    assert (422, 415, 413, 404) == (nameless, empty, huge, missing)
    assert (204, "1.0.0") == (capable, told["tus-version"])
    assert {"creation", "checksum", "termination", "expiration"} <= set(told["tus-extension"].split(","))


async def test_creation_may_bring_the_first_bytes(tus: Tus) -> None:
    """A small file comes whole with its creation."""
    content = noise(20)

    status, headers, body = await tus.call(
        "POST", "/v1/uploads", content, upload_length=str(len(content)), content_type=PART
    )

    assert (201, len(content), "stored") == (status, body["offset"], body["state"])
    assert body["media_id"] == headers["vermilion-media-id"]


async def test_uploads_are_their_accounts_own_and_can_be_given_up(operator: Api, tus: Tus) -> None:
    """A stranger sees no upload; its owner can drop it, and its parts go."""
    content = noise()
    path = await tus.begin(len(content))
    await tus.send(path, 0, content[:1000])
    stranger = Tus(await new_customer(operator))

    seen, _, _ = await stranger.call("HEAD", path)
    sent, _ = await stranger.send(path, 1000, content[1000:])
    dropped, _, _ = await tus.call("DELETE", path)
    after, _, _ = await tus.call("HEAD", path)

    assert (404, 404, 204, 404) == (seen, sent, dropped, after)


async def test_an_account_has_only_so_many_unfinished(tus: Tus) -> None:
    """A hundred uploads may be open at once, not more."""
    for _ in range(100):
        await tus.begin(10)

    status, _, problem = await tus.call("POST", "/v1/uploads", upload_length="10")

    assert (409, "conflict") == (status, problem["code"])
