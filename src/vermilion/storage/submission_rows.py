"""What the acceptance of tasks writes: one statement for a batch, and its rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.admission import AccountState, Admission, KeyCap
from vermilion.domain.submission import NewTask
from vermilion.domain.tasks import Status
from vermilion.storage.columns import Columns, array, text
from vermilion.storage.labels import labels_of

WALLETS = Columns(
    account_id="uuid", version="xid", held="bigint", running="integer", lanes="jsonb", turns="jsonb"
)
TASKS = Columns(
    id="uuid",
    account_id="uuid",
    key_id="uuid",
    parent_id="uuid",
    model="text",
    task_type="text",
    family="text",
    queue="text",
    status="text",
    priority="smallint",
    rank="bigint",
    input="json",
    metadata="json",
    webhook="json",
    wire="json",
    service_mode="text",
    price="json",
    held="bigint",
    deadline_s="float8",
    grant_ids="uuid[]",
    grant_units="bigint[]",
    labels="bigint[]",
)
GRANTS = Columns(account_id="uuid", id="uuid", units="bigint")
RECORDS = Columns(account_id="uuid", key="text", request_hash="bytea", task_id="uuid", first_status="text")
CAPS = Columns(account_id="uuid", id="uuid", used="bigint", window_start="timestamptz")

#: Rows of accounts whose wallet is as it was read: usually all, and then no row is looked at.
FRESH = "((SELECT all_fresh FROM verdict) OR account_id IN (SELECT account_id FROM wallets_now))"

# Write those of the $3 wallets that are still as they were read, for a batch at the time $1.
WRITE_WALLETS = """
WITH wallets_read AS MATERIALIZED (
    SELECT * FROM {rows} w
), wallets_now AS (
    UPDATE wallets SET held = wallets.held + r.held, running = r.running, lanes = r.lanes, turns = r.turns
    FROM wallets_read r WHERE wallets.account_id = r.account_id AND wallets.xmin = r.version
    RETURNING wallets.account_id
), verdict AS MATERIALIZED (
    SELECT count(*) = $3::bigint AS all_fresh FROM wallets_now
)"""

# What else a batch may write; a batch that has no rows for one of these leaves it out.
# Tasks are read from their texts once, for themselves, their holds and their labels.
WRITE_TASKS = """, tasks_read AS MATERIALIZED (
    SELECT * FROM {rows} t WHERE {fresh}
), new_tasks AS (
    INSERT INTO tasks (id, account_id, key_id, parent_id, model, task_type, family, queue, status, priority, rank,
                       input, metadata, webhook, wire, service_mode, price, held, deadline_at, created_at,
                       grant_ids, grant_units)
    SELECT id, account_id, key_id, parent_id, model, task_type, family, queue, status, priority, rank,
           input, metadata, webhook, wire, service_mode, price, held,
           $1::timestamptz + deadline_s * interval '1 second', $1::timestamptz, grant_ids, grant_units
    FROM tasks_read
), new_entries AS (
    INSERT INTO entries (ref_id, kind, seq, account_id, source, target, grant_id, units, at)
    SELECT id, 'hold', generate_subscripts(grant_ids, 1) - 1, account_id, 'grant', 'held',
           unnest(grant_ids), unnest(grant_units), $1::timestamptz FROM tasks_read
), new_labels AS (
    INSERT INTO task_labels (label, task_id) SELECT unnest(labels), id FROM tasks_read
)"""
WRITE_GRANTS = """, spent_grants AS (
    UPDATE grants SET remaining = grants.remaining - spent.units
    FROM (SELECT id, units FROM {rows} g WHERE {fresh}) spent WHERE grants.id = spent.id
)"""
WRITE_RECORDS = """, new_records AS (
    INSERT INTO idempotency (account_id, key, request_hash, task_id, first_status, created_at)
    SELECT account_id, key, request_hash, task_id, first_status, $1::timestamptz FROM {rows} r WHERE {fresh}
)"""
WRITE_CAPS = """, counted_keys AS (
    UPDATE api_keys SET cap_used = counted.used, cap_window_start = counted.window_start
    FROM (SELECT id, used, window_start FROM {rows} c WHERE {fresh}) counted WHERE api_keys.id = counted.id
)"""
PARTS = {
    "wallets": (WALLETS, WRITE_WALLETS),
    "tasks": (TASKS, WRITE_TASKS),
    "grants": (GRANTS, WRITE_GRANTS),
    "records": (RECORDS, WRITE_RECORDS),
    "caps": (CAPS, WRITE_CAPS),
}

# Answer the accounts that have changed and were left out, and with no account the version that all others have now;
# wake the queues $2 at the commit.
ANSWER = """
SELECT account_id, NULL AS version FROM wallets_read WHERE NOT {fresh}
UNION ALL
SELECT NULL, pg_current_xact_id()::xid::text
FROM (SELECT count(pg_notify('vermilion_work', queue)) FROM unnest($2::text[]) AS queue) woken
"""


class SubmissionRows:
    """The rows of one batch, each kind by the name of its part."""

    def __init__(self) -> None:
        self._queues: set[str] = set()  # with new work
        self._rows: dict[str, list[tuple[str, ...]]] = {name: [] for name in PARTS}

    @property
    def has_tasks(self) -> bool:
        """Whether a task was added."""
        return bool(self._rows["tasks"])

    def add_task(self, task: NewTask, admission: Admission) -> None:
        """A task with its hold, labels and idempotency record, and new work for its queue if it waits for nothing."""
        rows, id_, account_id = self._rows, text(task.id), text(task.account_id)
        if admission.status is Status.PENDING:
            self._queues.add(task.queue)
        rows["tasks"].append(
            (
                id_,
                account_id,
                text(task.key_id) if task.key_id is not None else "",
                text(task.parent_id) if task.parent_id is not None else "",
                task.model,
                task.task_type,
                task.family,
                task.queue,
                admission.status,
                str(task.priority),
                str(admission.rank),
                task.input,
                task.metadata or "",
                task.webhook or "",
                task.wire or "",
                task.service_mode,
                task.price,
                str(task.units),
                str(task.deadline_s),
                array([text(part.grant_id) for part in admission.allocations]),
                array([str(part.units) for part in admission.allocations]),
                array(labels_of(account_id, task.metadata)) if task.metadata else "",
            )
        )
        if task.idempotency_key is not None and task.request_hash is not None:
            hash_ = f"\\x{task.request_hash.hex()}"
            rows["records"].append((account_id, task.idempotency_key, hash_, id_, admission.status))

    def add_wallet(self, account: AccountState, version: str, spent: Mapping[UUID, int]) -> None:
        """A wallet as it is to be, if it is still of this version, and what the batch takes from its grants."""
        account_id = text(account.account_id)
        lanes, turns = (
            msgspec.json.encode(counts).decode() for counts in (account.lanes, account.last_ranks)
        )
        row = (account_id, version, str(sum(spent.values())), str(account.running), lanes, turns)
        self._rows["wallets"].append(row)
        self._rows["grants"] += [(account_id, text(id_), str(units)) for id_, units in spent.items()]

    def add_cap(self, account_id: UUID, cap: KeyCap) -> None:
        """What a key has used of its cap."""
        row = (text(account_id), text(cap.key_id), str(cap.used), cap.window_start.isoformat())
        self._rows["caps"].append(row)

    def statement(self, now: datetime | None) -> tuple[str, list[Any]]:
        """The statement that writes these rows at this time, and its parameters."""
        parts = tuple(name for name, rows in self._rows.items() if rows)
        columns = [text for name in parts for text in PARTS[name][0].parameters(self._rows[name])]
        return _statement(parts), [now, list(self._queues), len(self._rows["wallets"]), *columns]


@cache
def _statement(parts: tuple[str, ...]) -> str:
    """The statement for batches with rows of these kinds."""
    first, sql = 4, ""
    for name in parts:
        columns, write = PARTS[name]
        sql += write.format(rows=columns.rows(first), fresh=FRESH)
        first += len(columns)
    return sql + ANSWER.format(fresh=FRESH)
