"""Every page and act of the dashboard in one list."""

from __future__ import annotations

from starlette.routing import BaseRoute

from vermilion.faces.dashboard import live
from vermilion.faces.dashboard.assets import asset_routes
from vermilion.faces.dashboard.pages import (
    find,
    gallery,
    keys,
    models,
    playground,
    settings,
    sign_in,
    task,
    tasks,
    usage,
    wallet,
)
from vermilion.faces.dashboard.screens import Needs, Screen, screen_routes
from vermilion.services.gateway import Gateway

SCREENS = (
    Screen("GET", "/", sign_in.home),
    Screen("GET", "/sign-in", sign_in.show, Needs.ANYONE),
    Screen("POST", "/sign-in", sign_in.enter, Needs.ANYONE),
    Screen("GET", "/claim/{token}", sign_in.show_claim, Needs.ANYONE),
    Screen("POST", "/claim/{token}", sign_in.claim, Needs.ANYONE),
    Screen("POST", "/sign-out", sign_in.leave),
    Screen("POST", "/theme", sign_in.choose_theme, Needs.ANYONE),
    Screen("GET", "/live", live.stream),
    Screen("GET", "/playground", playground.show),
    Screen("POST", "/playground", playground.run, Needs.OWNER, upload_bytes_max=200_000_000),
    Screen("POST", "/playground/quote", playground.quote),
    Screen("GET", "/tasks", tasks.show),
    Screen("GET", "/tasks/{id}", task.show),
    Screen("POST", "/tasks/{id}/cancel", task.cancel, Needs.OWNER),
    Screen("GET", "/gallery", gallery.show),
    Screen("GET", "/usage", usage.show),
    Screen("GET", "/wallet", wallet.show),
    Screen("GET", "/wallet/statement.csv", wallet.statement),
    Screen("GET", "/keys", keys.show),
    Screen("POST", "/keys", keys.create, Needs.OWNER),
    Screen("POST", "/keys/{id}/rotate", keys.rotate, Needs.OWNER),
    Screen("POST", "/keys/{id}/revoke", keys.revoke, Needs.OWNER),
    Screen("GET", "/models", models.show),
    Screen("GET", "/settings", settings.show),
    Screen("POST", "/settings", settings.save),
    Screen("POST", "/settings/password", settings.change_password),
    Screen("POST", "/settings/sessions/{id}/end", settings.end_session),
    Screen("GET", "/go", find.go),
)


def dashboard_routes(gateway: Gateway) -> list[BaseRoute]:
    """The pages and their files."""
    return [*asset_routes(), *screen_routes(gateway, SCREENS)]
