"""What operators did, to whom, and why."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.responses import Response

from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.pages.tasks import cursor_of
from vermilion.faces.dashboard.visit import Visit
from vermilion.storage import audit, oversight

PAGE = 50


async def show(visit: Visit) -> Response:
    """A page of acts, newest first, narrowed by the kind of act or by what it was done to."""
    kept = {name: visit.query(name).strip() for name in ("act", "subject")}
    kept = {name: value for name, value in kept.items() if value}
    rows = await audit.read_page(
        visit.gateway.database,
        act=kept.get("act"),
        subject_id=kept.get("subject"),
        before=cursor_of(visit),
        limit=PAGE + 1,
    )
    names = await oversight.read_account_names(visit.gateway.database, [row["actor_id"] for row in rows])
    return await page(
        visit,
        "operator/audit.html",
        title="Audit log",
        acts=[(row, _facts(row["facts"])) for row in rows[:PAGE]],
        names=names,
        kept=kept,
        older=f"?{urlencode({**kept, 'before': rows[PAGE - 1]['id']})}" if len(rows) > PAGE else "",
        newest=f"/operator/audit?{urlencode(kept)}" if visit.query("before") else "",
    )


def _facts(text: str) -> list[tuple[str, str]]:
    """Each fact with its value as a person reads it; what was not said is left out."""
    facts: dict[str, Any] = msgspec.json.decode(text)
    return [
        (name.replace("_", " "), value if isinstance(value, str) else msgspec.json.encode(value).decode())
        for name, value in facts.items()
        if value is not None
    ]
