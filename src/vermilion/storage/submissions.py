"""Accepting tasks: row, hold, entries, place in the queue and idempotency record in one commit for a whole batch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from vermilion import faults
from vermilion.domain.admission import AccountState, Admission, Ask, KeyCap, admit
from vermilion.domain.grants import Grant
from vermilion.domain.tasks import Status
from vermilion.errors import IdempotencyMismatch, NotFound, VermilionError
from vermilion.storage.database import Database, retry_conflicts
from vermilion.storage.wallet_locks import columns, lock_wallets, plan_limits


class NewTask(msgspec.Struct, frozen=True):
    """A checked and priced submission. JSON fields are text."""

    id: UUID
    account_id: UUID
    key_id: UUID | None
    key_capped: bool
    parent_id: UUID | None
    model: str
    task_type: str
    family: str
    queue: str
    priority: int
    units: int
    input: str
    metadata: str | None
    webhook: str | None
    price: str
    deadline_s: float
    idempotency_key: str | None = None
    request_hash: bytes | None = None


class Accepted(msgspec.Struct, frozen=True):
    """What became of a submission; a replay names the task that the first one made."""

    task_id: UUID
    status: str
    created_at: datetime
    replayed: bool = False


# Everything else that admission depends on, read after the locks so that it is current.
READ_STATE = """
SELECT 'lane' AS kind, account_id, NULL::uuid AS id, family AS name, running::bigint AS units,
       NULL::bigint AS used, NULL::timestamptz AS at, NULL::timestamptz AS created_at, NULL::bytea AS hash
FROM lanes WHERE account_id = ANY($1::uuid[])
UNION ALL
SELECT 'grant', account_id, id, scope, remaining, NULL, expires_at, created_at, NULL
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

# Write the whole batch: tasks, holds, entries, idempotency records, and the new state of those who submitted.
WRITE = """
WITH new_tasks AS (
    INSERT INTO tasks (id, account_id, key_id, parent_id, model, task_type, family, queue, status, priority, rank,
                       input, metadata, webhook, price, held, deadline_at, created_at)
    SELECT id, account_id, key_id, parent_id, model, task_type, family, queue, status, priority, rank,
           input::json, metadata::jsonb, webhook::json, price::json, held,
           $18::timestamptz + deadline_s * interval '1 second', $18::timestamptz
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[],
                $9::text[], $10::smallint[], $11::bigint[], $12::text[], $13::text[], $14::text[], $15::text[],
                $16::bigint[], $17::float8[])
         AS t (id, account_id, key_id, parent_id, model, task_type, family, queue, status, priority, rank,
               input, metadata, webhook, price, held, deadline_s)
), new_holds AS (
    INSERT INTO holds (task_id, account_id, units, grant_ids, grant_units)
    SELECT id, account_id, held, grant_ids::uuid[], grant_units::bigint[]
    FROM unnest($1::uuid[], $2::uuid[], $16::bigint[], $19::text[], $20::text[])
         AS h (id, account_id, held, grant_ids, grant_units)
), new_entries AS (
    INSERT INTO entries (ref_id, kind, seq, account_id, source, target, grant_id, units, at)
    SELECT ref_id, 'hold', seq, account_id, 'grant', 'held', grant_id, units, $18::timestamptz
    FROM unnest($21::uuid[], $22::smallint[], $23::uuid[], $24::uuid[], $25::bigint[])
         AS e (ref_id, seq, account_id, grant_id, units)
), new_records AS (
    INSERT INTO idempotency (account_id, key, request_hash, task_id, first_status, created_at)
    SELECT account_id, key, request_hash, task_id, first_status, $18::timestamptz
    FROM unnest($26::uuid[], $27::text[], $28::bytea[], $29::uuid[], $30::text[])
         AS i (account_id, key, request_hash, task_id, first_status)
), spent_grants AS (
    UPDATE grants SET remaining = changed.remaining
    FROM unnest($31::uuid[], $32::bigint[]) AS changed (id, remaining) WHERE grants.id = changed.id
), counted_keys AS (
    UPDATE api_keys SET cap_used = changed.used, cap_window_start = changed.window_start
    FROM unnest($33::uuid[], $34::bigint[], $35::timestamptz[]) AS changed (id, used, window_start)
    WHERE api_keys.id = changed.id
), taken_places AS (
    INSERT INTO lanes (account_id, family, running)
    SELECT * FROM unnest($36::uuid[], $37::text[], $38::int[])
    ON CONFLICT (account_id, family) DO UPDATE SET running = excluded.running
), wallets_now AS (
    UPDATE wallets SET held = wallets.held + changed.held, running = changed.running, last_rank = changed.last_rank
    FROM unnest($39::uuid[], $40::bigint[], $41::int[], $42::bigint[]) AS changed (account_id, held, running, last_rank)
    WHERE wallets.account_id = changed.account_id
)
SELECT pg_notify('vermilion_work', queue) FROM (SELECT DISTINCT unnest($43::text[]) AS queue) woken
"""


async def accept(database: Database, batch: list[NewTask]) -> Sequence[Accepted | Exception]:
    """Accept or refuse each submission, in arrival order, all in one commit."""
    results = await retry_conflicts(lambda: _accept_once(database, batch))
    faults.at("accept.after_commit")
    return results


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

    @classmethod
    async def read(cls, connection: Any, batch: list[NewTask]) -> _Ledger:
        """Lock the wallets, then read what admission needs."""
        rows = await lock_wallets(connection, (task.account_id for task in batch))
        ledger = cls(rows[0]["now"] if rows else None)
        for row in rows:
            ledger.accounts[row["account_id"]] = AccountState(
                row["account_id"], row["active"], row["running"], row["last_rank"], plan_limits(row)
            )
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
            Ask(task.family, task.units, task.priority),
            cap=self.caps.get(task.key_id) if task.key_id else None,
            virtual_time=self.clocks.get(task.queue, 0),
            now=self.now,
        )
        self.admitted.append((task, admission))
        accepted = Accepted(task.id, admission.status.value, self.now)
        if task.idempotency_key is not None and task.request_hash is not None:
            self.seen[task.account_id, task.idempotency_key] = (task.request_hash, accepted)
        return accepted

    def arguments(self) -> tuple[Any, ...]:
        """The columns of everything this batch writes, in the order of the statement's parameters."""
        tasks = [task for task, _ in self.admitted]
        admissions = [admission for _, admission in self.admitted]
        keyed = [(t, a) for t, a in self.admitted if t.idempotency_key is not None]
        touched = [self.accounts[id_] for id_ in {task.account_id for task in tasks}]
        entries = [
            (task.id, seq, task.account_id, part.grant_id, part.units)
            for task, admission in self.admitted
            for seq, part in enumerate(admission.allocations)
        ]
        spent = {part.grant_id for admission in admissions for part in admission.allocations}
        grants = [grant for account in touched for grant in account.grants if grant.id in spent]
        lanes = [(a.account_id, family, running) for a in touched for family, running in a.lanes.items()]
        return (
            *_task_columns(tasks, admissions),
            self.now,
            [_array(part.grant_id for part in admission.allocations) for admission in admissions],
            [_array(part.units for part in admission.allocations) for admission in admissions],
            *columns(entries, 5),
            *columns(
                [(t.account_id, t.idempotency_key, t.request_hash, t.id, a.status.value) for t, a in keyed], 5
            ),
            *columns([(grant.id, grant.remaining) for grant in grants], 2),
            *columns([(cap.key_id, cap.used, cap.window_start) for cap in self.caps.values()], 3),
            *columns(lanes, 3),
            *columns([(a.account_id, a.held_added, a.running, a.last_rank) for a in touched], 4),
            list({task.queue for task, admission in self.admitted if admission.status is Status.PENDING}),
        )

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
        kind, account_id, id_, name, units = (
            row["kind"],
            row["account_id"],
            row["id"],
            row["name"],
            row["units"],
        )
        if kind == "lane":
            self.accounts[account_id].lanes[name] = units
        elif kind == "grant":
            self.accounts[account_id].grants.append(Grant(id_, name, units, row["at"], row["created_at"]))
        elif kind == "cap":
            self.caps[id_] = KeyCap(id_, units, name, row["at"], row["used"])
        elif kind == "clock":
            self.clocks[name] = units
        else:
            accepted = Accepted(id_, row["hash"][32:].decode(), row["at"])
            self.seen[account_id, name] = (row["hash"][:32], accepted)


def _task_columns(tasks: list[NewTask], admissions: list[Admission]) -> tuple[list[Any], ...]:
    return (
        [t.id for t in tasks],
        [t.account_id for t in tasks],
        [t.key_id for t in tasks],
        [t.parent_id for t in tasks],
        [t.model for t in tasks],
        [t.task_type for t in tasks],
        [t.family for t in tasks],
        [t.queue for t in tasks],
        [a.status.value for a in admissions],
        [t.priority for t in tasks],
        [a.rank for a in admissions],
        [t.input for t in tasks],
        [t.metadata for t in tasks],
        [t.webhook for t in tasks],
        [t.price for t in tasks],
        [t.units for t in tasks],
        [t.deadline_s for t in tasks],
    )


def _array(values: Any) -> str:
    """A PostgreSQL array literal of numbers or ids, since arrays of unequal arrays cannot be sent."""
    return "{" + ",".join(map(str, values)) + "}"
