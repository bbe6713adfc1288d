"""Every task of the account, newest first, narrowed by what the URL says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from starlette.responses import Response

from vermilion.domain.tasks import Status
from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.shown_task import ShownTask
from vermilion.faces.dashboard.visit import Visit
from vermilion.services.find_tasks import list_tasks
from vermilion.storage.tasks import TaskFilter

PAGE = 25
STATES = {
    "": "All",
    "active": "Active",
    "completed": "Completed",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "unconfirmed": "Unconfirmed",
}
RANGES = {
    "": "Any time",
    "1h": "Last hour",
    "24h": "Last 24 hours",
    "7d": "Last 7 days",
    "30d": "Last 30 days",
}
HOURS = {"1h": 1, "24h": 24, "7d": 168, "30d": 720}


async def show(visit: Visit) -> Response:
    """The page of the filters in the URL."""
    rows, older = await list_tasks(
        visit.gateway, filter_of(visit, visit.account_id), before=cursor_of(visit), limit=PAGE
    )
    return await page(
        visit,
        "pages/tasks.html",
        title="Tasks",
        tasks=[ShownTask(visit.gateway, row) for row in rows],
        filters=filters_of(visit),
        states=STATES,
        ranges=RANGES,
        models=sorted(visit.gateway.catalogue.models),
        older=_link(visit, before=str(older)) if older else "",
        newest=_link(visit) if visit.query("before") else "",
    )


def filters_of(visit: Visit) -> dict[str, str]:
    """The filters of the URL that mean something."""
    return {
        "status": visit.choice("status", STATES),
        "model": visit.query("model"),
        "range": visit.choice("range", RANGES),
        "parent": str(_id_or_none(visit.query("parent")) or ""),
        "reference": visit.query("reference"),
    }


def filter_of(visit: Visit, account_id: UUID | None) -> TaskFilter:
    """The filters of the URL as what is read; `reference=name:value` looks in the tasks' metadata."""
    filters = filters_of(visit)
    status, hours = filters["status"], HOURS.get(filters["range"])
    name, colon, value = filters["reference"].partition(":")
    return TaskFilter(
        account_id=account_id,
        status=status if status in set(Status) else None,
        model=filters["model"] or None,
        parent_id=_id_or_none(filters["parent"]),
        created_after=datetime.now(UTC) - timedelta(hours=hours) if hours else None,
        active=status == "active",
        unconfirmed=status == "unconfirmed",
        labels=((name.strip(), value.strip()),) if colon else (),
    )


def cursor_of(visit: Visit) -> UUID | None:
    """The task that the page begins after; nonsense begins at the newest."""
    return _id_or_none(visit.query("before"))


def _id_or_none(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _link(visit: Visit, **more: str) -> str:
    query = {name: value for name, value in {**filters_of(visit), **more}.items() if value}
    return visit.request.url.path + (f"?{urlencode(query)}" if query else "")
