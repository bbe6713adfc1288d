"""What the pool and its workers say to each other: msgpack in frames with a four-byte length in front."""

from __future__ import annotations

from typing import Any

import msgspec

LENGTH_BYTES = 4
FRAME_BYTES_MAX = 16 * 1024 * 1024


class Run(msgspec.Struct, tag="run", frozen=True):
    """To a worker: run this engine; the worker writes into `out_dir` only."""

    dotted_path: str
    params: dict[str, Any]
    files: dict[str, str]
    out_dir: str


class Ready(msgspec.Struct, tag="ready", frozen=True):
    """The worker has started and its bounds are set."""


class Reported(msgspec.Struct, tag="reported", frozen=True):
    """Progress of the running job."""

    percent: int
    text: str | None = None


class MadeFile(msgspec.Struct, frozen=True):
    """One file in the job's directory, by its plain name."""

    name: str
    content_type: str
    width: int | None = None
    height: int | None = None


class Done(msgspec.Struct, tag="done", frozen=True):
    """The job ended well."""

    files: tuple[MadeFile, ...]
    facts: dict[str, Any]
    kept: dict[str, Any]
    usage: dict[str, int] | None


class Refused(msgspec.Struct, tag="refused", frozen=True):
    """The engine will not take this input."""

    reason: str
    code: str


class Missing(msgspec.Struct, tag="missing", frozen=True):
    """The operator has to provide something first."""

    reason: str


class Broke(msgspec.Struct, tag="broke", frozen=True):
    """The engine failed by a fault of its own; the worker ends after saying so."""

    reason: str


Answer = Ready | Reported | Done | Refused | Missing | Broke

_encoder = msgspec.msgpack.Encoder()
_answers: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)
_orders = msgspec.msgpack.Decoder(Run)


def encode(message: Run | Answer) -> bytes:
    """A whole frame; raises TypeError, ValueError or OverflowError for what is not plain data."""
    body = _encoder.encode(message)
    if len(body) > FRAME_BYTES_MAX:
        raise ValueError(f"a message of {len(body)} bytes is over the bound of {FRAME_BYTES_MAX}")
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def body_bytes(head: bytes) -> int:
    """How many bytes follow this head; raises ValueError for more than a frame may have."""
    size = int.from_bytes(head, "big")
    if size > FRAME_BYTES_MAX:
        raise ValueError(f"a frame announces {size} bytes, over the bound of {FRAME_BYTES_MAX}")
    return size


def read_answer(body: bytes) -> Answer:
    """What a worker said; raises msgspec.DecodeError for anything else."""
    return _answers.decode(body)


def read_order(body: bytes) -> Run:
    """What the pool asked for; raises msgspec.DecodeError for anything else."""
    return _orders.decode(body)
