"""The ASGI application and the process around it: what is mounted where, start, drain and end."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, cast

import uvicorn
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route, Router

from vermilion import __version__
from vermilion.bootstrap import Running, begin_drain, running
from vermilion.errors import MethodNotAllowed, NotFound
from vermilion.faces.native import account, admin, oversight, stream, tasks
from vermilion.faces.native.docs import docs_routes
from vermilion.faces.native.media import media_paths, media_routes
from vermilion.http.asgi import App, Receive, Scope, Send
from vermilion.http.auth import Doorkeeper
from vermilion.http.edge import Edge
from vermilion.http.endpoints import Endpoint
from vermilion.http.health import health_routes
from vermilion.http.openapi import openapi_document
from vermilion.logs import get_logger
from vermilion.settings import Settings

OPERATIONS = (
    *tasks.OPERATIONS,
    *stream.OPERATIONS,
    *account.OPERATIONS,
    *admin.OPERATIONS,
    *oversight.OPERATIONS,
)
EXIT_FAILED = 1
STOP_S_MAX = 120  #: what ending may take beyond the drain; PostgreSQL's fast stop alone may take 60
TASK_PATH = "/v1/tasks"
log = get_logger("app")


def build_app(built: Running) -> App:
    """The whole application: the edge around the hot task routes and Starlette for the rest."""
    doorkeeper = Doorkeeper(built.gateway)
    endpoints = {
        (operation.method, operation.path): Endpoint(operation, built.gateway, doorkeeper)
        for operation in OPERATIONS
    }
    document = openapi_document(OPERATIONS, built.gateway.catalogue, media_paths())
    routes: list[BaseRoute] = [
        *health_routes(built.gateway.database, lambda: built.draining),
        *docs_routes(document, built.gateway.catalogue, built.gateway.settings.origin),
        *media_routes(built.gateway),
        *_operation_routes(endpoints),
    ]
    cold = _Cold(
        Router(routes, redirect_slashes=False)
    )  # a redirected POST loses its key in too many clients
    return Edge(_Hot(endpoints["POST", TASK_PATH], endpoints["GET", TASK_PATH + "/{id}"], cold))


def _operation_routes(endpoints: Mapping[tuple[str, str], Endpoint]) -> list[BaseRoute]:
    """One route a path, so that a refused method is told which methods there are."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for (method, path), endpoint in endpoints.items():
        by_path.setdefault(path, {})[method] = endpoint
    return [Route(path, _ByMethod(methods), methods=list(methods)) for path, methods in by_path.items()]


class _Cold:
    """Starlette's router alone: its middlewares would answer our refusals themselves."""

    def __init__(self, router: Router) -> None:
        self._router = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self  # this is what makes the router raise instead of answering in plain text
        try:
            await self._router(scope, receive, send)
        except HTTPException as refused:
            if refused.status_code == 405:
                raise MethodNotAllowed(allow=(refused.headers or {}).get("Allow", "")) from None
            raise NotFound("There is nothing at this path; GET /docs shows what there is.") from None


class _ByMethod:
    """The endpoints of one path as Starlette wants them: an ASGI application that is not a function."""

    def __init__(self, endpoints: Mapping[str, Endpoint]) -> None:
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        await self._endpoints[method](scope, receive, send)


class _Hot:
    """Sends the two busiest operations straight to their endpoints, everything else through Starlette's router."""

    def __init__(self, create: Endpoint, read: Endpoint, cold: App) -> None:
        self._create, self._read, self._cold = create, read, cold

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path, method = scope["path"], scope["method"]
            if method == "POST" and path == TASK_PATH:
                await self._create(scope, receive, send)
                return
            if method == "GET" and path.startswith(TASK_PATH + "/") and path.count("/") == 3:
                scope["path_params"] = {"id": path[len(TASK_PATH) + 1 :]}
                await self._read(scope, receive, send)
                return
        await self._cold(scope, receive, send)


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
        return _loop_runner()(_serve(settings.model_copy(update={"port": port}), listening))


def _loop_runner() -> Callable[[Awaitable[int]], int]:
    import uvloop  # noqa: PLC0415  (not on every platform)

    return uvloop.run


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


def _server_config(app: App) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        loop="none",
        http="httptools",
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
    if built.first_operator_key is None:
        return
    path = settings.data_dir / "operator.key"
    _write_private(path, built.first_operator_key)
    print(f"Operator key, shown this once (kept in {path}): {built.first_operator_key}", flush=True)


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text + "\n")
