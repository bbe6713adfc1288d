"""The ASGI application: what is mounted where, and in what order a request passes through it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route, Router

from vermilion.bootstrap import Running
from vermilion.errors import MethodNotAllowed, NotFound
from vermilion.faces.dashboard.routes import dashboard_routes
from vermilion.faces.dashboard.screens import unknown_page
from vermilion.faces.goapi import routes as goapi
from vermilion.faces.imaginepro.face import face as imaginepro
from vermilion.faces.linkrapi import face as linkrapi
from vermilion.faces.mjproxy import face as mjproxy
from vermilion.faces.native import (
    account,
    admin,
    batches,
    connections,
    files,
    members,
    moderation,
    notices,
    offers,
    oversight,
    stream,
    tasks,
    uploads,
    webhooks,
)
from vermilion.faces.native.docs import docs_routes
from vermilion.faces.native.media import media_apps, media_paths
from vermilion.faces.native.wire import task_view
from vermilion.faces.openai.face import face as openai
from vermilion.http.asgi import App, Receive, Scope, Send, header
from vermilion.http.auth import Doorkeeper
from vermilion.http.edge import Edge
from vermilion.http.endpoints import Endpoint
from vermilion.http.foreign import Face, face_routes
from vermilion.http.health import health_routes
from vermilion.http.openapi import openapi_document

OPERATIONS = (
    *tasks.OPERATIONS,
    *stream.OPERATIONS,
    *account.OPERATIONS,
    *webhooks.OPERATIONS,
    *notices.OPERATIONS,
    *admin.OPERATIONS,
    *members.OPERATIONS,
    *moderation.OPERATIONS,
    *files.OPERATIONS,
    *uploads.OPERATIONS,
    *batches.OPERATIONS,
    *oversight.OPERATIONS,
    *offers.OPERATIONS,
    *connections.OPERATIONS,
)
#: The contracts of other services that are spoken here, one line each.
FACES: tuple[Face, ...] = (goapi.FACE, linkrapi.FACE, mjproxy.FACE)
TASK_PATH = "/v1/tasks"
TASK_PREFIX = TASK_PATH + "/"


@dataclass(frozen=True, slots=True)
class Application:
    """What a server serves: the ASGI application, and its busiest operations for one that can call them directly."""

    edge: Edge
    hot: HotRoutes


def build_app(built: Running) -> Application:
    """The whole application: the edge around the hot task routes and Starlette for the rest."""
    doorkeeper = Doorkeeper(built.gateway)
    endpoints = {
        (operation.method, operation.path): Endpoint(operation, built.gateway, doorkeeper)
        for operation in OPERATIONS
    }
    routes: list[BaseRoute] = [
        *health_routes(built.gateway.database, lambda: built.draining),
        *docs_routes(built.gateway, lambda now: openapi_document(OPERATIONS, now, media_paths())),
        *dashboard_routes(built.gateway),
        *face_routes(
            (openai(task_view),), built.gateway, doorkeeper
        ),  # shares paths with ours, so it comes first
        *_operation_routes({**endpoints, **media_apps(built.gateway)}),
        *face_routes((*FACES, imaginepro()), built.gateway, doorkeeper),
    ]
    # A redirected POST loses its key in too many clients, so no slashes are put right.
    cold = _Cold(Router(routes, redirect_slashes=False), unknown_page(built.gateway))
    hot = HotRoutes(endpoints["POST", TASK_PATH], endpoints["GET", TASK_PREFIX + "{id}"])
    return Application(Edge(_HotOrCold(hot, cold)), hot)


def _operation_routes(apps: Mapping[tuple[str, str], App]) -> list[BaseRoute]:
    """One route a path, so that a refused method is told which methods there are."""
    by_path: dict[str, dict[str, App]] = {}
    for (method, path), app in apps.items():
        by_path.setdefault(path, {})[method] = app
    return [Route(path, _ByMethod(methods), methods=list(methods)) for path, methods in by_path.items()]


class _Cold:
    """Starlette's router alone: its middlewares would answer our refusals themselves."""

    def __init__(self, router: Router, unknown_page: App) -> None:
        self._router, self._unknown_page = router, unknown_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self  # this is what makes the router raise instead of answering in plain text
        try:
            await self._router(scope, receive, send)
        except HTTPException as refused:
            if refused.status_code == 405:
                raise MethodNotAllowed(allow=(refused.headers or {}).get("Allow", "")) from None
            if "text/html" not in (header(scope, b"accept") or ""):
                raise NotFound("There is nothing at this path; GET /docs shows what there is.") from None
            await self._unknown_page(scope, receive, send)


class _ByMethod:
    """What serves one path, as Starlette wants them: an ASGI application that is not a function."""

    def __init__(self, apps: Mapping[str, App]) -> None:
        self._apps = apps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        await self._apps[method](scope, receive, send)


class HotRoutes:
    """Finds the two busiest operations, for which a router would be a detour."""

    def __init__(self, create: Endpoint, read: Endpoint) -> None:
        self._create, self._read = create, read

    def find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]] | None:
        """The endpoint and the parameters in the path; None for everything else."""
        if method == "POST" and path == TASK_PATH:
            return self._create, {}
        if method == "GET" and path.startswith(TASK_PREFIX) and path.count("/") == 3:
            return self._read, {"id": path[len(TASK_PREFIX) :]}
        return None


class _HotOrCold:
    """Sends the busiest operations straight to their endpoints, everything else through Starlette's router."""

    def __init__(self, hot: HotRoutes, cold: App) -> None:
        self._hot, self._cold = hot, cold

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._hot.find(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self._cold(scope, receive, send)
            return
        endpoint, scope["path_params"] = found
        await endpoint(scope, receive, send)
