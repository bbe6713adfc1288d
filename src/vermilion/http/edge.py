"""The outermost layer: a request id on every answer, every error as a problem, one measurement a request."""

from __future__ import annotations

import re
import time

from uuid_utils import uuid7

from vermilion.errors import InternalError, VermilionError
from vermilion.http.asgi import Answer, App, Headers, Message, Receive, Scope, Send, header, send_answer
from vermilion.http.measure import MEASURE
from vermilion.http.problems import encode_problem, problem_headers
from vermilion.logs import get_logger

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,100}")
#: Said of every answer, whoever made it.
SECURITY: Headers = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
log = get_logger("http")


class Edge:
    """Wraps the whole application; nothing outside this class turns errors into answers."""

    def __init__(self, app: App) -> None:
        self._app = app

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
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode()), *SECURITY]
                MEASURE.note(status, time.perf_counter() - started)
            await send(message)

        try:
            await self._app(scope, receive, send_marked)
        except VermilionError as refusal:
            if status:
                raise
            await _send_problem(send_marked, refusal, request_id)
        except Exception:
            log.exception(
                "a request broke", request_id=request_id, path=scope["path"], method=scope["method"]
            )
            if not status:
                await _send_problem(send_marked, InternalError(), request_id)
        log.debug(
            "answered", request_id=request_id, method=scope["method"], path=scope["path"], status=status
        )


def _request_id(scope: Scope) -> str:
    given = header(scope, b"x-request-id")
    return given if given is not None and REQUEST_ID.fullmatch(given) else str(uuid7())


async def _send_problem(send: Send, error: VermilionError, request_id: str) -> None:
    body = encode_problem(error, request_id)
    await send_answer(send, Answer(error.status, body, problem_headers(error)))
