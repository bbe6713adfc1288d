"""The API reference at /docs and its document at /openapi.json; it follows the catalogue."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
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
from vermilion.services.gateway import Gateway

CSS_PATH = "/docs/style.css"
ICON_PATH = "/docs/icon.svg"
CODE = re.compile("`([^`]+)`")
#: The page needs nothing but its own style sheet; there is no script and no inline style to allow.
HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cache-control": "no-cache",
}


def docs_routes(gateway: Gateway, document_of: Callable[[Catalogue], dict[str, Any]]) -> list[Route]:
    """`/openapi.json`, `/docs` and what the page needs, as the catalogue is when they are asked for."""
    static = files("vermilion.faces.native").joinpath("static")
    style, icon = static.joinpath("docs.css").read_bytes(), static.joinpath("icon.svg").read_bytes()
    written = _Written(gateway, document_of)
    return [
        _served("/openapi.json", lambda: written.now()[0], "application/json"),
        _served("/docs", lambda: written.now()[1], "text/html"),
        _served(CSS_PATH, lambda: style, "text/css"),
        _served(ICON_PATH, lambda: icon, "image/svg+xml"),
    ]


class _Written:
    """The document and the page, written again only when the catalogue has changed."""

    def __init__(self, gateway: Gateway, document_of: Callable[[Catalogue], dict[str, Any]]) -> None:
        self._gateway, self._document_of = gateway, document_of
        self._catalogue = gateway.catalogue
        self._bodies = self._write(self._catalogue)

    def now(self) -> tuple[bytes, bytes]:
        """(document, page)."""
        catalogue = self._gateway.catalogue
        if catalogue is not self._catalogue:
            self._catalogue, self._bodies = catalogue, self._write(catalogue)
        return self._bodies

    def _write(self, catalogue: Catalogue) -> tuple[bytes, bytes]:
        document = self._document_of(catalogue)
        page = render_reference(document, catalogue, origin=self._gateway.settings.origin)
        return msgspec.json.encode(document), page.encode()


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
        example=next((offer for offer in offers if any(f.name == "prompt" for f in offer.fields)), None),
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


def _served(path: str, body_now: Callable[[], bytes], media_type: str) -> Route:
    async def serve(request: Request) -> Response:
        body = body_now()
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {**HEADERS, "etag": etag}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type=media_type, headers=headers)

    return Route(path, serve)
