"""The operator's terms: what they change, what they would cost, how their prices are numbered."""

from __future__ import annotations

import msgspec
import pytest

from vermilion.domain.catalogue import Catalogue, parse_family
from vermilion.domain.price_change import Change, Example, changes, examples, terms_problems
from vermilion.domain.pricing import Multiplier, PriceRule
from vermilion.domain.terms import AS_PACKAGED, Terms, numbered, say_the_same, simplified
from vermilion.errors import NotFound

FAMILY = b"""
family = "film"
title = "Films"

[[offers]]
model = "reel"
task_type = "shoot"
title = "Shoot"
description = "Shoots."
output = "video"
routes = ["first", "second"]

[offers.price]
units = 100
per = "second"
quantity = "duration"
multipliers = [{ field = "size", percent = { hd = 200 } }]

[offers.input.properties.duration]
type = "integer"
minimum = 5
maximum = 10
default = 5
[offers.input.properties.size]
enum = ["sd", "hd"]
"""
DEARER = PriceRule(
    units=120, per="second", quantity="duration", multipliers=(Multiplier("size", {"hd": 150}),)
)
PACKAGED = Catalogue([parse_family(FAMILY, "film.toml")])
OFFER = PACKAGED.offers["reel", "shoot"]


def test_only_what_differs_is_changed() -> None:
    """Each fact that becomes another is named once, with what it was and what it will be."""
    after = OFFER.under(Terms(price=DEARER, routes=("second",), offered="hidden"))

    assert [
        Change("offered", "listed", "hidden"),
        Change("routes", "first, second", "second"),
        Change("price.units", 100, 120),
        Change("price.percent.size.hd", 200, 150),
    ] == changes(OFFER, after)
    assert [] == changes(OFFER, OFFER.under(AS_PACKAGED))


def test_examples_show_every_choice_that_a_price_looks_at() -> None:
    """The defaults, each multiplied value, and the smallest and largest amount, at both prices."""
    assert [
        Example("everything left out", 500, 600),
        Example("size hd", 1000, 900),
        Example("duration 5", 500, 600),
        Example("duration 10", 1000, 1200),
    ] == examples(OFFER, OFFER.under(Terms(price=DEARER)))


def test_a_hidden_offer_works_and_one_that_is_off_takes_nothing() -> None:
    """Lists show neither; only the one that is off is refused, and what waits in either is still served."""
    hidden = PACKAGED.under({OFFER.key: OFFER.under(Terms(offered="hidden"))})
    off = PACKAGED.under({OFFER.key: OFFER.under(Terms(offered="off"))})

    assert ((), ()) == (hidden.listed, off.listed)
    assert "reel" == hidden.offer("reel", "shoot").model
    with pytest.raises(NotFound, match="switched off"):
        off.offer("reel", "shoot")
    assert ["first+second"] == off.queues_of("first")


def test_work_that_waits_by_earlier_routes_is_still_served() -> None:
    """A connection serves today's queue and every one that the offer's tasks may still wait in."""
    changed = PACKAGED.under({OFFER.key: OFFER.under(Terms(routes=("second",)), [("second", "first")])})

    assert "second" == changed.offer("reel", "shoot").queue
    assert ["first+second", "second+first"] == changed.queues_of("first")
    assert ["second", "first+second", "second+first"] == changed.queues_of("second")


def test_every_wrong_term_is_named() -> None:
    """Prices look at fields of the input, percents are bounded, routes are the catalogue's."""
    rule = PriceRule(units=-1, quantity="frames", multipliers=(Multiplier("colour", {"red": -5}),))
    wrong = terms_problems(OFFER, Terms(price=rule, routes=("third",)))

    assert [
        "/terms/price/units",
        "/terms/price/quantity",
        "/terms/price/multipliers/0/field",
        "/terms/price/multipliers/0/percent",
        "/terms/routes",
    ] == [problem.pointer for problem in wrong]
    assert () == terms_problems(OFFER, Terms(price=DEARER, routes=("second", "first")))


def test_a_price_has_a_version_of_its_own() -> None:
    """A new price is newer than every earlier one; the same price again keeps its version, the packaged one its own."""
    first = numbered(Terms(price=DEARER), OFFER.price, [])
    assert first.price is not None
    again = numbered(Terms(price=DEARER, offered="off"), OFFER.price, [first.price])
    other = numbered(Terms(price=PriceRule(units=7)), OFFER.price, [first.price])

    assert [2, 2, 3] == [terms.price.version for terms in (first, again, other) if terms.price]
    assert AS_PACKAGED is numbered(AS_PACKAGED, OFFER.price, [first.price])


def test_terms_that_say_what_the_package_says_are_none() -> None:
    """What is as packaged is left out, so that a newer package's price is not held back by it."""
    as_it_is = Terms(price=msgspec.structs.replace(OFFER.price, version=9), routes=OFFER.routes)

    assert AS_PACKAGED == simplified(as_it_is, price=OFFER.price, routes=OFFER.routes)
    assert say_the_same(Terms(price=DEARER), Terms(price=msgspec.structs.replace(DEARER, version=4)))
    assert not say_the_same(Terms(price=DEARER), AS_PACKAGED)
