"""What browsers report of our policy: something on a page of ours was refused. It goes to the log, bounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vermilion.errors import InvalidRequest
from vermilion.faces.dashboard.headers import REPORTS_PATH
from vermilion.http.bodies import read_body
from vermilion.http.limits import Buckets, Pace
from vermilion.logs import get_logger

REPORT_BYTES_MAX = 32_768
REPORTS_MAX = 10  #: of one message that are logged
WORDS_MAX = 100
#: Anybody may report: a page that breaks for everyone, or somebody who writes nonsense, fills no disk.
PACE = Pace(spacing_s=1.0, burst=30)
log = get_logger("dashboard")


def report_route() -> Route:
    """Where browsers send their reports; they come without a session."""
    buckets = Buckets()

    async def take(request: Request) -> Response:
        buckets.take(b"", PACE, "Enough has been reported for now.")
        body = await read_body(request.scope, request.receive, REPORT_BYTES_MAX)
        for facts in _violations(body):
            log.warning("the policy of a page was violated", **facts)
        return Response(status_code=204)

    return Route(REPORTS_PATH, take, methods=["POST"])


def _violations(body: bytes) -> list[dict[str, str]]:
    try:
        return list(_read(msgspec.json.decode(body)))[:REPORTS_MAX]
    except (msgspec.DecodeError, AttributeError, TypeError, ValueError):
        raise InvalidRequest("This is not a report of a violated policy.") from None


def _read(sent: Any) -> Iterator[dict[str, str]]:
    """Reports of either shape: the Reporting API's list, or the single one of `report-uri`."""
    if isinstance(sent, list):
        bodies = [one["body"] for one in sent if one.get("type") == "csp-violation"]
        names = ("documentURL", "effectiveDirective", "blockedURL")
    else:
        bodies = [sent.get("csp-report", {})]
        names = ("document-uri", "effective-directive", "blocked-uri")
    for body in bodies:
        page, directive, blocked = (str(body.get(name, "")) for name in names)
        yield {
            "page": _first_step(page),
            "directive": directive[:WORDS_MAX],
            "blocked": _origin(blocked)[:WORDS_MAX],
        }


def _first_step(url: str) -> str:
    """Which page it was, without what its address may keep secret."""
    return f"/{urlsplit(url).path.lstrip('/').partition('/')[0]}"[:WORDS_MAX]


def _origin(url: str) -> str:
    """Where the refused thing came from: an origin, or a word such as `inline`."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else parts.scheme or url
