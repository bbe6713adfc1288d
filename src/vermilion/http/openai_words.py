"""Refusals as OpenAI's clients read them; two faces speak so."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from vermilion.errors import InvalidRequest, VermilionError
from vermilion.http.asgi import Answer
from vermilion.http.foreign import refusal_headers, spoken

#: What is wrong with a request is 400; its clients repeat a 409 and everything from 500 on by themselves.
STATUSES: Mapping[int, int] = {409: 400, 415: 400, 422: 400, 501: 400}


def openai_refusal(error: VermilionError) -> Answer:
    """The error in that service's envelope; `param` is the first wrong field."""
    status = STATUSES.get(error.status, error.status)
    problems = error.problems if isinstance(error, InvalidRequest) else ()
    inner = {
        "message": spoken(error),
        "type": "invalid_request_error" if status < 500 else "server_error",
        "param": problems[0].pointer.strip("/").replace("/", ".") or None if problems else None,
        "code": error.code,
    }
    return Answer(status, msgspec.json.encode({"error": inner}), refusal_headers(error))
