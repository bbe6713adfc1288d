"""What every page stands in: the navigation with its figures, the templates, the answer with its headers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from types import SimpleNamespace
from typing import Any

import jinja2
import msgspec
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from vermilion import __version__
from vermilion.faces.dashboard import words
from vermilion.faces.dashboard.assets import asset_path
from vermilion.faces.dashboard.headers import page_headers
from vermilion.faces.dashboard.visit import BROWSER_COOKIE, Visit
from vermilion.services.account_glance import glance

TOLD_COOKIE = "vermilion_told"
COMPONENTS = "components/"


@dataclass(frozen=True, slots=True)
class NavEntry:
    """A page in the navigation; `figure` names the glance's count that is shown beside it."""

    path: str
    title: str
    icon: str
    figure: str = ""


@dataclass(frozen=True, slots=True)
class NavGroup:
    """Pages that belong together."""

    title: str
    entries: tuple[NavEntry, ...]


CUSTOMER_NAV = (
    NavGroup(
        "Make", (NavEntry("/playground", "Playground", "play"), NavEntry("/gallery", "Gallery", "images"))
    ),
    NavGroup(
        "Watch",
        (
            NavEntry("/tasks", "Tasks", "list-checks", "active"),
            NavEntry("/usage", "Usage", "activity"),
            NavEntry("/wallet", "Wallet", "wallet"),
        ),
    ),
    NavGroup(
        "Connect",
        (
            NavEntry("/keys", "API keys", "key-round"),
            NavEntry("/webhooks", "Webhooks", "webhook"),
            NavEntry("/linked-accounts", "Linked accounts", "link"),
        ),
    ),
    NavGroup(
        "Know",
        (
            NavEntry("/models", "Models & prices", "tags"),
            NavEntry("/docs", "API reference", "book-open"),
        ),
    ),
)
OPERATOR_NAV = (
    NavGroup(
        "Now",
        (
            NavEntry("/operator", "Overview", "gauge"),
            NavEntry("/operator/needs-a-person", "Needs a person", "hand"),
        ),
    ),
    NavGroup(
        "Work",
        (
            NavEntry("/operator/tasks", "Tasks", "list-checks"),
            NavEntry("/operator/queues", "Queues", "layers"),
            NavEntry("/operator/deliveries", "Deliveries", "send"),
        ),
    ),
    NavGroup(
        "Supply",
        (
            NavEntry("/operator/connections", "Connections", "plug"),
            NavEntry("/operator/models", "Models, prices, routes", "tags"),
        ),
    ),
    NavGroup(
        "Customers",
        (
            NavEntry("/operator/accounts", "Accounts", "users"),
            NavEntry("/operator/plans", "Plans & grants", "id-card"),
        ),
    ),
    NavGroup(
        "Money",
        (NavEntry("/operator/ledger", "Ledger", "scale"), NavEntry("/operator/margin", "Margin", "percent")),
    ),
    NavGroup(
        "Safety",
        (
            NavEntry("/operator/banned-words", "Banned words", "shield-ban"),
            NavEntry("/operator/audit", "Audit log", "scroll-text"),
        ),
    ),
    NavGroup(
        "System",
        (
            NavEntry("/operator/nodes", "Nodes & health", "server"),
            NavEntry("/operator/settings", "Settings", "settings"),
        ),
    ),
)


async def page(
    visit: Visit,
    template: str,
    *,
    title: str,
    status: int = 200,
    secret: bool = False,
    **context: Any,
) -> Response:
    """The answer that shows `template` in the frame. A page with a `secret` is never stored by the browser."""
    seen = await glance(visit.gateway, visit.account_id) if visit.signed_in else None
    told = visit.request.cookies.get(TOLD_COOKIE)
    html = (
        _environment()
        .get_template(template)
        .render(**_common(visit), title=title, glance=seen, told=_told(told), nav=_nav(visit), **context)
    )
    return _answer(visit, html, status=status, secret=secret, told=told is not None)


def part(visit: Visit, template: str, macro: str, *arguments: Any, status: int = 200) -> Response:
    """The answer to htmx that carries one region, made by the same macro as the page."""
    return _answer(visit, str(render_macro(visit, template, macro, *arguments)), status=status)


def render_macro(visit: Visit, template: str, macro: str, *arguments: Any) -> Markup:
    """One region as HTML."""
    module = _environment().get_template(template).make_module(_common(visit))
    region: Markup = getattr(module, macro)(*arguments)  # macros of an escaping environment answer Markup
    return region


def _answer(visit: Visit, html: str, *, status: int, secret: bool = False, told: bool = False) -> Response:
    settings = visit.gateway.settings
    headers = page_headers(oidc_issuer=settings.oidc_issuer, secret=secret)
    response = HTMLResponse(html, status_code=status, headers=headers)
    if visit.new_browser is not None:
        visit.remember(response, BROWSER_COOKIE, visit.new_browser)
    if told:
        response.delete_cookie(TOLD_COOKIE)
    return response


def _common(visit: Visit) -> dict[str, Any]:
    return {
        "visit": visit,
        "zone": visit.zone,
        "csrf": visit.csrf,
        "path": visit.request.url.path,
        "version": __version__,
        "request_id": visit.request.scope.get("request_id", ""),
    }


def _nav(visit: Visit) -> tuple[NavGroup, ...]:
    in_operator = visit.request.url.path.startswith("/operator")
    return OPERATOR_NAV if in_operator and visit.is_operator else CUSTOMER_NAV


def _told(cookie: str | None) -> str:
    try:
        return cookie.encode("latin-1").decode("unicode_escape") if cookie else ""
    except UnicodeError:
        return ""


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("vermilion.faces.dashboard"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "balance": words.balance,
        "price": words.price,
        "price_rule": words.price_rule,
        "span": words.span,
        "filesize": words.size,
        "count": words.count,
        "short_id": words.short_id,
        "pretty_json": _pretty_json,
        "ago": _with_zone(words.ago),
        "moment": _with_zone(words.moment),
        "exact": _with_zone(words.moment_exact),
        "clock": _with_zone(words.clock),
    }
    environment.globals |= {"asset": asset_path, "state_of": words.state_of}
    environment.globals["ui"] = _components(environment)
    return environment


def _components(environment: jinja2.Environment) -> SimpleNamespace:
    """Every macro below components/, by name: `ui.pill(task)`."""
    ui = SimpleNamespace()
    environment.globals["ui"] = ui  # components may use each other
    for name in environment.list_templates():
        if name.startswith(COMPONENTS):
            for macro, value in vars(environment.get_template(name).module).items():
                if not macro.startswith("_"):
                    setattr(ui, macro, value)
    return ui


def _with_zone(say: Any) -> Any:
    """A filter that says a time in the zone of whoever looks; components get it as their second argument."""

    @pass_context
    def filtered(context: Context, at: datetime, zone: Any = None) -> str:
        return str(say(at, zone or context["zone"]))

    return filtered


def _pretty_json(value: Any) -> str:
    """JSON for people. Text that is JSON already keeps its numbers exactly as they are."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return msgspec.json.format(text, indent=2)
