"""A head that a connection has sent before says again what it asked, and nothing else does."""

from __future__ import annotations

import pytest

from vermilion.http.heads import HEAD_BYTES_MAX, HEADS_MAX, Heads

POST = b"POST /v1/tasks HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\nX-Note: b\r\n\r\n"
LAST = b"POST /v1/tasks HTTP/1.1\r\nHost: a\r\ncontent-length: %d\r\n\r\n"
GET = b"GET /v1/tasks/1 HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("head", [POST, LAST], ids=["in the middle", "at the end"])
@pytest.mark.parametrize("size", [1, 9, 10, 1_000, 123_456])
def test_a_head_is_known_whatever_the_length_of_the_body(head: bytes, size: int) -> None:
    """Bodies of other lengths come with the same head."""
    heads = Heads[str]()
    heads.keep(head % 4 + b"body", b"body", "submit")
    assert ("submit", b"x" * size) == heads.find(head % size + b"x" * size)


def test_a_head_without_a_body_is_known() -> None:
    """As of a read that is repeated."""
    heads = Heads[str]()
    heads.keep(GET, b"", "read")
    assert ("read", b"") == heads.find(GET)


@pytest.mark.parametrize(
    "data",
    [
        POST % 4 + b"bod",
        POST % 4 + b"body and more",
        POST % 3 + b"body",
        POST.replace(b"%d", b"+4") + b"body",
        POST.replace(b"%d", b"") + b"body",
        POST.replace(b"%d", b"4 ") + b"body",
        POST.replace(b"%d", b"0x4") + b"body",
        POST.replace(b"%d", b"4, 4") + b"body",
        POST.replace(b"%d", b"4\r\nContent-Length: 4") + b"body",
        POST.replace(b"%d", b"4\r\nTransfer-Encoding: chunked") + b"body",
        POST.replace(b"%d", b"0000000004") + b"body",
        POST.replace(b"Host: a", b"Host: b") % 4 + b"body",
        POST.replace(b"X-Note: b", b"X-Note: c") % 4 + b"body",
        POST.replace(b"\r\n\r\n", b"\n\n") % 4 + b"body",
        (POST % 4)[:-2],
        (POST % 4)[:30],
        POST % 4 + b"body" + POST % 4 + b"body",
        GET,
        GET + GET,
        b"",
    ],
)
def test_anything_else_is_left_to_the_parser(data: bytes) -> None:
    """A cut request, two at once, another length than the body has, another head."""
    heads = Heads[str]()
    heads.keep(POST % 4 + b"body", b"body", "submit")
    assert heads.find(data) is None


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (GET + b"x", b"x"),
        (GET.replace(b"Host: a", b"X-Strength: 1") + b"x", b"x"),
        (b"\r\n\r\n" + GET, b""),
        (POST % 4 + b"body" + GET, b"body"),
        (POST.replace(b"Host: a", b"Host: " + b"a" * HEAD_BYTES_MAX) % 4 + b"body", b"body"),
    ],
    ids=["no length", "another number", "an empty line first", "two requests", "long"],
)
def test_an_unusual_head_is_not_kept(data: bytes, body: bytes) -> None:
    """What cannot be told apart by its bytes alone is parsed each time."""
    heads = Heads[str]()
    heads.keep(data, body, "submit")
    assert heads.find(data) is None


def test_a_connection_keeps_its_last_heads() -> None:
    """So that a client which never sends one twice takes no memory."""
    heads = Heads[int]()
    gets = [GET.replace(b"/1", b"/%d" % number) for number in range(HEADS_MAX + 1)]
    for number, get in enumerate(gets):
        heads.keep(get, b"", number)
    assert [None, *range(1, HEADS_MAX + 1)] == [found and found[0] for found in map(heads.find, gets)]
