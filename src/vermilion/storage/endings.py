"""Ending tasks: status, money, outputs, places and due deliveries in one commit for a whole batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import uuid_utils.compat as uuids

from vermilion import faults
from vermilion.domain.grants import Allocation, Settlement
from vermilion.domain.settlement import Account, Held, Waiting, end, may_end, promote
from vermilion.domain.tasks import ACTIVE, Status
from vermilion.storage.database import Database, retry_conflicts
from vermilion.storage.wallet_locks import columns, lock_wallets, plan_limits


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

# Write the whole batch: ends, holds, entries, money, places, promotions, outputs and due deliveries.
WRITE = """
WITH ended AS (
    UPDATE tasks SET status = e.status, output = e.output::json, error = e.error::json, charged = e.charged,
        provider_facts = e.facts::json, ended_at = now(), version = version + 1, node_id = NULL,
        progress = CASE WHEN e.status = 'completed' THEN 100 ELSE progress END
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[])
         AS e (id, status, output, error, charged, facts)
    WHERE tasks.id = e.id
), resolved AS (
    UPDATE holds SET state = CASE WHEN e.charged > 0 OR e.status = 'completed' THEN 'captured' ELSE 'released' END,
        captured = e.charged, resolved_at = now()
    FROM unnest($1::uuid[], $2::text[], $5::bigint[]) AS e (id, status, charged)
    WHERE holds.task_id = e.id AND holds.state = 'held'
), new_entries AS (
    INSERT INTO entries (ref_id, kind, seq, account_id, source, target, grant_id, units)
    SELECT * FROM unnest($7::uuid[], $8::text[], $9::smallint[], $10::uuid[], $11::text[], $12::text[], $13::uuid[],
                         $14::bigint[])
), given_back AS (
    UPDATE grants SET remaining = grants.remaining + b.units, closed_at = NULL
    FROM (SELECT id, sum(units)::bigint AS units FROM unnest($15::uuid[], $16::bigint[]) AS r (id, units) GROUP BY id) b
    WHERE grants.id = b.id
), keys AS (
    UPDATE api_keys SET cap_used = greatest(0, api_keys.cap_used - b.units)
    FROM (SELECT k.id, sum(r.units)::bigint AS units
          FROM unnest($17::uuid[], $18::bigint[], $19::timestamptz[]) AS r (id, units, at)
          JOIN api_keys k ON k.id = r.id AND k.cap_units IS NOT NULL AND r.at >= k.cap_window_start
          GROUP BY k.id) b
    WHERE api_keys.id = b.id
), wallets_now AS (
    UPDATE wallets SET held = w.held, spent = w.spent, running = w.running
    FROM unnest($20::uuid[], $21::bigint[], $22::bigint[], $23::int[]) AS w (account_id, held, spent, running)
    WHERE wallets.account_id = w.account_id
), lanes_now AS (
    UPDATE lanes SET running = l.running
    FROM unnest($24::uuid[], $25::text[], $26::int[]) AS l (account_id, family, running)
    WHERE lanes.account_id = l.account_id AND lanes.family = l.family
), promoted AS (
    UPDATE tasks SET status = 'pending', version = version + 1 WHERE id = ANY($27::uuid[])
), freed AS (
    UPDATE connections SET running = greatest(0, connections.running - c.ended)
    FROM (SELECT id, count(*)::int AS ended FROM unnest($28::uuid[]) AS r (id) GROUP BY id) c
    WHERE connections.id = c.id
), new_assets AS (
    INSERT INTO assets (id, account_id, task_id, kind, sha256, thumb_sha256, content_type, size_bytes, width, height,
                        duration_s, expires_at)
    SELECT id, account_id, task_id, 'output', sha256, thumb, content_type, size_bytes, width, height, duration_s,
           expires_at
    FROM unnest($29::uuid[], $30::uuid[], $31::uuid[], $32::bytea[], $33::bytea[], $34::text[], $35::bigint[],
                $36::int[], $37::int[], $38::float8[], $39::timestamptz[])
         AS n (id, account_id, task_id, sha256, thumb, content_type, size_bytes, width, height, duration_s, expires_at)
), due AS (
    INSERT INTO deliveries (id, account_id, task_id, event, url, secret, next_attempt_at)
    SELECT id, account_id, task_id, event, url, secret, now()
    FROM unnest($40::uuid[], $41::uuid[], $42::uuid[], $43::text[], $44::text[], $45::text[])
         AS d (id, account_id, task_id, event, url, secret)
)
SELECT pg_notify('vermilion_task', ids) FROM unnest($46::text[]) AS ids
UNION ALL SELECT pg_notify('vermilion_work', queue) FROM unnest($47::text[]) AS queue
UNION ALL SELECT pg_notify('vermilion_delivery', '') WHERE cardinality($40::uuid[]) > 0
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
            await connection.execute(WRITE, *books.arguments())
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
        for row in await connection.fetch(READ_WAITING, *columns(free, 3), ended):
            candidate = Waiting(
                row["id"], row["family"], row["queue"], (row["priority"], row["rank"], row["id"])
            )
            waiting.setdefault(row["account_id"], {}).setdefault(row["family"], []).append(candidate)
        for account_id, families in waiting.items():
            self.promoted += promote(self.accounts[account_id], families)

    def arguments(self) -> tuple[Any, ...]:
        """The columns of everything this batch writes, in the order of the statement's parameters."""
        touched = [self.accounts[id_] for id_ in sorted({task.account_id for _, task, _ in self.done})]
        lanes = [(a.account_id, family, running) for a in touched for family, running in a.lanes.items()]
        releases = [part for _, _, settlement in self.done for part in settlement.releases]
        return (
            *columns([_end_row(*done) for done in self.done], 6),
            *columns([row for _, task, settlement in self.done for row in _entry_rows(task, settlement)], 8),
            *columns([(part.grant_id, part.units) for part in releases], 2),
            *columns(self._key_rows(), 3),
            *columns([(a.account_id, a.held, a.spent, a.running) for a in touched], 4),
            *columns(lanes, 3),
            [task.id for task in self.promoted],
            [task.connection_id for _, task, _ in self.done if task.connection_id is not None],
            *columns(
                [_asset_row(task, asset) for ending, task, _ in self.done for asset in ending.assets], 11
            ),
            *columns([row for ending, task, _ in self.done if (row := self._delivery_row(ending, task))], 6),
            self._changed_ids(),
            self._woken_queues(),
        )

    def _key_rows(self) -> list[tuple[Any, ...]]:
        return [
            (row["key_id"], task.units - settlement.captured, row["created_at"])
            for _, task, settlement in self.done
            if (row := self.rows[task.task_id])["key_id"] is not None and settlement.captured < task.units
        ]

    def _delivery_row(self, ending: Ending, task: Held) -> tuple[Any, ...] | None:
        webhook = self.rows[task.task_id]["webhook"]
        if webhook is None:
            return None
        target: Mapping[str, Any] = msgspec.json.decode(webhook)
        event = f"task.{ending.status.value}"
        if target.get("events") and event not in target["events"]:
            return None
        return (uuids.uuid7(), task.account_id, task.task_id, event, target["url"], target["secret"])

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


def _end_row(ending: Ending, task: Held, settlement: Settlement) -> tuple[Any, ...]:
    return (
        task.task_id,
        ending.status.value,
        ending.output,
        ending.error,
        settlement.captured,
        ending.provider_facts,
    )


def _entry_rows(task: Held, settlement: Settlement) -> list[tuple[Any, ...]]:
    captures = [
        (task.task_id, "capture", seq, task.account_id, "held", "revenue", part.grant_id, part.units)
        for seq, part in enumerate(settlement.captures)
    ]
    releases = [
        (task.task_id, "release", seq, task.account_id, "held", "grant", part.grant_id, part.units)
        for seq, part in enumerate(settlement.releases)
    ]
    return captures + releases


def _asset_row(task: Held, asset: NewAsset) -> tuple[Any, ...]:
    return (
        asset.id,
        task.account_id,
        task.task_id,
        asset.sha256,
        asset.thumb_sha256,
        asset.content_type,
        asset.size_bytes,
        asset.width,
        asset.height,
        asset.duration_s,
        asset.expires_at,
    )
