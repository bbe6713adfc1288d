"""What operators did, to whom, and why."""

from __future__ import annotations

from uuid import UUID

from starlette.responses import Response

from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.visit import Visit
from vermilion.storage import audit, oversight

PAGE = 50


async def show(visit: Visit) -> Response:
    """A page of acts, newest first."""
    before = visit.query("before")
    rows = await audit.read_page(
        visit.gateway.database, before=UUID(before) if before else None, limit=PAGE + 1
    )
    names = await oversight.read_account_names(visit.gateway.database, [row["actor_id"] for row in rows])
    return await page(
        visit,
        "operator/audit.html",
        title="Audit log",
        acts=rows[:PAGE],
        names=names,
        older=f"?before={rows[PAGE - 1]['id']}" if len(rows) > PAGE else "",
        newest="/operator/audit" if before else "",
    )
