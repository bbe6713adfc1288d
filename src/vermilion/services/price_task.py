"""What a task costs on an account's plan, by the same rule for a quote and a hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from vermilion.domain.catalogue import Offer
from vermilion.domain.notifications import Notification, penalty
from vermilion.domain.plan_rules import NO_RULES, RELAXED_PERCENT, price_at, read_rules
from vermilion.domain.pricing import PriceRule
from vermilion.services.gateway import Gateway
from vermilion.storage.accounts import Bearer
from vermilion.storage.relax_days import read_relax_day

MIDJOURNEY = "midjourney"
RELAX = "relax"


async def plan_price(
    gateway: Gateway, bearer: Bearer, offer: Offer, task_input: Mapping[str, Any]
) -> PriceRule:
    """The offer's rule as this account's plan has it, now."""
    rule, _ = await price_of_task(gateway, bearer, offer, task_input)
    return rule


async def price_of_task(
    gateway: Gateway,
    bearer: Bearer,
    offer: Offer,
    task_input: Mapping[str, Any],
    *,
    task_id: UUID | None = None,
) -> tuple[PriceRule, Notification | None]:
    """The same for a task, and what its account is to be told with it if a cap makes it cost double."""
    rules = read_rules(bearer.plan.rules)
    if rules is NO_RULES:
        return offer.price, None
    percent = rules.price_percent.get(offer.family, 100)
    cap = rules.relax_tasks_max if _is_relaxed(offer, task_input) else None
    told = None
    if cap is not None and (told := await _beyond(gateway, bearer, cap, task_id=task_id)) is not None:
        percent = percent * RELAXED_PERCENT // 100
    return price_at(offer.price, percent), told


def _is_relaxed(offer: Offer, task_input: Mapping[str, Any]) -> bool:
    return (
        offer.family == MIDJOURNEY
        and task_input.get("process_mode", offer.defaults.get("process_mode")) == RELAX
    )


async def _beyond(
    gateway: Gateway, bearer: Bearer, relax_tasks_max: int, *, task_id: UUID | None
) -> Notification | None:
    """The penalty of a task beyond the cap, which is told once a day; None below it."""
    day = await read_relax_day(gateway.database, bearer.account.id)
    cap = relax_tasks_max + day.earned
    if day.relaxed < cap:
        return None
    return penalty(RELAX, bearer.account.id, task_id, day=day.day, threshold=cap, cap_usage=day.relaxed + 1)
