"""What operators see and do of work under way: tasks, queues, nodes, the audit, the ledger's proof."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from vermilion.domain.tasks import Status
from vermilion.faces.native.account import IdQuery
from vermilion.faces.native.admin import admin_operation
from vermilion.faces.native.tasks import TaskQuery, task_filter
from vermilion.faces.native.wire import OBJECT, Page, TaskView, Time, task_view
from vermilion.http.asgi import Answer, json_answer
from vermilion.http.endpoints import Call
from vermilion.services.explain_route import Route, explain_route
from vermilion.services.find_tasks import list_tasks
from vermilion.services.finish_task import end_by_operator
from vermilion.storage import audit, connections, ledger, nodes


class AdminTaskQuery(TaskQuery, frozen=True, forbid_unknown_fields=True):
    """Tasks of every account, or of one."""

    account_id: UUID | None = None


class TaskEnd(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an operator ends a task whose fate nobody knows."""

    reason: str
    status: Literal["failed", "cancelled"] = "failed"


class QueueView(msgspec.Struct, frozen=True):
    """How many tasks of a queue are in each active state."""

    queue: str
    staged: int
    pending: int
    processing: int


class NodeView(msgspec.Struct, frozen=True):
    """A process of the gateway, and how long ago it last gave a sign of life."""

    id: UUID
    name: str
    role: str
    started_at: Time
    silent_s: float


class AuditView(msgspec.Struct, frozen=True):
    """One act of an operator."""

    id: UUID
    actor_id: UUID
    act: str
    subject_id: str
    facts: Annotated[msgspec.Raw, OBJECT]
    at: Time


class AuditQuery(IdQuery, frozen=True, forbid_unknown_fields=True):
    """Acts of one kind, such as `terms.publish`, or on one subject: an account, a plan, an offer."""

    act: str | None = None
    subject_id: str | None = None


class Verification(msgspec.Struct, frozen=True):
    """Whether every balance is the sum of its entries."""

    balanced: bool
    entries: int
    differences: list[dict[str, Any]]


async def list_all_tasks(call: Call) -> Answer:
    """List tasks of every account, or of one."""
    query: AdminTaskQuery = call.query
    wanted = task_filter(query, query.account_id)
    rows, cursor = await list_tasks(call.gateway, wanted, before=query.cursor, limit=query.limit)
    return json_answer(
        Page([task_view(call.gateway, row, call.origin) for row in rows], str(cursor) if cursor else None)
    )


async def end_task(call: Call) -> Answer:
    """End an active task by hand; its hold is released."""
    asked: TaskEnd = call.body
    row = await end_by_operator(
        call.gateway, call.bearer, call.id(), status=Status(asked.status), reason=asked.reason
    )
    return json_answer(task_view(call.gateway, row, call.origin))


async def show_route(call: Call) -> Answer:
    """Tell where a task was, what went wrong there, and which connections could take it."""
    return json_answer(await explain_route(call.gateway, call.id()))


async def list_queues(call: Call) -> Answer:
    """Count the active tasks of every queue."""
    return json_answer(
        Page([QueueView(*row) for row in await connections.count_queues(call.gateway.database)], None)
    )


async def list_nodes(call: Call) -> Answer:
    """List nodes and how long each has been silent."""
    return json_answer(Page([NodeView(*row) for row in await nodes.read_all(call.gateway.database)], None))


async def list_audit(call: Call) -> Answer:
    """List what operators did, newest first."""
    query: AuditQuery = call.query
    rows = await audit.read_page(
        call.gateway.database,
        act=query.act,
        subject_id=query.subject_id,
        before=query.cursor,
        limit=query.limit + 1,
    )
    page = [
        AuditView(
            r["id"], r["actor_id"], r["act"], r["subject_id"], msgspec.Raw(r["facts"].encode()), r["at"]
        )
        for r in rows[: query.limit]
    ]
    return json_answer(Page(page, str(page[-1].id) if len(rows) > query.limit else None))


async def verify_ledger(call: Call) -> Answer:
    """Recompute every balance from its entries."""
    entries, differences = await ledger.verify(call.gateway.database)
    return json_answer(Verification(not differences, entries, differences))


OPERATIONS = (
    admin_operation(
        "GET", "/tasks", list_all_tasks, "List tasks of all accounts", Page[TaskView], query=AdminTaskQuery
    ),
    admin_operation(
        "POST", "/tasks/{id}/end", end_task, "End a task by hand", TaskView, body=TaskEnd, errors=(404, 409)
    ),
    admin_operation("GET", "/tasks/{id}/route", show_route, "Explain a task's route", Route, errors=(404,)),
    admin_operation("GET", "/queues", list_queues, "Count queues", Page[QueueView]),
    admin_operation("GET", "/nodes", list_nodes, "List nodes", Page[NodeView]),
    admin_operation("GET", "/audit", list_audit, "List operators' acts", Page[AuditView], query=AuditQuery),
    admin_operation("GET", "/ledger/verification", verify_ledger, "Prove the ledger", Verification),
)
