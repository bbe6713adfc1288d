"""Every customer's tasks, and one of them with everything that the customer does not see."""

from __future__ import annotations

from starlette.responses import Response

from vermilion.domain.tasks import Status
from vermilion.errors import InvalidRequest, NotFound
from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.pages.task import stretches
from vermilion.faces.dashboard.pages.tasks import PAGE, RANGES, STATES, cursor_of, filter_of, filters_of
from vermilion.faces.dashboard.shown_task import ShownTask
from vermilion.faces.dashboard.visit import Visit, see
from vermilion.services.explain_route import route_of
from vermilion.services.find_tasks import list_tasks
from vermilion.services.finish_task import end_by_operator
from vermilion.storage import accounts, deliveries, ledger, oversight


async def show(visit: Visit) -> Response:
    """Tasks of everybody, narrowed by the URL; references belong to one account and are not searched here."""
    wanted = filter_of(visit, None)
    rows, older = await list_tasks(visit.gateway, wanted, before=cursor_of(visit), limit=PAGE)
    return await page(
        visit,
        "operator/tasks.html",
        title="Tasks",
        tasks=[ShownTask(visit.gateway, row) for row in rows],
        names=await oversight.read_account_names(visit.gateway.database, [row.account_id for row in rows]),
        filters=filters_of(visit),
        states=STATES,
        ranges=RANGES,
        models=sorted(visit.gateway.catalogue.models),
        older=f"?status={visit.query('status')}&before={older}" if older else "",
        newest="/operator/tasks" if visit.query("before") else "",
    )


async def show_one(visit: Visit) -> Response:
    """One task with its account, its route, its entries and its deliveries."""
    database = visit.gateway.database
    row = await visit.gateway.reads(visit.id())
    if row is None:
        raise NotFound("There is no such task.")
    task = ShownTask(visit.gateway, row)
    route = await route_of(visit.gateway, row)
    return await page(
        visit,
        "operator/task.html",
        title=task.subject,
        task=task,
        account=await accounts.read_account(database, row.account_id),
        route=route,
        connection=next((one for one in route.candidates if one.has_it), None),
        stretches=stretches(task),
        entries=await ledger.read_task_entries(database, row.account_id, row.id),
        deliveries=await deliveries.read_page(
            database, row.account_id, task_id=row.id, before=None, limit=20
        ),
    )


async def end(visit: Visit) -> Response:
    """End an active task by hand and give everything back."""
    note = visit.text("note")
    if not note:
        raise InvalidRequest("Write down why; the note goes into the audit log and to the customer.")
    row = await end_by_operator(visit.gateway, visit.bearer, visit.id(), status=Status.CANCELLED, reason=note)
    return see(f"/operator/tasks/{row.id}", told="Ended. What was held has been given back.")
