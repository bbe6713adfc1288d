"""Account notifications in the service's words: nine types, `{type, time, message, detail}`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from vermilion.domain.notifications import sentence
from vermilion.services.gateway import Gateway
from vermilion.storage.deliveries import DueDelivery

Facts = Mapping[str, Any]
Told = tuple[str, dict[str, Any]]


def render_notification(_gateway: Gateway, delivery: DueDelivery) -> bytes | None:
    """The body of a notification; None for what the service has no type for."""
    facts: dict[str, Any] = msgspec.json.decode(delivery.facts or "{}")
    told = TELLERS[delivery.event](facts) if delivery.event in TELLERS else None
    if told is None:
        return None
    type_, detail = told
    body = {
        "type": type_,
        "time": int(delivery.created_at.timestamp()),
        "message": sentence(delivery.event, facts),
        "detail": detail,
    }
    return msgspec.json.encode(body)


def _attention(facts: Facts) -> Told:
    """A connection that stopped: which of the types depends on what it is and why."""
    if facts.get("provider") in LANGUAGE:
        account = {"gpt_account_id": facts.get("number", 0), "gpt_account_name": facts.get("name", "")}
        return "gpt_account_unavailable", {**account, "reason": facts.get("reason", "")}
    type_ = CAUSES.get(str(facts.get("cause")), "mj_bot_banned")
    detail: dict[str, Any] = _bot(facts)
    if type_ == "mj_bot_banned":
        detail |= {"reason": facts.get("reason", ""), "block_until": facts.get("block_until", 0)}
    if type_ == "mj_bot_no_fasthour":
        detail["subscription_plan"] = facts.get("subscription_plan", "")
    return type_, detail


def _limit(facts: Facts) -> Told:
    if facts.get("provider") not in LANGUAGE:
        return "mj_bot_no_fasthour", {**_bot(facts), "subscription_plan": facts.get("subscription_plan", "")}
    account = {"gpt_account_id": facts.get("number", 0), "gpt_account_name": facts.get("name", "")}
    until = facts.get("limit_until")
    until_s = 0 if until is None else int(datetime.fromisoformat(until).timestamp())
    return "gpt_usage_limit_reached", {**account, "limit_until": until_s}


def _none_active(_facts: Facts) -> Told:
    return "no_active_mj_bot", {}


def _penalty(facts: Facts) -> Told:
    names = ("penalty_type", "task_id", "threshold", "cap_usage")
    return "mj_penalty_triggered", {name: facts.get(name) for name in names}


def _exchange(facts: Facts) -> Told:
    # The service itself writes the field without its second `t`.
    detail = {"quota_type": facts.get("quota_type", ""), "credis_remain": facts.get("available", 0)}
    return "go_api_quota_exchange_failed", detail


def _bot(facts: Facts) -> dict[str, Any]:
    return {"bot_id": facts.get("number", 0), "bot_name": facts.get("name", "")}


#: Providers whose connections are accounts of language models.
LANGUAGE = frozenset({"openai", "chatgpt"})
CAUSES: Mapping[str, str] = {
    "banned": "mj_bot_banned",
    "subscription_expired": "mj_bot_subscription_expired",
    "captcha": "mj_bot_captcha_required",
    "no_fast_hours": "mj_bot_no_fasthour",
}
TELLERS: Mapping[str, Callable[[Facts], Told]] = {
    "connection.attention": _attention,
    "connection.limit_reached": _limit,
    "connections.none_active": _none_active,
    "penalty.triggered": _penalty,
    "quota.exchange_failed": _exchange,
}
