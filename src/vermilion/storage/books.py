"""The books of a batch of endings: accounts and tasks read under their locks, and what the batch changes of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.ending import Ending
from vermilion.domain.grants import Allocation, Settlement
from vermilion.domain.outcomes import Fault
from vermilion.domain.settlement import Account, Held, Waiting, end, may_end, promote
from vermilion.domain.tasks import Status, TaskError
from vermilion.domain.webhooks import HEARS_ENDS
from vermilion.storage.ending_rows import asset_row, end_row, entry_rows
from vermilion.storage.tellings import Listeners, lane_lists, read_listeners, task_event_rows
from vermilion.storage.wallet_locks import counts, lock_wallets, plan_limits

_fault = msgspec.json.Decoder(TaskError)
NOTIFY_IDS_MAX = 200  #: ids of 32 digits that fit into one notification of 8,000 bytes

# Whose wallets a batch of endings touches; the owner of a task never changes, so no lock is needed.
READ_OWNERS = "SELECT id, account_id FROM tasks WHERE id = ANY($1::uuid[])"

# Lock the tasks that are to end, with their holds.
LOCK_TASKS = """
SELECT t.id, t.account_id, t.family, t.queue, t.status, t.node_id, t.connection_id, t.key_id, t.held, t.webhook,
       CASE WHEN t.family = 'midjourney' THEN coalesce(t.input ->> 'process_mode', 'relax') END AS mode,
       t.created_at, t.grant_ids, t.grant_units
FROM tasks t
WHERE t.id = ANY($1::uuid[]) ORDER BY t.id FOR UPDATE OF t
"""

# The first staged tasks of each (account, family) that has a free place.
READ_WAITING = """
SELECT s.account_id, s.id, s.family, s.queue, s.priority, s.rank
FROM unnest($1::uuid[], $2::text[], $3::int[]) AS free (account_id, family, places)
CROSS JOIN LATERAL (
    SELECT account_id, id, family, queue, priority, rank FROM tasks
    WHERE status = 'staged' AND account_id = free.account_id AND family = free.family AND NOT id = ANY($4::uuid[])
    ORDER BY priority, rank, id LIMIT free.places) s
"""


class Books:
    """The locked accounts and tasks of a batch, and what the batch changes of them."""

    def __init__(self) -> None:
        self.accounts: dict[UUID, Account] = {}
        self.tasks: dict[UUID, Held] = {}
        self.rows: dict[UUID, Any] = {}
        self.done: list[tuple[Ending, Held, Settlement]] = []
        self.promoted: list[Waiting] = []
        self.touched: set[UUID] = set()
        self.hearing: set[UUID] = set()
        self.budgeted: set[UUID] = set()
        self.listeners: Listeners = {}

    @classmethod
    async def of_accounts(cls, connection: Any, account_ids: Iterable[UUID]) -> Books:
        """Lock the wallets of these accounts, to fill the places that they have free."""
        books = cls()
        for row in await lock_wallets(connection, account_ids):
            id_ = row["account_id"]
            limits = plan_limits(
                row["concurrency_total"], row["concurrency_family"], row["weight"], row["priority_best"]
            )
            books.accounts[id_] = Account(
                id_, row["held"], row["spent"], row["running"], limits, counts(row["lanes"])
            )
            if row["hears"] & HEARS_ENDS:
                books.hearing.add(id_)
            if row["budgeted"]:
                books.budgeted.add(id_)
        books.touched = set(books.accounts)
        return books

    @classmethod
    async def of_tasks(cls, connection: Any, task_ids: list[UUID]) -> Books:
        """Lock the wallets of these tasks' owners, then the tasks."""
        owners = [row["account_id"] for row in await connection.fetch(READ_OWNERS, task_ids)]
        books = await cls.of_accounts(connection, owners)
        books.touched = set()
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
        elif ending.captured is not None:
            captured = min(ending.captured, task.units)
        settlement = end(self.accounts[task.account_id], task, captured)
        self.done.append((ending, task, settlement))
        self.touched.add(task.account_id)
        # A second ending of the same task in this batch no longer applies.
        self.tasks[task.task_id] = replace(task, status=ending.status)
        return True

    async def find_listeners(self, connection: Any) -> None:
        """Find the endpoints of accounts that hear of ends."""
        self.listeners = await read_listeners(connection, self.hearing & self.touched)

    async def promote_waiting(self, connection: Any) -> None:
        """Find the staged tasks that get the free places."""
        free = [
            (account_id, family, places)
            for account_id in self.touched
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
        touched = [self.accounts[id_] for id_ in self.touched]
        due = self._due()
        changes = {
            "ends": [end_row(*done) for done in self.done],
            "entries": [entry for _, task, settlement in self.done for entry in entry_rows(task, settlement)],
            "releases": [
                {"id": part.grant_id, "units": part.units} for _, _, s in self.done for part in s.releases
            ],
            "keys": self._uncounted(),
            "wallets": [
                {
                    "account_id": account.account_id,
                    "held": account.held,
                    "spent": account.spent,
                    "running": account.running,
                    "lanes": account.lanes,
                }
                for account in touched
            ],
            "promoted": [task.id for task in self.promoted],
            "freed": [self._freed(ending, task) for ending, task, _ in self.done if task.connection_id],
            "assets": [asset_row(task, asset) for ending, task, _ in self.done for asset in ending.assets],
            "due": due,
            "lanes": lane_lists(due),
            "changed": self._changed_ids(),
            "queues": self._woken_queues(),
        }
        return msgspec.json.encode(changes).decode()

    def _due(self) -> list[dict[str, Any]]:
        """The deliveries that tell of the ends."""
        return [
            row
            for ending, task, _ in self.done
            for row in task_event_rows(
                f"task.{ending.status.value}",
                task.task_id,
                account_id=task.account_id,
                webhook=self.rows[task.task_id]["webhook"],
                listeners=self.listeners,
            )
        ]

    def _freed(self, ending: Ending, task: Held) -> dict[str, Any]:
        """A place of a connection, and whether it did its work."""
        completed, mode = ending.status is Status.COMPLETED, self.rows[task.task_id]["mode"]
        return {"id": task.connection_id, "completed": completed, "mode": mode}

    def unspent(self) -> list[tuple[UUID, int, datetime]]:
        """Units that were held and not charged, of accounts with a budget, and when they were held."""
        return [
            (task.account_id, task.units - settlement.captured, self.rows[task.task_id]["created_at"])
            for _, task, settlement in self.done
            if task.account_id in self.budgeted and settlement.captured < task.units
        ]

    def faults(self) -> dict[UUID, UUID | None]:
        """Accounts with a task that failed by their fault, and the last one of it."""
        return {
            task.account_id: task.task_id
            for ending, task, _ in self.done
            if ending.error is not None and _fault.decode(ending.error).fault == Fault.CUSTOMER
        }

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
    pairs = zip(row["grant_ids"], row["grant_units"], strict=True)
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
