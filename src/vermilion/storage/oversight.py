"""What operators look at first: figures of the whole place, and what a person has to see to."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from vermilion.storage.database import Database
from vermilion.storage.usage_sums import COUNTED, WITHIN, unsummed


class PlaceFigures(msgspec.Struct, frozen=True):
    """Figures since a time; money in units, ages in seconds."""

    accepted: int
    completed: int
    failed_customer: int
    failed_other: int
    spent: int
    staged: int
    pending: int
    processing: int
    oldest_pending_s: float | None
    deliveries_due: int


class AttentionTask(msgspec.Struct, frozen=True):
    """A task of which nobody knows whether its provider took it."""

    id: UUID
    account_id: UUID
    account_name: str
    model: str
    task_type: str
    held: int
    connection: str | None
    created_at: datetime
    deadline_at: datetime


# Figures of the whole place: ends since $1, what is under way now.
READ_FIGURES = f"""
WITH {unsummed("$1::timestamptz", "")}, recent AS (
    SELECT tasks, completed, failed, customer_faults, spent FROM usage_quarters, summed
    WHERE quarter >= first_at AND quarter < until AND NOT EXISTS (
        SELECT FROM unsummed WHERE quarter >= from_at AND quarter < to_at)
    UNION ALL SELECT tasks, completed, failed, customer_faults, spent FROM unsummed CROSS JOIN LATERAL (
        SELECT {COUNTED} FROM tasks
        WHERE {WITHIN.format(from_at="unsummed.from_at", to_at="unsummed.to_at")}) one
)
SELECT coalesce(sum(tasks), 0)::bigint AS accepted, coalesce(sum(completed), 0)::bigint AS completed,
       coalesce(sum(customer_faults), 0)::bigint AS failed_customer,
       coalesce(sum(failed - customer_faults), 0)::bigint AS failed_other,
       coalesce(sum(spent), 0)::bigint AS spent,
       (SELECT count(*) FROM tasks WHERE status = 'staged') AS staged,
       (SELECT count(*) FROM tasks WHERE status = 'pending') AS pending,
       (SELECT count(*) FROM tasks WHERE status = 'processing') AS processing,
       (SELECT extract(epoch FROM now() - min(created_at))::float8 FROM tasks WHERE status = 'pending')
           AS oldest_pending_s,
       (SELECT count(*) FROM deliveries WHERE state = 'due') AS deliveries_due
FROM recent
"""

# Tasks whose submit may or may not have arrived, the oldest first.
READ_UNCONFIRMED = """
SELECT t.id, t.account_id, a.name, t.model, t.task_type, t.held, c.name AS connection, t.created_at, t.deadline_at
FROM tasks t JOIN accounts a ON a.id = t.account_id LEFT JOIN connections c ON c.id = t.connection_id
WHERE t.status = 'processing' AND t.submission = 'unknown' ORDER BY t.id LIMIT $1
"""

# The names of accounts by id, for pages that list what belongs to many.
READ_NAMES = "SELECT id, name FROM accounts WHERE id = ANY($1::uuid[])"

# Accounts by name, e-mail or the beginning of either, newest first, with their money and what they run.
SEARCH_ACCOUNTS = """
SELECT a.id, a.name, a.email, a.role, a.status, a.plan_id, a.created_at, w.held, w.spent, w.running,
       (SELECT coalesce(sum(remaining), 0)::bigint FROM grants g WHERE g.account_id = a.id AND closed_at IS NULL
        AND (expires_at IS NULL OR expires_at > now())) AS available
FROM accounts a JOIN wallets w ON w.account_id = a.id
WHERE ($1 = '' OR a.name ILIKE '%' || $1 || '%' OR a.email ILIKE '%' || $1 || '%') AND ($2::uuid IS NULL OR a.id < $2)
ORDER BY a.id DESC LIMIT $3
"""


async def read_figures(database: Database, since: datetime) -> PlaceFigures:
    """The figures of the whole place."""
    row = await database.fetchrow(READ_FIGURES, since)
    assert row is not None  # an aggregate always answers
    return PlaceFigures(*row)


async def read_unconfirmed(database: Database, limit: int) -> list[AttentionTask]:
    """Tasks that a person has to decide about."""
    return [AttentionTask(*row) for row in await database.fetch(READ_UNCONFIRMED, limit)]


async def read_account_names(database: Database, ids: list[UUID]) -> dict[UUID, str]:
    """Names of accounts by their ids."""
    return {row["id"]: row["name"] for row in await database.fetch(READ_NAMES, list(set(ids)))}


async def search_accounts(database: Database, sought: str, *, before: UUID | None, limit: int) -> list[Any]:
    """A page of accounts whose name or e-mail contains a text, newest first, with their money."""
    escaped = sought.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return await database.fetch(SEARCH_ACCOUNTS, escaped, before, limit)
