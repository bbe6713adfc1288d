"""Requests of the busiest routes go from the parser to their endpoint and back, past ASGI's messages.

uvicorn's own protocol keeps the connection: parsing, keep-alive, pipelining, flow control, limits, the drain at the
end. What is added here is a second way through it, for a request that has arrived whole and asks nothing unusual of
the connection. Everything else takes uvicorn's way as if this class did not exist, and both end in the same endpoint
behind the same edge, so they give the same answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from vermilion.http.asgi import Answer, Message
from vermilion.http.edge import Answering, Edge

PLAIN_TARGET = re.compile(rb"/[0-9A-Za-z/_-]*")  #: a path as it is: no query, nothing escaped, no host


class Routes(Protocol):
    """What can be served directly."""

    def find(self, method: str, path: str) -> tuple[Answering, dict[str, str]] | None:
        """What answers, and the parameters in the path; None sends the request through ASGI."""
        ...


class DirectProtocol(HttpToolsProtocol):
    """One connection of uvicorn's, with the direct way for requests that may take it."""

    def __init__(self, *args: Any, edge: Edge, routes: Routes, **options: Any) -> None:
        super().__init__(*args, **options)
        self._edge, self._routes = edge, routes
        self._part: Answering | None = None  # what is to answer the request that is arriving
        self._body = b""

    def data_received(self, data: bytes) -> None:
        """Bytes came. A request that they leave unfinished goes on in uvicorn's way."""
        super().data_received(data)
        if self._part is not None:
            self._part = None
            if not self.transport.is_closing():
                self._hand_over()

    def on_headers_complete(self) -> None:
        """The head is there: choose the way."""
        self._part = self._direct_part()
        if self._part is None:
            super().on_headers_complete()
        else:
            self._body = b""

    def on_body(self, body: bytes) -> None:
        """A piece of the body is there."""
        if self._part is None:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._part is None:
            super().on_message_complete()
            return
        part, self._part = self._part, None
        cycle = self.cycle = DirectCycle(self.parser.should_keep_alive())  # type: ignore[assignment]
        task = self.loop.create_task(self._serve(part, cycle, self.scope, WholeBody(self._body)))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _direct_part(self) -> Answering | None:
        """What may answer this request directly, if anything; then the scope is complete."""
        if self.expect_100_continue or self.limit_concurrency is not None:
            return None
        before: Any = self.cycle
        if before is not None and not before.response_complete:  # pipelined: its turn comes later
            return None
        if self.parser.get_http_version() != "1.1" or self.parser.should_upgrade():
            return None
        if not PLAIN_TARGET.fullmatch(self.url):
            return None
        method, path = self.parser.get_method().decode("ascii"), self.url.decode("ascii")
        if (found := self._routes.find(method, path)) is None:
            return None
        scope: Any = self.scope
        headers: Mapping[bytes, bytes] = dict(reversed(self.headers))
        if b"transfer-encoding" in headers:  # may end in more headers
            return None
        scope.update(
            method=method, path=path, query_string=b"", path_params=found[1], headers_by_name=headers
        )
        return found[0]

    def _hand_over(self) -> None:
        super().on_headers_complete()
        if self._body:
            super().on_body(self._body)

    async def _serve(self, part: Answering, cycle: DirectCycle, scope: Any, receive: WholeBody) -> None:
        try:
            answer = await self._edge.answer(part, scope, receive)
            if self.flow.write_paused:
                await self.flow.drain()
        except BaseException:  # cancelled at the end of the process
            self.transport.close()
            raise
        cycle.response_complete = True
        if self.transport.is_closing():
            return
        self.transport.write(rendered(answer, keep_alive=cycle.keep_alive))
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()


class DirectCycle:
    """What uvicorn's protocol looks at in a request under way."""

    __slots__ = ("disconnected", "keep_alive", "response_complete")

    def __init__(self, keep_alive: bool) -> None:
        self.keep_alive = keep_alive
        self.response_complete = False
        self.disconnected = False

    @property
    def message_event(self) -> DirectCycle:
        """Nobody waits for more of the request."""
        return self

    def set(self) -> None:
        """As of an event."""


class WholeBody:
    """ASGI's `receive` of a request that is there."""

    __slots__ = ("_body",)

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __call__(self) -> Message:
        """The body in one message."""
        return {"type": "http.request", "body": self._body, "more_body": False}


def rendered(answer: Answer, *, keep_alive: bool) -> bytes:
    """The bytes of an answer, as uvicorn writes them."""
    lines = [STATUS_LINE[answer.status]]
    for name, value in answer.headers:
        lines += (name, b": ", value, b"\r\n")
    lines.append(b"\r\n" if keep_alive else b"connection: close\r\n\r\n")
    lines.append(answer.body)
    return b"".join(lines)
