"""The envelope of every answer, and every refusal in it: `{code, data, message}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from vermilion.errors import BannedWord, VermilionError
from vermilion.http.asgi import Answer, Scope, json_answer
from vermilion.http.foreign import refusal_headers, spoken
from vermilion.http.openai_words import openai_refusal

#: The service knows fewer codes than we do: what is wrong with a request is 400.
CODES: Mapping[int, int] = {409: 400, 415: 400, 422: 400, 501: 400}
#: How its requests call what ours calls otherwise.
NAMES: Mapping[str, str] = {
    "/parent_id": "input.origin_task_id",
    "/service_mode": "config.service_mode",
    "/webhook/url": "config.webhook_config.endpoint",
}


def envelope(data: Any, message: str = "success") -> Answer:
    """A good answer."""
    return json_answer({"code": 200, "data": data, "message": message})


def refuse(error: VermilionError, scope: Scope) -> Answer:
    """A refusal; below /v1 the service speaks as OpenAI does."""
    if scope["path"].startswith("/v1/"):
        return openai_refusal(error)
    code = code_of(error)
    body = {"code": code, "data": None, "message": message_of(error)}
    return Answer(code, msgspec.json.encode(body), refusal_headers(error))


def code_of(error: VermilionError) -> int:
    """The HTTP status and `code` of an error."""
    return CODES.get(error.status, error.status)


def message_of(error: VermilionError) -> str:
    """One line that says what to do."""
    if isinstance(error, BannedWord):
        return f"Banned Prompt: {error.facts['found']}"
    return spoken(error, NAMES)
