"""Files behind signed links, with byte ranges; the link is the permission, no key is asked."""

from __future__ import annotations

import re
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from vermilion.errors import NotFound, RangeRefused
from vermilion.http.asgi import App, Receive, Scope, Send
from vermilion.services.gateway import Gateway
from vermilion.services.serve_media import ServedFile, open_media, read_media

RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
#: Types that a browser may show in place; everything else is offered for saving.
INLINE = (
    "image/png",
    "image/jpeg",
    "image/webp",
    "image/gif",
    "image/avif",
    "video/",
    "audio/",
    "text/plain",
)
SUFFIXES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/avif": ".avif",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/quicktime": ".mov",
    "audio/mpeg": ".mp3",
    "audio/mp4": ".m4a",
    "audio/wav": ".wav",
    "audio/ogg": ".ogg",
    "audio/webm": ".weba",
    "audio/flac": ".flac",
    "model/gltf-binary": ".glb",
    "application/pdf": ".pdf",
    "application/json": ".json",
    "application/jsonl": ".jsonl",
    "text/plain": ".txt",
}


def media_paths() -> dict[str, Any]:
    """What the API document says of these paths."""
    return {
        "/v1/media/{id}": {"get": _described("read_media", "Fetch a file")},
        "/v1/media/{id}/thumbnail": {"get": _described("read_thumbnail", "Fetch a file's thumbnail (WebP)")},
    }


def media_apps(gateway: Gateway) -> dict[tuple[str, str], App]:
    """What serves `/v1/media/{id}` and its thumbnail."""
    return {
        ("GET", "/v1/media/{id}"): _serve(gateway, thumbnail=False),
        ("GET", "/v1/media/{id}/thumbnail"): _serve(gateway, thumbnail=True),
    }


def _serve(gateway: Gateway, *, thumbnail: bool) -> App:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        file = await open_media(
            gateway,
            _id(request),
            expires=request.query_params.get("expires", ""),
            signature=request.query_params.get("signature", ""),
            thumbnail=thumbnail,
        )
        response = await _answer(gateway, request, file)
        await response(scope, receive, send)

    return serve


async def _answer(gateway: Gateway, request: Request, file: ServedFile) -> Response:
    etag = f'"{file.sha256.hex()}"'
    headers = {
        "etag": etag,
        "accept-ranges": "bytes",
        "cache-control": "private, max-age=3600, immutable",
        "content-security-policy": "default-src 'none'; sandbox",
        "content-disposition": _disposition(request, file),
        "last-modified": format_datetime(file.asset.created_at, usegmt=True),
    }
    if _is_known(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    start, end = _span(request, file.size_bytes, etag)
    if start >= end and file.size_bytes:
        raise RangeRefused(size_bytes=file.size_bytes)
    headers["content-length"] = str(end - start)
    partial = (start, end) != (0, file.size_bytes)
    if partial:
        headers["content-range"] = f"bytes {start}-{end - 1}/{file.size_bytes}"
    if request.method == "HEAD":
        return Response(status_code=206 if partial else 200, headers=headers, media_type=file.content_type)
    body = (
        await read_media(gateway, file, start=start, end=end) if partial else await read_media(gateway, file)
    )
    return StreamingResponse(body, 206 if partial else 200, headers, file.content_type)


def _is_known(known: str | None, etag: str) -> bool:
    """Whether the client has this file already; weak tags are compared as strong ones are (RFC 9110, 13.1.2)."""
    tags = () if known is None else (tag.strip().removeprefix("W/") for tag in known.split(","))
    return any(tag in (etag, "*") for tag in tags)


def _disposition(request: Request, file: ServedFile) -> str:
    """In place or for saving, with a name for it; `?download` always means for saving."""
    inline = file.content_type.startswith(INLINE) and "download" not in request.query_params
    name = file.asset.name or f"{file.asset.id}{SUFFIXES.get(file.content_type, '')}"
    plain = re.sub(r'[^\x20-\x7e]|["\\%]', "_", name)
    kind = "inline" if inline else "attachment"
    exact = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'{kind}; filename="{plain}"{exact}'


def _span(request: Request, size: int, etag: str) -> tuple[int, int]:
    """[start, end) of a single range; the whole file for none, several, or one of an older file."""
    found = RANGE.fullmatch(request.headers.get("range", ""))
    if found is None or request.headers.get("if-range", etag) != etag or found[0] == "bytes=-":
        return 0, size
    if not found[1]:
        return max(0, size - int(found[2])), size
    return int(found[1]), min(size, int(found[2]) + 1 if found[2] else size)


def _id(request: Request) -> UUID:
    try:
        return UUID(request.path_params["id"])
    except ValueError:
        raise NotFound from None


def _described(operation_id: str, summary: str) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    file = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
    text = {"type": "string"}
    return {
        "operationId": operation_id,
        "summary": summary,
        "description": "The signed link that a task or an upload shows; it needs no key, and it runs out.",
        "tags": ["Media"],
        "security": [],
        "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}},
            {"name": "expires", "in": "query", "required": True, "schema": text},
            {"name": "signature", "in": "query", "required": True, "schema": text},
            {
                "name": "Range",
                "in": "header",
                "description": "One range of bytes, as in `bytes=0-1023`.",
                "schema": text,
            },
        ],
        "responses": {
            "200": {"description": "The file.", "content": file},
            "206": {"description": "The range that was asked for.", "content": file},
            "304": {"description": "Unchanged since the ETag in If-None-Match."},
            "403": {"description": "The link was not made here, or it is over.", "content": problem},
            "404": {"description": "The file is not stored any more.", "content": problem},
            "416": {"description": "The file is shorter than the range.", "content": problem},
        },
    }
