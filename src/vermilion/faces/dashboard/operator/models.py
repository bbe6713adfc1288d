"""Every offer with its price, its routes and whether it is offered; and one offer's terms, to change and to undo."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

from starlette.responses import Response

from vermilion.domain.catalogue import Offer
from vermilion.domain.pricing import STEP_WORDS
from vermilion.domain.terms import AS_PACKAGED, Terms
from vermilion.errors import Conflict, FieldProblem, InvalidRequest, NotFound, VermilionError
from vermilion.faces.dashboard import words
from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.operator import terms_form
from vermilion.faces.dashboard.pages.models import page_of
from vermilion.faces.dashboard.visit import Visit, see
from vermilion.services.offer_book import read_terms
from vermilion.services.publish_terms import Preview, offer_pair, preview_terms, publish_terms
from vermilion.storage import connections, terms
from vermilion.storage.terms import TermsRow

VERSIONS_SHOWN = 20
CHANGED = {"": "All", "changed": "Changed here", "hidden": "Hidden or off"}


async def show(visit: Visit) -> Response:
    """The catalogue as it holds now, beside what the package says; narrowed by words and by what was changed."""
    gateway = visit.gateway
    sought, which = visit.query("q"), visit.query("which")
    rows = await connections.read_all(gateway.database)
    found = [offer for offer in gateway.catalogue.offers.values() if _matches(visit, offer, sought, which)]
    offers, more = page_of(found, visit.query("after"))
    kept = {"q": sought, "which": which}
    return await page(
        visit,
        "operator/models.html",
        title="Models, prices, routes",
        offers=[(offer, gateway.offer_book.packaged.offers[offer.key]) for offer in offers],
        more=f"/operator/models?{urlencode({**kept, 'after': more})}" if more else "",
        first="/operator/models" if visit.query("after") else "",
        connected={row.provider for row in rows},
        sought=sought,
        which=which if which in CHANGED else "",
        choices=CHANGED,
    )


async def show_one(visit: Visit) -> Response:
    """One offer: what holds, a form to change it, its publications; `from` fills the form from one of those."""
    model, task_type = _key(visit.query("offer"))
    packaged, now = offer_pair(visit.gateway, model, task_type)
    versions = await terms.read_versions(visit.gateway.database, model, task_type, limit=VERSIONS_SHOWN)
    if not visit.query("from"):
        newest = read_terms(versions[0]) if versions else AS_PACKAGED
        return await _page(visit, now, newest, versions)
    draft = await _version(visit, packaged, visit.query("from"))
    seen = await preview_terms(visit.gateway, model, task_type, draft)
    return await _page(visit, now, draft, versions, seen=seen)


async def preview(visit: Visit) -> Response:
    """What the form would change, and the button that publishes it."""
    packaged, now = offer_pair(visit.gateway, *_key(visit.text("offer")))
    versions = await terms.read_versions(visit.gateway.database, *now.key, limit=VERSIONS_SHOWN)
    try:
        draft = terms_form.read_terms_form(packaged, visit.form)
        seen = await preview_terms(visit.gateway, *now.key, draft)
    except InvalidRequest as refused:
        return await _page(visit, now, AS_PACKAGED, versions, refusal=refused)
    return await _page(visit, now, draft, versions, seen=seen)


async def publish(visit: Visit) -> Response:
    """Publish what was previewed."""
    packaged, now = offer_pair(visit.gateway, *_key(visit.text("offer")))
    draft = terms_form.read_terms_form(packaged, visit.form)
    try:
        row = await publish_terms(
            visit.gateway,
            visit.bearer,
            *now.key,
            draft,
            base=_whole(visit.text("base")),
            reason=visit.text("reason"),
            from_at=_from_at(visit),
        )
    except (Conflict, InvalidRequest) as refused:
        versions = await terms.read_versions(visit.gateway.database, *now.key, limit=VERSIONS_SHOWN)
        seen = await preview_terms(visit.gateway, *now.key, draft)
        return await _page(visit, now, draft, versions, seen=seen, refusal=refused)
    later = row.from_at > datetime.now(UTC)
    told = f"Published version {row.number}. " + (
        "It waits for its time." if later else "It holds everywhere."
    )
    return see(f"/operator/models/offer?{urlencode({'offer': visit.text('offer')})}", told=told)


async def _page(
    visit: Visit,
    now: Offer,
    draft: Terms,
    versions: list[TermsRow],
    *,
    seen: Preview | None = None,
    refusal: VermilionError | None = None,
) -> Response:
    packaged = visit.gateway.offer_book.packaged.offers[now.key]
    after = packaged.under(draft)
    problems = refusal.problems if isinstance(refusal, InvalidRequest) else ()
    errors = [(problem.pointer.lstrip("/"), problem.detail) for problem in problems]
    return await page(
        visit,
        "operator/offer.html",
        title=f"Error: {now.model}" if refusal else f"{now.model} {now.task_type}",
        status=refusal.status if refusal else 200,
        now=now,
        packaged=packaged,
        draft=after,
        price=words.amount(after.price.units),
        cost="" if after.cost is None else words.amount(after.cost),
        step=STEP_WORDS.get(after.price.per, after.price.per),
        rule=terms_form.rule_text(after.price),
        factors=terms_form.factors(packaged, after.price),
        offered=terms_form.OFFERED,
        seen=seen,
        base=visit.text("base") or (versions[0].number if versions else 0),
        changes=terms_form.shown_changes(seen.changes) if seen else [],
        examples=terms_form.shown_examples(seen.examples) if seen else [],
        recent=terms_form.difference(seen.recent.units_charged, seen.recent.units_after) if seen else "",
        versions=[(row, packaged.under(read_terms(row))) for row in versions],
        in_effect=next((row.number for row in versions if row.from_at <= datetime.now(UTC)), 0),
        current=datetime.now(UTC),
        errors=errors or ([("", refusal.detail)] if refusal else []),
        sent=visit.form,
    )


async def _version(visit: Visit, packaged: Offer, number: str) -> Terms:
    wanted = _whole(number)
    if wanted == 0:
        return AS_PACKAGED
    rows = await terms.read_versions(visit.gateway.database, *packaged.key, before=wanted + 1, limit=1)
    if not rows or rows[0].number != wanted:
        raise NotFound(f"There is no version {wanted} of these terms.")
    return read_terms(rows[0])


def _matches(visit: Visit, offer: Offer, sought: str, which: str) -> bool:
    packaged = visit.gateway.offer_book.packaged.offers[offer.key]
    if which == "changed" and offer is packaged:
        return False
    if which == "hidden" and offer.offered == "listed":
        return False
    return sought.strip().lower() in f"{offer.model} {offer.task_type} {offer.title} {offer.family}".lower()


def _key(name: str) -> tuple[str, str]:
    model, _, task_type = name.rpartition("/")
    return model, task_type


def _whole(text: str) -> int:
    """A number of a publication. Raises NotFound for anything else: there is none."""
    if not text.isdecimal() or len(text) > 9:
        raise NotFound("There is no such version of these terms.")
    return int(text)


def _from_at(visit: Visit) -> datetime | None:
    text = visit.text("from_at")
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=visit.zone)
    except ValueError:
        problem = FieldProblem(
            "/from_at", "When it begins must be a date and a time, or nothing for at once."
        )
        raise InvalidRequest(problems=(problem,)) from None
