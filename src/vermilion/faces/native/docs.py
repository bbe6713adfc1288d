"""The API reference at /docs and its document at /openapi.json; rendered once, at start, and needing no network."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files
from typing import Any

import jinja2
import msgspec
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vermilion.domain.catalogue import Catalogue
from vermilion.domain.keys import SCOPES
from vermilion.faces.native import reference

CSS_PATH = "/docs/style.css"
ICON_PATH = "/docs/icon.svg"
CODE = re.compile("`([^`]+)`")
#: The page needs nothing but its own style sheet; there is no script and no inline style to allow.
HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cache-control": "no-cache",
}


def docs_routes(document: dict[str, Any], catalogue: Catalogue, origin: str) -> list[Route]:
    """`/openapi.json`, `/docs` and what the page needs; examples name `origin` as the gateway's address."""
    static = files("vermilion.faces.native").joinpath("static")
    page = render_reference(document, catalogue, origin=origin)
    return [
        _served("/openapi.json", msgspec.json.encode(document), "application/json"),
        _served("/docs", page.encode(), "text/html"),
        _served(CSS_PATH, static.joinpath("docs.css").read_bytes(), "text/css"),
        _served(ICON_PATH, static.joinpath("icon.svg").read_bytes(), "image/svg+xml"),
    ]


def render_reference(document: dict[str, Any], catalogue: Catalogue, *, origin: str) -> str:
    """The page."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("vermilion.faces.native"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"prose": _prose, "breakable": _breakable}
    offers = reference.offers(catalogue)
    return environment.get_template("docs.html").render(
        info=document["info"],
        style_path=CSS_PATH,
        icon_path=ICON_PATH,
        origin=origin,
        scopes=SCOPES,
        groups=reference.groups(document),
        offers=offers,
        example=next(offer for offer in offers if any(field.name == "prompt" for field in offer.fields)),
        errors=reference.errors_by_status(),
    )


def _prose(text: str) -> Markup:
    """Text in which `…` is code."""
    pieces = CODE.split(text)
    shown = (
        Markup("<code>{}</code>").format(piece) if odd % 2 else escape(piece)
        for odd, piece in enumerate(pieces)
    )
    return Markup("").join(shown)


def _breakable(path: str) -> Markup:
    """A path that may be broken before each slash."""
    return Markup("<wbr>/").join(escape(part) for part in path.split("/"))


def _served(path: str, body: bytes, media_type: str) -> Route:
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {**HEADERS, "etag": etag}

    async def serve(request: Request) -> Response:
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type=media_type, headers=headers)

    return Route(path, serve)
