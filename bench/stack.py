"""Everything a benchmark runs against: PostgreSQL, the gateway, its peers and the load process.

All are separate processes of this machine; each context manager ends what it started.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import asyncpg
import msgspec
import psutil

from bench.load import Sample, Window
from bench.report import InvalidMeasurement
from vermilion.storage.postgres.embedded import EmbeddedPostgres

OPERATOR_KEY = "vrm_benchmark_operator_key_0123456789abcdef0123456789abcdef"
READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
LINE_BYTES_MAX = 1 << 28


@dataclass(frozen=True)
class Server:
    """A peer that answers on a loopback port."""

    name: str
    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cpu_s(self) -> float:
        """CPU time used so far by the process and its living children, in seconds."""
        return sum(_cpu_s(process) for process in self.processes())

    def rss_bytes(self) -> int:
        """Resident memory of the process itself, without its children."""
        return int(psutil.Process(self.pid).memory_info().rss)

    def processes(self) -> list[psutil.Process]:
        """The process and its living children."""
        process = psutil.Process(self.pid)
        return [process, *process.children(recursive=True)]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line chose for every benchmark."""

    seconds: float = 3.0
    rounds: int = 5
    clients: int = 64
    accounts: int = 64
    role: str = "api"
    dsn: str | None = None
    scratch: Path = field(default_factory=lambda: Path(tempfile.gettempdir()))


class LoadProcess:
    """The load generator behind a pipe; one window at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def run(self, window: Window) -> Sample:
        """Run one window to its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(window) + b"\n")
        await self._process.stdin.drain()
        line = await self._process.stdout.readline()
        if not line:
            raise InvalidMeasurement("the load process has ended; see its error above")
        return msgspec.json.decode(line, type=Sample)


@asynccontextmanager
async def postgres(options: Options) -> AsyncIterator[str]:
    """The DSN of a fresh embedded server with its shipped (durable) settings, or of the one named by --dsn."""
    if options.dsn is not None:
        yield options.dsn
        return
    with tempfile.TemporaryDirectory(prefix="vermilion-bench-pg-", dir=options.scratch) as folder:
        server = EmbeddedPostgres(Path(folder) / "pg")
        try:
            yield await server.start()
        finally:
            await server.stop()


@asynccontextmanager
async def gateway(
    dsn: str, *, options: Options, role: str, name: str = "vermilion", extra: dict[str, str] | None = None
) -> AsyncIterator[Server]:
    """A gateway as `vermilion serve` starts it, on that database and with the echo provider; `extra` adds settings."""
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="vermilion-bench-data-", dir=options.scratch) as folder:
        env = {
            "DATABASE_URL": dsn,
            "VERMILION_HOST": "127.0.0.1",
            "VERMILION_PORT": str(port),
            "VERMILION_DATA_DIR": folder,
            "VERMILION_OPERATOR_KEY": OPERATOR_KEY,
            "VERMILION_ECHO": "1",
            "VERMILION_SECRET_KEY": "5e" * 32,
            "VERMILION_ROLE": role,
            "VERMILION_LOG_LEVEL": "warning",  # the peers log no requests either
            **(extra or {}),
        }
        argv = ["vermilion", "serve"]
        async with _serving(name, argv, port=port, env=env, ready_path="/readyz") as server:
            yield server


@asynccontextmanager
async def bare_peer(keys: list[str]) -> AsyncIterator[Server]:
    """The bare ASGI app (see `bench.bare`)."""
    port = _free_port()
    argv = ["bench.bare", "--port", str(port), *(part for key in keys for part in ("--key", key))]
    async with _serving("bare", argv, port=port) as server:
        yield server


@asynccontextmanager
async def plain_peer(dsn: str) -> AsyncIterator[Server]:
    """The plain FastAPI service (see `bench.plain`), whose schema must be prepared."""
    port = _free_port()
    async with _serving("plain", ["bench.plain", "--port", str(port), "--dsn", dsn], port=port) as server:
        yield server


@asynccontextmanager
async def load_process() -> AsyncIterator[LoadProcess]:
    """A load generator in a process of its own (see `bench.load`)."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.load",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE_BYTES_MAX,
        start_new_session=True,
    )
    try:
        yield LoadProcess(process)
    finally:
        await _stop(process)


@asynccontextmanager
async def separate_database(dsn: str, name: str) -> AsyncIterator[str]:
    """A new empty database of that name on the same server, dropped at the end."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await connection.execute(f'CREATE DATABASE "{name}"')
        yield urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await connection.close()


@asynccontextmanager
async def _serving(
    name: str, argv: list[str], *, port: int, env: dict[str, str] | None = None, ready_path: str = "/"
) -> AsyncIterator[Server]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *argv, env=_environment(env or {}), stdout=sys.stderr, start_new_session=True
    )
    server = Server(name, port, process.pid)
    try:
        await _wait_ready(server, process, ready_path)
        yield server
    finally:
        await _stop(process)


def _environment(extra: dict[str, str]) -> dict[str, str]:
    """This shell's own gateway settings must not leak into a measured one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VERMILION_")}
    kept.pop("DATABASE_URL", None)
    return kept | extra


async def _wait_ready(server: Server, process: asyncio.subprocess.Process, path: str) -> None:
    """Peers without a readiness path are ready as soon as they answer anything."""
    deadline = asyncio.get_running_loop().time() + READY_TIMEOUT_S
    async with aiohttp.ClientSession() as session:
        while asyncio.get_running_loop().time() < deadline:
            if process.returncode is not None:
                raise InvalidMeasurement(f"{server.name} ended with {process.returncode} before it was ready")
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(server.url + path) as answer:
                    if answer.status == 200 or path == "/":
                        return
            await asyncio.sleep(0.1)
    raise InvalidMeasurement(f"{server.name} was not ready within {READY_TIMEOUT_S:.0f} s")


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Ask, wait, then kill the group that the process leads."""
    if process.returncode is None:
        process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _cpu_s(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
