"""One task: its outputs, where the time went, what happened, and the money."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.responses import Response

from vermilion.domain.tasks import ENDED
from vermilion.faces.dashboard.code_samples import Samples, samples_of
from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.shown_task import ShownTask
from vermilion.faces.dashboard.visit import Visit, see
from vermilion.services.cancel_task import cancel_task
from vermilion.services.find_tasks import get_task
from vermilion.storage import deliveries, families, ledger

DELIVERIES_SHOWN = 20
FOLLOW_UPS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a task's life, in seconds since it was accepted."""

    name: str
    tone: str
    start_s: float
    end_s: float
    going_on: bool = False


async def show(visit: Visit) -> Response:
    """The page of one task."""
    row = await get_task(visit.gateway, visit.account_id, visit.id())
    task = ShownTask(visit.gateway, row)
    told = await deliveries.read_page(
        visit.gateway.database, visit.account_id, task_id=row.id, before=None, limit=DELIVERIES_SHOWN
    )
    family = await families.read_family(visit.gateway.database, row, follow_ups_max=FOLLOW_UPS_SHOWN + 1)
    return await page(
        visit,
        "pages/task.html",
        title=task.subject,
        task=task,
        stretches=stretches(task),
        entries=await ledger.read_task_entries(visit.gateway.database, visit.account_id, row.id),
        deliveries=told,
        ancestors=[ShownTask(visit.gateway, row) for row in family.ancestors],
        follow_ups=[ShownTask(visit.gateway, row) for row in family.follow_ups[-FOLLOW_UPS_SHOWN:]],
        more_follow_ups=len(family.follow_ups) > FOLLOW_UPS_SHOWN,
        samples=_samples(visit, task),
    )


async def cancel(visit: Visit) -> Response:
    """Cancel the task and show it again."""
    row = await cancel_task(visit.gateway, visit.account_id, visit.id())
    return see(f"/tasks/{row.id}", told="Cancelled. What was held has been given back.")


def stretches(task: ShownTask) -> list[Stretch]:
    """Where the time went: waiting and running; what is still going on ends now."""
    row = task.row
    now = datetime.now(UTC)

    def since_s(at: datetime | None) -> float:
        return max(0.0, ((at or now) - row.created_at).total_seconds())

    started, ended = row.started_at, row.ended_at
    waited = Stretch("Waiting", "idle", 0.0, since_s(started or ended), started is None and ended is None)
    if started is None:
        return [waited]
    return [waited, Stretch("Running", "run", since_s(started), since_s(ended), row.status not in ENDED)]


def _samples(visit: Visit, task: ShownTask) -> Samples | None:
    """The same thing from code; None once the catalogue has lost its offer."""
    offer = visit.gateway.catalogue.offers.get((task.row.model, task.row.task_type))
    if offer is None:
        return None
    return samples_of(visit.origin, [(offer, task.input)], parent_id=task.row.parent_id)
