"""Webhook deliveries as rows, written in the transaction that ended the task."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from vermilion.storage.database import Database

COLUMNS = """
    id, account_id, task_id, event, url, face, secret, state, attempts, next_attempt_at, last_status, last_error,
    created_at
"""


class DeliveryRow(msgspec.Struct, frozen=True):
    """One message to one receiver."""

    id: UUID
    account_id: UUID
    task_id: UUID
    event: str
    url: str
    face: str
    secret: str | None
    state: str
    attempts: int
    next_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None
    created_at: datetime


# Take due deliveries for one try; the time of the next one is set first, so that a crash loses none.
TAKE_DUE = f"""
UPDATE deliveries SET attempts = attempts + 1, next_attempt_at = now() + $2 * interval '1 second'
WHERE id IN (SELECT id FROM deliveries WHERE state = 'due' AND next_attempt_at <= now()
             ORDER BY next_attempt_at LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING {COLUMNS}
"""

# Note how a try went.
NOTE_TRY = """
UPDATE deliveries SET state = $2, last_status = $3, last_error = $4,
    next_attempt_at = CASE WHEN $2 = 'due' THEN now() + $5 * interval '1 second' END,
    ended_at = CASE WHEN $2 = 'due' THEN NULL ELSE now() END
WHERE id = $1 AND state = 'due'
"""


async def take_due(database: Database, *, limit: int, lease_s: float) -> list[DeliveryRow]:
    """Deliveries to try now; one that is not reported back is due again after `lease_s`."""
    return [DeliveryRow(*row) for row in await database.fetch(TAKE_DUE, limit, lease_s)]


async def note_try(
    database: Database,
    delivery_id: UUID,
    *,
    state: str,
    status: int | None,
    error: str | None,
    retry_after_s: float | None = None,
) -> None:
    """Keep the result of a try: `delivered`, `given_up`, or `due` again after `retry_after_s`."""
    await database.execute(NOTE_TRY, delivery_id, state, status, error, retry_after_s)


async def read_page(
    database: Database, account_id: UUID, *, task_id: UUID | None, before: UUID | None, limit: int
) -> list[DeliveryRow]:
    """A page of an account's deliveries, newest first."""
    rows = await database.fetch(
        f"SELECT {COLUMNS} FROM deliveries WHERE account_id = $1 AND ($2::uuid IS NULL OR task_id = $2) "
        "AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4",
        account_id,
        task_id,
        before,
        limit,
    )
    return [DeliveryRow(*row) for row in rows]
