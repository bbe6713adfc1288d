"""Requests of the busiest routes go from the parser to their endpoint and back, past ASGI's messages.

uvicorn's own protocol keeps the connection: parsing, keep-alive, pipelining, flow control, limits, the drain at the
end. What is added here is a second way through it, for a request that has arrived whole and asks nothing unusual of
the connection. Everything else takes uvicorn's way as if this class did not exist, and both end in the same endpoint
behind the same edge, so they give the same answers.
"""

from __future__ import annotations

import re
import time
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from vermilion.http.asgi import Answer
from vermilion.http.bodies import WholeBody
from vermilion.http.edge import Answering, Edge
from vermilion.http.heads import Heads

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
        self._arriving = False  # between the beginning of a request and its end
        self._asked: Asked | None = None  # by the arriving request, if it is answered directly
        self._whole: Asked | None = None  # by the request that has just become whole
        self._body = b""
        self._heads: Heads[Asked] = Heads()
        self._server: Any = None  # the task that answers
        self._at_hand: tuple[Asked, WholeBody]
        self._direct = DirectCycle()
        self._next: Any = None  # what it waits for
        self._idle = IdleTimer(self.loop, self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        super().connection_lost(exc)
        self._idle.end()
        if self._next is not None:
            self._next.cancel()

    def data_received(self, data: bytes) -> None:
        """Bytes came. A request that they leave unfinished goes on in uvicorn's way."""
        between = not self._arriving
        if between and not self._is_busy and (known := self._heads.find(data)) is not None:
            self._unset_keepalive_if_required()
            self._start(*known)
            return
        super().data_received(data)
        self._have_read(data, from_the_start=between)

    def on_message_begin(self) -> None:
        """A request begins. What ASGI has to know of it is put together when it takes that way."""
        self._arriving = True
        self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_headers_complete(self) -> None:
        """The head is there: choose the way."""
        self._body = b""
        self._asked = self._asked_directly()
        if self._asked is None:
            self._begin_by_asgi()

    def on_body(self, body: bytes) -> None:
        """A piece of the body is there."""
        if self._asked is None:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._arriving = False
        if self._asked is None:
            super().on_message_complete()
            return
        asked, self._asked = self._asked, None
        self._whole = asked if asked.keep_alive else None
        self._start(asked, self._body)

    @property
    def _is_busy(self) -> bool:
        """Whether a request before has no answer yet: the next one, pipelined, waits for its turn."""
        before: Any = self.cycle
        return before is not None and not before.response_complete

    def _asked_directly(self) -> Asked | None:
        """What this request asks, if it may be answered directly."""
        if self.expect_100_continue or self.limit_concurrency is not None or self._is_busy:
            return None
        if self.parser.get_http_version() != "1.1" or self.parser.should_upgrade():
            return None
        if not PLAIN_TARGET.fullmatch(self.url):
            return None
        method, path = self.parser.get_method().decode("ascii"), self.url.decode("ascii")
        if (found := self._routes.find(method, path)) is None:
            return None
        headers: Mapping[bytes, bytes] = dict(reversed(self.headers))
        if b"transfer-encoding" in headers:  # may end in more headers
            return None
        scope = {
            "method": method,
            "path": path,
            "path_params": found[1],
            "query_string": b"",
            "scheme": self.scheme,
            "headers_by_name": headers,
            "head_notes": {},
        }
        return Asked(found[0], scope, self.parser.should_keep_alive())

    def _have_read(self, data: bytes, *, from_the_start: bool) -> None:
        """The parser has taken these bytes: hand over what is unfinished, know the head of what is whole."""
        unfinished, self._asked = self._asked, None
        whole, self._whole = self._whole, None
        if unfinished is not None and not self.transport.is_closing():
            self._hand_over()
        elif whole is not None and from_the_start:
            self._heads.keep(data, self._body, whole)

    def _begin_by_asgi(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)
        super().on_headers_complete()

    def _hand_over(self) -> None:
        self._begin_by_asgi()
        if self._body:
            super().on_body(self._body)

    def _start(self, asked: Asked, body: bytes) -> None:
        """Answer a request that is there: one task answers all of a connection, as making one costs as much."""
        self._direct.begin(asked.keep_alive)
        self.cycle: Any = self._direct  # until the next request is there, answered or not
        self._at_hand = (asked, WholeBody(body))
        if self._next is None:
            self._server = self.loop.create_task(self._serve())
        else:
            self._next.set_result(None)
        self.tasks.add(self._server)

    async def _serve(self) -> None:
        """Answer the connection's requests, one after the other, until it is closed."""
        while True:
            asked, body = self._at_hand
            try:
                answer = await self._edge.answer(asked.part, asked.scope.copy(), body)
                if self.flow.write_paused:
                    await self.flow.drain()
            except BaseException:  # cancelled at the end of the process
                self.transport.close()
                raise
            finally:
                self.tasks.discard(self._server)
            self._direct.response_complete = True
            if not self.transport.is_closing():
                self._send(answer)
            if self.transport.is_closing():
                return
            self._next = self.loop.create_future()
            await self._next

    def _send(self, answer: Answer) -> None:
        self.transport.write(rendered(answer, keep_alive=self._direct.keep_alive))
        if not self._direct.keep_alive:  # a server that stops has changed it
            self.transport.close()
        self._go_on()

    def _go_on(self) -> None:
        """An answer is sent: the next request, or wait for it, with less ado than on_response_complete makes."""
        if self.pipeline or self.flow.read_paused or not self.cycle.keep_alive:
            self.on_response_complete()
            return
        self.server_state.total_requests += 1
        self._idle.start()
        self.timeout_keep_alive_task: Any = self._idle


class Asked(NamedTuple):
    """What a request asks of the direct way.

    `scope` is copied for each request with the same head; its `head_notes` are what was worked out from the head alone.
    """

    part: Answering
    scope: dict[str, Any]
    keep_alive: bool


class DirectCycle:
    """What uvicorn's protocol looks at in a request under way: the same for all of a connection that are direct."""

    __slots__ = ("disconnected", "keep_alive", "response_complete")

    def __init__(self) -> None:
        self.disconnected = False
        self.begin(keep_alive=True)

    def begin(self, keep_alive: bool) -> None:
        """The next request is there."""
        self.keep_alive = keep_alive
        self.response_complete = False

    @property
    def message_event(self) -> DirectCycle:
        """Nobody waits for more of the request."""
        return self

    def set(self) -> None:
        """As of an event."""


class IdleTimer:
    """Closes a connection that nobody uses for so long.

    It is started and cancelled with every request, so that only notes a time: a timer of the loop's own goes off
    once in a while and looks. To uvicorn it is the handle of such a timer.
    """

    __slots__ = ("_close", "_due", "_handle", "_loop", "_seconds")

    def __init__(self, loop: AbstractEventLoop, seconds: float, close: Callable[[], None]) -> None:
        self._loop, self._seconds, self._close = loop, seconds, close
        self._due: float | None = None
        self._handle: TimerHandle | None = None

    def start(self) -> None:
        """Close when the time is over, counted from now."""
        self._due = time.monotonic() + self._seconds
        if self._handle is None:
            self._handle = self._loop.call_later(self._seconds, self._look)

    def cancel(self) -> None:
        """The connection is used."""
        self._due = None

    def end(self) -> None:
        """The connection is closed."""
        self._due = None
        if self._handle is not None:
            self._handle.cancel()

    def _look(self) -> None:
        self._handle = None
        if self._due is None:
            return
        if (left_s := self._due - time.monotonic()) > 0:
            self._handle = self._loop.call_later(left_s, self._look)
        else:
            self._close()


def rendered(answer: Answer, *, keep_alive: bool) -> bytes:
    """The bytes of an answer, as uvicorn writes them."""
    headers = b"\r\n".join(map(b": ".join, answer.headers))
    end = b"\r\n\r\n" if keep_alive else b"\r\nconnection: close\r\n\r\n"
    return b"".join((STATUS_LINE[answer.status], headers, end, answer.body))
