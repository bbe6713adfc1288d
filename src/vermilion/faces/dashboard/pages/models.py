"""Everything that can be asked for, what it costs, and where it runs."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

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


PAGE = 60


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
    kind = kind if kind in KINDS else ""
    catalogue = visit.gateway.catalogue
    found = [
        offer
        for offer in catalogue.listed
        if (not kind or offer.output == kind) and sought in _searched(offer)
    ]
    offers, more = page_of(found, visit.query("after"))
    return await page(
        visit,
        "pages/models.html",
        title="Models & prices",
        shown=[
            ShownOffer(o, catalogue.families[o.family], words.price_rule(o.price), "local" in o.routes)
            for o in offers
        ],
        kinds=KINDS,
        kind=kind,
        sought=visit.query("q"),
        more=f"/models?{urlencode({'kind': kind, 'q': sought, 'after': more})}" if more else "",
        first="/models" if visit.query("after") else "",
    )


def page_of(offers: list[Offer], after: str) -> tuple[list[Offer], str]:
    """A page of offers behind the one named `model/task_type`, and the name to go on with (empty at the end)."""
    names = [f"{offer.model}/{offer.task_type}" for offer in offers]
    start = names.index(after) + 1 if after in names else 0
    shown = offers[start : start + PAGE]
    return shown, names[start + PAGE - 1] if len(offers) > start + PAGE else ""


def _searched(offer: Offer) -> str:
    return f"{offer.model} {offer.task_type} {offer.title} {offer.description}".lower()
