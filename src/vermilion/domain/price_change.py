"""What other terms would change of an offer, in words and in figures, and whether they can hold at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from vermilion.domain.catalogue import Offer
from vermilion.domain.money import UNITS_MAX
from vermilion.domain.pricing import STEP, PriceRule
from vermilion.domain.terms import Terms
from vermilion.errors import FieldProblem

EXAMPLES_MAX = 16
PERCENT_MAX = 100_000
PLAIN_PERCENT = 100
TOLD_APART = ("version", "multipliers")  #: of a price rule
PERCENT_OF = "price.percent."  #: then the input field and its value
TEXT_LENGTHS = (1_000, 10_000)


class Change(msgspec.Struct, frozen=True):
    """One fact that becomes another; units and percents stay numbers."""

    field: str
    before: int | str | None
    after: int | str | None


class Example(msgspec.Struct, frozen=True):
    """What an input costs before and after."""

    input: str
    units_before: int
    units_after: int


def terms_problems(offer: Offer, terms: Terms) -> tuple[FieldProblem, ...]:
    """What keeps terms from holding for an offer: `offer` is the packaged one, whose schema prices refer to."""
    problems = [] if terms.price is None else [*_price_problems(offer, terms.price)]
    if terms.cost is not None and not 0 <= terms.cost <= UNITS_MAX:
        problems.append(FieldProblem("/terms/cost", f"must be from 0 to {UNITS_MAX}"))
    if terms.routes is not None:
        unknown = [route for route in terms.routes if route not in offer.routes]
        if unknown or not terms.routes or len(set(terms.routes)) < len(terms.routes):
            detail = f"must be some of {', '.join(offer.routes)}, each once and at least one"
            problems.append(FieldProblem("/terms/routes", detail))
    return tuple(problems)


def changes(before: Offer, after: Offer) -> list[Change]:
    """Every fact that differs, in a stable order."""
    old, new = _facts(before), _facts(after)
    pairs = {field: (_fact(old, field), _fact(new, field)) for field in dict.fromkeys([*old, *new])}
    return [Change(field, was, will_be) for field, (was, will_be) in pairs.items() if was != will_be]


def examples(before: Offer, after: Offer) -> list[Example]:
    """Inputs of an offer at both prices: its defaults, each choice that either price looks at, amounts."""
    inputs: dict[str, Mapping[str, Any]] = {"everything left out": {}}
    for rule in (before.price, after.price):
        inputs |= dict(_inputs(before, rule))
    return [
        Example(label, before.quote(given).units, after.quote(given).units)
        for label, given in list(inputs.items())[:EXAMPLES_MAX]
    ]


def _price_problems(offer: Offer, rule: PriceRule) -> Iterator[FieldProblem]:
    fields = offer.schema["properties"]
    if not 0 <= rule.units <= UNITS_MAX:
        yield FieldProblem("/terms/price/units", f"must be from 0 to {UNITS_MAX}")
    if rule.quantity_default < 1:
        yield FieldProblem("/terms/price/quantity_default", "must be at least 1")
    for name in ("quantity", "prompt"):
        if getattr(rule, name) not in (None, *fields):
            yield FieldProblem(f"/terms/price/{name}", f"must be a field of the input: {', '.join(fields)}")
    for number, multiplier in enumerate(rule.multipliers):
        pointer = f"/terms/price/multipliers/{number}"
        if multiplier.field not in fields:
            yield FieldProblem(f"{pointer}/field", f"must be a field of the input: {', '.join(fields)}")
        if not all(0 <= percent <= PERCENT_MAX for percent in multiplier.percent.values()):
            yield FieldProblem(
                f"{pointer}/percent", f"must be from 0 to {PERCENT_MAX}; 100 is the plain price"
            )


def _facts(offer: Offer) -> dict[str, int | str]:
    rule = offer.price
    facts: dict[str, int | str] = {"offered": offer.offered, "routes": ", ".join(offer.routes)}
    if offer.cost is not None:
        facts["cost"] = offer.cost
    for name in rule.__struct_fields__:
        value = getattr(rule, name)
        if name not in TOLD_APART and value is not None:
            facts[f"price.{name}"] = value
    for multiplier in rule.multipliers:
        for value, percent in multiplier.percent.items():
            facts[f"{PERCENT_OF}{multiplier.field}.{value}"] = percent
    return facts


def _fact(facts: Mapping[str, int | str], field: str) -> int | str | None:
    """A value that a rule does not look at is at the plain price."""
    return facts.get(field, PLAIN_PERCENT if field.startswith(PERCENT_OF) else None)


def _inputs(offer: Offer, rule: PriceRule) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for multiplier in rule.multipliers:
        for value in multiplier.percent:
            yield f"{multiplier.field} {value}", {multiplier.field: value}
    if rule.quantity is None:
        return
    if rule.per == "1k_characters":
        yield from ((f"{length:,} characters", {rule.quantity: "x" * length}) for length in TEXT_LENGTHS)
        return
    field = offer.schema["properties"].get(rule.quantity, {})
    bounds = [field[name] for name in ("minimum", "maximum") if isinstance(field.get(name), int | float)]
    for amount in dict.fromkeys([*bounds, *field.get("enum", ())] or [STEP[rule.per], 10 * STEP[rule.per]]):
        yield f"{rule.quantity} {amount}", {rule.quantity: amount}
