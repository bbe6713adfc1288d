"""Account notifications in the service's nine types."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from vermilion.faces.goapi.notifications import render_notification

BOT = {"number": 7, "name": "studio", "provider": "midjourney", "reason": "said so"}
GPT = {"number": 8, "name": "writer", "provider": "openai", "reason": "said so"}
SHOWN_BOT = {"bot_id": 7, "bot_name": "studio"}
SHOWN_GPT = {"gpt_account_id": 8, "gpt_account_name": "writer"}


@pytest.mark.parametrize(
    ("event", "facts", "type_", "detail"),
    [
        (
            "quota.exchange_failed",
            {"quota_type": "mj", "available": 5},
            "go_api_quota_exchange_failed",
            {"quota_type": "mj", "credis_remain": 5},
        ),
        (
            "penalty.triggered",
            {"penalty_type": "relax", "task_id": "t", "threshold": 100, "cap_usage": 101},
            "mj_penalty_triggered",
            {"penalty_type": "relax", "task_id": "t", "threshold": 100, "cap_usage": 101},
        ),
        (
            "connection.attention",
            {**BOT, "cause": "banned"},
            "mj_bot_banned",
            {**SHOWN_BOT, "reason": "said so", "block_until": 0},
        ),
        (
            "connection.attention",
            {**BOT, "cause": "subscription_expired"},
            "mj_bot_subscription_expired",
            SHOWN_BOT,
        ),
        ("connection.attention", {**BOT, "cause": "captcha"}, "mj_bot_captcha_required", SHOWN_BOT),
        (
            "connection.attention",
            {**BOT, "cause": "no_fast_hours", "subscription_plan": "Standard"},
            "mj_bot_no_fasthour",
            {**SHOWN_BOT, "subscription_plan": "Standard"},
        ),
        ("connections.none_active", {"queue": "midjourney"}, "no_active_mj_bot", {}),
        ("connection.attention", GPT, "gpt_account_unavailable", {**SHOWN_GPT, "reason": "said so"}),
        (
            "connection.limit_reached",
            {**GPT, "limit_until": "2026-11-24T10:00+00:00"},
            "gpt_usage_limit_reached",
            {**SHOWN_GPT, "limit_until": 1_795_514_400},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_types(event: str, facts: dict[str, Any], type_: str, detail: dict[str, Any]) -> None:
    """Each type has the detail that the service documents, the time in seconds, and a sentence."""
    body = rendered(event, facts)
    assert (type_, detail) == (body["type"], body["detail"])
    assert 1_700_000_000 == body["time"]
    assert body["message"]


def test_what_the_service_does_not_know() -> None:
    """Other notifications are not told in its words."""
    assert None is rendered("budget.alert", {})


def rendered(event: str, facts: dict[str, Any]) -> Any:
    """What a receiver of the service's webhooks is sent."""
    at = SimpleNamespace(timestamp=lambda: 1_700_000_000.4)
    delivery = SimpleNamespace(event=event, facts=msgspec.json.encode(facts).decode(), created_at=at)
    body = render_notification(cast("Any", None), cast("Any", delivery))
    return None if body is None else msgspec.json.decode(body)
