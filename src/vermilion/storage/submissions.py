"""Accepting tasks: row, hold, entries, place in the queue and idempotency record in one commit for a whole batch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from vermilion import faults
from vermilion.domain.admission import AccountState, Admission, Ask, KeyCap, admit
from vermilion.domain.grants import Grant
from vermilion.domain.submission import Accepted, NewTask
from vermilion.domain.tasks import Status
from vermilion.domain.webhooks import HEARS_STEPS
from vermilion.errors import IdempotencyMismatch, NotFound, VermilionError
from vermilion.storage.database import Database, retry_conflicts
from vermilion.storage.submission_rows import task_record
from vermilion.storage.tellings import tell_step
from vermilion.storage.wallet_locks import counts, lock_wallets, plan_limits

# Everything else that admission depends on, read after the locks so that it is current.
READ_STATE = """
SELECT 'grant' AS kind, account_id, id, scope AS name, remaining AS units, NULL::bigint AS used,
       expires_at AS at, created_at, NULL::bytea AS hash
FROM grants WHERE account_id = ANY($1::uuid[]) AND closed_at IS NULL
UNION ALL
SELECT 'cap', account_id, id, cap_window, cap_units, cap_used, cap_window_start, NULL, NULL
FROM api_keys WHERE id = ANY($2::uuid[]) AND cap_units IS NOT NULL
UNION ALL
SELECT 'clock', NULL, NULL, queue, virtual_time, NULL, NULL, NULL, NULL
FROM queue_clock WHERE queue = ANY($3::text[])
UNION ALL
SELECT 'seen', i.account_id, i.task_id, i.key, NULL, NULL, i.created_at, NULL, i.request_hash || i.first_status::bytea
FROM unnest($4::uuid[], $5::text[]) AS asked (account_id, key) JOIN idempotency i USING (account_id, key)
"""

# Write the whole batch: tasks and holds from $1, everything else by name from $2, all at the time $3.
WRITE = """
WITH admitted AS MATERIALIZED (
    SELECT * FROM json_to_recordset($1::json) AS t (
        id uuid, account_id uuid, key_id uuid, parent_id uuid, model text, task_type text, family text, queue text,
        status text, priority smallint, rank bigint, input json, metadata jsonb, webhook json, price json,
        wire json, service_mode text,
        held bigint, deadline_s float8, grant_ids uuid[], grant_units bigint[])
), new_tasks AS (
    INSERT INTO tasks (id, account_id, key_id, parent_id, model, task_type, family, queue, status, priority, rank,
                       input, metadata, webhook, wire, service_mode, price, held, deadline_at, created_at)
    SELECT id, account_id, key_id, parent_id, model, task_type, family, queue, status, priority, rank,
           input, metadata, webhook, wire, service_mode, price, held,
           $3::timestamptz + deadline_s * interval '1 second', $3::timestamptz
    FROM admitted
), new_labels AS (
    INSERT INTO task_labels (account_id, name, value, task_id)
    SELECT a.account_id, label.name, label.value, a.id
    FROM admitted a CROSS JOIN LATERAL jsonb_each_text(a.metadata) AS label (name, value)
    WHERE a.metadata IS NOT NULL AND jsonb_typeof(a.metadata -> label.name) IN ('string', 'number', 'boolean')
      AND length(label.name) + length(label.value) <= 500
), new_holds AS (
    INSERT INTO holds (task_id, account_id, units, grant_ids, grant_units)
    SELECT id, account_id, held, grant_ids, grant_units FROM admitted
), new_entries AS (
    INSERT INTO entries (ref_id, kind, seq, account_id, source, target, grant_id, units, at)
    SELECT a.id, 'hold', part.seq - 1, a.account_id, 'grant', 'held', part.grant_id, part.units, $3::timestamptz
    FROM admitted a, unnest(a.grant_ids, a.grant_units) WITH ORDINALITY AS part (grant_id, units, seq)
), new_records AS (
    INSERT INTO idempotency (account_id, key, request_hash, task_id, first_status, created_at)
    SELECT account_id, key, request_hash::bytea, task_id, first_status, $3::timestamptz
    FROM json_to_recordset($2::json -> 'records')
         AS r (account_id uuid, key text, request_hash text, task_id uuid, first_status text)
), spent_grants AS (
    UPDATE grants SET remaining = changed.remaining
    FROM json_to_recordset($2::json -> 'grants') AS changed (id uuid, remaining bigint) WHERE grants.id = changed.id
), counted_keys AS (
    UPDATE api_keys SET cap_used = changed.used, cap_window_start = changed.window_start
    FROM json_to_recordset($2::json -> 'caps') AS changed (key_id uuid, used bigint, window_start timestamptz)
    WHERE api_keys.id = changed.key_id
), wallets_now AS (
    UPDATE wallets SET held = wallets.held + changed.held, running = changed.running, lanes = changed.lanes,
        turns = changed.turns
    FROM json_to_recordset($2::json -> 'wallets')
         AS changed (account_id uuid, held bigint, running int, lanes jsonb, turns jsonb)
    WHERE wallets.account_id = changed.account_id
)
SELECT pg_notify('vermilion_work', queue) FROM json_array_elements_text($2::json -> 'queues') AS queue
"""


async def accept(database: Database, batch: list[NewTask]) -> Sequence[Accepted | Exception]:
    """Accept or refuse each submission, in arrival order, all in one commit."""
    try:
        results = await retry_conflicts(lambda: _accept_once(database, batch))
    except asyncpg.UniqueViolationError:
        if len(batch) > 1:
            raise
        # Replayed after a commit whose answer was lost: the task is there already.
        results = [await _accepted_before(database, batch[0])]
    faults.at("accept.after_commit")
    return results


async def _accepted_before(database: Database, task: NewTask) -> Accepted:
    row = await database.fetchrow("SELECT status, created_at FROM tasks WHERE id = $1", task.id)
    assert row is not None, "a unique violation without a task of this id"
    return Accepted(task.id, row["status"], row["created_at"])


async def _accept_once(database: Database, batch: list[NewTask]) -> list[Accepted | Exception]:
    async with database.transaction() as connection:
        ledger = await _Ledger.read(connection, batch)
        results: list[Accepted | Exception] = []
        for task in batch:
            try:
                results.append(ledger.take(task))
            except VermilionError as refusal:
                results.append(refusal)
        if ledger.admitted:
            await connection.execute(WRITE, *ledger.arguments())
            await tell_step(connection, "task.staged", ledger.told_staged())
        faults.at("accept.before_commit")
    return results


class _Ledger:
    """The state of everyone in a batch, and what the batch changes of it."""

    def __init__(self, now: datetime | None) -> None:
        self.now = now
        self.accounts: dict[UUID, AccountState] = {}
        self.caps: dict[UUID, KeyCap] = {}
        self.clocks: dict[str, int] = {}
        self.seen: dict[tuple[UUID, str], tuple[bytes, Accepted]] = {}
        self.admitted: list[tuple[NewTask, Admission]] = []
        self.hearing: set[UUID] = set()

    @classmethod
    async def read(cls, connection: Any, batch: list[NewTask]) -> _Ledger:
        """Lock the wallets, then read what admission needs."""
        rows = await lock_wallets(connection, (task.account_id for task in batch))
        ledger = cls(rows[0]["now"] if rows else None)
        for row in rows:
            ledger.accounts[row["account_id"]] = AccountState(
                row["account_id"],
                row["active"],
                row["running"],
                plan_limits(row),
                lanes=counts(row["lanes"]),
                last_ranks=counts(row["turns"]),
            )
            if row["hears"] & HEARS_STEPS:
                ledger.hearing.add(row["account_id"])
        keyed = [task for task in batch if task.idempotency_key is not None]
        for row in await connection.fetch(
            READ_STATE,
            list(ledger.accounts),
            [task.key_id for task in batch if task.key_capped],
            list({task.queue for task in batch}),
            [task.account_id for task in keyed],
            [task.idempotency_key for task in keyed],
        ):
            ledger._note(row)
        return ledger

    def take(self, task: NewTask) -> Accepted:
        """Accept one submission or raise its refusal."""
        if (first := self._first_answer(task)) is not None:
            return first
        account = self.accounts.get(task.account_id)
        if account is None or self.now is None:
            raise NotFound("This account does not exist.")
        admission = admit(
            account,
            Ask(task.family, task.queue, task.units, task.priority),
            cap=self.caps.get(task.key_id) if task.key_id else None,
            virtual_time=self.clocks.get(task.queue, 0),
            now=self.now,
        )
        self.admitted.append((task, admission))
        accepted = Accepted(task.id, admission.status.value, self.now)
        if task.idempotency_key is not None and task.request_hash is not None:
            self.seen[task.account_id, task.idempotency_key] = (task.request_hash, accepted)
        return accepted

    def told_staged(self) -> list[UUID]:
        """Tasks that were staged and may have to be told of."""
        return [
            task.id
            for task, admission in self.admitted
            if admission.status is Status.STAGED
            and (task.account_id in self.hearing or "task.staged" in (task.webhook or ""))
        ]

    def arguments(self) -> tuple[str, str, datetime | None]:
        """What this batch writes, as the statement's JSON parameters, and its time."""
        tasks = [task_record(task, admission) for task, admission in self.admitted]
        return msgspec.json.encode(tasks).decode(), msgspec.json.encode(self._changes()).decode(), self.now

    def _changes(self) -> dict[str, Any]:
        touched = [self.accounts[id_] for id_ in {task.account_id for task, _ in self.admitted}]
        spent = {part.grant_id for _, admission in self.admitted for part in admission.allocations}
        return {
            "records": [
                {
                    "account_id": task.account_id,
                    "key": task.idempotency_key,
                    "request_hash": f"\\x{task.request_hash.hex()}",
                    "task_id": task.id,
                    "first_status": admission.status,
                }
                for task, admission in self.admitted
                if task.request_hash is not None
            ],
            "grants": [
                {"id": grant.id, "remaining": grant.remaining}
                for account in touched
                for grant in account.grants
                if grant.id in spent
            ],
            "caps": [
                {"key_id": cap.key_id, "used": cap.used, "window_start": cap.window_start}
                for cap in self.caps.values()
            ],
            "wallets": [
                {
                    "account_id": account.account_id,
                    "held": account.held_added,
                    "running": account.running,
                    "lanes": account.lanes,
                    "turns": account.last_ranks,
                }
                for account in touched
            ],
            "queues": list(
                {task.queue for task, admission in self.admitted if admission.status is Status.PENDING}
            ),
        }

    def _first_answer(self, task: NewTask) -> Accepted | None:
        if task.idempotency_key is None:
            return None
        known = self.seen.get((task.account_id, task.idempotency_key))
        if known is None:
            return None
        if known[0] != task.request_hash:
            raise IdempotencyMismatch
        return msgspec.structs.replace(known[1], replayed=True)

    def _note(self, row: Any) -> None:
        kind, account_id, id_, name, units = tuple(row)[:5]
        if kind == "grant":
            self.accounts[account_id].grants.append(Grant(id_, name, units, row["at"], row["created_at"]))
        elif kind == "cap":
            self.caps[id_] = KeyCap(id_, units, name, row["at"], row["used"])
        elif kind == "clock":
            self.clocks[name] = units
        else:
            accepted = Accepted(id_, row["hash"][32:].decode(), row["at"])
            self.seen[account_id, name] = (row["hash"][:32], accepted)
