"""Price rules of the catalogue: whole numbers in, whole numbers out, the same for a quote and a hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from vermilion.domain.money import UNITS_MAX

Per = Literal["task", "image", "second", "megapixel", "1k_tokens", "1k_characters"]

#: What one price step buys, in the quantity's own measure.
STEP: Mapping[Per, int] = {
    "task": 1,
    "image": 1,
    "second": 1,
    "megapixel": 1_000_000,
    "1k_tokens": 1_000,
    "1k_characters": 1_000,
}
#: The same as a person says it, where that differs.
STEP_WORDS: Mapping[Per, str] = {"1k_tokens": "1,000 tokens", "1k_characters": "1,000 characters"}


class Multiplier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The value of an input field changes the price: 100 percent is the plain price."""

    field: str
    percent: dict[str, int]


class PriceRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`units` for each started step of `per`, times every multiplier that applies; rounded up.

    `quantity` names the input field that says how many; `quantity_default` counts when it is absent.
    Per characters, those of a text count, or of all texts of a list.
    Per tokens, those of the input field `prompt` count as well: held as one a byte, of which no tokenizer makes more.
    """

    units: int
    version: int = 1
    per: Per = "task"
    quantity: str | None = None
    quantity_default: int = 1
    prompt: str | None = None
    multipliers: tuple[Multiplier, ...] = ()

    @property
    def is_flat(self) -> bool:
        """Whether every input costs the same."""
        return self.quantity is None and not self.multipliers


class Quote(msgspec.Struct, frozen=True):
    """What a task will hold, and by which version of which rule."""

    units: int
    per: Per
    quantity: int
    percent: int
    rule_version: int


def quote(rule: PriceRule, task_input: Mapping[str, Any]) -> Quote:
    """The price of this input, always the same for the same rule and input."""
    quantity = _quantity(rule, task_input)
    return _price(rule, quantity, _percents(rule, task_input))


def reprice(rule: PriceRule, task_input: Mapping[str, Any], usage: Mapping[str, int], held: int) -> int:
    """Units to capture for the usage that an upstream reported, never more than was held."""
    if rule.quantity is None or rule.quantity not in usage:
        return held
    return min(held, _price(rule, max(0, usage[rule.quantity]), _percents(rule, task_input)).units)


def _quantity(rule: PriceRule, task_input: Mapping[str, Any]) -> int:
    if rule.quantity is None:
        return rule.quantity_default
    value = task_input.get(rule.quantity, rule.quantity_default)
    if rule.per == "1k_characters" and isinstance(value, str | list):
        value = _characters(value)
    count = math.ceil(value) if isinstance(value, int | float) and value > 0 else rule.quantity_default
    return count if rule.prompt is None else count + _bytes(task_input.get(rule.prompt))


def _characters(value: str | list[Any]) -> int:
    """Those of a text, or of all texts of a list."""
    texts = value if isinstance(value, list) else [value]
    return sum(len(text) for text in texts if isinstance(text, str))


def _bytes(value: Any) -> int:
    """Those of every text in a value, however deep."""
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(_bytes(item) for item in inner)


def _percents(rule: PriceRule, task_input: Mapping[str, Any]) -> list[int]:
    return [m.percent.get(_word(task_input.get(m.field)), 100) for m in rule.multipliers]


def _word(value: Any) -> str:
    """A value as a rule names it: `true`, `10` (also for 10.0, which JSON Schema takes for the same), `hd`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _price(rule: PriceRule, quantity: int, percents: list[int]) -> Quote:
    steps = -(-int(quantity) // STEP[rule.per])
    numerator, denominator = rule.units * steps, 1
    for percent in percents:
        numerator, denominator = numerator * percent, denominator * 100
    units = min(UNITS_MAX, -(-numerator // denominator))
    return Quote(
        units,
        rule.per,
        int(quantity),
        numerator * 100 // max(1, rule.units * steps * denominator),
        rule.version,
    )
