"""Only our own pages may act: a token tied to the browser, and the browser's own word on where a request came from."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import urlsplit

from starlette.requests import Request

from vermilion.errors import Forbidden

FIELD = "csrf"
HEADER = "x-csrf"
PURPOSE = b"vermilion dashboard form v1 "


def form_token(signing_key: bytes, browser: str) -> str:
    """The token of every form shown to the browser that holds this cookie value."""
    return hmac.new(signing_key, PURPOSE + browser.encode(), hashlib.sha256).hexdigest()


def check_origin(request: Request) -> None:
    """Refuse what another site made the browser send. Browsers on plain-HTTP hosts send only `Origin`."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise Forbidden("This request came from another site.")
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host", ""):
        raise Forbidden("This request came from another site.")


def check_token(expected: str, given: object) -> None:
    """Refuse a form that was not made for this browser."""
    if not isinstance(given, str) or not hmac.compare_digest(expected.encode(), given.encode()):
        raise Forbidden("This form has expired. Go back, reload the page, and send it again.")
