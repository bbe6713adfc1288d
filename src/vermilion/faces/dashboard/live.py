"""One event stream a page: what changes of the tasks it shows, the wallet, and how many tasks are new.

Every message carries the whole state of its regions, rendered by the macro that rendered the page. A stream that
connects again is first told the state of everything it shows, so nothing can be missed while it was away.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID

from markupsafe import Markup
from starlette.responses import Response, StreamingResponse

from vermilion.domain.tasks import ENDED
from vermilion.errors import InvalidRequest
from vermilion.faces.dashboard.frame import render_macro
from vermilion.faces.dashboard.shown_task import ShownTask
from vermilion.faces.dashboard.visit import SESSION_COOKIE, Visit
from vermilion.services.account_glance import AccountGlance, glance
from vermilion.services.find_tasks import get_tasks
from vermilion.services.sign_in import who_is_signed_in
from vermilion.storage.tasks import TaskRow

TASKS_MAX = 200
PAUSE_S = 1.0  #: a region changes at most this often
LOOK_S = 2.0  #: how often the wallet and new tasks are looked at; notifications tell of the rest at once
HEARTBEAT_S = 15.0
SESSION_CHECK_S = 30.0
#: How each kind of page shows a task: its template and macro.
VIEWS = {
    "row": ("regions/task_row.html", "row"),
    "task": ("regions/task.html", "live"),
    "result": ("regions/playground.html", "result"),
    "column": ("regions/playground.html", "column"),
}
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


@dataclass(slots=True)
class _Stream:
    """What one page has been told."""

    visit: Visit
    view: str
    task_ids: list[UUID]
    newest: UUID | None
    versions: dict[UUID, int] = field(default_factory=dict)
    glance: AccountGlance | None = None


async def stream(visit: Visit) -> Response:
    """Follow `tasks` (ids, separated by commas), shown as `view`; `newest` is the newest task the page knows of."""
    view = visit.query("view") or "row"
    if view not in VIEWS:
        raise InvalidRequest(f"There is no view {view!r}; there are {', '.join(VIEWS)}.")
    try:
        ids = [UUID(text) for text in visit.query("tasks").split(",") if text]
        newest = UUID(visit.query("newest")) if visit.query("newest") else None
    except ValueError:
        raise InvalidRequest("This stream names a task that cannot exist.") from None
    told = _Stream(visit, view, ids[:TASKS_MAX], newest)
    return StreamingResponse(_messages(told), media_type="text/event-stream", headers=HEADERS)


async def _messages(told: _Stream) -> AsyncIterator[str]:
    gateway = told.visit.gateway
    clock = asyncio.get_running_loop().time
    spoke_at = checked_at = clock()
    with gateway.watchers.watching(*told.task_ids) as changed:
        while not gateway.watchers.closed:
            changed.clear()
            if clock() - checked_at > SESSION_CHECK_S:
                checked_at = clock()
                if not await _still_signed_in(told.visit):
                    yield _message(render_macro(told.visit, "components/banner.html", "signed_out_partial"))
                    yield "event: done\ndata: signed out\n\n"
                    return
            regions = await _changed_regions(told)
            if regions:
                spoke_at = clock()
                yield _message(Markup("").join(regions))
            elif clock() - spoke_at > HEARTBEAT_S:
                spoke_at = clock()
                yield ": still here\n\n"
            await asyncio.sleep(PAUSE_S)
            await _until(changed, LOOK_S - PAUSE_S)


async def _changed_regions(told: _Stream) -> list[Markup]:
    visit = told.visit
    rows = await get_tasks(visit.gateway, visit.account_id, _unended(told))
    regions = [_task_region(told, row) for row in rows if row.version > told.versions.get(row.id, 0)]
    seen = await glance(visit.gateway, visit.account_id)
    if seen != told.glance:
        regions.append(render_macro(visit, "components/live.html", "glance_partial", seen))
        if told.newest is not None and seen.newest is not None and seen.newest > told.newest:
            regions.append(render_macro(visit, "components/live.html", "news_partial"))
        told.glance = seen
    return regions


def _unended(told: _Stream) -> list[UUID]:
    """Tasks that may still change; those whose end was told cannot."""
    return [id_ for id_ in told.task_ids if told.versions.get(id_, 0) >= 0]


def _task_region(told: _Stream, row: TaskRow) -> Markup:
    # An ended task never changes again: it need not be read any more.
    told.versions[row.id] = -1 if row.status in ENDED else row.version
    template, macro = VIEWS[told.view]
    region = render_macro(told.visit, template, macro, ShownTask(told.visit.gateway, row))
    return Markup('<hx-partial hx-target="#task-{}" hx-swap="outerMorph">{}</hx-partial>').format(
        row.id, region
    )


async def _still_signed_in(visit: Visit) -> bool:
    return await who_is_signed_in(visit.gateway, visit.request.cookies.get(SESSION_COOKIE)) is not None


async def _until(changed: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await changed.wait()
    except TimeoutError:
        return


def _message(html: Markup) -> str:
    lines = "".join(f"data: {line}\n" for line in html.splitlines() if line.strip())
    return f"id: {time.time_ns() // 1_000_000}\n{lines}\n"
