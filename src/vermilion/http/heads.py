"""Heads of requests that a connection has sent before: what they ask is known without parsing them again.

Clients send the same head with every request of a kind, but for the length of the body.
A head is kept once the parser has read it, so what the parser refuses is refused as before.
"""

from __future__ import annotations

from typing import Generic, TypeVar

Asked = TypeVar("Asked")

END = b"\r\n\r\n"
LENGTH = b"\r\ncontent-length: "
DIGITS_MAX = 9
HEADS_MAX = 4  #: of one connection
HEAD_BYTES_MAX = 4_096


class Heads(Generic[Asked]):
    """What the known heads of one connection ask."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: list[tuple[_Head, Asked]] = []

    def find(self, data: bytes) -> tuple[Asked, bytes] | None:
        """What these bytes ask, and their body, if they are one whole request with a known head."""
        for head, asked in self._known:
            if (body := head.body_of(data)) is not None:
                return asked, body
        return None

    def keep(self, data: bytes, body: bytes, asked: Asked) -> None:
        """Know the head of these bytes, in which the parser found one whole request with this body."""
        head = data[: len(data) - len(body)]
        if len(head) > HEAD_BYTES_MAX or data.find(END) + len(END) != len(head) or not data.endswith(body):
            return
        at = head.lower().find(LENGTH)
        if at >= 0:
            start = at + len(LENGTH)
            known = _Head(head[:start], head[head.find(b"\r", start) :])
        elif not body:
            known = _Head(head, b"")
        else:
            return
        self._known = [(known, asked), *self._known[: HEADS_MAX - 1]]


class _Head:
    """A head up to the length of the body that it names, and after it; `after` is empty if it names none."""

    __slots__ = ("_after", "_before")

    def __init__(self, before: bytes, after: bytes) -> None:
        self._before, self._after = before, after

    def body_of(self, data: bytes) -> bytes | None:
        """The body of these bytes if they are this head and a body as long as they say."""
        if not data.startswith(self._before):
            return None
        start = len(self._before)
        if not self._after:
            return b"" if len(data) == start else None
        stop = data.find(b"\r", start, start + DIGITS_MAX + 1)
        digits, body_at = data[start:stop], stop + len(self._after)
        if not digits.isdigit() or not data.startswith(self._after, stop):
            return None
        return data[body_at:] if int(digits) == len(data) - body_at else None
