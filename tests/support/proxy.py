"""A TCP way to a PostgreSQL on a Unix socket that a test can break, as networks break."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Self
from urllib.parse import parse_qs, urlsplit


class Proxy:
    """Passes bytes on between `dsn` and the socket behind `target_dsn` until it is told to break."""

    def __init__(self, target_dsn: str) -> None:
        parts = urlsplit(target_dsn)
        query = parse_qs(parts.query)
        self._socket_path = f"{query['host'][0]}/.s.PGSQL.{query['port'][0]}"
        self._database, self._user = parts.path, parts.username
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._marker, self._commit = b"", b""
        self.swallowed = asyncio.Event()
        self._ways: set[asyncio.Task[None]] = set()

    @property
    def dsn(self) -> str:
        """The address that leads through this proxy."""
        port = self._server.sockets[0].getsockname()[1]
        return f"postgresql://{self._user}@127.0.0.1:{port}{self._database}?sslmode=disable"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._server.close()
        for way in self._ways:
            way.cancel()
        await asyncio.gather(*self._ways, return_exceptions=True)

    def freeze(self) -> None:
        """Let nothing through any more, and close nothing."""
        self._flowing.clear()

    def swallow_commit_after(self, marker: bytes, commit: bytes) -> None:
        """Once: let `commit` of the transaction that says `marker` through, but not its answer."""
        self._marker, self._commit = marker, commit

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(self._socket_path)
        lost = asyncio.Event()
        for way in (self._up(reader, far_writer, lost), self._down(far_reader, writer, lost)):
            task = asyncio.create_task(way)
            self._ways.add(task)
            task.add_done_callback(self._ways.discard)

    async def _up(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, lost: asyncio.Event
    ) -> None:
        marked = False
        with contextlib.suppress(ConnectionError), contextlib.closing(target):
            while part := await source.read(65_536):
                await self._flowing.wait()
                if self._marker and self._marker in part:
                    marked, self._marker = True, b""
                if marked and self._commit in part:
                    lost.set()
                target.write(part)
                await target.drain()

    async def _down(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, lost: asyncio.Event
    ) -> None:
        with contextlib.suppress(ConnectionError), contextlib.closing(target):
            while part := await source.read(65_536):
                await self._flowing.wait()
                if lost.is_set():
                    self.swallowed.set()
                    return
                target.write(part)
                await target.drain()
