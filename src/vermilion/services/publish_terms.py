"""Change an offer's price, routes, or whether it is offered: look at the difference first, publish, go back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from vermilion.domain import price_change
from vermilion.domain.catalogue import Offer
from vermilion.domain.price_change import Change, Example, terms_problems
from vermilion.domain.pricing import PriceRule
from vermilion.domain.terms import AS_PACKAGED, Terms, numbered, say_the_same, simplified
from vermilion.errors import Conflict, FieldProblem, InvalidRequest, NotFound
from vermilion.services.gateway import Gateway
from vermilion.services.offer_book import read_terms
from vermilion.storage import audit, terms
from vermilion.storage.accounts import Bearer
from vermilion.storage.terms import TermsRow

REASON_LENGTH_MAX = 1000
STALE = "Somebody published other terms meanwhile; look at the newest version and try again."
RECENT_MAX = 100
RECENT_AMONG = 5_000  #: of everybody's newest tasks


class Recent(msgspec.Struct, frozen=True):
    """What the newest completed tasks of the offer were charged, and would be held at by the other terms."""

    tasks: int
    units_charged: int
    units_after: int


class Preview(msgspec.Struct, frozen=True):
    """What other terms would change, against what holds now. `base` is the number of the newest publication."""

    base: int
    changes: list[Change]
    examples: list[Example]
    recent: Recent


async def preview_terms(gateway: Gateway, model: str, task_type: str, asked: Terms) -> Preview:
    """The difference that terms would make. Raises NotFound for an unknown offer, InvalidRequest for wrong terms."""
    packaged, now = offer_pair(gateway, model, task_type)
    after = packaged.under(_checked(packaged, asked))
    newest = await _newest(gateway, packaged)
    return Preview(
        newest.number if newest else 0,
        price_change.changes(now, after),
        price_change.examples(now, after),
        await _recent(gateway, after),
    )


async def publish_terms(
    gateway: Gateway,
    actor: Bearer,
    model: str,
    task_type: str,
    asked: Terms,
    *,
    base: int,
    reason: str,
    from_at: datetime | None = None,
) -> TermsRow:
    """Terms that hold from now on, or from a time, on every node without a restart; accepted tasks keep their price.

    `base` is the number of the publication that was looked at: Conflict is raised if there is a newer one.
    Raises InvalidRequest for wrong terms, for no reason, and where nothing would change.
    """
    packaged, _ = offer_pair(gateway, model, task_type)
    wanted = _checked(packaged, asked)
    if not reason.strip() or len(reason) > REASON_LENGTH_MAX:
        detail = f"must say why, in at most {REASON_LENGTH_MAX} characters"
        raise InvalidRequest(problems=(FieldProblem("/reason", detail),))
    newest = await _newest(gateway, packaged)
    if base != (newest.number if newest else 0):
        raise Conflict(STALE)
    if say_the_same(wanted, read_terms(newest) if newest else AS_PACKAGED):
        raise InvalidRequest("Nothing would change: these terms were published last.")
    row = await terms.publish(
        gateway.database,
        model,
        task_type,
        number=base + 1,
        terms=msgspec.json.encode(await _numbered(gateway, packaged, wanted)).decode(),
        reason=reason.strip(),
        actor_id=actor.account.id,
        from_at=from_at,
    )
    await audit.note(
        gateway.database,
        actor.account.id,
        "terms.publish",
        f"{model}/{task_type}",
        number=row.number,
        reason=row.reason,
        before=msgspec.Raw((newest.terms if newest else "{}").encode()),
        after=msgspec.Raw(row.terms.encode()),
    )
    await gateway.offer_book.refresh()
    return row


async def publish_again(
    gateway: Gateway, actor: Bearer, model: str, task_type: str, *, number: int, base: int, reason: str
) -> TermsRow:
    """Go back to an earlier publication; 0 is the packaged catalogue. Raises what publish_terms raises."""
    if number == 0:
        wanted = AS_PACKAGED
    else:
        found = await terms.read_versions(gateway.database, model, task_type, before=number + 1, limit=1)
        if not found or found[0].number != number:
            raise NotFound(f"There is no version {number} of these terms.")
        wanted = read_terms(found[0])
    return await publish_terms(gateway, actor, model, task_type, wanted, base=base, reason=reason)


def offer_pair(gateway: Gateway, model: str, task_type: str) -> tuple[Offer, Offer]:
    """The offer as packaged, and as it holds now. Raises NotFound."""
    book = gateway.offer_book
    try:
        return book.packaged.offers[model, task_type], book.current.offers[model, task_type]
    except KeyError:
        raise NotFound(f"The catalogue has no offer {model} {task_type}.") from None


def _checked(packaged: Offer, asked: Terms) -> Terms:
    if problems := terms_problems(packaged, asked):
        raise InvalidRequest(problems=problems)
    return simplified(asked, price=packaged.price, routes=packaged.routes)


async def _newest(gateway: Gateway, offer: Offer) -> TermsRow | None:
    found = await terms.read_versions(gateway.database, *offer.key, limit=1)
    return found[0] if found else None


async def _numbered(gateway: Gateway, packaged: Offer, wanted: Terms) -> Terms:
    earlier = await terms.read_prices(gateway.database, *packaged.key)
    rules = [msgspec.json.decode(rule, type=PriceRule) for rule in earlier]
    return numbered(wanted, packaged.price, rules)


async def _recent(gateway: Gateway, after: Offer) -> Recent:
    rows = await terms.read_recent_inputs(gateway.database, *after.key, among=RECENT_AMONG, limit=RECENT_MAX)
    inputs = [msgspec.json.decode(row["input"], type=dict[str, Any]) for row in rows]
    return Recent(
        len(rows),
        sum(row["charged"] or 0 for row in rows),
        sum(after.quote(task_input).units for task_input in inputs),
    )
