"""Ending tasks: status, money, outputs, places and due deliveries in one commit for a whole batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from vermilion import faults
from vermilion.domain.grants import Allocation, Settlement
from vermilion.domain.settlement import Account, Held, Waiting, end, may_end, promote
from vermilion.domain.tasks import ACTIVE, Status
from vermilion.storage.database import Database, retry_conflicts
from vermilion.storage.ending_rows import asset_row, due_row, end_row, entry_rows
from vermilion.storage.wallet_locks import lock_wallets, plan_limits


class NewAsset(msgspec.Struct, frozen=True):
    """A stored output file, about to become a row."""

    id: UUID
    sha256: bytes
    thumb_sha256: bytes | None
    content_type: str
    size_bytes: int
    width: int | None
    height: int | None
    duration_s: float | None
    expires_at: datetime


class Ending(msgspec.Struct, frozen=True):
    """How a task is to end, and the states from which it may. `captured` None takes the whole hold on success."""

    task_id: UUID
    status: Status
    expected: frozenset[str] = ACTIVE
    node_id: UUID | None = None
    captured: int | None = None
    output: str | None = None
    error: str | None = None
    provider_facts: str | None = None
    assets: tuple[NewAsset, ...] = ()


# Whose wallets a batch of endings touches; the owner of a task never changes, so no lock is needed.
READ_OWNERS = "SELECT id, account_id FROM tasks WHERE id = ANY($1::uuid[])"

# Lock the tasks that are to end, with their open holds.
LOCK_TASKS = """
SELECT t.id, t.account_id, t.family, t.queue, t.status, t.node_id, t.connection_id, t.key_id, t.held, t.webhook, t.created_at,
       h.grant_ids, h.grant_units
FROM tasks t LEFT JOIN holds h ON h.task_id = t.id
WHERE t.id = ANY($1::uuid[]) ORDER BY t.id FOR UPDATE OF t
"""

# The places that the accounts' tasks occupy, by family.
READ_LANES = "SELECT account_id, family, running FROM lanes WHERE account_id = ANY($1::uuid[])"

# The first staged tasks of each (account, family) that has a free place.
READ_WAITING = """
SELECT s.account_id, s.id, s.family, s.queue, s.priority, s.rank
FROM unnest($1::uuid[], $2::text[], $3::int[]) AS free (account_id, family, places)
CROSS JOIN LATERAL (
    SELECT account_id, id, family, queue, priority, rank FROM tasks
    WHERE status = 'staged' AND account_id = free.account_id AND family = free.family AND NOT id = ANY($4::uuid[])
    ORDER BY priority, rank, id LIMIT free.places) s
"""

# Write the whole batch, by name from $1: ends, holds, entries, money, places, promotions, outputs, due deliveries.
WRITE = """
WITH ends AS MATERIALIZED (
    SELECT * FROM json_to_recordset($1::json -> 'ends')
        AS e (id uuid, status text, output json, error json, charged bigint, provider_facts json)
), ended AS (
    UPDATE tasks SET status = e.status, output = e.output, error = e.error, charged = e.charged,
        provider_facts = e.provider_facts, ended_at = now(), version = version + 1, node_id = NULL,
        progress = CASE WHEN e.status = 'completed' THEN 100 ELSE progress END
    FROM ends e WHERE tasks.id = e.id
), resolved AS (
    UPDATE holds SET state = CASE WHEN e.charged > 0 OR e.status = 'completed' THEN 'captured' ELSE 'released' END,
        captured = e.charged, resolved_at = now()
    FROM ends e WHERE holds.task_id = e.id AND holds.state = 'held'
), new_entries AS (
    INSERT INTO entries (ref_id, kind, seq, account_id, source, target, grant_id, units)
    SELECT * FROM json_to_recordset($1::json -> 'entries')
        AS e (ref_id uuid, kind text, seq smallint, account_id uuid, source text, target text, grant_id uuid,
              units bigint)
), given_back AS (
    UPDATE grants SET remaining = grants.remaining + b.units, closed_at = NULL
    FROM (SELECT id, sum(units)::bigint AS units
          FROM json_to_recordset($1::json -> 'releases') AS r (id uuid, units bigint) GROUP BY id) b
    WHERE grants.id = b.id
), uncounted AS (
    UPDATE api_keys SET cap_used = greatest(0, api_keys.cap_used - b.units)
    FROM (SELECT k.id, sum(r.units)::bigint AS units
          FROM json_to_recordset($1::json -> 'keys') AS r (id uuid, units bigint, created_at timestamptz)
          JOIN api_keys k ON k.id = r.id AND k.cap_units IS NOT NULL AND r.created_at >= k.cap_window_start
          GROUP BY k.id) b
    WHERE api_keys.id = b.id
), wallets_now AS (
    UPDATE wallets SET held = w.held, spent = w.spent, running = w.running
    FROM json_to_recordset($1::json -> 'wallets') AS w (account_id uuid, held bigint, spent bigint, running int)
    WHERE wallets.account_id = w.account_id
), lanes_now AS (
    UPDATE lanes SET running = l.running
    FROM json_to_recordset($1::json -> 'lanes') AS l (account_id uuid, family text, running int)
    WHERE lanes.account_id = l.account_id AND lanes.family = l.family
), promoted AS (
    UPDATE tasks SET status = 'pending', version = version + 1
    FROM json_array_elements_text($1::json -> 'promoted') AS next (id) WHERE tasks.id = next.id::uuid
), freed AS (
    UPDATE connections SET running = greatest(0, connections.running - c.ended)
    FROM (SELECT id::uuid, count(*)::int AS ended FROM json_array_elements_text($1::json -> 'freed') AS r (id)
          GROUP BY id) c
    WHERE connections.id = c.id
), new_assets AS (
    INSERT INTO assets (id, account_id, task_id, kind, sha256, thumb_sha256, content_type, size_bytes, width, height,
                        duration_s, expires_at)
    SELECT id, account_id, task_id, 'output', sha256::bytea, thumb_sha256::bytea, content_type, size_bytes, width,
           height, duration_s, expires_at
    FROM json_to_recordset($1::json -> 'assets')
        AS n (id uuid, account_id uuid, task_id uuid, sha256 text, thumb_sha256 text, content_type text,
              size_bytes bigint, width int, height int, duration_s float8, expires_at timestamptz)
), due AS (
    INSERT INTO deliveries (id, account_id, task_id, event, url, secret, next_attempt_at)
    SELECT id, account_id, task_id, event, url, secret, now()
    FROM json_to_recordset($1::json -> 'due')
        AS d (id uuid, account_id uuid, task_id uuid, event text, url text, secret text)
)
SELECT pg_notify('vermilion_task', ids) FROM json_array_elements_text($1::json -> 'changed') AS ids
UNION ALL SELECT pg_notify('vermilion_work', queue) FROM json_array_elements_text($1::json -> 'queues') AS queue
UNION ALL SELECT pg_notify('vermilion_delivery', '') WHERE json_array_length($1::json -> 'due') > 0
"""

NOTIFY_IDS_MAX = 200  #: ids of 32 digits that fit into one notification of 8,000 bytes


async def end_tasks(database: Database, batch: list[Ending]) -> Sequence[bool | Exception]:
    """End each task that is still as its ending expects. True where it was ended here; ending twice is ending once."""
    applied = await retry_conflicts(lambda: _end_once(database, batch))
    faults.at("end.after_commit")
    return applied


async def _end_once(database: Database, batch: list[Ending]) -> list[bool | Exception]:
    async with database.transaction() as connection:
        books = await _Books.read(connection, [ending.task_id for ending in batch])
        applied: list[bool | Exception] = [books.take(ending) for ending in batch]
        if any(applied):
            await books.promote_waiting(connection)
            await connection.execute(WRITE, books.changes())
        faults.at("end.before_commit")
    return applied


class _Books:
    """The locked accounts and tasks of a batch, and what the batch changes of them."""

    def __init__(self) -> None:
        self.accounts: dict[UUID, Account] = {}
        self.tasks: dict[UUID, Held] = {}
        self.rows: dict[UUID, Any] = {}
        self.done: list[tuple[Ending, Held, Settlement]] = []
        self.promoted: list[Waiting] = []

    @classmethod
    async def read(cls, connection: Any, task_ids: list[UUID]) -> _Books:
        """Lock wallets, then tasks."""
        books = cls()
        owners = {row["account_id"] for row in await connection.fetch(READ_OWNERS, task_ids)}
        for row in await lock_wallets(connection, owners):
            id_ = row["account_id"]
            books.accounts[id_] = Account(id_, row["held"], row["spent"], row["running"], plan_limits(row))
        for row in await connection.fetch(READ_LANES, list(owners)):
            books.accounts[row["account_id"]].lanes[row["family"]] = row["running"]
        for row in await connection.fetch(LOCK_TASKS, task_ids):
            books.rows[row["id"]] = row
            books.tasks[row["id"]] = _held(row)
        return books

    def take(self, ending: Ending) -> bool:
        """Apply one ending if the task is still as expected."""
        task = self.tasks.get(ending.task_id)
        if task is None or not may_end(task, ending.expected, ending.node_id):
            return False
        captured = 0
        if ending.status is Status.COMPLETED:
            captured = task.units if ending.captured is None else ending.captured
        settlement = end(self.accounts[task.account_id], task, captured)
        self.done.append((ending, task, settlement))
        self.tasks[task.task_id] = replace(
            task, status=ending.status
        )  # a second ending in this batch no longer applies
        return True

    async def promote_waiting(self, connection: Any) -> None:
        """Find the staged tasks that get the freed places."""
        touched = {task.account_id for _, task, _ in self.done}
        free = [
            (account_id, family, places)
            for account_id in touched
            for family in self.accounts[account_id].lanes
            if (places := self.accounts[account_id].free_in(family)) > 0
        ]
        if not free:
            return
        ended = [task.task_id for _, task, _ in self.done]
        waiting: dict[UUID, dict[str, list[Waiting]]] = {}
        for row in await connection.fetch(READ_WAITING, *map(list, zip(*free, strict=True)), ended):
            candidate = Waiting(
                row["id"], row["family"], row["queue"], (row["priority"], row["rank"], row["id"])
            )
            waiting.setdefault(row["account_id"], {}).setdefault(row["family"], []).append(candidate)
        for account_id, families in waiting.items():
            self.promoted += promote(self.accounts[account_id], families)

    def changes(self) -> str:
        """What this batch writes, as the statement's JSON parameter."""
        touched = [self.accounts[id_] for id_ in {task.account_id for _, task, _ in self.done}]
        changes = {
            "ends": [end_row(*done) for done in self.done],
            "entries": [entry for _, task, settlement in self.done for entry in entry_rows(task, settlement)],
            "releases": [
                {"id": part.grant_id, "units": part.units} for _, _, s in self.done for part in s.releases
            ],
            "keys": self._uncounted(),
            "wallets": [
                {"account_id": a.account_id, "held": a.held, "spent": a.spent, "running": a.running}
                for a in touched
            ],
            "lanes": [
                {"account_id": a.account_id, "family": family, "running": running}
                for a in touched
                for family, running in a.lanes.items()
            ],
            "promoted": [task.id for task in self.promoted],
            "freed": [task.connection_id for _, task, _ in self.done if task.connection_id is not None],
            "assets": [asset_row(task, asset) for ending, task, _ in self.done for asset in ending.assets],
            "due": [
                due
                for ending, task, _ in self.done
                if (due := due_row(ending, task, self.rows[task.task_id]["webhook"]))
            ],
            "changed": self._changed_ids(),
            "queues": self._woken_queues(),
        }
        return msgspec.json.encode(changes).decode()

    def _uncounted(self) -> list[dict[str, Any]]:
        """Units that no longer count against the caps of the keys that submitted the tasks."""
        return [
            {"id": row["key_id"], "units": task.units - settlement.captured, "created_at": row["created_at"]}
            for _, task, settlement in self.done
            if (row := self.rows[task.task_id])["key_id"] is not None and settlement.captured < task.units
        ]

    def _woken_queues(self) -> list[str]:
        """Queues with new pending tasks, or with a connection that has room again."""
        freed = {self.rows[task.task_id]["queue"] for _, task, _ in self.done}
        return list(freed | {task.queue for task in self.promoted})

    def _changed_ids(self) -> list[str]:
        ids = [task.task_id.hex for _, task, _ in self.done] + [task.id.hex for task in self.promoted]
        return [",".join(ids[at : at + NOTIFY_IDS_MAX]) for at in range(0, len(ids), NOTIFY_IDS_MAX)]


def _held(row: Any) -> Held:
    pairs = zip(row["grant_ids"] or (), row["grant_units"] or (), strict=True)
    return Held(
        row["id"],
        row["account_id"],
        row["family"],
        Status(row["status"]),
        row["node_id"],
        row["connection_id"] if row["status"] == Status.PROCESSING else None,
        row["held"],
        tuple(Allocation(grant_id, units) for grant_id, units in pairs),
    )
