"""The form of an offer's terms: drawn from terms, and read back to them. Pure; knows no request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from vermilion.domain.catalogue import Offer
from vermilion.domain.money import UNITS_MAX
from vermilion.domain.price_change import PERCENT_MAX, PERCENT_OF, PLAIN_PERCENT, Change, Example
from vermilion.domain.pricing import Multiplier, PriceRule
from vermilion.domain.terms import Offered, Terms
from vermilion.errors import FieldProblem, InvalidRequest
from vermilion.faces.dashboard import words
from vermilion.faces.dashboard.pages.keys import units_of

CHOICES_MAX = 12  #: of a field that a price can look at
OFFERED: Mapping[Offered, str] = {
    "listed": "Listed: customers see it and use it",
    "hidden": "Hidden: in no list, but works for those who know it",
    "off": "Off: takes no new tasks; what was accepted goes on",
}
FACTS = {
    "offered": "Offered",
    "routes": "Providers",
    "price.per": "Priced by",
    "price.quantity": "Amount",
    "price.quantity_default": "Amount if left out",
}


class Factor(msgspec.Struct, frozen=True):
    """A field of the input that the price can look at: (form field, value, percent) of each of its values."""

    field: str
    values: tuple[tuple[str, str, int], ...]
    used: bool


class ShownChange(msgspec.Struct, frozen=True):
    """A change in words, with its difference in percent where it is one of figures."""

    what: str
    before: str
    after: str
    difference: str = ""


def rule_text(rule: PriceRule) -> str:
    """The rule that a form is drawn from, for a hidden field: what the other fields do not say stays as it is."""
    return msgspec.json.encode(rule).decode()


def factors(packaged: Offer, rule: PriceRule) -> list[Factor]:
    """Every field that has few values: first those that the rule looks at, in its order."""
    used = {multiplier.field: multiplier.percent for multiplier in rule.multipliers}
    choices = {**{name: tuple(percents) for name, percents in used.items()}, **_choices(packaged)}
    return [
        Factor(
            name,
            tuple(
                (percent_field(name, value), value, used.get(name, {}).get(value, PLAIN_PERCENT))
                for value in choices[name]
            ),
            name in used,
        )
        for name in dict.fromkeys([*used, *choices])
    ]


def percent_field(name: str, value: str) -> str:
    """The name of the form's field for one value of an input field."""
    return f"percent:{name}:{value}"


def read_terms_form(packaged: Offer, sent: Mapping[str, Any]) -> Terms:
    """The terms that a form means. Raises InvalidRequest naming every wrong field."""
    problems: list[FieldProblem] = []
    rule = _drawn_from(sent)
    units = _units(sent, "price", problems)
    cost = _units(sent, "cost", problems) if str(sent.get("cost", "")).strip() else None
    said = {multiplier.field: multiplier.percent for multiplier in rule.multipliers}
    multipliers = []
    for factor in factors(packaged, rule):
        percents = {value: _percent(sent, name, problems) for name, value, _ in factor.values}
        kept = {
            value: percent
            for value, percent in percents.items()
            if percent != PLAIN_PERCENT or value in said.get(factor.field, ())
        }
        if any(percent != PLAIN_PERCENT for percent in kept.values()):
            multipliers.append(Multiplier(factor.field, kept))
    if problems:
        raise InvalidRequest(problems=tuple(problems))
    offered = str(sent.get("offered", "listed"))
    routes = tuple(route for route in packaged.routes if sent.get(f"route:{route}"))
    return Terms(
        msgspec.structs.replace(rule, units=units, multipliers=tuple(multipliers)),
        routes or None,
        cast(Offered, offered if offered in OFFERED else "listed"),
        cost,
    )


def shown_changes(changes: list[Change]) -> list[ShownChange]:
    """Changes as a person reads them."""
    return [_shown(change) for change in changes]


def shown_examples(examples: list[Example]) -> list[ShownChange]:
    """Examples with how much dearer or cheaper they become."""
    return [
        ShownChange(
            one.input,
            words.price(one.units_before),
            words.price(one.units_after),
            difference(one.units_before, one.units_after),
        )
        for one in examples
    ]


def difference(before: int, after: int) -> str:
    """`+20 %`, `−5.5 %`, `the same`."""
    if before == after:
        return "the same"
    if before == 0:
        return "was free"
    tenths = ((after - before) * 2000 + before) // (2 * before)
    sign, tenths = ("+", tenths) if tenths >= 0 else ("−", -tenths)
    return f"{sign}{tenths // 10}" + (f".{tenths % 10}" if tenths % 10 else "") + " %"


def _shown(change: Change) -> ShownChange:
    if change.field.startswith(PERCENT_OF):
        before, after = int(change.before or 0), int(change.after or 0)
        field, _, value = change.field.removeprefix(PERCENT_OF).partition(".")
        return ShownChange(f"{field} {value}", f"{before} %", f"{after} %", difference(before, after))
    if change.field in ("price.units", "cost"):
        return _shown_money("Price" if change.field == "price.units" else "Cost", change)
    texts = ("none" if fact is None else str(fact) for fact in (change.before, change.after))
    return ShownChange(FACTS.get(change.field, change.field), *texts)


def _shown_money(what: str, change: Change) -> ShownChange:
    old, new = (None if fact is None else int(fact) for fact in (change.before, change.after))
    if old is None or new is None:
        said = ("not stated" if units is None else words.price(units) for units in (old, new))
        return ShownChange(what, *said)
    return ShownChange(what, words.price(old), words.price(new), difference(old, new))


def _choices(offer: Offer) -> dict[str, tuple[str, ...]]:
    found = {}
    for name, field in offer.schema["properties"].items():
        values = (
            ("false", "true") if field.get("type") == "boolean" else tuple(map(str, field.get("enum", ())))
        )
        if 1 < len(values) <= CHOICES_MAX:
            found[name] = values
    return found


def _drawn_from(sent: Mapping[str, Any]) -> PriceRule:
    try:
        return msgspec.json.decode(str(sent.get("rule", "")), type=PriceRule)
    except msgspec.DecodeError:
        raise InvalidRequest("The form is not whole; open the offer again.") from None


def _units(sent: Mapping[str, Any], field: str, problems: list[FieldProblem]) -> int:
    try:
        return units_of(str(sent.get(field, "")).strip(), f"/{field}") or 0
    except InvalidRequest:
        detail = (
            f"The {field} must be an amount in dollars, such as 0.012, of at most {words.amount(UNITS_MAX)}."
        )
        problems.append(FieldProblem(field, detail))
        return 0


def _percent(sent: Mapping[str, Any], name: str, problems: list[FieldProblem]) -> int:
    text = str(sent.get(name, PLAIN_PERCENT)).strip()
    if not text.isdecimal() or len(text) > 6 or int(text) > PERCENT_MAX:
        what = name.removeprefix("percent:").replace(":", " ")
        problems.append(FieldProblem(name, f"{what} must be a whole number from 0 to {PERCENT_MAX:,}."))
        return PLAIN_PERCENT
    return int(text)
