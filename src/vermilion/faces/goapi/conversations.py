"""The service's language paths, which nothing here can do yet: each says plainly what is missing."""

from __future__ import annotations

from vermilion.errors import ProviderNotConnected
from vermilion.http.asgi import Answer
from vermilion.http.endpoints import Call, Operation
from vermilion.http.foreign import AnyQuery

MISSING = "This needs a connection to a provider of {}, and this gateway has none; nothing was held."
#: Paths and what a provider of them would provide.
PATHS: tuple[tuple[str, str, str], ...] = (
    ("POST", "/api/chatgpt/v1/conversation", "GPT conversations"),
    ("POST", "/api/chatgpt/v1/conversation/file", "GPT conversations"),
    ("POST", "/api/chatgpt/v1/conversation/{conversation_id}", "GPT conversations"),
    ("POST", "/api/chatgpt/v1/conversation/{conversation_id}/upload", "GPT conversations"),
    ("GET", "/api/chatgpt/v1/conversation/{conversation_id}/download", "GPT conversations"),
    ("POST", "/v1/chat/completions", "language models"),
    ("POST", "/v1/embeddings", "embeddings"),
    ("POST", "/v1/audio/transcriptions", "transcriptions"),
    ("POST", "/v1/audio/speech", "speech"),
    ("POST", "/v1/images/generations", "pictures in OpenAI's words"),
)


def _missing(method: str, path: str, what: str) -> Operation:
    async def answer(_call: Call) -> Answer:
        raise ProviderNotConnected(MISSING.format(what))

    answer.__doc__ = f"Refused until a provider of {what} is connected."
    needs = "tasks:read" if method == "GET" else "tasks:write"
    return Operation(
        method,
        path,
        answer,
        needs=needs,
        summary=what,
        raw_body=method == "POST",
        query=AnyQuery,
        tag="GoAPI",
    )


OPERATIONS = tuple(_missing(*row) for row in PATHS)
