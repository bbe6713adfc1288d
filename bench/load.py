"""Closed-loop HTTP load in its own process: each client sends its next request when the last is answered.

It must cost far less than any server it measures, so a client is a bare `asyncio.Protocol`, requests are
rendered before the window opens, and every sample states the generator's own CPU share: near 1.0 it was
the generator, not the server, that set the pace.
Speaks JSON lines: one `Window` on stdin, one `Sample` on stdout, until stdin closes.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import sys
import time
from collections.abc import Iterator
from typing import cast

import httptools
import msgspec
import uvloop

EXAMPLES_MAX = 3
EXAMPLE_BYTES_MAX = 300
DRAIN_TIMEOUT_S = 20.0


class Window(msgspec.Struct, kw_only=True):
    """One stretch of load; ends after `seconds`, or when `requests_max` were sent if that is given."""

    host: str
    port: int
    requests: list[bytes]
    clients: int = 64
    warmup_s: float = 0.5
    seconds: float = 3.0
    requests_max: int | None = None
    bodies_max: int = 0


class Sample(msgspec.Struct, kw_only=True):
    """What one window saw; latencies are of answers that arrived inside it, refusals of the whole run."""

    count: int
    seconds: float
    rps: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    statuses: dict[str, int]
    refused: int
    broken: int
    unanswered: int
    examples: list[str]
    cpu_share: float
    bodies: list[bytes]


class Tally:
    """Everything the clients of one window write to."""

    def __init__(self, window: Window) -> None:
        self.bodies_max = window.bodies_max
        self.closing = False
        self.recording = False
        self.latencies_ns: list[int] = []
        self.statuses: dict[int, int] = {}
        self.examples: list[str] = []
        self.bodies: list[bytes] = []
        self.broken = 0
        self.open = window.clients
        self.all_closed = asyncio.Event()

    def note_refusal(self, status: int, body: bytes) -> None:
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(f"{status} {body[:EXAMPLE_BYTES_MAX].decode('utf-8', 'replace')}")

    def client_closed(self) -> None:
        self.open -= 1
        if not self.open:
            self.all_closed.set()


class Client(asyncio.Protocol):
    """One keep-alive connection with at most one request on the wire."""

    def __init__(self, tally: Tally, requests: Iterator[bytes]) -> None:
        self._tally = tally
        self._requests = requests
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""
        self._sent_ns = 0
        self._waiting = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        self._send_next()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        tally = self._tally
        if tally.recording:
            tally.latencies_ns.append(time.perf_counter_ns() - self._sent_ns)
        status = self._parser.get_status_code()
        tally.statuses[status] = tally.statuses.get(status, 0) + 1
        if status >= 300:
            tally.note_refusal(status, self._body)
        elif tally.bodies_max > len(tally.bodies):
            tally.bodies.append(self._body)
        self._body = b""
        self._waiting = False
        self._send_next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._tally.broken += self._waiting
        self._tally.client_closed()

    def _send_next(self) -> None:
        request = None if self._tally.closing else next(self._requests, None)
        if request is None:
            self._transport.close()
            return
        self._waiting = True
        self._sent_ns = time.perf_counter_ns()
        self._transport.write(request)


async def run_window(window: Window) -> Sample:
    """Open all clients, warm up, record, then let what is on the wire be answered."""
    tally = Tally(window)
    loop = asyncio.get_running_loop()
    tally.recording = window.warmup_s == 0
    cpu_start, start = time.process_time(), time.perf_counter()
    for index in range(window.clients):
        stream = _requests_of(window, index)
        await loop.create_connection(lambda s=stream: Client(tally, s), window.host, window.port)  # type: ignore[misc]
    if window.warmup_s:
        await _wait_closed(tally, window.warmup_s)
        tally.recording = True
        cpu_start, start = time.process_time(), time.perf_counter()
    await _wait_closed(tally, window.seconds)
    tally.recording = False
    seconds, cpu_s = time.perf_counter() - start, time.process_time() - cpu_start
    tally.closing = True
    await _wait_closed(tally, DRAIN_TIMEOUT_S)
    return _sample(tally, seconds, cpu_s)


def main() -> None:
    """Answer windows from stdin until it closes; the collector is off while a window runs."""
    decode = msgspec.json.Decoder(Window).decode
    gc.disable()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for line in sys.stdin.buffer:
            sample = runner.run(run_window(decode(line)))
            sys.stdout.buffer.write(msgspec.json.encode(sample) + b"\n")
            sys.stdout.buffer.flush()
            gc.collect()


def _requests_of(window: Window, index: int) -> Iterator[bytes]:
    """Each client goes round its own share, so one client per account is what the caller lists."""
    share = itertools.cycle(window.requests[index :: window.clients] or window.requests)
    if window.requests_max is None:
        return share
    quota, rest = divmod(window.requests_max, window.clients)
    return itertools.islice(share, quota + (index < rest))


async def _wait_closed(tally: Tally, timeout_s: float) -> None:
    """Return when every client has closed or the time is up, whichever is first."""
    try:
        await asyncio.wait_for(tally.all_closed.wait(), timeout_s)
    except TimeoutError:
        return


def _sample(tally: Tally, seconds: float, cpu_s: float) -> Sample:
    latencies = sorted(tally.latencies_ns)
    return Sample(
        count=len(latencies),
        seconds=seconds,
        rps=len(latencies) / seconds,
        p50_ms=_percentile_ms(latencies, 0.50),
        p95_ms=_percentile_ms(latencies, 0.95),
        p99_ms=_percentile_ms(latencies, 0.99),
        max_ms=_percentile_ms(latencies, 1.0),
        statuses={str(status): count for status, count in sorted(tally.statuses.items())},
        refused=sum(count for status, count in tally.statuses.items() if status >= 300),
        broken=tally.broken,
        unanswered=tally.open,
        examples=tally.examples,
        cpu_share=cpu_s / seconds,
        bodies=tally.bodies,
    )


def _percentile_ms(sorted_ns: list[int], share: float) -> float:
    if not sorted_ns:
        return 0.0
    return sorted_ns[min(len(sorted_ns) - 1, int(len(sorted_ns) * share))] / 1e6


if __name__ == "__main__":
    main()
