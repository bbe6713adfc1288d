"""Ask for anything in the catalogue: a form from its schema, the price on the button, the result as it comes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from starlette.datastructures import UploadFile
from starlette.responses import Response

from vermilion.domain.catalogue import Offer
from vermilion.errors import InvalidRequest, NotFound, PaymentRequired, VermilionError
from vermilion.faces.dashboard import code_samples
from vermilion.faces.dashboard.frame import page, part
from vermilion.faces.dashboard.schema_form import controls, read_form
from vermilion.faces.dashboard.shown_task import ShownTask
from vermilion.faces.dashboard.visit import Visit, see
from vermilion.services.account_glance import glance
from vermilion.services.find_tasks import get_task, list_tasks
from vermilion.services.price_task import plan_price
from vermilion.services.store_media import store_upload
from vermilion.services.submit_task import TaskSubmission, submit_task
from vermilion.storage.tasks import TaskFilter

FIRST_OFFER = ("composer", "text-to-image")
EARLIER_SHOWN = 6
TEMPLATE = "pages/playground.html"
REGIONS = "regions/playground.html"


async def show(visit: Visit) -> Response:
    """The form of `?offer=model/task_type`, filled from `?from=<task>` if a task of one's own is named."""
    values: dict[str, Any] = {}
    parent = await _parent(visit)
    offer = _offer(visit, visit.query("offer"))
    if visit.query("from") and parent is None:
        task = ShownTask(
            visit.gateway, await get_task(visit.gateway, visit.account_id, _uuid(visit.query("from")))
        )
        offer, values = _offer(visit, f"{task.row.model}/{task.row.task_type}"), task.input
    return await _page(visit, offer, values, parent=parent)


async def quote(visit: Visit) -> Response:
    """The button with the price of what the form says now."""
    offer = _offer(visit, visit.text("offer"))
    return part(visit, REGIONS, "run_button", *await _button(visit, offer, _input(visit, offer)))


async def run(visit: Visit) -> Response:
    """Submit what the form says; wrong input comes back with the words at its fields."""
    offer = _offer(visit, visit.text("offer"))
    task_input = _input(visit, offer)
    try:
        task_input |= await _uploads(visit, offer)
        parent_id = _uuid(visit.text("parent_id")) if visit.text("parent_id") else None
        asked = TaskSubmission(offer.model, offer.task_type, task_input, parent_id=parent_id)
        submitted = await submit_task(visit.gateway, visit.bearer, asked)
    except (InvalidRequest, PaymentRequired) as refused:
        return await _page(visit, offer, task_input, refusal=refused, status=refused.status)
    return see(f"/playground?offer={offer.model}/{offer.task_type}&task={submitted.task.id}")


async def _page(
    visit: Visit,
    offer: Offer,
    values: dict[str, Any],
    *,
    parent: ShownTask | None = None,
    refusal: VermilionError | None = None,
    status: int = 200,
) -> Response:
    errors = _field_errors(refusal)
    rows, _ = await list_tasks(
        visit.gateway, TaskFilter(account_id=visit.account_id), before=None, limit=EARLIER_SHOWN + 1
    )
    earlier = [ShownTask(visit.gateway, row) for row in rows]
    shown = await _shown(visit, earlier)
    if shown is not None and not values and parent is None:
        values = shown.input if (shown.row.model, shown.row.task_type) == offer.key else values
    return await page(
        visit,
        TEMPLATE,
        title="Error: Playground" if refusal else "Playground",
        status=status,
        offer=offer,
        offers=_offers_by_family(visit),
        controls=controls(offer.schema, values, errors),
        button=await _button(visit, offer, values),
        parent=parent,
        task=shown,
        earlier=[task for task in earlier if task.files and (shown is None or task.id != shown.id)][
            :EARLIER_SHOWN
        ],
        errors=list(errors.items()) or ([("", refusal.detail)] if refusal else []),
        samples=code_samples.samples(visit.origin, offer, values),
    )


async def _button(visit: Visit, offer: Offer, task_input: dict[str, Any]) -> tuple[Offer, int | None, int]:
    """(offer, units or None while the input cannot be priced, available units)."""
    available = (await glance(visit.gateway, visit.account_id)).available
    try:
        rule = await plan_price(visit.gateway, visit.bearer, offer, task_input)
        return offer, offer.quote(task_input, rule).units, available
    except (VermilionError, ValueError, TypeError, KeyError):
        return offer, None, available


async def _shown(visit: Visit, earlier: list[ShownTask]) -> ShownTask | None:
    """The task that the URL names, from the rows at hand if it is among them."""
    if not visit.query("task"):
        return None
    task_id = _uuid(visit.query("task"))
    at_hand = next((task for task in earlier if task.id == task_id), None)
    return at_hand or ShownTask(visit.gateway, await get_task(visit.gateway, visit.account_id, task_id))


async def _parent(visit: Visit) -> ShownTask | None:
    if not visit.query("parent"):
        return None
    return ShownTask(
        visit.gateway, await get_task(visit.gateway, visit.account_id, _uuid(visit.query("parent")))
    )


async def _uploads(visit: Visit, offer: Offer) -> dict[str, Any]:
    """Files that came with the form, stored; each field gets the id of its upload."""
    stored: dict[str, Any] = {}
    for name in offer.media_fields:
        file = visit.form.get(f"{name}:file")
        if isinstance(file, UploadFile) and file.size:
            stored[name] = str((await store_upload(visit.gateway, visit.bearer, await file.read())).id)
    return stored


def _input(visit: Visit, offer: Offer) -> dict[str, Any]:
    """The input of the form; the JSON tab wins where it was used."""
    text = visit.text("json")
    if not text:
        return read_form(offer.schema, visit.form)
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
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


def _offers_by_family(visit: Visit) -> dict[str, list[Offer]]:
    catalogue = visit.gateway.catalogue
    by_family: dict[str, list[Offer]] = {}
    for offer in catalogue.listed:
        by_family.setdefault(catalogue.families[offer.family], []).append(offer)
    return by_family


def _field_errors(refusal: VermilionError | None) -> dict[str, str]:
    problems = refusal.problems if isinstance(refusal, InvalidRequest) else ()
    return {
        problem.pointer.removeprefix("/input/").split("/")[0].strip("/"): problem.detail
        for problem in problems
    }


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("There is no such task.") from None
