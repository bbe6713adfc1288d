"""One inbox of everything that no machine can decide."""

from __future__ import annotations

from typing import Literal

from starlette.responses import Response

from vermilion.domain.outcomes import ConnectionState
from vermilion.domain.tasks import Status
from vermilion.errors import InvalidRequest
from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.visit import Visit, see
from vermilion.services.decide_review import decide_review
from vermilion.services.finish_task import end_by_operator
from vermilion.services.review_pictures import review_pictures
from vermilion.storage import connections, oversight, reviews

SHOWN = 50


async def show(visit: Visit) -> Response:
    """Unconfirmed tasks, connections that need attention, findings of the filters."""
    database = visit.gateway.database
    in_trouble = [
        row for row in await connections.read_all(database) if row.state == ConnectionState.ATTENTION
    ]
    findings = await reviews.read_page(database, state="open", account_id=None, before=None, limit=SHOWN)
    return await page(
        visit,
        "operator/needs_a_person.html",
        title="Needs a person",
        unconfirmed=await oversight.read_unconfirmed(database, SHOWN),
        connections=in_trouble,
        findings=findings,
        pictures=await review_pictures(visit.gateway, findings),
    )


async def end_task(visit: Visit) -> Response:
    """It did not run: fail the task and give everything back. A note is required."""
    note = visit.text("note")
    if not note:
        raise InvalidRequest("Write down how you know; the note goes into the audit log.")
    row = await end_by_operator(visit.gateway, visit.bearer, visit.id(), status=Status.FAILED, reason=note)
    return see("/operator/needs-a-person", told=f"Ended. {row.model} was given back to the customer.")


async def decide(visit: Visit) -> Response:
    """Approve or deny what a filter found."""
    act: Literal["approve", "deny"] = "approve" if visit.text("act") == "approve" else "deny"
    await decide_review(visit.gateway, visit.bearer, visit.id(), act=act, note=visit.text("note") or None)
    return see("/operator/needs-a-person", told="Decided. The same is treated so from now on.")
