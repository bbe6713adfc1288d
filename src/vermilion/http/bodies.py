"""Request bodies: bounded, decoded, and when they are wrong, every wrong field named at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Generic, TypeVar

import jsonschema_rs
import msgspec

from vermilion.domain.catalogue import escape_pointer, field_problems
from vermilion.errors import BodyTooLarge, FieldProblem, InvalidRequest, MalformedBody
from vermilion.http.asgi import Message, Receive, Scope, header

Shape = TypeVar("Shape")
MoreProblems = Callable[[Any], tuple[FieldProblem, ...]]
DROPPED_BYTES_MAX = 100_000_000
DROPPING_S_MAX = 10.0
NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
NUL = rb"\u0000"  #: how JSON writes it; PostgreSQL keeps no text that contains one


class ClientGone(Exception):
    """The client went away before its request was complete."""


class WholeBody:
    """ASGI's `receive` of a request that is there."""

    __slots__ = ("body",)

    def __init__(self, body: bytes) -> None:
        self.body = body

    async def __call__(self) -> Message:
        """The body in one message."""
        return {"type": "http.request", "body": self.body, "more_body": False}


async def read_body(scope: Scope, receive: Receive, bytes_max: int) -> bytes:
    """The whole body. Raises BodyTooLarge as soon as that is certain and the client can hear it."""
    if isinstance(receive, WholeBody):
        if len(receive.body) > bytes_max:
            raise _too_large(bytes_max)
        return receive.body
    await _check_announced(scope, receive, bytes_max)
    message = await receive()
    if not message.get("more_body"):
        body: bytes = _piece(message)
        if len(body) > bytes_max:
            raise _too_large(bytes_max)
        return body
    return await _read_pieces(message, receive, bytes_max)


async def body_pieces(scope: Scope, receive: Receive, bytes_max: int) -> AsyncIterator[bytes]:
    """The body as it comes, for what is too large for memory. Raises BodyTooLarge, ClientGone."""
    await _check_announced(scope, receive, bytes_max)
    size, message = 0, {"more_body": True}
    while message.get("more_body"):
        message = dict(await receive())
        piece = _piece(message)
        size += len(piece)
        if size > bytes_max:
            if message.get("more_body"):
                await _let_finish(receive)
            raise _too_large(bytes_max)
        if piece:
            yield piece


async def _check_announced(scope: Scope, receive: Receive, bytes_max: int) -> None:
    announced = header(scope, b"content-length")
    if announced is not None and announced.isdecimal() and int(announced) > bytes_max:
        if header(scope, b"expect") is None:
            await _let_finish(receive)
        raise _too_large(bytes_max)


async def _read_pieces(message: Any, receive: Receive, bytes_max: int) -> bytes:
    pieces, size = [_piece(message)], len(message.get("body", b""))
    while message.get("more_body"):
        message = await receive()
        pieces.append(_piece(message))
        size += len(pieces[-1])
        if size > bytes_max:
            pieces.clear()
            if message.get("more_body"):
                await _let_finish(receive)
            raise _too_large(bytes_max)
    return b"".join(pieces)


async def _let_finish(receive: Receive) -> None:
    """Drop what the client is still sending, within bounds: one that is cut off in the middle never reads why."""
    left = DROPPED_BYTES_MAX
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DROPPING_S_MAX):
            while left > 0:
                message = await receive()
                left -= len(_piece(message))
                if not message.get("more_body"):
                    return


def _too_large(bytes_max: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body may have at most {bytes_max} bytes.")


def _piece(message: Any) -> bytes:
    if message["type"] == "http.disconnect":
        raise ClientGone
    return bytes(message.get("body", b""))


class BodyDecoder(Generic[Shape]):
    """Decodes JSON into one shape. The quick way finds the first fault; only then the schema finds them all."""

    def __init__(self, shape: type[Shape], more_problems: MoreProblems | None = None) -> None:
        self._more_problems = more_problems
        self._decoder = msgspec.json.Decoder(shape)
        schema = schema_of(shape)
        self._validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)

    def __call__(self, body: bytes) -> Shape:
        """The decoded body. Raises MalformedBody, or InvalidRequest naming every wrong field."""
        try:
            decoded = self._decoder.decode(body)
        except msgspec.ValidationError as first:
            raise InvalidRequest(problems=self._problems(body, first)) from None
        except NOT_JSON as broken:
            raise MalformedBody(f"The body is not valid JSON: {broken}") from None
        if NUL in body:
            _refuse_nul(body)
        return decoded

    def _problems(self, body: bytes, first: Exception) -> tuple[FieldProblem, ...]:
        try:
            value = msgspec.json.decode(body)
        except msgspec.ValidationError:  # a number that nothing can hold
            return (_problem(first),)
        except NOT_JSON as broken:
            raise MalformedBody(f"The body is not valid JSON: {broken}") from None
        found = field_problems(self._validator, value)
        if self._more_problems is not None:
            found += self._more_problems(value)
        return found or (_problem(first),)


def _problem(wrong: Exception) -> FieldProblem:
    detail, _, path = str(wrong).partition(" - at `$")
    pointer = path.rstrip("`").replace("[", "/").replace("]", "").replace(".", "/")
    return FieldProblem(pointer or "/", detail)


def _refuse_nul(body: bytes) -> None:
    found = tuple(
        FieldProblem(pointer or "/", "must not contain NUL characters")
        for pointer, text in _texts(msgspec.json.decode(body), "")
        if "\0" in text
    )
    if found:
        raise InvalidRequest(problems=found)


def _texts(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """Every string of a JSON value and where it stands; a key stands where its value does."""
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, f"{pointer}/{index}")
    elif isinstance(value, dict):
        for key, item in value.items():
            where = f"{pointer}/{escape_pointer(key)}"
            yield where, key
            yield from _texts(item, where)


def schema_of(shape: type) -> dict[str, Any]:
    """The JSON Schema of a shape, with its parts under `$defs`."""
    [schema], parts = msgspec.json.schema_components([shape], ref_template="#/$defs/{name}")
    whole: dict[str, Any] = _telling({**schema, "$defs": parts})
    return whole


def _telling(schema: Any) -> Any:
    """The same schema, worded so that a value which may be null is told what is wrong inside it."""
    if isinstance(schema, list):
        return [_telling(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    told = {name: _telling(part) for name, part in schema.items()}
    choices = told.get("anyOf", [])
    if len(choices) == 2 and {"type": "null"} in choices:
        del told["anyOf"]
        told |= {"if": {"type": "null"}, "else": next(c for c in choices if c != {"type": "null"})}
    return told
