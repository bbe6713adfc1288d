"""Errors as RFC 9457 problem documents with a stable `code`."""

from __future__ import annotations

from typing import Any

import msgspec

from vermilion.errors import InvalidRequest, VermilionError

CONTENT_TYPE = b"application/problem+json"


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of every error of the native face."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str | None = None
    problems: tuple[Any, ...] = ()
    facts: dict[str, Any] = {}


def problem_of(error: VermilionError, request_id: str | None) -> Problem:
    """What to tell about an error."""
    return Problem(
        type=f"/docs#error-{error.code}",
        title=error.title,
        status=error.status,
        code=error.code,
        detail=error.detail,
        request_id=request_id,
        problems=error.problems if isinstance(error, InvalidRequest) else (),
        facts=error.facts,
    )


def encode_problem(error: VermilionError, request_id: str | None) -> bytes:
    """The problem document."""
    return msgspec.json.encode(problem_of(error, request_id))


def problem_headers(error: VermilionError, content_type: bytes = CONTENT_TYPE) -> list[tuple[bytes, bytes]]:
    """Headers that say what the body says."""
    headers = [(b"content-type", content_type), (b"cache-control", b"no-store")]
    if error.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="vermilion"'))
    if "retry_after_s" in error.facts:
        headers.append((b"retry-after", str(max(1, round(error.facts["retry_after_s"]))).encode()))
    elif error.status == 503:
        headers.append((b"retry-after", b"1"))
    if error.status == 416:
        headers.append((b"content-range", b"bytes */%d" % error.facts["size_bytes"]))
    if "allow" in error.facts:
        headers.append((b"allow", str(error.facts["allow"]).encode()))
    return headers
