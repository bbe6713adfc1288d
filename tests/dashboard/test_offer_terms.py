"""The operator changes a price at the dashboard: the difference first, then a reason, and a way back."""

from __future__ import annotations

from typing import Any

import pytest
from tests.dashboard.forms import form_of
from tests.dashboard.people import Person, Seen, join
from tests.support.server import Api, Server

from vermilion.catalog import load_catalogue
from vermilion.domain.catalogue import Offer
from vermilion.domain.pricing import PriceRule
from vermilion.domain.terms import Terms
from vermilion.faces.dashboard.operator.terms_form import (
    difference,
    factors,
    read_terms_form,
    rule_text,
)
from vermilion.faces.dashboard.words import amount

pytestmark = pytest.mark.slow
CATALOGUE = load_catalogue(echo=True)
ECHO = "/operator/models/offer?offer=echo/echo"
ASKED = {"model": "echo", "task_type": "echo", "input": {"prompt": "hello"}}
PUBLISH = "/operator/models/offer"


def filled(seen: Seen, **fields: str) -> dict[str, Any]:
    """What a browser would send back of the page, with some fields filled in."""
    return {**form_of(seen.text, f"{PUBLISH}/preview#difference"), **fields}


async def test_a_price_is_changed_and_brought_back(operator_person: Person, customer: Api) -> None:
    """The page tells old and new, publishes with a reason, and an earlier version is one look away."""
    seen = await operator_person.see(ECHO)
    asked = filled(seen, price="0.004")
    shown = await operator_person.send(f"{PUBLISH}/preview", **asked)
    told = await operator_person.send(PUBLISH, **asked, reason="dearer power")
    quoted = await customer.post("/v1/quotes", ASKED)
    back = await operator_person.see(f"{ECHO}&from=0")
    await operator_person.send(PUBLISH, **filled(back, price="0.001"), reason="it was a mistake")

    assert "$0.001" in shown.text
    assert "$0.004" in shown.text
    assert "+300 %" in shown.text
    assert (200, True, True) == (told.status, "dearer power" in told.text, "Holds now" in told.text)
    assert 40_000 == quoted["units"]
    assert "−75 %" in back.text
    assert 10_000 == (await customer.post("/v1/quotes", ASKED))["units"]


async def test_a_stated_cost_makes_a_margin(operator_person: Person, customer: Api) -> None:
    """Tasks accepted before it have no cost, those after it have; customers never see it."""
    await customer.echo("before", prefer="wait=20")
    seen = await operator_person.see(ECHO)
    shown = await operator_person.send(f"{PUBLISH}/preview", **filled(seen, cost="0.0004"))
    await operator_person.send(PUBLISH, **filled(seen, cost="0.0004"), reason="the provider's list")
    partly = await operator_person.see("/operator/margin?range=24h")
    await customer.echo("after", prefer="wait=20")
    after = await operator_person.see("/operator/margin?range=24h")
    offers = (await customer.get("/v1/catalog"))["data"]
    await operator_person.send(PUBLISH, **filled(await operator_person.see(ECHO), cost=""), reason="over")

    assert "not stated" in shown.text
    assert "not stated" in partly.text
    assert "stated for 1 of them" in after.text
    assert "cost" not in next(offer for offer in offers if offer["model"] == "echo")


async def test_wrong_fields_come_back_with_what_was_typed(operator_person: Person) -> None:
    """A price that is none, and a change without a reason, are told at the top; nothing is published."""
    seen = await operator_person.see(ECHO)
    wrong = await operator_person.send(f"{PUBLISH}/preview", **filled(seen, price="much"))
    no_reason = await operator_person.send(PUBLISH, **filled(seen, price="0.9"), reason=" ")
    late = await operator_person.send(PUBLISH, **filled(seen, price="0.9") | {"base": "77"}, reason="x")
    broken = await operator_person.send(f"{PUBLISH}/preview", **filled(seen, price="1") | {"rule": "{"})

    assert (422, True) == (wrong.status, 'value="much"' in wrong.text)
    assert (422, True) == (no_reason.status, "must say why" in no_reason.text)
    assert (409, True) == (late.status, "look at the newest version" in late.text)
    assert 422 == broken.status
    for unknown in ("?offer=echo/none", "?offer=echo/echo&from=99", "?offer=echo/echo&from=x"):
        assert 404 == (await operator_person.see(PUBLISH + unknown)).status


async def test_operators_who_only_look_publish_nothing(operator: Api, module_server: Server) -> None:
    """A viewer of the operator's account sees the difference and is refused its publication."""
    account = (await operator.get("/v1/account"))["id"]
    viewer, _ = await join(operator, account, module_server.url, role="viewer")
    asked = filled(await viewer.see(ECHO), price="0.5")

    assert 200 == (await viewer.send(f"{PUBLISH}/preview", **asked)).status
    assert 403 == (await viewer.send(PUBLISH, **asked, reason="mine")).status
    await viewer.session.close()


def test_a_form_that_is_sent_as_it_was_drawn_changes_nothing() -> None:
    """For every offer of the catalogue, the form reads back as the rule and the routes that it was drawn from."""
    changed = [
        offer.key
        for offer in CATALOGUE.offers.values()
        if read_terms_form(offer, drawn(offer)) != as_it_is(offer)
    ]

    assert [] == changed
    assert len(CATALOGUE.offers) > 100


def as_it_is(offer: Offer) -> Terms:
    """Terms that say what the offer says."""
    return Terms(price=offer.price, routes=offer.routes)


def drawn(offer: Offer) -> dict[str, Any]:
    """The form of an offer as its page draws it."""
    sent: dict[str, Any] = {"rule": rule_text(offer.price), "price": amount(offer.price.units)}
    sent |= {
        field: str(percent) for factor in factors(offer, offer.price) for field, _, percent in factor.values
    }
    return sent | {f"route:{route}": "on" for route in offer.routes}


def test_a_percent_that_is_typed_makes_the_price_look_at_the_field() -> None:
    """What is left at 100 stays out of the rule."""
    offer = CATALOGUE.offers["composer", "text-to-image"]
    [free] = [factor for factor in factors(offer, PriceRule(units=5)) if factor.values][:1]
    name, value, _ = free.values[0]
    terms = read_terms_form(offer, {"rule": rule_text(PriceRule(units=5)), "price": "1", name: "250"})

    assert terms.price is not None
    assert {free.field: {value: 250}} == {m.field: m.percent for m in terms.price.multipliers}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (5, 6, "+20 %"),
        (8, 7, "−12.5 %"),
        (5, 5, "the same"),
        (0, 5, "was free"),
        (5, 0, "−100 %"),
        (3, 4, "+33.3 %"),
    ],
)
def test_differences_in_words(before: int, after: int, expected: str) -> None:
    """Percent with one decimal where it needs one."""
    assert expected == difference(before, after)
