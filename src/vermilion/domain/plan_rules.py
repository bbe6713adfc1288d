"""Where a plan differs from everyone's: prices, caps, and what it shows. All of it is off unless a plan says."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from vermilion.domain.moderation.pictures import MediaCheck
from vermilion.domain.pricing import PriceRule

Percent = Annotated[int, Meta(ge=0, le=100_000)]
#: What GoAPI's plans show of a Midjourney task, or do not.
HideableOutput = Literal[
    "task_progress", "image_urls", "temporary_image_urls", "intermediate_image_urls", "discord_image_url"
]
RELAXED_PERCENT = 200  #: of the price, beyond the cap


class PlanRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`price_percent` by family, 100 being the catalogue's; `relax_tasks_max` a day (UTC), and one more for each
    fast or turbo picture that succeeded that day: relaxed Midjourney tasks beyond cost double. `media_check` replaces
    the operator's setting of what becomes of pictures that are not safe for work.
    """

    price_percent: dict[str, Percent] = {}
    relax_tasks_max: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    hidden_outputs: tuple[HideableOutput, ...] = ()
    media_check: MediaCheck | None = None


NO_RULES = PlanRules()


def read_rules(text: str) -> PlanRules:
    """The rules as a plan's row has them."""
    return NO_RULES if text == "{}" else msgspec.json.decode(text, type=PlanRules)


def price_at(rule: PriceRule, percent: int) -> PriceRule:
    """The same rule at another price, rounded up."""
    return rule if percent == 100 else msgspec.structs.replace(rule, units=-(-rule.units * percent // 100))
