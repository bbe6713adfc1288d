"""What a task costs on an account's plan, by the same rule for a quote and a hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vermilion.domain.catalogue import Offer
from vermilion.domain.notifications import Notification
from vermilion.domain.plan_rules import RELAXED_PERCENT, price_at, read_rules
from vermilion.domain.pricing import PriceRule
from vermilion.services.gateway import Gateway
from vermilion.storage.accounts import Bearer
from vermilion.storage.notifications import notify_now
from vermilion.storage.relax_days import read_relax_day

MIDJOURNEY = "midjourney"
RELAX = "relax"


async def plan_price(
    gateway: Gateway, bearer: Bearer, offer: Offer, task_input: Mapping[str, Any], *, tell: bool = False
) -> PriceRule:
    """The offer's rule as this account's plan has it, now; `tell` notifies the account when a cap takes effect."""
    rules = read_rules(bearer.plan.rules)
    percent = rules.price_percent.get(offer.family, 100)
    cap = rules.relax_tasks_max if _is_relaxed(offer, task_input) else None
    if cap is not None and await _is_beyond(gateway, bearer, cap, tell=tell):
        percent = percent * RELAXED_PERCENT // 100
    return price_at(offer.price, percent)


def _is_relaxed(offer: Offer, task_input: Mapping[str, Any]) -> bool:
    return (
        offer.family == MIDJOURNEY
        and task_input.get("process_mode", offer.defaults.get("process_mode")) == RELAX
    )


async def _is_beyond(gateway: Gateway, bearer: Bearer, relax_tasks_max: int, *, tell: bool) -> bool:
    day = await read_relax_day(gateway.database, bearer.account.id)
    cap = relax_tasks_max + day.earned
    if day.relaxed < cap or not tell:
        return day.relaxed >= cap
    facts = {"penalty_type": RELAX, "task_id": "", "threshold": cap, "cap_usage": day.relaxed}
    once = f"relax:{bearer.account.id}:{day.day}"
    await notify_now(gateway.database, Notification("penalty.triggered", facts, bearer.account.id, once=once))
    return True
