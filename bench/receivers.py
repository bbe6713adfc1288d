"""Receivers of webhooks in a process of their own: `python -m bench.receivers --quick 20`.

Prints the ports of the quick ones and of one that never answers; for each line on stdin it prints the ages in
milliseconds of the deliveries that the quick ones got since the last one. An age is the time since the delivery's
id, a UUIDv7, was made on this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from uuid import UUID

OK = b"HTTP/1.1 204 No Content\r\n\r\n"
ID = b"webhook-id: "
LENGTH = b"content-length: "


class Quick(asyncio.Protocol):
    """Answers every request at once."""

    def __init__(self, ages_ms: list[float]) -> None:
        self._ages_ms = ages_ms
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower() + b"\r\n"
            whole = end + 4 + int(_value(head, LENGTH))
            if len(self._buffer) < whole:
                return
            made_ms = UUID(_value(head, ID).decode()).int >> 80
            self._ages_ms.append(time.time() * 1000 - made_ms)
            self._buffer = self._buffer[whole:]
            self._transport.write(OK)


def _value(head: bytes, name: bytes) -> bytes:
    start = head.index(name) + len(name)
    return head[start : head.index(b"\r\n", start)]


async def _serve(quick: int) -> None:
    loop = asyncio.get_running_loop()
    ages_ms: list[float] = []
    servers = [await loop.create_server(lambda: Quick(ages_ms), "127.0.0.1", 0) for _ in range(quick)]
    hanging = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
    ports = [server.sockets[0].getsockname()[1] for server in (*servers, hanging)]
    print(json.dumps({"quick": ports[:-1], "hanging": ports[-1]}), flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(ages_ms), flush=True)
        ages_ms.clear()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", type=int, default=20)
    asyncio.run(_serve(parser.parse_args().quick))
