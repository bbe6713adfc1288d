"""What operators can do: accounts, money, keys, plans, queues, and the ledger's proof."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from vermilion.domain.tasks import Status
from vermilion.errors import FieldProblem, InvalidRequest, NotFound
from vermilion.faces.native.account import (
    CursorQuery,
    Rotation,
    checked_grace,
    entries_of,
)
from vermilion.faces.native.tasks import TaskQuery, idempotency_key, task_filter
from vermilion.faces.native.wire import (
    ConnectionView,
    KeyView,
    Page,
    PlanView,
    TaskView,
    WalletView,
    connection_view,
    key_view,
    plan_view,
    task_view,
    wallet_view,
)
from vermilion.http.asgi import Answer
from vermilion.http.endpoints import Call, Operation
from vermilion.services.find_tasks import list_tasks
from vermilion.services.finish_task import end_by_operator
from vermilion.services.grant_units import GrantRequest, adjust_wallet, grant_units
from vermilion.services.issue_key import KeyRequest, issue_key, revoke_key, rotate_key
from vermilion.services.open_account import change_account, open_account, save_plan
from vermilion.services.steer_connection import steer_connection
from vermilion.storage import accounts, audit, connections, ledger, nodes
from vermilion.storage.accounts import AccountRow, PlanRow

INT32_MAX = 2**31 - 1


class NewAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A customer to be."""

    name: str
    email: str
    plan: str | None = None


class AccountChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change of an account."""

    status: Literal["active", "disabled"] | None = None
    plan: str | None = None


class Adjustment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A correction of a wallet: positive adds, negative takes back."""

    units: int
    reason: str


class PlanRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A plan to make or change."""

    id: str
    name: str | None = None
    concurrency_total: int = 20
    concurrency_family: dict[str, int] = {}
    weight: int = 1
    requests_per_minute: int = 6_000
    upload_bytes_max: int = 50_000_000
    retention_days: int = 30
    priority_best: int = 5
    quota_units: int = 0
    quota_period: Literal["day", "week", "month", "year"] = "month"


class AdminTaskQuery(TaskQuery, frozen=True, forbid_unknown_fields=True):
    """Tasks of every account, or of one."""

    account_id: UUID | None = None


class TaskEnd(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an operator ends a task whose fate nobody knows."""

    reason: str
    status: Literal["failed", "cancelled"] = "failed"


class ConnectionAct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Pause keeps running work and takes no more; resume takes more; reboot gives running work to a fresh lease."""

    act: Literal["pause", "resume", "reboot"]
    reason: str | None = None


class AccountSummary(msgspec.Struct, frozen=True):
    """An account in a list."""

    id: UUID
    name: str
    email: str
    role: str
    status: str
    plan: str
    created_at: datetime


class Verification(msgspec.Struct, frozen=True):
    """Whether every balance is the sum of its entries."""

    balanced: bool
    entries: int
    differences: list[dict[str, Any]]


async def create_account(call: Call) -> Answer:
    """Open an account."""
    asked: NewAccount = call.body
    _check_account(asked)
    row = await open_account(call.gateway, call.bearer, name=asked.name, email=asked.email, plan=asked.plan)
    return _json(_summary(row), 201)


async def list_accounts(call: Call) -> Answer:
    """List accounts, newest first."""
    query: CursorQuery = call.query
    limit = min(max(1, query.limit), 200)
    after = _uuid(query.cursor) if query.cursor else None
    rows = await accounts.read_accounts(call.gateway.database, after=after, limit=limit + 1)
    cursor = str(rows[limit - 1].id) if len(rows) > limit else None
    return _json(Page([_summary(row) for row in rows[:limit]], cursor))


async def show_account(call: Call) -> Answer:
    """Read an account."""
    return _json(_summary(await accounts.read_account(call.gateway.database, call.id())))


async def edit_account(call: Call) -> Answer:
    """Disable, enable, or move to another plan."""
    asked: AccountChange = call.body
    row = await change_account(call.gateway, call.bearer, call.id(), status=asked.status, plan=asked.plan)
    return _json(_summary(row))


async def add_grant(call: Call) -> Answer:
    """Put money into a wallet; an Idempotency-Key makes a repeat harmless."""
    row = await grant_units(
        call.gateway, call.bearer, call.id(), call.body, idempotency_key=idempotency_key(call)
    )
    return _json(row, 201)


async def adjust(call: Call) -> Answer:
    """Correct a wallet for a stated reason."""
    asked: Adjustment = call.body
    await adjust_wallet(call.gateway, call.bearer, call.id(), units=asked.units, reason=asked.reason)
    return _json(wallet_view(await ledger.read_wallet(call.gateway.database, call.id())), 201)


async def show_wallet(call: Call) -> Answer:
    """Read an account's wallet."""
    return _json(wallet_view(await ledger.read_wallet(call.gateway.database, call.id())))


async def show_entries(call: Call) -> Answer:
    """Read an account's statement."""
    return await entries_of(call, call.id())


async def add_key(call: Call) -> Answer:
    """Make a key for an account; its secret is in this answer only."""
    issued = await issue_key(call.gateway, call.bearer, call.id(), call.body)
    return _json(key_view(issued.row, issued.secret), 201)


async def list_keys(call: Call) -> Answer:
    """List an account's keys."""
    return _json(
        Page([key_view(row) for row in await accounts.read_keys(call.gateway.database, call.id())], None)
    )


async def rotate(call: Call) -> Answer:
    """Replace any key's secret."""
    grace_s = checked_grace(call.body)
    issued = await rotate_key(call.gateway, call.bearer, call.id(), account_id=None, grace_s=grace_s)
    return _json(key_view(issued.row, issued.secret), 201)


async def revoke(call: Call) -> Answer:
    """Revoke any key."""
    return _json(key_view(await revoke_key(call.gateway, call.bearer, call.id(), account_id=None)))


async def put_plan(call: Call) -> Answer:
    """Make or change a plan."""
    return _json(plan_view(await save_plan(call.gateway, call.bearer, _plan_row(call.body))), 201)


async def list_plans(call: Call) -> Answer:
    """List plans."""
    return _json(Page([plan_view(row) for row in await accounts.read_plans(call.gateway.database)], None))


async def list_all_tasks(call: Call) -> Answer:
    """List tasks of every account, or of one."""
    query: AdminTaskQuery = call.query
    wanted = task_filter(query, query.account_id)
    rows, cursor = await list_tasks(call.gateway, wanted, before=query.cursor, limit=query.limit)
    return _json(
        Page([task_view(call.gateway, row, call.origin) for row in rows], str(cursor) if cursor else None)
    )


async def end_task(call: Call) -> Answer:
    """End an active task by hand; its hold is released."""
    asked: TaskEnd = call.body
    row = await end_by_operator(
        call.gateway, call.bearer, call.id(), status=Status(asked.status), reason=asked.reason
    )
    return _json(task_view(call.gateway, row, call.origin))


async def list_connections(call: Call) -> Answer:
    """List connections with what they are doing."""
    rows = await connections.read_all(call.gateway.database)
    return _json(Page([connection_view(row) for row in rows], None))


async def act_on_connection(call: Call) -> Answer:
    """Pause, resume or reboot a connection."""
    asked: ConnectionAct = call.body
    row = await steer_connection(call.gateway, call.bearer, call.id(), act=asked.act, reason=asked.reason)
    return _json(connection_view(row))


async def list_queues(call: Call) -> Answer:
    """Count the active tasks of every queue."""
    return _json(Page([dict(row) for row in await connections.count_queues(call.gateway.database)], None))


async def list_nodes(call: Call) -> Answer:
    """List nodes and how long each has been silent."""
    return _json(Page([dict(row) for row in await nodes.read_all(call.gateway.database)], None))


async def list_audit(call: Call) -> Answer:
    """List what operators did, newest first."""
    query: CursorQuery = call.query
    limit = min(max(1, query.limit), 200)
    before = _uuid(query.cursor) if query.cursor else None
    rows = await audit.read_page(call.gateway.database, before=before, limit=limit + 1)
    page = [{**dict(row), "facts": msgspec.Raw(row["facts"].encode())} for row in rows[:limit]]
    return _json(Page(page, str(rows[limit - 1]["id"]) if len(rows) > limit else None))


async def verify_ledger(call: Call) -> Answer:
    """Recompute every balance from its entries."""
    entries, differences = await ledger.verify(call.gateway.database)
    return _json(Verification(not differences, entries, differences))


def _json(value: Any, status: int = 200) -> Answer:
    return Answer(status, msgspec.json.encode(value))


def _summary(row: AccountRow) -> AccountSummary:
    return AccountSummary(row.id, row.name, row.email, row.role, row.status, row.plan_id, row.created_at)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidRequest("This cursor was not made here; start again without one.") from None


def _check_account(asked: NewAccount) -> None:
    problems = []
    if not asked.name.strip() or len(asked.name) > 200 or "\0" in asked.name:
        problems.append(FieldProblem("/name", "must have 1 to 200 characters"))
    local, at, host = asked.email.partition("@")
    if (
        not (local and at and host)
        or len(asked.email) > 320
        or any(c.isspace() or c == "\0" for c in asked.email)
    ):
        problems.append(FieldProblem("/email", "must be an e-mail address"))
    if asked.plan is not None and "\0" in asked.plan:
        raise NotFound("There is no such plan; GET /admin/v1/plans lists them.")
    if problems:
        raise InvalidRequest(problems=tuple(problems))


def _plan_row(asked: PlanRequest) -> PlanRow:
    bounds = {
        "concurrency_total": (1, INT32_MAX),
        "weight": (1, 1000),
        "requests_per_minute": (1, INT32_MAX),
        "upload_bytes_max": (1, 2**40),
        "retention_days": (1, 36_500),
        "priority_best": (0, 9),
        "quota_units": (0, 2**53),
    }
    problems = [
        FieldProblem(f"/{name}", f"must be from {low} to {high}")
        for name, (low, high) in bounds.items()
        if not low <= getattr(asked, name) <= high
    ]
    if not asked.id.strip() or len(asked.id) > 64 or not asked.id.isprintable():
        problems.append(FieldProblem("/id", "must have 1 to 64 printable characters"))
    if asked.name is not None and "\0" in asked.name:
        problems.append(FieldProblem("/name", "must not contain NUL characters"))
    if any(
        not 0 < limit <= INT32_MAX or "\0" in family for family, limit in asked.concurrency_family.items()
    ):
        problems.append(FieldProblem("/concurrency_family", "must map families to limits of at least 1"))
    if problems:
        raise InvalidRequest(problems=tuple(problems))
    facts = {**msgspec.structs.asdict(asked), "name": asked.name or asked.id}
    return PlanRow(**{**facts, "concurrency_family": msgspec.json.encode(asked.concurrency_family).decode()})


def _operation(
    method: str, path: str, handler: Any, summary: str, answers: Any, status: int = 200, **more: Any
) -> Operation:
    return Operation(
        method, "/admin/v1" + path, handler, "operator", summary, answers, status, tag="Operators", **more
    )


OPERATIONS = (
    _operation(
        "POST",
        "/accounts",
        create_account,
        "Open an account",
        AccountSummary,
        201,
        body=NewAccount,
        errors=(404, 409),
    ),
    _operation("GET", "/accounts", list_accounts, "List accounts", Page, query=CursorQuery),
    _operation("GET", "/accounts/{id}", show_account, "Read an account", AccountSummary, errors=(404,)),
    _operation(
        "PATCH",
        "/accounts/{id}",
        edit_account,
        "Change an account",
        AccountSummary,
        body=AccountChange,
        errors=(404,),
    ),
    _operation(
        "POST",
        "/accounts/{id}/grants",
        add_grant,
        "Grant units",
        Any,
        201,
        body=GrantRequest,
        headers=("Idempotency-Key",),
        errors=(404, 409),
    ),
    _operation(
        "POST",
        "/accounts/{id}/adjustments",
        adjust,
        "Correct a wallet",
        WalletView,
        201,
        body=Adjustment,
        errors=(404, 409),
    ),
    _operation("GET", "/accounts/{id}/wallet", show_wallet, "Read a wallet", WalletView, errors=(404,)),
    _operation(
        "GET",
        "/accounts/{id}/entries",
        show_entries,
        "Read a statement",
        Page,
        query=CursorQuery,
        errors=(404,),
    ),
    _operation(
        "POST", "/accounts/{id}/keys", add_key, "Make a key", KeyView, 201, body=KeyRequest, errors=(404, 409)
    ),
    _operation("GET", "/accounts/{id}/keys", list_keys, "List an account's keys", Page, errors=(404,)),
    _operation(
        "POST", "/keys/{id}/rotate", rotate, "Rotate a key", KeyView, 201, body=Rotation, errors=(404, 409)
    ),
    _operation("DELETE", "/keys/{id}", revoke, "Revoke a key", KeyView, errors=(404,)),
    _operation("POST", "/plans", put_plan, "Make or change a plan", PlanView, 201, body=PlanRequest),
    _operation("GET", "/plans", list_plans, "List plans", Page),
    _operation("GET", "/tasks", list_all_tasks, "List tasks of all accounts", Page, query=AdminTaskQuery),
    _operation(
        "POST", "/tasks/{id}/end", end_task, "End a task by hand", TaskView, body=TaskEnd, errors=(404, 409)
    ),
    _operation("GET", "/connections", list_connections, "List connections", Page),
    _operation(
        "POST",
        "/connections/{id}/acts",
        act_on_connection,
        "Pause, resume or reboot a connection",
        ConnectionView,
        body=ConnectionAct,
        errors=(404,),
    ),
    _operation("GET", "/queues", list_queues, "Count queues", Page),
    _operation("GET", "/nodes", list_nodes, "List nodes", Page),
    _operation("GET", "/audit", list_audit, "List operators' acts", Page, query=CursorQuery),
    _operation("GET", "/ledger/verification", verify_ledger, "Prove the ledger", Verification),
)
