"""Closed-loop HTTP load in its own process: each client sends its next request when the last is answered.

It must cost far less than any server it measures, so it is one loop over plain sockets, requests are rendered before
the window opens, and every sample states the generator's own CPU share: near 1.0 it was the generator, not the
server, that set the pace. Real clients are on other machines, so it asks the scheduler to be no interruption: where
it shares a core with a server, it goes on when that one pauses, and reads all the answers that are there by then.
Speaks JSON lines: one `Window` on stdin, one `Sample` on stdout, until stdin closes.
"""

from __future__ import annotations

import gc
import itertools
import os
import select
import socket
import sys
import time
from collections.abc import Iterator

import msgspec

EXAMPLES_MAX = 3
EXAMPLE_BYTES_MAX = 300
DRAIN_TIMEOUT_S = 20.0
READ_BYTES = 1 << 18
END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"\r\ncontent-length: "


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
        self.recording = window.warmup_s == 0
        self.latencies_ns: list[int] = []
        self.statuses: dict[int, int] = {}
        self.examples: list[str] = []
        self.bodies: list[bytes] = []
        self.broken = 0
        self.unanswered = 0

    def note(self, status: int, body: bytes, latency_ns: int) -> None:
        """One answer came."""
        if self.recording:
            self.latencies_ns.append(latency_ns)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status >= 300:
            if len(self.examples) < EXAMPLES_MAX:
                self.examples.append(f"{status} {body[:EXAMPLE_BYTES_MAX].decode('utf-8', 'replace')}")
        elif self.bodies_max > len(self.bodies):
            self.bodies.append(body)


class Client:
    """One keep-alive connection with at most one request on the wire."""

    def __init__(self, window: Window, tally: Tally, requests: Iterator[bytes]) -> None:
        self._tally, self._requests = tally, requests
        self._socket = socket.create_connection((window.host, window.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sent_ns = 0
        self._data = b""
        self.number = self._socket.fileno()

    def send(self) -> bool:
        """Send the next request; False if there is none."""
        request = None if self._tally.closing else next(self._requests, None)
        if request is None:
            return False
        self._sent_ns = time.perf_counter_ns()
        try:
            self._socket.sendall(request)
        except ConnectionError:
            self._tally.broken += 1
            return False
        return True

    def receive(self) -> bool:
        """Read what is there, and send the next request after a whole answer; False once that was the last."""
        try:
            data = self._socket.recv(READ_BYTES)
        except ConnectionError:
            data = b""
        if not data:
            self._tally.broken += 1
            return False
        data = self._data + data if self._data else data
        if (start := body_of(data)) is None:
            self._data = data
            return True
        self._data = b""
        self._tally.note(int(data[9:12]), data[start:], time.perf_counter_ns() - self._sent_ns)
        return self.send()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def body_of(data: bytes) -> int | None:
    """Where the body of an answer begins, if all of it is there. Raises ValueError for one that names no length."""
    end = data.find(END_OF_HEAD)
    if end < 0:
        return None
    at = data.find(LENGTH, 0, end)
    if at < 0 and (at := data[:end].lower().find(LENGTH)) < 0:
        raise ValueError(f"an answer names no content-length: {data[:end]!r}")
    start = at + len(LENGTH)
    length = int(data[start : data.index(b"\r", start)])
    return end + len(END_OF_HEAD) if len(data) >= end + len(END_OF_HEAD) + length else None


def run_window(window: Window) -> Sample:
    """Open all clients, warm up, record, then let what is on the wire be answered."""
    tally = Tally(window)
    crowd = Crowd(window, tally)
    cpu_start, start = time.process_time(), time.perf_counter()
    crowd.begin()
    if window.warmup_s:
        crowd.run(window.warmup_s)
        tally.recording = True
        cpu_start, start = time.process_time(), time.perf_counter()
    crowd.run(window.seconds)
    tally.recording = False
    seconds, cpu_s = time.perf_counter() - start, time.process_time() - cpu_start
    tally.closing = True
    crowd.run(DRAIN_TIMEOUT_S)
    tally.unanswered = crowd.leave()
    return _sample(tally, seconds, cpu_s)


class Crowd:
    """The clients of one window that are still at it."""

    def __init__(self, window: Window, tally: Tally) -> None:
        made = [Client(window, tally, _requests_of(window, index)) for index in range(window.clients)]
        self._clients = {client.number: client for client in made}
        self._ready = select.epoll()
        for number in self._clients:
            self._ready.register(number, select.EPOLLIN)

    def begin(self) -> None:
        """Have each send its first request."""
        for client in list(self._clients.values()):
            if not client.send():
                self._end(client)

    def run(self, seconds: float) -> None:
        """Go on until the time is up or every client has closed, whichever is first."""
        deadline = time.perf_counter() + seconds
        clients, poll = self._clients, self._ready.poll
        while clients and (left := deadline - time.perf_counter()) > 0:
            for number, _ in poll(left):
                client = clients[number]
                if not client.receive():
                    self._end(client)

    def leave(self) -> int:
        """Close those whose last request has no answer, and say how many."""
        unanswered = len(self._clients)
        for client in list(self._clients.values()):
            self._end(client)
        self._ready.close()
        return unanswered

    def _end(self, client: Client) -> None:
        del self._clients[client.number]
        self._ready.unregister(client.number)
        client.close()


def main() -> None:
    """Answer windows from stdin until it closes; the collector is off while a window runs."""
    decode = msgspec.json.Decoder(Window).decode
    gc.disable()
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    for line in sys.stdin.buffer:
        sample = run_window(decode(line))
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
        unanswered=tally.unanswered,
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
