"""The words of ASGI, and the smallest way to answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

JSON: Headers = [(b"content-type", b"application/json")]


class Answer(msgspec.Struct, frozen=True):
    """A whole answer."""

    status: int
    body: bytes
    headers: Headers = msgspec.field(default_factory=lambda: JSON)


def json_answer(value: Any, status: int = 200) -> Answer:
    """An answer whose body is this value as JSON."""
    return Answer(status, msgspec.json.encode(value))


def sized_headers(answer: Answer) -> Headers:
    """The answer's headers with its length."""
    return [*answer.headers, (b"content-length", b"%d" % len(answer.body))]


async def send_answer(send: Send, answer: Answer) -> None:
    """Send an answer in one piece."""
    await send({"type": "http.response.start", "status": answer.status, "headers": sized_headers(answer)})
    await send({"type": "http.response.body", "body": answer.body})


def header(scope: Scope, name: bytes) -> str | None:
    """The first value of a header, by its lower-case name."""
    by_name = scope.get("headers_by_name")
    if by_name is None:
        by_name = scope["headers_by_name"] = dict(reversed(scope["headers"]))
    value = by_name.get(name)
    return None if value is None else str(value, "latin-1")
