from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from bench.load import Window, body_of, run_window

OK = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}"
REFUSAL = b"HTTP/1.1 402 Payment Required\r\ncontent-length: 9\r\n\r\nno money!"


@asynccontextmanager
async def answering(answer: bytes | None) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that notes each request and answers it so, or hangs up on None; yields its port and the notes."""
    heard: list[bytes] = []

    handlers: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.add(asyncio.create_task(serve(reader, writer)))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await _head_of(reader):
                heard.append(head)
                if answer is None:
                    break
                writer.write(answer)
        finally:
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], heard
        await asyncio.gather(*handlers)  # the load process has hung up by now


async def _head_of(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


def request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode()


async def test_sends_exactly_the_quota_and_counts_every_answer():
    """A window with a quota ends when that many requests were answered, and keeps the bodies it was asked for."""
    async with answering(OK) as (port, heard):
        window = Window(
            host="127.0.0.1",
            port=port,
            requests=[request("/a"), request("/b"), request("/c")],
            clients=4,
            warmup_s=0,
            seconds=30,
            requests_max=10,
            bodies_max=3,
        )
        sample = await asyncio.to_thread(run_window, window)
    assert len(heard) == 10
    assert sample.count == 10
    assert sample.statuses == {"201": 10}
    assert sample.bodies == [b"{}"] * 3
    assert (sample.refused, sample.broken, sample.unanswered) == (0, 0, 0)
    assert 0 < sample.p50_ms <= sample.p99_ms <= sample.max_ms


async def test_each_client_goes_round_its_own_share():
    """With one client a request, every request of the list is sent equally often."""
    async with answering(OK) as (port, heard):
        requests = [request(f"/{number}") for number in range(3)]
        await asyncio.to_thread(
            run_window,
            Window(host="127.0.0.1", port=port, requests=requests, clients=3, warmup_s=0, requests_max=9),
        )
    assert sorted(heard) == sorted(requests * 3)


async def test_refusals_are_counted_with_examples():
    """Answers of 300 and above are never mistaken for work done."""
    async with answering(REFUSAL) as (port, _):
        sample = await asyncio.to_thread(
            run_window,
            Window(
                host="127.0.0.1", port=port, requests=[request("/")], clients=2, warmup_s=0, requests_max=6
            ),
        )
    assert sample.refused == 6
    assert sample.examples == ["402 no money!"] * 3


async def test_a_hung_up_request_is_counted_as_broken():
    """A connection that ends before its answer came is reported, and the window still ends."""
    async with answering(None) as (port, _):
        sample = await asyncio.to_thread(
            run_window,
            Window(
                host="127.0.0.1", port=port, requests=[request("/")], clients=2, warmup_s=0, requests_max=2
            ),
        )
    assert (sample.count, sample.broken, sample.unanswered) == (0, 2, 0)


def test_an_answer_is_whole_when_all_its_bytes_are_there():
    """Its length is found whatever the case of its name, and an answer without one is never guessed at."""
    for answer in (REFUSAL, REFUSAL.replace(b"content-length", b"Content-Length")):
        for cut in range(1, len(answer)):
            assert body_of(answer[:cut]) is None
        assert body_of(answer) == answer.index(b"no money!")
    with pytest.raises(ValueError, match="no content-length"):
        body_of(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")
