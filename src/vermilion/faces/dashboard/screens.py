"""One screen: a path, who may see it or do it, and the function that answers. Errors become pages here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote

from starlette.datastructures import FormData
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from vermilion.errors import (
    BodyTooLarge,
    InternalError,
    MethodNotAllowed,
    NotFound,
    RateLimited,
    VermilionError,
)
from vermilion.faces.dashboard import csrf
from vermilion.faces.dashboard.frame import page, part
from vermilion.faces.dashboard.visit import SESSION_COOKIE, Visit
from vermilion.http.asgi import App, Receive, Scope, Send
from vermilion.logs import get_logger
from vermilion.services.gateway import Gateway
from vermilion.services.sign_in import who_is_signed_in
from vermilion.storage.database import STATEMENTS

FORM_BYTES_MAX = 2_000_000  #: of everything but uploads, which go to the media store as they arrive
FIELDS_MAX = 500
log = get_logger("dashboard")

Show = Callable[[Visit], Awaitable[Response]]


class Needs(Enum):
    """Who a screen is for."""

    ANYONE = "anyone"
    MEMBER = "member"
    OWNER = "owner"
    OPERATOR = "operator"
    OPERATING_OWNER = "operating owner"


SIGNED_OUT_OK = (Needs.ANYONE,)
OPERATORS = (Needs.OPERATOR, Needs.OPERATING_OWNER)
ACTORS = (Needs.OWNER, Needs.OPERATING_OWNER)


@dataclass(frozen=True, slots=True)
class Screen:
    """`GET` screens show; `POST` screens act, and are checked for where they come from and who asks."""

    method: str
    path: str
    show: Show
    needs: Needs = Needs.MEMBER
    upload_bytes_max: int = 0


def screen_routes(gateway: Gateway, screens: tuple[Screen, ...]) -> list[Route]:
    """One route a path, so that a refused method is told which methods there are."""
    by_path: dict[str, dict[str, Screen]] = {}
    for screen in screens:
        by_path.setdefault(screen.path, {})[screen.method] = screen
    return [_route(gateway, path, methods) for path, methods in by_path.items()]


def _route(gateway: Gateway, path: str, screens: dict[str, Screen]) -> Route:
    async def serve(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        if method not in screens:
            raise MethodNotAllowed(allow=", ".join(screens))
        if gateway.settings.testing:
            return await _counted(gateway, request, screens[method])
        return await _serve(gateway, request, screens[method])

    return Route(path, serve, methods=["GET", "POST"] if "GET" in screens else ["POST"])


async def _counted(gateway: Gateway, request: Request, screen: Screen) -> Response:
    """The answer with the number of its statements and the time that they took, for tests."""
    statements: list[float] = []
    STATEMENTS.set(statements)
    response = await _serve(gateway, request, screen)
    await asyncio.sleep(0)  # the last one is noted a turn of the loop later
    response.headers["x-statements"] = str(len(statements))
    response.headers["server-timing"] = f"db;dur={1000 * sum(statements):.3f}"
    return response


async def _serve(gateway: Gateway, request: Request, screen: Screen) -> Response:
    signed_in = await who_is_signed_in(gateway, request.cookies.get(SESSION_COOKIE))
    visit = Visit(gateway, request, signed_in)
    if signed_in is None and screen.needs not in SIGNED_OUT_OK:
        return _to_sign_in(visit)
    try:
        await _admit(visit, screen)
        return await screen.show(visit)
    except ClientDisconnect:
        return Response(status_code=499)
    except VermilionError as refusal:
        return await show_error(visit, refusal)
    except Exception:
        log.exception("a page broke", request_id=request.scope.get("request_id"), path=request.url.path)
        return await show_error(visit, InternalError())


async def _admit(visit: Visit, screen: Screen) -> None:
    if screen.needs in OPERATORS:
        visit.require_operator()
    if screen.method == "GET":
        return
    csrf.check_origin(visit.request)
    visit.form = await _read_form(visit.request, FORM_BYTES_MAX + screen.upload_bytes_max)
    given = visit.form.get(csrf.FIELD) or visit.request.headers.get(csrf.HEADER)
    csrf.check_token(visit.csrf, given)
    if screen.needs in ACTORS:
        visit.require_act()


async def _read_form(request: Request, bytes_max: int) -> FormData:
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > bytes_max:
        raise BodyTooLarge(f"A form may have {bytes_max:,} bytes at most.")
    return await request.form(max_files=20, max_fields=FIELDS_MAX, max_part_size=bytes_max)


def _to_sign_in(visit: Visit) -> Response:
    """Pages go to the sign-in and come back; regions show one banner and leave the page as it is."""
    if visit.request.headers.get("hx-request"):
        return part(visit, "components/banner.html", "signed_out", _here(visit), status=401)
    return RedirectResponse(f"/sign-in?next={quote(_here(visit))}", status_code=303)


def _here(visit: Visit) -> str:
    """The page to come back to: for a region or an act, the page that it belongs to."""
    shown = visit.request.headers.get("hx-current-url", "")
    if shown.startswith(visit.origin + "/"):
        return shown[len(visit.origin) :]
    url = visit.request.url
    return url.path + (f"?{url.query}" if url.query else "") if visit.request.method == "GET" else "/"


def unknown_page(gateway: Gateway) -> App:
    """What a browser is shown where there is nothing."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        signed_in = await who_is_signed_in(gateway, request.cookies.get(SESSION_COOKIE))
        refusal = NotFound("There is no such page.")
        response = await show_error(Visit(gateway, request, signed_in), refusal)
        await response(scope, receive, send)

    return serve


async def show_error(visit: Visit, refusal: VermilionError) -> Response:
    """What happened, what it means, what to do; as a region for htmx, else as a page."""
    if visit.request.headers.get("hx-request"):
        response = part(
            visit, "components/banner.html", "problem", refusal, _request_id(visit), status=refusal.status
        )
        response.headers["hx-retarget"], response.headers["hx-reswap"] = "#problem", "innerHTML"
        return response
    response = await page(
        visit, "pages/error.html", title=refusal.title, status=refusal.status, refusal=refusal
    )
    if isinstance(refusal, RateLimited) and "retry_after_s" in refusal.facts:
        response.headers["retry-after"] = str(max(1, round(refusal.facts["retry_after_s"])))
    return response


def _request_id(visit: Visit) -> str:
    return str(visit.request.scope.get("request_id", ""))
