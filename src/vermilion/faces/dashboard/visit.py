"""One request to the dashboard: who looks, what they sent, and how to answer."""

from __future__ import annotations

import secrets
from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from vermilion.domain.keys import CUSTOMER_SCOPES, SCOPES
from vermilion.errors import Forbidden, NotFound
from vermilion.faces.dashboard.csrf import form_token
from vermilion.services.gateway import Gateway
from vermilion.services.sign_in import Visitor
from vermilion.storage.accounts import Bearer, KeyRow
from vermilion.storage.members import SignedIn

SESSION_COOKIE = "vermilion_session"
BROWSER_COOKIE = "vermilion_browser"  #: ties forms to browsers that have not signed in
ZONE_COOKIE = "vermilion_zone"
THEME_COOKIE = "vermilion_theme"
THEMES = ("system", "light", "dark")
COOKIE_S = 400 * 86_400


@dataclass(slots=True)
class Visit:
    """A request with its session, if there is one; `form` is filled for acts."""

    gateway: Gateway
    request: Request
    signed_in: SignedIn | None
    form: FormData = field(default_factory=FormData)
    new_browser: str | None = None

    @property
    def who(self) -> SignedIn:
        """The session; only pages that need one may ask."""
        assert self.signed_in is not None
        return self.signed_in

    @property
    def account_id(self) -> UUID:
        """The account whose pages are shown."""
        return self.who.account.id

    @property
    def is_operator(self) -> bool:
        """Whether the person works for the place."""
        return self.signed_in is not None and self.signed_in.home_role == "operator"

    @property
    def may_act(self) -> bool:
        """Whether the person may change anything of the account that is shown."""
        return self.signed_in is not None and self.who.member.role == "owner" and not self.who.viewing

    @property
    def bearer(self) -> Bearer:
        """The session as the services know callers: its id stands where an API key's would."""
        who = self.who
        scopes = [*SCOPES] if self.is_operator and not who.viewing else [*CUSTOMER_SCOPES]
        key = KeyRow(
            id=who.session.id,
            account_id=who.account.id,
            name="Dashboard",
            prefix="",
            scopes=scopes,
            models=None,
            expires_at=who.session.expires_at,
            revoked_at=None,
            cap_units=None,
            cap_window="never",
            cap_used=0,
            cap_window_start=who.session.created_at,
            created_at=who.session.created_at,
        )
        return Bearer(key, who.account, who.plan)

    @property
    def visitor(self) -> Visitor:
        """Where the request comes from."""
        client = self.request.client
        return Visitor(self.request.headers.get("user-agent", ""), client.host if client else "")

    @property
    def csrf(self) -> str:
        """The token that this browser's forms carry."""
        cookies = self.request.cookies
        browser = cookies.get(SESSION_COOKIE) or cookies.get(BROWSER_COOKIE)
        if browser is None:
            browser = self.new_browser = self.new_browser or secrets.token_urlsafe(16)
        return form_token(self.gateway.signing_key, browser)

    @property
    def theme(self) -> str:
        """`system`, `light` or `dark`."""
        theme = self.request.cookies.get(THEME_COOKIE, "system")
        return theme if theme in THEMES else "system"

    @property
    def zone(self) -> ZoneInfo:
        """The viewer's time zone: the one that they chose, else the browser's; UTC until it has told it."""
        chosen = self.settings.get("zone", "") if self.signed_in else ""
        told = self.request.cookies.get(ZONE_COOKIE, "UTC").replace("%2F", "/")
        return zone_named(chosen) or zone_named(told) or ZoneInfo("UTC")

    @property
    def density(self) -> str:
        """How close the rows of lists stand: `comfortable` or `compact`."""
        compact = self.signed_in is not None and self.settings.get("density") == "compact"
        return "compact" if compact else "comfortable"

    @property
    def settings(self) -> dict[str, Any]:
        """The person's own settings."""
        return msgspec.json.decode(self.who.member.settings, type=dict[str, Any])

    @property
    def origin(self) -> str:
        """Where the customer reaches us, without a slash at the end."""
        public = self.gateway.settings.public_url
        return public.rstrip("/") if public else f"{self.request.url.scheme}://{self.request.url.netloc}"

    @property
    def wants_part(self) -> bool:
        """Whether htmx asks for a region instead of a page."""
        return self.request.headers.get("hx-request-type") == "partial"

    def id(self, name: str = "id") -> UUID:
        """A path parameter that is an id. Raises NotFound for anything else: such a thing cannot exist."""
        try:
            return UUID(self.request.path_params[name])
        except ValueError:
            raise NotFound from None

    def text(self, name: str) -> str:
        """A text field of the form, trimmed; empty if it was not sent."""
        value = self.form.get(name)
        return value.strip() if isinstance(value, str) else ""

    def query(self, name: str) -> str:
        """A query parameter; empty if it was not sent."""
        return self.request.query_params.get(name, "").replace("\0", "")

    def choice(self, name: str, among: Container[str]) -> str:
        """A query parameter that is one of some choices; empty if it is none of them."""
        value = self.query(name)
        return value if value in among else ""

    def require_act(self) -> None:
        """Raises Forbidden unless the person may change something here."""
        if self.who.viewing:
            raise Forbidden("You are viewing a customer's pages; nothing can be changed here.")
        if not self.may_act:
            raise Forbidden("Only owners of this account may do this; you may look.")

    def require_operator(self) -> None:
        """Raises NotFound for everybody but operators: to others these pages do not exist."""
        if not self.is_operator:
            raise NotFound("There is no such page.")

    def remember(self, response: Response, name: str, value: str, *, max_age_s: int = COOKIE_S) -> None:
        """Set one of our cookies; `Secure` where the browser came by HTTPS."""
        response.set_cookie(
            name,
            value,
            max_age=max_age_s,
            secure=self.request.url.scheme == "https",
            httponly=True,
            samesite="lax",
        )


def zone_named(name: str) -> ZoneInfo | None:
    """The time zone of this name, if there is one."""
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError):
        return None


def see(path: str, *, told: str = "") -> Response:
    """Go to a page of ours after an act; `told` is shown there once."""
    response = RedirectResponse(path, status_code=303)
    if told:
        response.set_cookie(
            "vermilion_told", told.encode("unicode_escape").decode(), max_age=60, samesite="lax"
        )
    return response
