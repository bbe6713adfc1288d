"""The requests every peer is sent, rendered once, and the names of the native API that the benchmarks use."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

MODEL = "echo"
TASK_TYPE = "echo"
PROMPT = (
    "A lighthouse keeper's kitchen at dawn, copper pans catching the first light, a half-finished letter on "
    "the oak table beside a chipped blue cup, rain still running down the small window, wide shot from the "
    "doorway, soft shadows, 35 mm film grain, muted palette of slate, rust and cream, quiet and lived-in, "
    "no people in frame, a ginger cat asleep on a folded newspaper near the stove, steam rising from a kettle"
)
METADATA = {"order": "A-20931", "customer": "north-harbour-books", "channel": "web"}


def submit_body(**input_extra: Any) -> bytes:
    """The JSON of one `POST /v1/tasks`, about 600 bytes."""
    task_input = {"prompt": PROMPT, **input_extra}
    body = {"model": MODEL, "task_type": TASK_TYPE, "input": task_input, "metadata": METADATA}
    return msgspec.json.encode(body)


def post(path: str, *, key: str, body: bytes, wait_s: int | None = None) -> bytes:
    """One HTTP/1.1 POST with a bearer key, ready for the wire; `wait_s` asks to be answered at the task's end."""
    wait = "" if wait_s is None else f"prefer: wait={wait_s}\r\n"
    head = (
        f"POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n{wait}"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def get(path: str, *, key: str) -> bytes:
    """One HTTP/1.1 GET with a bearer key, ready for the wire."""
    target = quote(path, safe="/?&=[]:%")
    return f"GET {target} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n\r\n".encode()
