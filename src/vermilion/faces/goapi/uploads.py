"""Files as base64, to be named by their link in tasks."""

from __future__ import annotations

import base64
import binascii
import re

import msgspec

from vermilion.errors import BodyTooLarge, FieldProblem, InvalidRequest, UnsupportedMedia
from vermilion.faces.goapi.refusals import envelope
from vermilion.http.asgi import Answer
from vermilion.http.endpoints import Call, Operation
from vermilion.http.foreign import AnyQuery
from vermilion.services.serve_media import media_path
from vermilion.services.store_media import store_upload

NAME_CHARACTERS_MAX = 128
FILE_BYTES_MAX = 10_000_000
KINDS = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "mp4": "video/mp4",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
}
DATA_URI = re.compile(r"data:([\w.+/-]+);base64,")


class UploadRequest(msgspec.Struct, frozen=True):
    """A file and its name; the ending says what it is."""

    file_name: str
    file_data: str


async def upload(call: Call) -> Answer:
    """Keep a file and answer a link to it, which works for a day."""
    asked: UploadRequest = call.body
    wanted = _kind_of(asked.file_name)
    row = await store_upload(
        call.gateway, call.bearer, _decoded(asked.file_data, wanted), name=asked.file_name
    )
    if row.content_type.partition("/")[0] != wanted.partition("/")[0]:
        raise UnsupportedMedia(f"file_name says {wanted}, but file_data is {row.content_type}")
    return envelope({"url": call.origin + media_path(call.gateway, row.id, row.expires_at)})


def _kind_of(name: str) -> str:
    ending = name.rpartition(".")[2].lower()
    if len(name) > NAME_CHARACTERS_MAX or "." not in name or ending not in KINDS:
        detail = f"must be at most {NAME_CHARACTERS_MAX} characters and end in {', '.join(KINDS)}"
        raise InvalidRequest(problems=(FieldProblem("/file_name", detail),))
    return KINDS[ending]


def _decoded(data: str, wanted: str) -> bytes:
    prefix = DATA_URI.match(data)
    if prefix is not None and prefix[1] != wanted:
        detail = f"says it is {prefix[1]}, but file_name says {wanted}"
        raise InvalidRequest(problems=(FieldProblem("/file_data", detail),))
    try:
        content = base64.b64decode(data[prefix.end() if prefix else 0 :], validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest(problems=(FieldProblem("/file_data", "is not valid base64"),)) from None
    if len(content) > FILE_BYTES_MAX:
        raise BodyTooLarge(f"file_data may hold at most {FILE_BYTES_MAX} bytes.")
    return content


OPERATIONS = (
    Operation(
        "POST",
        "/api/ephemeral_resource",
        upload,
        needs="media:write",
        summary="Upload a file",
        body=UploadRequest,
        query=AnyQuery,
        tag="GoAPI",
    ),
)
