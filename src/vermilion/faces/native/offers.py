"""What operators change of offers: price, routes, whether they are offered. The difference comes first."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from vermilion.domain.catalogue import Offer
from vermilion.domain.pricing import PriceRule
from vermilion.domain.terms import Offered, Terms
from vermilion.faces.native.admin import admin_operation
from vermilion.faces.native.wire import OBJECT, Limit, Page, Time
from vermilion.http.asgi import Answer, json_answer
from vermilion.http.endpoints import Call
from vermilion.services.publish_terms import (
    REASON_LENGTH_MAX,
    Preview,
    offer_pair,
    preview_terms,
    publish_again,
    publish_terms,
)
from vermilion.storage import terms
from vermilion.storage.terms import TermsRow

Number = Annotated[
    int, Meta(ge=0, le=2**31 - 2, description="Of a publication; 0 is the packaged catalogue.")
]
Reason = Annotated[str, Meta(min_length=1, max_length=REASON_LENGTH_MAX)]
CHANGED = "What is left out is as in the packaged catalogue; a price's version is given when it is published."


class OfferTerms(msgspec.Struct, frozen=True):
    """An offer as it holds now, beside what the package says. `newest` may hold from a later time only."""

    model: str
    task_type: str
    offered: Offered
    price: PriceRule
    routes: tuple[str, ...]
    cost: Annotated[int | None, Meta(description="What the provider takes for each step, if it was stated.")]
    packaged_price: PriceRule
    packaged_routes: tuple[str, ...]
    newest: Annotated[int, Meta(description="The number of the newest publication; 0 if there is none.")]


class OfferQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All offers, or those of a model, or one."""

    model: str | None = None
    task_type: str | None = None


class TermsDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Terms to look at."""

    model: str
    task_type: str
    terms: Annotated[Terms, Meta(description=CHANGED)]


class TermsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Terms to publish. `base` is the newest publication that was looked at, so that nobody overwrites another's."""

    model: str
    task_type: str
    terms: Annotated[Terms, Meta(description=CHANGED)]
    reason: Reason
    base: Number
    from_at: Annotated[Time | None, Meta(description="When they begin to hold; at once if left out.")] = None


class TermsReturn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A publication to go back to."""

    model: str
    task_type: str
    number: Number
    reason: Reason
    base: Number


class VersionQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of an offer's publications."""

    model: str
    task_type: str
    cursor: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    limit: Limit = 50


class TermsView(msgspec.Struct, frozen=True):
    """A publication."""

    number: int
    terms: Annotated[msgspec.Raw, OBJECT]
    reason: str
    actor_id: UUID
    from_at: Annotated[datetime, Meta(tz=True)]
    at: Annotated[datetime, Meta(tz=True)]


async def list_offers(call: Call) -> Answer:
    """List every offer, also those that customers do not see."""
    query: OfferQuery = call.query
    gateway = call.gateway
    newest = {(row.model, row.task_type): row.number for row in await terms.read_newest(gateway.database)}
    shown = [
        _offer(offer, gateway.offer_book.packaged.offers[offer.key], newest.get(offer.key, 0))
        for offer in gateway.catalogue.offers.values()
        if query.model in (None, offer.model) and query.task_type in (None, offer.task_type)
    ]
    return json_answer(Page(shown, None))


async def preview(call: Call) -> Answer:
    """Say what terms would change, and what example inputs and the newest tasks would cost by them."""
    asked: TermsDraft = call.body
    return json_answer(await preview_terms(call.gateway, asked.model, asked.task_type, asked.terms))


async def publish(call: Call) -> Answer:
    """Publish terms: they hold on every node without a restart, and accepted tasks keep their price."""
    asked: TermsRequest = call.body
    row = await publish_terms(
        call.gateway,
        call.bearer,
        asked.model,
        asked.task_type,
        asked.terms,
        base=asked.base,
        reason=asked.reason,
        from_at=asked.from_at,
    )
    return json_answer(_view(row), 201)


async def go_back(call: Call) -> Answer:
    """Publish an earlier version again."""
    asked: TermsReturn = call.body
    row = await publish_again(
        call.gateway,
        call.bearer,
        asked.model,
        asked.task_type,
        number=asked.number,
        base=asked.base,
        reason=asked.reason,
    )
    return json_answer(_view(row), 201)


async def list_versions(call: Call) -> Answer:
    """List an offer's publications, newest first."""
    query: VersionQuery = call.query
    packaged, _ = offer_pair(call.gateway, query.model, query.task_type)
    rows = await terms.read_versions(
        call.gateway.database, *packaged.key, before=query.cursor, limit=query.limit + 1
    )
    page = [_view(row) for row in rows[: query.limit]]
    return json_answer(Page(page, str(page[-1].number) if len(rows) > query.limit else None))


def _offer(now: Offer, packaged: Offer, newest: int) -> OfferTerms:
    return OfferTerms(
        now.model,
        now.task_type,
        now.offered,
        now.price,
        now.routes,
        now.cost,
        packaged.price,
        packaged.routes,
        newest,
    )


def _view(row: TermsRow) -> TermsView:
    held = msgspec.Raw(row.terms.encode())
    return TermsView(row.number, held, row.reason, row.actor_id, row.from_at, row.at)


OPERATIONS = (
    admin_operation(
        "GET", "/offers", list_offers, "List offers and their terms", Page[OfferTerms], query=OfferQuery
    ),
    admin_operation(
        "POST", "/offer-previews", preview, "Preview terms", Preview, body=TermsDraft, errors=(404,)
    ),
    admin_operation(
        "GET",
        "/offer-terms",
        list_versions,
        "List an offer's publications",
        Page[TermsView],
        query=VersionQuery,
        errors=(404,),
    ),
    admin_operation(
        "POST",
        "/offer-terms",
        publish,
        "Publish terms",
        TermsView,
        201,
        body=TermsRequest,
        errors=(404, 409),
    ),
    admin_operation(
        "POST",
        "/offer-terms/returns",
        go_back,
        "Publish an earlier version again",
        TermsView,
        201,
        body=TermsReturn,
        errors=(404, 409),
    ),
)
