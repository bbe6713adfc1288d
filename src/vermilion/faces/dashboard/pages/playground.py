"""Ask for anything in the catalogue: a form from its schema, the price on the button, the result as it comes.

Up to three offers can be asked the same at once; their results come side by side.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from starlette.responses import Response

from vermilion.domain.catalogue import Offer
from vermilion.errors import InvalidRequest, NotFound, PaymentRequired, VermilionError
from vermilion.faces.dashboard import code_samples
from vermilion.faces.dashboard.asking import OFFERS_MAX, Part, may_stand_beside, parts_of
from vermilion.faces.dashboard.frame import page, part
from vermilion.faces.dashboard.runs import price_of, run_parts
from vermilion.faces.dashboard.shown_task import ShownTask
from vermilion.faces.dashboard.visit import Visit, see
from vermilion.services.account_glance import glance
from vermilion.services.find_tasks import get_task, get_tasks, list_tasks
from vermilion.storage.tasks import TaskFilter

FIRST_OFFER = ("composer", "text-to-image")
EARLIER_SHOWN = 6
TEMPLATE = "pages/playground.html"
REGIONS = "regions/playground.html"


@dataclass(slots=True)
class Form:
    """The playground as it is to be shown: its parts, their inputs, and what became of them so far."""

    parts: list[Part]
    inputs: list[dict[str, Any]]
    parent: ShownTask | None = None
    tasks: dict[int, ShownTask] = field(default_factory=dict)
    refused: dict[int, VermilionError] = field(default_factory=dict)
    once: str = field(default_factory=lambda: secrets.token_urlsafe(12))


@dataclass(frozen=True, slots=True)
class Priced:
    """What the button says: each part's offer with its price, and what there is to pay it from."""

    prices: tuple[tuple[Offer, int | None], ...]
    available: int

    @property
    def units(self) -> int | None:
        """The price of all together; None while one of them cannot be told."""
        told = [units for _, units in self.prices if units is not None]
        return sum(told) if len(told) == len(self.prices) else None


async def show(visit: Visit) -> Response:
    """The form of `?offer=model/task_type`, beside others named `with`, filled in from `?from=<task>` of one's own, or
    from the fields that the address names; with the `task`s that it made.
    """
    query = visit.request.query_params
    parent = await _named_task(visit, "parent")
    copied = None if parent else await _named_task(visit, "from")
    if copied is not None:
        form = Form(parts_of(_offer(visit, f"{copied.row.model}/{copied.row.task_type}"), []), [copied.input])
        return await _page(visit, form)
    parts = _parts(visit, visit.query("offer"), [] if parent else query.getlist("with"))
    given = [part.read_given(query) for part in parts]
    form = Form(parts, given, parent=parent, tasks=await _made(visit, parts))
    if not any(given) and parent is None:
        form.inputs = [_asked_before(part, form.tasks.get(part.number)) for part in parts]
    return await _page(visit, form)


async def quote(visit: Visit) -> Response:
    """The button with the price of what the form says now."""
    parts = _parts_of_form(visit)
    return part(visit, REGIONS, "run_button", await _priced(visit, parts, _inputs(visit, parts)))


async def run(visit: Visit) -> Response:
    """Submit what the form says; wrong input comes back with the words at its fields."""
    parts = _parts_of_form(visit)
    parent = await _named_task(visit, "parent_id", visit.text("parent_id"))
    try:
        inputs = _inputs(visit, parts)
    except InvalidRequest as unreadable:
        blank: list[dict[str, Any]] = [{} for _ in parts]
        return await _page(visit, Form(parts, blank, parent=parent, refused={0: unreadable}))
    ran = await run_parts(visit, parts, inputs, parent_id=parent.id if parent else None)
    if ran.refused:
        made = await _by_part(visit, list(ran.made.values()), parts)
        once = visit.text("once")  # what was made is not made again when the rest has been put right
        form = Form(parts, ran.inputs, parent=parent, tasks=made, refused=ran.refused)
        form.once = once or form.once
        return await _page(visit, form)
    others = [("with", part.name) for part in parts[1:]]
    tasks = [("task", str(id_)) for id_ in ran.made.values()]
    return see("/playground?" + urlencode([("offer", parts[0].name), *others, *tasks], safe="/"))


async def _page(visit: Visit, form: Form) -> Response:
    rows, _ = await list_tasks(
        visit.gateway, TaskFilter(account_id=visit.account_id), before=None, limit=EARLIER_SHOWN + OFFERS_MAX
    )
    shown = {task.id for task in form.tasks.values()}
    earlier = [task for task in (ShownTask(visit.gateway, row) for row in rows) if task.id not in shown]
    errors = [error for part in form.parts for error in _errors(part, form.refused.get(part.number))]
    first = form.parts[0].offer
    beside = [offer for offer in visit.gateway.catalogue.listed if may_stand_beside(first, offer)]
    return await page(
        visit,
        TEMPLATE,
        title="Error: Playground" if errors else "Playground",
        status=next((refused.status for refused in form.refused.values()), 200),
        form=form,
        offers=_by_family(visit, visit.gateway.catalogue.listed),
        beside={} if form.parent else _by_family(visit, beside),
        others_max=OFFERS_MAX - 1,
        controls=[_controls(part, form) for part in form.parts],
        button=await _priced(visit, form.parts, form.inputs),
        earlier=[task for task in earlier if task.files][:EARLIER_SHOWN],
        errors=errors,
        samples=code_samples.samples_of(
            visit.origin,
            [(part.offer, task_input) for part, task_input in zip(form.parts, form.inputs, strict=True)],
            parent_id=form.parent.id if form.parent else None,
        ),
    )


async def _priced(visit: Visit, parts: list[Part], inputs: list[dict[str, Any]]) -> Priced:
    prices = [(part.offer, await price_of(visit, part, one)) for part, one in zip(parts, inputs, strict=True)]
    return Priced(tuple(prices), (await glance(visit.gateway, visit.account_id)).available)


async def _made(visit: Visit, parts: list[Part]) -> dict[int, ShownTask]:
    """The tasks that the URL names, each with the part that it belongs to."""
    named = visit.request.query_params.getlist("task")[:OFFERS_MAX]
    return await _by_part(visit, [_uuid(text) for text in named if text], parts)


async def _by_part(visit: Visit, ids: list[UUID], parts: list[Part]) -> dict[int, ShownTask]:
    rows = await get_tasks(visit.gateway, visit.account_id, ids)
    if len(rows) < len(set(ids)):
        raise NotFound("There is no such task.")
    tasks = [ShownTask(visit.gateway, row) for row in rows]
    if len(parts) == 1:
        return dict(enumerate(tasks[:1]))
    by_offer = {(task.row.model, task.row.task_type): task for task in tasks}
    return {part.number: by_offer[part.offer.key] for part in parts if part.offer.key in by_offer}


def _asked_before(part: Part, task: ShownTask | None) -> dict[str, Any]:
    """What its task was asked for, so that the form stands as it was sent."""
    return task.input if task and (task.row.model, task.row.task_type) == part.offer.key else {}


async def _named_task(visit: Visit, name: str, given: str | None = None) -> ShownTask | None:
    text = visit.query(name) if given is None else given
    if not text:
        return None
    return ShownTask(visit.gateway, await get_task(visit.gateway, visit.account_id, _uuid(text)))


def _parts_of_form(visit: Visit) -> list[Part]:
    others = [other for other in visit.form.getlist("with") if isinstance(other, str)]
    return _parts(visit, visit.text("offer"), others)


def _parts(visit: Visit, first: str, others: list[str]) -> list[Part]:
    named = [_offer(visit, other) for other in others if other]
    return parts_of(_offer(visit, first), named)


def _inputs(visit: Visit, parts: list[Part]) -> list[dict[str, Any]]:
    """What the form says to each part; of one alone, the JSON tab wins where it was used."""
    text = visit.text("json")
    if not text or len(parts) > 1:
        return [part.read(visit.form) for part in parts]
    try:
        return [msgspec.json.decode(text, type=dict[str, Any])]
    except msgspec.DecodeError as wrong:
        raise InvalidRequest(f"The JSON cannot be read: {wrong}") from None


def _offer(visit: Visit, name: str) -> Offer:
    model, slash, task_type = name.rpartition("/")
    catalogue = visit.gateway.catalogue
    if slash:
        return catalogue.offer(model, task_type)
    if not catalogue.listed:
        raise NotFound("Nothing is offered here at the moment.")
    return next((offer for offer in catalogue.listed if offer.key == FIRST_OFFER), catalogue.listed[0])


def _by_family(visit: Visit, offers: Any) -> dict[str, list[Offer]]:
    by_family: dict[str, list[Offer]] = {}
    for offer in offers:
        by_family.setdefault(visit.gateway.catalogue.families[offer.family], []).append(offer)
    return by_family


def _controls(part: Part, form: Form) -> Any:
    refused = form.refused.get(part.number)
    return part.controls(form.inputs[part.number], _field_errors(refused))


def _field_errors(refusal: VermilionError | None) -> dict[str, str]:
    problems = refusal.problems if isinstance(refusal, InvalidRequest) else ()
    return {
        problem.pointer.removeprefix("/input/").split("/")[0].strip("/"): problem.detail
        for problem in problems
    }


def _errors(part: Part, refusal: VermilionError | None) -> list[tuple[str, str]]:
    """What the summary says of a part: (field of the form, words)."""
    if refusal is None:
        return []
    named = _field_errors(refusal)
    whose = f"{part.offer.title}: " if part.number else ""
    if not named or isinstance(refusal, PaymentRequired):
        return [("", whose + refusal.detail)]
    return [(part.called(name), whose + text) for name, text in named.items()]


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("There is no such task.") from None
