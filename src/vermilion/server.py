"""The process around the application: listen, start everything, announce it, and end in an orderly way."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from functools import partial
from pathlib import Path
from typing import Any, cast

import uvicorn
import uvloop

from vermilion import __version__, large_pages
from vermilion.app import Application, build_app
from vermilion.bootstrap import START_REFUSALS, Running, begin_drain, running
from vermilion.http.direct import DirectProtocol
from vermilion.logs import get_logger
from vermilion.settings import Settings

EXIT_FAILED = 1
STOP_S_MAX = 120  #: what ending may take beyond the drain; PostgreSQL's fast stop alone may take 60
GC_THRESHOLDS = (
    50_000,
    20,
    50,
)  #: requests leave no cycles behind; looking for them often costs a tenth of the CPU
log = get_logger("server")


def serve(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; answers the exit code."""
    try:
        listening = _bind(settings)
    except OSError as taken:
        print(f"Cannot listen on {settings.host}:{settings.port}: {taken.strerror}.", file=sys.stderr)
        print("Choose another port: VERMILION_PORT=8001 make serve", file=sys.stderr)
        return EXIT_FAILED
    with listening:
        port = listening.getsockname()[1]
        try:
            return uvloop.run(_serve(settings.model_copy(update={"port": port}), listening))
        except START_REFUSALS as refused:
            print(f"Vermilion cannot start: {refused}", file=sys.stderr)
            return EXIT_FAILED


def _bind(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError:
        listening.close()
        raise
    listening.set_inheritable(False)
    return listening


async def _serve(settings: Settings, listening: socket.socket) -> int:
    stop, hurry = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _asked_to_stop, settings, stop, hurry)
    async with running(settings, hurry) as built:
        server = uvicorn.Server(_server_config(build_app(built)))
        server.capture_signals = _no_signals  # type: ignore[assignment, method-assign]
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        large_pages.lay_out()
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        _announce(settings, built)
        return await _until_stopped(stop, built, server, serving)


def _asked_to_stop(settings: Settings, stop: asyncio.Event, hurry: asyncio.Event) -> None:
    """Stop; asked a second time, without waiting for work in hand. The kernel ends a process that hangs over it."""
    if stop.is_set():
        hurry.set()
        return
    stop.set()
    signal.alarm(round(settings.drain_timeout_s) + STOP_S_MAX)


async def _until_stopped(
    stop: asyncio.Event, built: Running, server: uvicorn.Server, serving: asyncio.Task[None]
) -> int:
    stopping = asyncio.create_task(stop.wait())
    waits: set[asyncio.Future[object]] = {
        cast(Any, future) for future in (stopping, serving, built.failure) if future
    }
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    begin_drain(built)
    failed = built.failure is not None and built.failure.done() and built.failure.exception()
    if failed:
        log.error("a loop died; the process stops", error=repr(failed))
    server.should_exit = True
    await serving
    stopping.cancel()
    return EXIT_FAILED if failed else 0


def _server_config(app: Application) -> uvicorn.Config:
    return uvicorn.Config(
        app.edge,
        loop="none",
        http=cast(Any, partial(DirectProtocol, edge=app.edge, routes=app.hot)),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
        backlog=2048,
    )


class _no_signals:  # noqa: N801  (stands for uvicorn's context manager; this process handles its own signals)
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_error: object) -> None:
        return None


def _announce(settings: Settings, built: Running) -> None:
    origin = settings.origin
    print(f"Vermilion {__version__} listens on {origin} (API reference: {origin}/docs)", flush=True)
    if built.claim_path is not None:
        print(f"Dashboard: choose your password at {origin}{built.claim_path} (works once)", flush=True)
    if built.first_operator_key is None:
        return
    path = settings.data_dir / "operator.key"
    _write_private(path, built.first_operator_key)
    print(f"Operator key, shown this once (kept in {path}): {built.first_operator_key}", flush=True)


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text + "\n")
