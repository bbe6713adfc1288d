"""A price is a whole number that follows from the rule and the input alone."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, prod
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vermilion.domain.money import UNITS_MAX
from vermilion.domain.pricing import STEP, Multiplier, PriceRule, quote, reprice

RULES = st.builds(
    PriceRule,
    units=st.integers(0, 10**9),
    per=st.sampled_from(sorted(STEP)),
    quantity=st.just("n"),
    multipliers=st.lists(
        st.builds(
            Multiplier,
            field=st.sampled_from(["mode", "size"]),
            percent=st.dictionaries(st.sampled_from(["a", "b"]), st.integers(1, 1000), max_size=2),
        ),
        max_size=3,
    ).map(tuple),
)
QUANTITIES = st.integers(1, 10**7)
FIELDS = st.fixed_dictionaries({}, optional={"mode": st.sampled_from("abc"), "size": st.sampled_from("abc")})


@given(RULES, QUANTITIES, FIELDS)
def test_a_quote_is_the_exact_price_rounded_up(
    rule: PriceRule, quantity: int, fields: dict[str, Any]
) -> None:
    """Started steps times units times every multiplier that applies, rounded up once, as a whole number."""
    percents = [m.percent.get(fields.get(m.field, ""), 100) for m in rule.multipliers]
    exact = rule.units * ceil(Fraction(quantity, STEP[rule.per])) * prod(Fraction(p, 100) for p in percents)
    priced = quote(rule, {"n": quantity, **fields})

    assert type(priced.units) is int
    assert min(UNITS_MAX, ceil(exact)) == priced.units


@given(RULES, QUANTITIES, QUANTITIES, FIELDS)
def test_more_never_costs_less(rule: PriceRule, one: int, other: int, fields: dict[str, Any]) -> None:
    """A quote grows with the quantity, or stays."""
    few, many = sorted((one, other))

    assert quote(rule, {"n": few, **fields}).units <= quote(rule, {"n": many, **fields}).units


@given(RULES, QUANTITIES, st.integers(-5, 10**8))
def test_a_capture_never_exceeds_the_hold(rule: PriceRule, quantity: int, used: int) -> None:
    """Whatever an upstream reports as used, between nothing and the hold is taken."""
    held = quote(rule, {"n": quantity}).units

    assert 0 <= reprice(rule, {"n": quantity}, {"n": used}, held) <= held


def test_usage_of_something_else_charges_the_hold() -> None:
    """Numbers that the rule does not price by change nothing."""
    rule = PriceRule(units=10, per="image", quantity="count")

    assert 40 == reprice(rule, {"count": 4}, {"seconds": 1}, 40)
    assert 20 == reprice(rule, {"count": 4}, {"count": 2}, 40)


@pytest.mark.parametrize(
    ("value", "units"),
    [(None, 10), (0, 10), (-3, 10), (1, 10), (2.1, 30), ("many", 10)],
)
def test_an_absent_or_senseless_quantity_counts_as_the_default(value: object, units: int) -> None:
    """A fraction is a started step; what is no quantity at all is one."""
    assert units == quote(PriceRule(units=10, per="second", quantity="n"), {"n": value}).units


@pytest.mark.parametrize(
    ("value", "word"), [(True, "true"), (False, "false"), (2, "2"), (2.0, "2"), ("hd", "hd")]
)
def test_a_multiplier_names_values_as_json_writes_them(value: object, word: str) -> None:
    """A switch in the input is priced by `true` and `false`, a number by its digits."""
    rule = PriceRule(units=10, multipliers=(Multiplier("field", {word: 300}),))

    assert (30, 300) == ((priced := quote(rule, {"field": value})).units, priced.percent)


def test_a_quote_tells_its_rule() -> None:
    """The quote says what was counted, how often, and by which version."""
    priced = quote(PriceRule(units=10, version=7, per="megapixel", quantity="pixels"), {"pixels": 1_000_001})

    assert (20, "megapixel", 1_000_001, 100, 7) == (
        priced.units,
        priced.per,
        priced.quantity,
        priced.percent,
        priced.rule_version,
    )


@pytest.mark.parametrize(
    ("value", "units"),
    [("a" * 1000, 10), ("a" * 1001, 20), (["a" * 600, "b" * 600], 20), ("", 10), (["", 7], 10), (5, 10)],
)
def test_texts_are_priced_by_their_characters(value: object, units: int) -> None:
    """Every started thousand counts, over all texts of a list; without any text one is the least."""
    assert units == quote(PriceRule(units=10, per="1k_characters", quantity="text"), {"text": value}).units


def test_texts_of_a_prompt_are_held_as_a_token_a_byte() -> None:
    """However deep they are, beside the most that may be written; what was used is charged."""
    rule = PriceRule(units=10, per="1k_tokens", quantity="max_tokens", prompt="messages")
    asked = {"messages": [{"role": "user", "content": "ü" * 500}], "max_tokens": 1_000}

    assert (30, 2_004) == ((priced := quote(rule, asked)).units, priced.quantity)
    assert 10 == reprice(rule, asked, {"max_tokens": 900}, priced.units)
    assert 30 == reprice(rule, asked, {"max_tokens": 99_000}, priced.units)
