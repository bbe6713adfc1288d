"""ImaginePro's operations in one table, under both of its prefixes, with its rates."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from vermilion.faces.imaginepro import linked, routes, wire
from vermilion.http.asgi import Answer
from vermilion.http.endpoints import Call, Operation
from vermilion.http.foreign import AnyQuery, Face
from vermilion.http.limits import Buckets, Pace

PREFIXES = ("/api/v1/nova", "/api/v1/midjourney")
OTHER_PREFIXES = tuple(
    f"/api/v1/{part}"
    for part in (
        "message",
        "subscription",
        "flux",
        "tools",
        "universal",
        "gemini",
        "video",
        "discord",
        "queue",
    )
)
#: One request every three seconds, and ten a second for reading messages; a rested account may be ahead by so many.
GENERAL, READING = Pace(spacing_s=3.0, burst=20), Pace(spacing_s=0.1, burst=20)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    method: str
    path: str
    handler: Callable[[Call], Awaitable[Answer]]
    query: type = AnyQuery
    pace: Pace = GENERAL
    takes_body: bool = True
    needs: str = ""


GENERATIONS = (
    Row("POST", "/imagine", routes.imagine),
    Row("POST", "/boost/imagine", routes.boost_imagine),
    Row("POST", "/button", routes.button),
    Row("POST", "/boost/button", routes.boost_button),
    Row("POST", "/describe", routes.describe),
    Row("POST", "/blend", routes.blend),
    Row("POST", "/faceswap", routes.face_swap),
    Row("POST", "/prompt-check", routes.prompt_check),
    Row("POST", "/flux/imagine", routes.flux_imagine),
    Row("GET", "/images", routes.history, routes.HistoryQuery),
    Row("GET", "/ban-words", linked.list_words),
    Row("POST", "/ban-words", linked.update_words, needs="words:write"),
    Row("POST", "/commands", linked.execute, needs="keys:write"),
    Row("GET", "/message/{id}", routes.fetch, pace=READING),
)
OTHERS = (
    Row("GET", "/api/v1/message/fetch/{id}", routes.fetch, pace=READING),
    Row("GET", "/api/v1/message/trace/{id}", linked.trace),
    Row("GET", "/api/v1/subscription/account-info", routes.account_info),
    Row("POST", "/api/v1/flux/imagine", routes.flux_imagine),
    Row("POST", "/api/v1/flux/upscale", routes.flux_upscale),
    Row("POST", "/api/v1/tools/remove-bg", routes.remove_background),
    Row("POST", "/api/v1/universal/imagine", routes.universal),
    Row("POST", "/api/v1/universal/zimage", routes.z_image),
    Row("POST", "/api/v1/gemini/imagine", routes.universal),
    Row("POST", "/api/v1/video/mj/generate", routes.video),
    Row("POST", "/api/v1/video/mj/extend", routes.extend_video),
    Row("GET", "/api/v1/discord/tokens", linked.list_tokens),
    Row("GET", "/api/v1/discord/token/{id}", linked.show_token),
    Row("PUT", "/api/v1/discord/token/{id}", linked.toggle_token, needs="keys:write"),
    Row("GET", "/api/v1/discord/token/{id}/queue", linked.token_queue),
    Row("GET", "/api/v1/queue/count", linked.count_queue),
    Row("POST", "/api/v1/queue/reboot", linked.reboot_queue, takes_body=False, needs="keys:write"),
    Row("POST", "/api/v1/queue/pause", linked.pause_queue, takes_body=False, needs="keys:write"),
    Row("POST", "/api/v1/queue/resume", linked.resume_queue, takes_body=False, needs="keys:write"),
)


def face() -> Face:
    """The face of one gateway."""
    under_prefixes = [(prefix + row.path, row) for prefix in PREFIXES for row in GENERATIONS]
    rows = [*under_prefixes, *((row.path, row) for row in OTHERS)]
    buckets = Buckets()
    return Face(
        wire.NAME,
        tuple(_operation(path, row, buckets) for path, row in rows),
        wire.refuse,
        prefixes=tuple(prefix + "/" for prefix in (*PREFIXES, *OTHER_PREFIXES)),
    )


def _operation(path: str, row: Row, buckets: Buckets) -> Operation:
    body: Any = dict[str, Any] if row.method in ("POST", "PUT") and row.takes_body else None
    return Operation(
        row.method,
        path,
        partial(_paced, buckets, row),
        needs=row.needs or ("tasks:read" if row.method == "GET" else "tasks:write"),
        summary=(row.handler.__doc__ or "").strip(),
        body=body,
        query=row.query,
        tag="ImaginePro",
    )


async def _paced(buckets: Buckets, row: Row, call: Call) -> Answer:
    """Serve a request unless its account asks too often."""
    seconds = f"{row.pace.spacing_s:g}"
    buckets.take(
        call.bearer.account.id.bytes + seconds.encode(),
        row.pace,
        f"One request every {seconds} s is allowed.",
    )
    return await row.handler(call)
