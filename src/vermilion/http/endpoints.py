"""One declared operation: who may call it, what it takes and answers. Routes and OpenAPI both follow from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec

from vermilion.errors import FieldProblem, InvalidRequest, NotFound
from vermilion.http.asgi import Answer, Headers, Receive, Scope, Send, header, send_answer
from vermilion.http.auth import Doorkeeper
from vermilion.http.bodies import BodyDecoder, ClientGone, read_body
from vermilion.services.gateway import Gateway
from vermilion.storage.accounts import Bearer

Found = TypeVar("Found")


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The operation takes no query."""


class Call(msgspec.Struct):
    """One request to an operation, checked and decoded."""

    gateway: Gateway
    bearer: Bearer
    scope: Scope
    receive: Receive
    path: Mapping[str, str]
    body: Any = None
    query: Any = None
    rate_headers: Headers = []

    def id(self, name: str = "id") -> UUID:
        """A path parameter that is an id. Raises NotFound for anything else: such a thing cannot exist."""
        try:
            return UUID(self.path[name])
        except ValueError:
            raise NotFound from None

    def header(self, name: bytes) -> str | None:
        """A request header by its lower-case name."""
        return header(self.scope, name)

    def of_head(self, name: str, find: Callable[[Call], Found]) -> Found:
        """What is found in the head, worked out once for requests of one head. Raises what `find` does."""
        notes = self.scope.get("head_notes")
        if notes is None:
            return find(self)
        if name not in notes:
            notes[name] = find(self)
        found: Found = notes[name]
        return found

    @property
    def origin(self) -> str:
        """Where the customer reaches us, without a slash at the end."""
        return self.of_head("origin", Call._find_origin)

    def _find_origin(self) -> str:
        if self.gateway.settings.public_url:
            return self.gateway.settings.public_url.rstrip("/")
        host = header(self.scope, b"host") or f"{self.gateway.settings.host}:{self.gateway.settings.port}"
        return f"{self.scope['scheme']}://{host}"


Handler = Callable[[Call], Awaitable[Answer]]
Stream = Callable[[Call, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Operation:
    """What the API document says of an operation, and the function that does it.

    `body` and `query` are shapes to decode into; `raw_body` takes bytes as they are; `answers` is the shape of the
    good answer. `more_problems` finds what else is wrong with a body of the wrong shape.
    A handler with `streams` sends its own answer.
    """

    method: str
    path: str
    handler: Handler | Stream
    needs: str
    summary: str
    answers: Any = None
    status: int = 200
    body: type | None = None
    more_problems: Callable[[Gateway, Any], tuple[FieldProblem, ...]] | None = None
    raw_body: bool = False
    body_file: bool = False  #: the handler takes the body itself, as it comes
    takes: str = "application/octet-stream"  #: the type of a raw body
    answers_as: str = "application/json"
    query: type = NoQuery
    streams: bool = False
    headers: tuple[str, ...] = ()
    errors: tuple[int, ...] = ()
    tag: str = "Tasks"


class Endpoint:
    """Serves one operation: key, rate, query, body, then the handler."""

    def __init__(self, operation: Operation, gateway: Gateway, doorkeeper: Doorkeeper) -> None:
        self.operation = operation
        self._gateway = gateway
        self._doorkeeper = doorkeeper
        self._handler = cast(Handler, operation.handler)  # of an operation that does not stream
        self._decode = None if operation.body is None else _decoder(operation, operation.body, gateway)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            if self.operation.streams:
                call = await self._admit(scope, receive)
                await cast(Stream, self.operation.handler)(call, send)
            else:
                await send_answer(send, await self.answer(scope, receive))
        except ClientGone:
            return

    async def answer(self, scope: Scope, receive: Receive) -> Answer:
        """The whole answer of an operation that does not stream. Raises its refusals, and ClientGone."""
        call = await self._admit(scope, receive)
        answer = await self._handler(call)
        return Answer(answer.status, answer.body, answer.headers + call.rate_headers)

    async def _admit(self, scope: Scope, receive: Receive) -> Call:
        bearer, rate_headers = await self._doorkeeper.admit(scope, self.operation.needs)
        call = Call(
            self._gateway, bearer, scope, receive, scope.get("path_params", {}), rate_headers=rate_headers
        )
        call.query = _query(scope, self.operation.query)
        if self._decode is not None:
            bytes_max = self._gateway.settings.request_body_bytes_max
            call.body = self._decode(await read_body(scope, receive, bytes_max))
        elif self.operation.raw_body:
            call.body = await read_body(scope, receive, bearer.plan.upload_bytes_max)
        return call


def _decoder(operation: Operation, shape: type, gateway: Gateway) -> BodyDecoder[Any]:
    more_problems = operation.more_problems
    return BodyDecoder(shape, None if more_problems is None else partial(more_problems, gateway))


def _query(scope: Scope, shape: type) -> Any:
    text = scope.get("query_string", b"")
    if not text and shape is NoQuery:
        return None
    pairs = parse_qsl(text.decode("latin-1"), keep_blank_values=True)
    if wrong_names := [name for name, value in pairs if "\0" in name + value]:
        raise InvalidRequest(
            "A query parameter is wrong.",
            problems=tuple(FieldProblem(f"?{name}", "must not contain NUL") for name in wrong_names),
        )
    try:
        return msgspec.convert(_nested(pairs), shape, strict=False)
    except msgspec.ValidationError as wrong:
        detail, _, path = str(wrong).partition(" - at `$.")
        raise InvalidRequest(
            "A query parameter is wrong.", problems=(FieldProblem(f"?{path.rstrip('`')}", detail),)
        ) from None


def _nested(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Query pairs by name; `name[key]=value` becomes an object. Raises InvalidRequest for a name given twice."""
    query: dict[str, Any] = {}
    for name, value in pairs:
        outer, bracket, key = name.partition("[")
        holder: Any = query
        key_in = name
        if bracket and key.endswith("]"):
            holder, key_in = query.setdefault(outer, {}), key[:-1]
        if not isinstance(holder, dict) or key_in in holder:
            raise InvalidRequest(
                "A query parameter is wrong.", problems=(FieldProblem(f"?{name}", "is given twice"),)
            )
        holder[key_in] = value
    return query
