"""Accepting tasks: row, hold, entries, place in the queue and idempotency record in one commit for a whole batch.

A batch is read, decided and written without locks in between: the write names the version of each wallet that was
read, and leaves out the accounts whose wallet has changed. Those are decided again under locks.
So a batch costs two round trips, and whoever changes what admission reads must write the account's wallet row.
Where batches follow each other without a pause, one goes on from what the one before leaves, and costs one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from vermilion import faults
from vermilion.domain.submission import Accepted, NewTask
from vermilion.storage import budgets
from vermilion.storage.database import Database, retry_conflicts
from vermilion.storage.submission_ledger import SubmissionLedger
from vermilion.storage.submission_memory import SubmissionMemory
from vermilion.storage.tellings import tell_step
from vermilion.storage.wallet_locks import lock_wallets

Results = list[Accepted | Exception]


async def accept(
    database: Database, batch: list[NewTask], memory: SubmissionMemory | None = None
) -> Sequence[Accepted | Exception]:
    """Accept or refuse each submission, in arrival order for each account, all in one commit or two.

    `memory` is what earlier batches of the same caller left.
    """
    memory = memory or SubmissionMemory()
    try:
        results = await retry_conflicts(lambda: _accept_once(database, batch, memory))
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


async def _accept_once(database: Database, batch: list[NewTask], memory: SubmissionMemory) -> Results:
    async with database.connection() as connection:
        ledger = memory.recall(batch) or await _decide(connection, batch)
        stale = await _write(connection, ledger, memory)
    results = ledger.results
    if not stale:
        memory.keep(ledger)
        return results
    memory.rest()
    again = [index for index, task in enumerate(batch) if task.account_id in stale]
    decided = await _accept_locked(database, [batch[index] for index in again], stale)
    for index, result in zip(again, decided, strict=True):
        results[index] = result
    return results


async def _accept_locked(database: Database, batch: list[NewTask], account_ids: set[UUID]) -> Results:
    """The same for accounts whose wallets change all the time."""
    async with database.transaction() as connection:
        await lock_wallets(connection, account_ids)
        ledger = await _decide(connection, batch)
        stale = await _write(connection, ledger)
    assert not stale, "a locked wallet has changed"
    return ledger.results


async def _decide(connection: Any, batch: list[NewTask]) -> SubmissionLedger:
    """A batch that is decided on what is stored now."""
    ledger = await SubmissionLedger.read(connection, batch)
    ledger.take_all(batch)
    return ledger


async def _write(
    connection: Any, ledger: SubmissionLedger, memory: SubmissionMemory | None = None
) -> set[UUID]:
    """The accounts that changed meanwhile and of which nothing was written. `memory` may look ahead meanwhile."""
    if not (ledger.has_tasks or ledger.has_more):
        return set()
    faults.at("accept.before_commit")
    if not ledger.has_more:
        return await _write_tasks(connection, ledger, memory)
    async with connection.transaction():
        stale = await _write_tasks(connection, ledger) if ledger.has_tasks else set()
        await tell_step(connection, "task.staged", ledger.told_staged)
        await budgets.keep(
            connection, ledger.watched(stale), [t for t in ledger.told if t.account_id not in stale]
        )
    return stale


async def _write_tasks(
    connection: Any, ledger: SubmissionLedger, memory: SubmissionMemory | None = None
) -> set[UUID]:
    statement, parameters = ledger.statement()
    if memory is not None:
        memory.begin(ledger)
    rows = await connection.fetch(statement, *parameters)
    ledger.version_written = rows[-1]["version"]
    return {row["account_id"] for row in rows[:-1]}
