"""Sign in, claim a one-time link, sign out."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from vermilion.errors import NotFound, RateLimited, Unauthenticated, VermilionError
from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.visit import COOKIE_S, SESSION_COOKIE, THEME_COOKIE, THEMES, Visit, see
from vermilion.services import member_links, sign_in
from vermilion.storage import members

LOOPBACK = ("localhost", "127.0.0.1", "::1")


async def show(visit: Visit) -> Response:
    """The sign-in page; who is signed in already goes on."""
    if visit.signed_in is not None:
        return see(own_path(visit.query("next")))
    return await _form(visit, next_path=own_path(visit.query("next")))


async def enter(visit: Visit) -> Response:
    """Check the password and open a session."""
    email, next_path = visit.text("email"), own_path(visit.text("next"))
    try:
        token = await sign_in.sign_in(
            visit.gateway, email, str(visit.form.get("password") or ""), visit.visitor
        )
    except (Unauthenticated, RateLimited) as refused:
        return await _form(visit, next_path=next_path, email=email, refusal=refused, status=refused.status)
    return signed_in(visit, token, next_path)


async def show_claim(visit: Visit) -> Response:
    """The page of a one-time link: choose a password."""
    member = await members.read_link(
        visit.gateway.database, sign_in.hash_token(visit.request.path_params["token"])
    )
    if member is None:
        raise NotFound("This link has been used or has expired; ask for a new one.")
    return await page(
        visit, "pages/claim.html", title="Choose a password", secret=True, member=member, refusal=None
    )


async def claim(visit: Visit) -> Response:
    """Set the password and go in."""
    token = visit.request.path_params["token"]
    member = await members.read_link(visit.gateway.database, sign_in.hash_token(token))
    if member is None:
        raise NotFound("This link has been used or has expired; ask for a new one.")
    password = str(visit.form.get("password") or "")
    try:
        session = await member_links.use_link(visit.gateway, token, password, visit.visitor)
    except VermilionError as refused:
        return await page(
            visit,
            "pages/claim.html",
            title="Error: Choose a password",
            status=refused.status,
            secret=True,
            member=member,
            refusal=refused,
        )
    return signed_in(visit, session, "/")


async def leave(visit: Visit) -> Response:
    """Sign out: this session ends, and the browser forgets the pages."""
    who = visit.who
    await members.end_session(visit.gateway.database, who.member.id, who.session.id)
    response = see("/sign-in")
    response.delete_cookie(SESSION_COOKIE)
    response.headers["clear-site-data"] = '"cache"'
    return response


async def choose_theme(visit: Visit) -> Response:
    """Keep the theme and go back to where the person was."""
    response = see(own_path(visit.text("next")))
    theme = visit.text("theme")
    visit.remember(response, THEME_COOKIE, theme if theme in THEMES else "system")
    return response


async def home(visit: Visit) -> Response:
    """Operators start at the overview, customers at the playground."""
    return see("/operator" if visit.is_operator and not visit.who.viewing else "/playground")


async def _form(
    visit: Visit, *, next_path: str, email: str = "", refusal: VermilionError | None = None, status: int = 200
) -> Response:
    return await page(
        visit,
        "pages/sign_in.html",
        title="Error: Sign in" if refusal else "Sign in",
        status=status,
        next_path=next_path,
        email=email,
        refusal=refusal,
        oidc_name=visit.gateway.settings.oidc_name if visit.gateway.settings.oidc_issuer else "",
        is_plain_http=visit.request.url.scheme == "http" and visit.request.url.hostname not in LOOPBACK,
    )


def signed_in(visit: Visit, token: str, next_path: str) -> RedirectResponse:
    """The answer that puts a session's cookie and goes on."""
    response = RedirectResponse(next_path, status_code=303)
    visit.remember(response, SESSION_COOKIE, token, max_age_s=min(COOKIE_S, int(sign_in.SESSION_S)))
    return response


def own_path(path: str) -> str:
    """Only paths of our own: anything else would send the person away after signing in."""
    fine = path.startswith("/") and not path.startswith(("//", "/\\", "/sign-in")) and "\n" not in path
    return path if fine else "/"
