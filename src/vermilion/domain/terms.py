"""The operator's terms for an offer: where they differ from the packaged catalogue's, and nothing else."""

from __future__ import annotations

from typing import Literal

import msgspec

from vermilion.domain.pricing import PriceRule

Offered = Literal["listed", "hidden", "off"]


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`price` and `routes` stand instead of the catalogue's; `cost` is what the provider takes in units for each step
    of the price, and seen by operators alone. A `hidden` offer is in no list and works for those who
    know it; one that is `off` takes no new tasks.
    """

    price: PriceRule | None = None
    routes: tuple[str, ...] | None = None
    offered: Offered = "listed"
    cost: int | None = None


AS_PACKAGED = Terms()


def numbered(terms: Terms, packaged: PriceRule, earlier: list[PriceRule]) -> Terms:
    """The terms with the version of their price: that of the newest earlier rule if it is the same, else a new one.

    `earlier` are the published rules, newest first. The catalogue's own rule keeps the catalogue's version.
    """
    if terms.price is None:
        return terms
    newest = earlier[0] if earlier else None
    if newest is not None and _same(newest, terms.price):
        return msgspec.structs.replace(terms, price=newest)
    version = max(rule.version for rule in (packaged, *earlier)) + 1
    return msgspec.structs.replace(terms, price=msgspec.structs.replace(terms.price, version=version))


def simplified(terms: Terms, *, price: PriceRule, routes: tuple[str, ...]) -> Terms:
    """The terms without what the catalogue, with this price and these routes, says anyway."""
    if terms.price is not None and _same(terms.price, price):
        terms = msgspec.structs.replace(terms, price=None)
    return msgspec.structs.replace(terms, routes=None) if terms.routes == routes else terms


def say_the_same(one: Terms, other: Terms) -> bool:
    """Whether two terms differ in nothing but the versions of their prices."""
    prices_agree = (
        one.price is other.price
        if one.price is None or other.price is None
        else _same(one.price, other.price)
    )
    return prices_agree and (one.routes, one.offered, one.cost) == (
        other.routes,
        other.offered,
        other.cost,
    )


def _same(one: PriceRule, other: PriceRule) -> bool:
    return one == msgspec.structs.replace(other, version=one.version)
