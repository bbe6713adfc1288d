"""The account itself: what it has, what runs, what it did."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from vermilion.errors import FieldProblem, InvalidRequest
from vermilion.faces.goapi.account_wire import AccountFacts, account_data, now
from vermilion.faces.goapi.models import family_word, models_of
from vermilion.faces.goapi.refusals import envelope
from vermilion.faces.goapi.wire import status_of, time_of, usage_of
from vermilion.http.asgi import Answer
from vermilion.http.endpoints import Call, Operation
from vermilion.http.foreign import AnyQuery
from vermilion.services.find_tasks import numbered_page
from vermilion.storage import active_tasks, connections, endpoints, grant_uses, members
from vermilion.storage.tasks import TaskFilter, TaskRow

TAG = "GoAPI"
PAGE_MAX = 100
ACTIVE_MAX = 1_000  #: tasks that are listed; all are counted
TIME_MAX = 253_402_300_799


class HistoryQuery(msgspec.Struct, frozen=True):
    """A page of the account's tasks."""

    page: int = 1
    page_size: int = 10
    model: str = ""
    start_time: int | None = None
    end_time: int | None = None


async def info(call: Call) -> Answer:
    """What the account has and may do."""
    database, account_id = call.gateway.database, call.bearer.account.id
    uses, moved_at = await grant_uses.read_uses(database, account_id)
    offers = call.gateway.catalogue.offers.values()
    facts = AccountFacts(
        bearer=call.bearer,
        uses=uses,
        moved_at=moved_at,
        own=await connections.read_own(database, account_id),
        hook_url=await _hook_url(call),
        is_verified=bool(await members.read_members(database, account_id)),
        now=now(),
        providers_of=lambda family: frozenset(
            provider for offer in offers if offer.family == family for provider in offer.routes
        ),
    )
    return envelope(account_data(facts))


async def active(call: Call) -> Answer:
    """Everything that has not ended, by family."""
    database, account_id = call.gateway.database, call.bearer.account.id
    counts = await active_tasks.count_by_family(database, account_id)
    rows = await active_tasks.read_active(database, account_id, limit=ACTIVE_MAX)
    data: dict[str, Any] = {
        family_word(row["family"]): {
            "staged_count": row["staged"],
            "pending_count": row["pending"],
            "processing_count": row["processing"],
            "active_tasks": [],
        }
        for row in counts
    }
    for row in rows:
        family = data.get(family_word(row["family"]))
        if family is not None:
            family["active_tasks"].append(
                {
                    "task_id": row["id"],
                    "model": row["model"],
                    "task_type": row["task_type"],
                    "status": row["status"],
                    "progress": row["progress"],
                    "created_at": time_of(row["created_at"]),
                    "started_at": time_of(row["started_at"]),
                }
            )
    return envelope(data)


async def histories(call: Call) -> Answer:
    """A page of the account's tasks, newest first."""
    query: HistoryQuery = call.query
    _check_page(query)
    wanted = TaskFilter(
        account_id=call.bearer.account.id,
        created_after=_time(query.start_time, "start_time"),
        created_before=_time(query.end_time, "end_time"),
    )
    models = models_of(call.gateway.catalogue, query.model) if query.model else None
    page = await numbered_page(call.gateway, wanted, page=query.page, size=query.page_size, models=models)
    return envelope(
        {
            "total": page.total,
            "page": query.page,
            "page_size": query.page_size,
            "list": [_summary(call, row) for row in page.rows],
        }
    )


async def _hook_url(call: Call) -> str:
    """Where account notifications go in the service's words."""
    for endpoint in await endpoints.read_all(call.gateway.database, call.bearer.account.id):
        if endpoint.face == "goapi" and endpoint.state == "on":
            return endpoint.url
    return ""


def _summary(call: Call, row: TaskRow) -> dict[str, Any]:
    return {
        "task_id": row.id,
        "model": row.model,
        "task_type": row.task_type,
        "status": status_of(row),
        "service_mode": row.service_mode,
        "created_at": time_of(row.created_at),
        "started_at": time_of(row.started_at),
        "ended_at": time_of(row.ended_at),
        "usage": usage_of(row, call.gateway.catalogue.offers.get((row.model, row.task_type))),
    }


def _check_page(query: HistoryQuery) -> None:
    problems = []
    if query.page < 1:
        problems.append(FieldProblem("?page", "begins at 1"))
    if not 1 <= query.page_size <= PAGE_MAX:
        problems.append(FieldProblem("?page_size", f"must be 1 to {PAGE_MAX}"))
    if problems:
        raise InvalidRequest(problems=tuple(problems))


def _time(seconds: int | None, name: str) -> datetime | None:
    if seconds is None:
        return None
    if not 0 <= seconds <= TIME_MAX:
        raise InvalidRequest(problems=(FieldProblem(f"?{name}", "must be Unix seconds"),))
    return datetime.fromtimestamp(seconds, UTC)


OPERATIONS = (
    Operation(
        "GET", "/account/info", info, needs="wallet:read", summary="Account info", query=AnyQuery, tag=TAG
    ),
    Operation(
        "GET",
        "/account/active_tasks",
        active,
        needs="tasks:read",
        summary="Active tasks",
        query=AnyQuery,
        tag=TAG,
    ),
    Operation(
        "GET",
        "/api/open/tasks/histories",
        histories,
        needs="tasks:read",
        summary="Task history",
        query=HistoryQuery,
        tag=TAG,
    ),
)
