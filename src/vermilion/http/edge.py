"""The outermost layer: a request id on every answer, every error as a problem, one measurement a request."""

from __future__ import annotations

import logging
import re
import time
from typing import Protocol

from uuid_utils import uuid7

from vermilion.errors import InternalError, VermilionError
from vermilion.http.asgi import (
    Answer,
    App,
    Headers,
    Message,
    Receive,
    Scope,
    Send,
    header,
    send_answer,
    sized_headers,
)
from vermilion.http.measure import MEASURE
from vermilion.http.problems import encode_problem, problem_headers
from vermilion.logs import get_logger

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,100}")
#: Said of every answer, whoever made it. An answer's own headers come later, and of two referrer policies the later
#: one counts: pages need theirs, since without a referrer a browser hides the origin of our own forms.
SECURITY: Headers = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
BROKEN = "a request broke"
log = get_logger("http")


class Answering(Protocol):
    """What answers a request in one piece."""

    async def answer(self, scope: Scope, receive: Receive) -> Answer:
        """The answer. Raises refusals."""
        ...


class Edge:
    """Wraps the whole application; nothing outside this class turns errors into answers."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._tells: bool = log.is_enabled_for(logging.DEBUG)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope["request_id"] = request_id
        started = time.perf_counter()
        status = 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _marked(message["headers"], request_id)
                MEASURE.note(status, time.perf_counter() - started)
            await send(message)

        try:
            await self._app(scope, receive, send_marked)
        except VermilionError as refusal:
            if status:
                raise
            await send_answer(send_marked, _problem(refusal, request_id))
        except Exception:
            log.exception(BROKEN, **_named(scope))
            if not status:
                await send_answer(send_marked, _problem(InternalError(), request_id))
        if self._tells:
            log.debug("answered", status=status, **_named(scope))

    async def answer(self, part: Answering, scope: Scope, receive: Receive) -> Answer:
        """The same around one part of the application, for a server that takes whole answers past ASGI."""
        request_id = scope["request_id"] = _request_id(scope)
        started = time.perf_counter()
        try:
            answer = await part.answer(scope, receive)
        except VermilionError as refusal:
            answer = _problem(refusal, request_id)
        except Exception:
            log.exception(BROKEN, **_named(scope))
            answer = _problem(InternalError(), request_id)
        MEASURE.note(answer.status, time.perf_counter() - started)
        if self._tells:
            log.debug("answered", status=answer.status, **_named(scope))
        return Answer(answer.status, answer.body, _marked(sized_headers(answer), request_id))


def _request_id(scope: Scope) -> str:
    given = header(scope, b"x-request-id")
    return given if given is not None and REQUEST_ID.fullmatch(given) else str(uuid7())


def _marked(headers: Headers, request_id: str) -> Headers:
    return [*SECURITY, *headers, (b"x-request-id", request_id.encode())]


def _problem(error: VermilionError, request_id: str) -> Answer:
    return Answer(error.status, encode_problem(error, request_id), problem_headers(error))


def _named(scope: Scope) -> dict[str, str]:
    return {name: scope[name] for name in ("request_id", "path", "method")}
