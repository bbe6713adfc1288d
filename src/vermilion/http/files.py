"""Files in request bodies, on their way to disk: as the body itself, or as a part of a form."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

import msgspec
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from vermilion.errors import BodyTooLarge, FieldProblem, InvalidRequest, MalformedBody
from vermilion.http.bodies import body_pieces
from vermilion.http.endpoints import Call

FORM_BYTES_MAX = 64 * 1024  #: of a form beside its file
FORM = b"multipart/form-data"


class ReceivedFile(msgspec.Struct, frozen=True):
    """What came beside the bytes: the file's name, and the other fields of a form."""

    name: str | None
    fields: dict[str, str] = {}


async def receive_file(call: Call, target: Path, *, bytes_max: int) -> ReceivedFile:
    """Write the file that a request brings to `target`. Raises BodyTooLarge, MalformedBody, ClientGone,
    and InvalidRequest for a form without a file.
    """
    kind, options = parse_options_header(call.header(b"content-type"))
    if kind == FORM:
        pieces = body_pieces(call.scope, call.receive, bytes_max + FORM_BYTES_MAX)
        return await _receive_form(pieces, options.get(b"boundary"), target, bytes_max=bytes_max)
    with target.open("wb") as file:
        async for piece in body_pieces(call.scope, call.receive, bytes_max):
            await asyncio.to_thread(file.write, piece)
    return ReceivedFile(None)


async def _receive_form(
    pieces: AsyncIterator[bytes], boundary: bytes | None, target: Path, *, bytes_max: int
) -> ReceivedFile:
    if not boundary:
        raise MalformedBody("The form's Content-Type names no boundary.")
    with target.open("wb") as file:
        form = _Form(boundary, file, bytes_max)
        try:
            async for piece in pieces:
                await asyncio.to_thread(form.write, piece)
            form.finish()
        except FormParserError as broken:
            raise MalformedBody(f"The body is not a form: {broken}") from None
    return form.received()


class _Form:
    """A form being read: one part with a file name goes to disk, small fields are kept."""

    def __init__(self, boundary: bytes, file: BinaryIO, bytes_max: int) -> None:
        self._file, self._bytes_max = file, bytes_max
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self._header_name.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._header_value.extend(data[start:end]),
                "on_header_end": self._header,
                "on_headers_finished": self._open,
                "on_part_data": self._data,
                "on_part_end": self._close,
                "on_end": self._end,
            },
        )
        self._ended = False
        self._name: str | None = None
        self._seen = False
        self._fields: dict[str, str] = {}
        self._begin()

    def write(self, piece: bytes) -> None:
        """Read on."""
        self._parser.write(piece)

    def finish(self) -> None:
        """There is no more to come."""
        self._parser.finalize()
        if not self._ended:
            raise MalformedBody("The form ends in the middle.")

    def received(self) -> ReceivedFile:
        """What the form brought."""
        if not self._seen:
            raise InvalidRequest(problems=(FieldProblem("/file", "is missing: a part with a file name"),))
        return ReceivedFile(self._name, self._fields)

    def _begin(self) -> None:
        self._header_name, self._header_value = bytearray(), bytearray()
        self._disposition = b""
        self._field, self._value, self._size = "", bytearray(), 0
        self._is_file = False

    def _header(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = bytes(self._header_value)
        self._header_name, self._header_value = bytearray(), bytearray()

    def _open(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._field = options.get(b"name", b"").decode("utf-8", "replace")
        name = options.get(b"filename")
        self._is_file = name is not None
        if name is None:
            return
        if self._seen:
            raise InvalidRequest(problems=(FieldProblem(f"/{self._field}", "one file at a time"),))
        self._seen, self._name = True, name.decode("utf-8", "replace")

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._size += end - start
        if not self._is_file:
            if self._size > FORM_BYTES_MAX:
                raise BodyTooLarge("A field of the form is too long.")
            self._value += data[start:end]
            return
        if self._size > self._bytes_max:
            raise BodyTooLarge(f"Files may have at most {self._bytes_max} bytes on this plan.")
        self._file.write(data[start:end])

    def _close(self) -> None:
        if not self._is_file:
            self._fields[self._field] = self._value.decode("utf-8", "replace")

    def _end(self) -> None:
        self._ended = True
