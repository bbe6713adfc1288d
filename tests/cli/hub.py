"""The hub of models, as far as its own client asks it: which files a model has, and each of them."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer

REVISION = "5f" * 20


class Hub:
    """Serves folders under `root` as models `owner/name`, and keeps in mind what was loaded."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.loaded: list[str] = []

    def app(self) -> web.Application:
        """The routes, as of the public API."""
        app = web.Application()
        app.router.add_get("/api/models/{owner}/{name}", self._info)
        app.router.add_get("/api/models/{owner}/{name}/revision/{revision}", self._info)
        app.router.add_get("/api/models/{owner}/{name}/tree/{revision}", self._tree)
        app.router.add_get("/{owner}/{name}/resolve/{revision}/{file:.+}", self._file)
        return app

    def _names(self, request: web.Request) -> list[str]:
        folder = self._folder(request)
        if not folder.is_dir():
            error = {"x-error-code": "RepoNotFound", "x-error-message": "Repository not found"}
            raise web.HTTPNotFound(headers=error)
        return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())

    def _folder(self, request: web.Request) -> Path:
        return self.root / request.match_info["owner"] / request.match_info["name"]

    async def _info(self, request: web.Request) -> web.Response:
        siblings = [{"rfilename": name} for name in self._names(request)]
        id_ = f"{request.match_info['owner']}/{request.match_info['name']}"
        return web.json_response(
            {"id": id_, "modelId": id_, "sha": REVISION, "siblings": siblings, "tags": []}
        )

    async def _tree(self, request: web.Request) -> web.Response:
        folder = self._folder(request)
        files = [
            {"type": "file", "path": name, "size": (folder / name).stat().st_size, "oid": _tag(folder / name)}
            for name in self._names(request)
        ]
        return web.json_response(files)

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info["file"]
        if name not in self._names(request):
            raise web.HTTPNotFound(headers={"x-error-code": "EntryNotFound"})
        path = self._folder(request) / name
        if request.method == "GET":
            self.loaded.append(name)
        headers = {"etag": f'"{_tag(path)}"', "x-repo-commit": REVISION}
        return web.Response(body=path.read_bytes(), headers=headers)


@asynccontextmanager
async def serving(hub: Hub) -> AsyncIterator[str]:
    """The hub's address."""
    async with TestServer(hub.app()) as server:
        yield str(server.make_url("")).rstrip("/")


def _tag(path: Path) -> str:
    return hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()
