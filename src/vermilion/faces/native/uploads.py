"""Resumable uploads: the tus protocol 1.0.0 with creation, expiration, checksum and termination."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from vermilion.errors import (
    BodyTooLarge,
    ChecksumMismatch,
    FieldProblem,
    InvalidRequest,
    UnsupportedMedia,
    UnsupportedVersion,
)
from vermilion.faces.native.wire import Time
from vermilion.http.asgi import JSON, Answer, Headers
from vermilion.http.bodies import ClientGone, body_pieces
from vermilion.http.endpoints import Call, Operation
from vermilion.services.resume_upload import (
    add_part,
    begin_upload,
    check_offset,
    drop_upload,
    read_upload,
)
from vermilion.services.store_media import work_folder
from vermilion.storage.resumable_uploads import UploadRow

VERSION = "1.0.0"
PART_TYPE = "application/offset+octet-stream"
CHECKSUMS = ("sha256", "sha1", "md5")
TUS: Headers = [(b"tus-resumable", VERSION.encode()), (b"cache-control", b"no-store")]


class ResumableUploadView(msgspec.Struct, frozen=True):
    """How far an upload is; `media_id` is the stored file once all of it has come."""

    id: UUID
    state: str
    offset: int
    size_bytes: int
    name: str | None
    media_id: UUID | None
    problem: str | None
    expires_at: Time


async def options(_call: Call) -> Answer:
    """What this server can do of the protocol."""
    return Answer(
        204,
        b"",
        [
            *TUS,
            (b"tus-version", VERSION.encode()),
            (b"tus-extension", b"creation,creation-with-upload,expiration,checksum,termination"),
            (b"tus-checksum-algorithm", ",".join(CHECKSUMS).encode()),
            (b"tus-max-size", str(_call.bearer.plan.upload_bytes_max).encode()),
        ],
    )


async def create(call: Call) -> Answer:
    """Begin an upload of `Upload-Length` bytes; the body may bring the first of them."""
    _check_version(call)
    noted = _metadata(call.header(b"upload-metadata") or "")
    upload = await begin_upload(
        call.gateway,
        call.bearer,
        size_bytes=_number(call, b"upload-length"),
        name=noted.get("filename") or noted.get("name"),
        sha256=_sha256(noted.get("sha256")),
    )
    location = f"{call.origin}/v1/uploads/{upload.id}".encode()
    if call.header(b"content-type") == PART_TYPE:
        upload = await _receive(call, upload)
    return _answer(upload, 201, [(b"location", location)])


async def read(call: Call) -> Answer:
    """How far an upload is: where it goes on after a break."""
    _check_version(call)
    return _answer(await read_upload(call.gateway, call.bearer, call.id()), 200)


async def add(call: Call) -> Answer:
    """Send the bytes from `Upload-Offset` on; whatever arrives before a break is kept."""
    _check_version(call)
    if call.header(b"content-type") != PART_TYPE:
        raise UnsupportedMedia(f"Send the part as {PART_TYPE}.")
    upload = await check_offset(call.gateway, call.bearer, call.id(), _number(call, b"upload-offset"))
    return _answer(await _receive(call, upload), 204)


async def drop(call: Call) -> Answer:
    """Give up an upload and delete what has arrived."""
    _check_version(call)
    await drop_upload(call.gateway, call.bearer, call.id())
    return Answer(204, b"", TUS)


async def _receive(call: Call, upload: UploadRow) -> UploadRow:
    checksum = call.header(b"upload-checksum")
    async with work_folder(call.gateway) as folder:
        path = folder / "part"
        whole = await _write(call, path, upload.size_bytes - upload.received)
        if checksum is not None:
            if not whole:  # half a part has no checksum to be compared with
                raise ClientGone
            await asyncio.to_thread(_check_checksum, path, checksum)
        upload = await add_part(call.gateway, call.bearer, upload, path)
    if not whole:
        raise ClientGone
    return upload


async def _write(call: Call, path: Path, bytes_max: int) -> bool:
    """Whether the whole part came; a client that goes away leaves what it had sent."""
    with path.open("wb") as file:
        try:
            async for piece in body_pieces(call.scope, call.receive, bytes_max):
                await asyncio.to_thread(file.write, piece)
        except ClientGone:
            return False
        except BodyTooLarge:
            raise BodyTooLarge("The part goes beyond the size that was announced for this upload.") from None
    return True


def _check_checksum(path: Path, checksum: str) -> None:
    algorithm, _, expected = checksum.partition(" ")
    if algorithm not in CHECKSUMS:
        raise InvalidRequest(
            problems=(FieldProblem("Upload-Checksum", f"must begin with one of: {', '.join(CHECKSUMS)}"),)
        )
    with path.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).digest()
    if found != _base64("Upload-Checksum", expected):
        raise ChecksumMismatch


def _check_version(call: Call) -> None:
    if call.header(b"tus-resumable") not in (None, VERSION):
        raise UnsupportedVersion(
            f"This server speaks version {VERSION} of the protocol.", tus_version=VERSION
        )


def _number(call: Call, name: bytes) -> int:
    value = call.header(name) or ""
    if not value.isdecimal() or len(value) > 15:
        shown = name.decode().title()
        raise InvalidRequest(problems=(FieldProblem(shown, "is required: a whole number of bytes"),))
    return int(value)


def _metadata(text: str) -> dict[str, str]:
    """Upload-Metadata: names and base64 values, separated by commas."""
    pairs = (pair.strip().partition(" ") for pair in text.split(",") if pair.strip())
    return {
        name: _base64("Upload-Metadata", value.strip()).decode("utf-8", "replace") for name, _, value in pairs
    }


def _sha256(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != hashlib.sha256().digest_size:
        raise InvalidRequest(problems=(FieldProblem("Upload-Metadata", "sha256 must be 64 hex digits"),))
    return digest


def _base64(where: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise InvalidRequest(problems=(FieldProblem(where, "must be base64"),)) from None


def _answer(upload: UploadRow, status: int, headers: Headers | None = None) -> Answer:
    view = ResumableUploadView(
        id=upload.id,
        state=upload.state,
        offset=upload.received,
        size_bytes=upload.size_bytes,
        name=upload.name,
        media_id=upload.asset_id,
        problem=upload.problem,
        expires_at=upload.expires_at,
    )
    told: Headers = [
        *TUS,
        (b"upload-offset", str(upload.received).encode()),
        (b"upload-length", str(upload.size_bytes).encode()),
        (b"upload-expires", format_datetime(upload.expires_at, usegmt=True).encode()),
        *(headers or []),
    ]
    if upload.asset_id is not None:
        told.append((b"vermilion-media-id", str(upload.asset_id).encode()))
    if status == 204:
        return Answer(status, b"", told)
    return Answer(status, msgspec.json.encode(view), [*JSON, *told])


def _operation(method: str, path: str, handler: Any, summary: str, **more: Any) -> Operation:
    return Operation(method, path, handler, needs="media:write", summary=summary, tag="Media", **more)


OPERATIONS = (
    _operation("OPTIONS", "/v1/uploads", options, "What resumable uploads can do", status=204),
    _operation(
        "POST",
        "/v1/uploads",
        create,
        "Begin a resumable upload",
        body_file=True,
        takes=PART_TYPE,
        answers=ResumableUploadView,
        status=201,
        errors=(409, 412, 413, 415, 460),
    ),
    _operation(
        "GET",
        "/v1/uploads/{id}",
        read,
        "See how far an upload is",
        answers=ResumableUploadView,
        errors=(404, 412, 413, 415),
    ),
    _operation(
        "PATCH",
        "/v1/uploads/{id}",
        add,
        "Send a part of an upload",
        body_file=True,
        takes=PART_TYPE,
        status=204,
        errors=(404, 409, 412, 413, 415, 460),
    ),
    _operation("DELETE", "/v1/uploads/{id}", drop, "Give up an upload", status=204, errors=(404, 412)),
)
