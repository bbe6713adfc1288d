"""Everything that can be asked for, what it costs, and where it runs."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from vermilion.domain.catalogue import Offer
from vermilion.faces.dashboard import words
from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.visit import Visit

KINDS = {
    "": "All",
    "image": "Pictures",
    "video": "Video",
    "audio": "Audio",
    "model": "3-D",
    "text": "Text",
    "data": "Data",
}


@dataclass(frozen=True, slots=True)
class ShownOffer:
    """An offer with its price in words."""

    offer: Offer
    family: str
    price: str
    local: bool


async def show(visit: Visit) -> Response:
    """The catalogue, narrowed by `kind` and by words in `q`."""
    kind, sought = visit.query("kind"), visit.query("q").strip().lower()
    catalogue = visit.gateway.catalogue
    shown = [
        ShownOffer(
            offer, catalogue.families[offer.family], words.price_rule(offer.price), "local" in offer.routes
        )
        for offer in catalogue.offers.values()
        if (kind not in KINDS or not kind or offer.output == kind) and sought in _searched(offer)
    ]
    return await page(
        visit,
        "pages/models.html",
        title="Models & prices",
        shown=shown,
        kinds=KINDS,
        kind=kind if kind in KINDS else "",
        sought=visit.query("q"),
    )


def _searched(offer: Offer) -> str:
    return f"{offer.model} {offer.task_type} {offer.title} {offer.description}".lower()
