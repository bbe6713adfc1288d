"""The limit: a bare ASGI app on the same server that decodes and answers the same JSON and stores nothing.

No Python gateway on uvicorn can be faster than this; what Vermilion loses to it is what its promises cost.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import uuid_utils
import uvicorn

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PRICE_UNITS = 1000


class TaskRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What a client posts."""

    model: str
    task_type: str
    input: dict[str, Any]
    webhook: dict[str, Any] | None = None
    metadata: dict[str, Any] = {}
    priority: int = 0
    deadline_s: int | None = None
    service_mode: str | None = None
    parent_id: str | None = None


class Usage(msgspec.Struct):
    """Units held, charged and given back."""

    held: int = PRICE_UNITS
    charged: int = 0
    released: int = 0


class TaskAnswer(msgspec.Struct):
    """The native task, field for field."""

    id: str
    model: str
    task_type: str
    status: str
    progress: int
    input: dict[str, Any]
    output: dict[str, Any] | None
    usage: Usage
    error: dict[str, Any] | None
    metadata: dict[str, Any]
    parent_id: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class BareApp:
    """Answers `POST /v1/tasks` with 201 and `GET /v1/tasks/{id}` with 200, from memory."""

    def __init__(self, keys: list[str]) -> None:
        self._accounts = {hashlib.sha256(key.encode()).digest(): index for index, key in enumerate(keys)}
        self._decode = msgspec.json.Decoder(TaskRequest).decode
        self._encode = msgspec.json.Encoder().encode
        self._last: TaskRequest = TaskRequest(model="echo", task_type="echo", input={})

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if not self._is_known(scope["headers"]):
            await _answer(send, 401, b'{"title":"Unauthenticated"}')
        elif scope["method"] == "POST":
            self._last = self._decode(await _body_of(receive))
            await _answer(send, 201, self._encode(_task(str(uuid_utils.uuid7()), self._last)))
        else:
            task_id = scope["path"].rpartition("/")[2]
            await _answer(send, 200, self._encode(_task(task_id, self._last)))

    def _is_known(self, headers: list[tuple[bytes, bytes]]) -> bool:
        for name, value in headers:
            if name == b"authorization":
                return hashlib.sha256(value[7:]).digest() in self._accounts
        return False


def main() -> None:
    """Serve on a loopback port; a request without a key of the list is refused."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--key", action="append", required=True)
    args = parser.parse_args()
    uvicorn.run(
        BareApp(args.key),
        host="127.0.0.1",
        port=args.port,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
    )


async def _body_of(receive: Receive) -> bytes:
    message = await receive()
    if not message.get("more_body"):
        return message["body"]
    parts = [message["body"]]
    while message.get("more_body"):
        message = await receive()
        parts.append(message["body"])
    return b"".join(parts)


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _task(task_id: str, request: TaskRequest) -> TaskAnswer:
    return TaskAnswer(
        id=task_id,
        model=request.model,
        task_type=request.task_type,
        status="pending",
        progress=0,
        input=request.input,
        output=None,
        usage=Usage(),
        error=None,
        metadata=request.metadata,
        parent_id=request.parent_id,
        created_at=datetime.now(UTC),
        started_at=None,
        ended_at=None,
    )


if __name__ == "__main__":
    main()
