"""Every page and act of the dashboard in one list."""

from __future__ import annotations

from starlette.routing import BaseRoute

from vermilion.faces.dashboard import live
from vermilion.faces.dashboard.assets import asset_routes
from vermilion.faces.dashboard.csp_reports import report_route
from vermilion.faces.dashboard.operator import (
    accounts,
    audit,
    banned_words,
    connections,
    ledger,
    needs_a_person,
    nodes,
    overview,
    plans,
    queues,
)
from vermilion.faces.dashboard.operator import deliveries as all_deliveries
from vermilion.faces.dashboard.operator import models as operator_models
from vermilion.faces.dashboard.operator import notices as account_notices
from vermilion.faces.dashboard.operator import settings as operator_settings
from vermilion.faces.dashboard.operator import tasks as all_tasks
from vermilion.faces.dashboard.pages import (
    find,
    gallery,
    keys,
    linked_accounts,
    models,
    oidc,
    playground,
    settings,
    sign_in,
    task,
    tasks,
    usage,
    wallet,
    webhooks,
)
from vermilion.faces.dashboard.screens import Needs, Screen, screen_routes
from vermilion.services.gateway import Gateway

SCREENS = (
    Screen("GET", "/", sign_in.home),
    Screen("GET", "/sign-in", sign_in.show, Needs.ANYONE),
    Screen("POST", "/sign-in", sign_in.enter, Needs.ANYONE),
    Screen("GET", "/sign-in/oidc", oidc.begin, Needs.ANYONE),
    Screen("GET", "/sign-in/oidc/back", oidc.back, Needs.ANYONE),
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
    Screen("POST", "/gallery/download", gallery.download),
    Screen("POST", "/gallery/favourite", gallery.favour, Needs.OWNER),
    Screen("POST", "/gallery/delete", gallery.delete, Needs.OWNER),
    Screen("GET", "/usage", usage.show),
    Screen("GET", "/wallet", wallet.show),
    Screen("GET", "/wallet/statement.csv", wallet.statement),
    Screen("GET", "/keys", keys.show),
    Screen("POST", "/keys", keys.create, Needs.OWNER),
    Screen("POST", "/keys/{id}/rotate", keys.rotate, Needs.OWNER),
    Screen("POST", "/keys/{id}/revoke", keys.revoke, Needs.OWNER),
    Screen("GET", "/webhooks", webhooks.show),
    Screen("POST", "/webhooks", webhooks.create, Needs.OWNER),
    Screen("POST", "/webhooks/recover", webhooks.recover, Needs.OWNER),
    Screen("GET", "/webhooks/deliveries/{id}", webhooks.show_delivery),
    Screen("POST", "/webhooks/deliveries/{id}/resend", webhooks.resend, Needs.OWNER),
    Screen("POST", "/webhooks/{id}/rotate", webhooks.rotate, Needs.OWNER),
    Screen("POST", "/webhooks/{id}/switch", webhooks.switch, Needs.OWNER),
    Screen("POST", "/webhooks/{id}/remove", webhooks.remove, Needs.OWNER),
    Screen("POST", "/webhooks/{id}/test", webhooks.test, Needs.OWNER),
    Screen("POST", "/webhooks/{id}/missed", webhooks.tell_missed, Needs.OWNER),
    Screen("GET", "/linked-accounts", linked_accounts.show),
    Screen("POST", "/linked-accounts", linked_accounts.link, Needs.OWNER),
    Screen("POST", "/linked-accounts/{id}", linked_accounts.act, Needs.OWNER),
    Screen("POST", "/linked-accounts/{id}/rest", linked_accounts.rest, Needs.OWNER),
    Screen("POST", "/linked-accounts/{id}/refresh", linked_accounts.refresh, Needs.OWNER),
    Screen("GET", "/models", models.show),
    Screen("GET", "/settings", settings.show),
    Screen("POST", "/settings", settings.save),
    Screen("POST", "/settings/notifications", settings.save_notices, Needs.OWNER),
    Screen("POST", "/settings/password", settings.change_password),
    Screen("POST", "/settings/sessions/{id}/end", settings.end_session),
    Screen("GET", "/go", find.go),
    Screen("GET", "/operator", overview.show, Needs.OPERATOR),
    Screen("GET", "/operator/needs-a-person", needs_a_person.show, Needs.OPERATOR),
    Screen("POST", "/operator/tasks/{id}/did-not-run", needs_a_person.end_task, Needs.OPERATING_OWNER),
    Screen("POST", "/operator/reviews/{id}", needs_a_person.decide, Needs.OPERATING_OWNER),
    Screen("GET", "/operator/tasks", all_tasks.show, Needs.OPERATOR),
    Screen("GET", "/operator/tasks/{id}", all_tasks.show_one, Needs.OPERATOR),
    Screen("POST", "/operator/tasks/{id}/end", all_tasks.end, Needs.OPERATING_OWNER),
    Screen("GET", "/operator/queues", queues.show, Needs.OPERATOR),
    Screen("POST", "/operator/connections/{id}", queues.act, Needs.OPERATING_OWNER),
    Screen("POST", "/operator/connections/{id}/limit", queues.limit, Needs.OPERATING_OWNER),
    Screen("GET", "/operator/deliveries", all_deliveries.show, Needs.OPERATOR),
    Screen("GET", "/operator/deliveries/{id}", all_deliveries.show_one, Needs.OPERATOR),
    Screen("POST", "/operator/deliveries/{id}/resend", all_deliveries.resend, Needs.OPERATING_OWNER),
    Screen("GET", "/operator/connections", connections.show, Needs.OPERATOR),
    Screen("POST", "/operator/connections/{id}/refresh", connections.refresh, Needs.OPERATING_OWNER),
    Screen("GET", "/operator/models", operator_models.show, Needs.OPERATOR),
    Screen("GET", "/operator/models/offer", operator_models.show_one, Needs.OPERATOR),
    Screen("POST", "/operator/models/offer", operator_models.publish, Needs.OPERATING_OWNER),
    Screen("POST", "/operator/models/offer/preview", operator_models.preview, Needs.OPERATOR),
    Screen("GET", "/operator/accounts", accounts.show, Needs.OPERATOR),
    Screen("POST", "/operator/accounts", accounts.create, Needs.OPERATING_OWNER),
    Screen("GET", "/operator/accounts/{id}", accounts.show_one, Needs.OPERATOR),
    Screen("POST", "/operator/accounts/{id}", accounts.change, Needs.OPERATING_OWNER),
    Screen("POST", "/operator/accounts/{id}/grants", accounts.grant, Needs.OPERATING_OWNER),
    Screen("POST", "/operator/accounts/{id}/take-back", accounts.take_back, Needs.OPERATING_OWNER),
    Screen("GET", "/operator/accounts/{id}/notifications", account_notices.show, Needs.OPERATOR),
    Screen("POST", "/operator/accounts/{id}/notifications", account_notices.add, Needs.OPERATING_OWNER),
    Screen(
        "POST",
        "/operator/accounts/{id}/notifications/{channel}/remove",
        account_notices.remove,
        Needs.OPERATING_OWNER,
    ),
    Screen("POST", "/operator/accounts/{id}/members", accounts.invite, Needs.OPERATING_OWNER),
    Screen("POST", "/operator/accounts/{id}/members/{member}/link", accounts.new_link, Needs.OPERATING_OWNER),
    Screen("POST", "/operator/accounts/{id}/view", accounts.view, Needs.OPERATING_OWNER),
    Screen("POST", "/operator/view/end", accounts.end_view, Needs.OPERATOR),
    Screen("GET", "/operator/plans", plans.show, Needs.OPERATOR),
    Screen("POST", "/operator/plans", plans.save, Needs.OPERATING_OWNER),
    Screen("GET", "/operator/ledger", ledger.show, Needs.OPERATOR),
    Screen("POST", "/operator/ledger", ledger.verify, Needs.OPERATOR),
    Screen("GET", "/operator/banned-words", banned_words.show, Needs.OPERATOR),
    Screen("POST", "/operator/banned-words", banned_words.save, Needs.OPERATING_OWNER),
    Screen("POST", "/operator/banned-words/try", banned_words.try_out, Needs.OPERATOR),
    Screen("GET", "/operator/audit", audit.show, Needs.OPERATOR),
    Screen("GET", "/operator/nodes", nodes.show, Needs.OPERATOR),
    Screen("GET", "/operator/settings", operator_settings.show, Needs.OPERATOR),
)


def dashboard_routes(gateway: Gateway) -> list[BaseRoute]:
    """The pages and their files."""
    return [*asset_routes(), report_route(), *screen_routes(gateway, SCREENS)]
