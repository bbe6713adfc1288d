"""What was made, newest first, at its own shape."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.pages.tasks import cursor_of
from vermilion.faces.dashboard.shown_task import ShownTask
from vermilion.faces.dashboard.visit import Visit
from vermilion.services.find_tasks import list_tasks
from vermilion.storage.tasks import TaskFilter

PAGE = 30


async def show(visit: Visit) -> Response:
    """Completed tasks with their files, narrowed by `model`."""
    model = visit.query("model")
    wanted = TaskFilter(account_id=visit.account_id, status="completed", model=model or None)
    rows, older = await list_tasks(visit.gateway, wanted, before=cursor_of(visit), limit=PAGE)
    tasks = [ShownTask(visit.gateway, row) for row in rows]
    query = {"model": model} if model else {}
    return await page(
        visit,
        "pages/gallery.html",
        title="Gallery",
        tasks=[task for task in tasks if task.files],
        model=model,
        models=sorted(visit.gateway.catalogue.models),
        older=f"/gallery?{urlencode({**query, 'before': str(older)})}" if older else "",
        newest=f"/gallery?{urlencode(query)}" if visit.query("before") else "",
    )
