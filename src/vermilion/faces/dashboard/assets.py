"""The built CSS, JavaScript, fonts and icons: served under names that change with their content, kept for a year."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vermilion.errors import NotFound

STATIC = Path(__file__).parent / "static"
MANIFEST = STATIC / "manifest.json"
PREFIX = "/assets/"
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
HEADERS = {
    "cache-control": "public, max-age=31536000, immutable",
    "cross-origin-resource-policy": "same-origin",
}


def asset_path(name: str) -> str:
    """Where the browser finds a built file. Raises KeyError for one that was not built."""
    return PREFIX + _manifest()[name]


def asset_routes() -> list[Route]:
    """The one route of all built files."""
    files = {hashed: STATIC / hashed for hashed in _manifest().values()}

    async def serve(request: Request) -> Response:
        path = files.get(request.path_params["name"])
        if path is None:
            raise NotFound("There is no such file.")
        return Response(path.read_bytes(), media_type=MEDIA_TYPES[path.suffix], headers=HEADERS)

    return [Route(PREFIX + "{name}", serve)]


@cache
def _manifest() -> dict[str, str]:
    if not MANIFEST.is_file():
        raise RuntimeError("the dashboard's files have not been built; run `make assets`")
    return msgspec.json.decode(MANIFEST.read_bytes(), type=dict[str, str])
