"""Endpoints of accounts as rows: where they want to hear of their tasks and of themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.notifications import Notification
from vermilion.errors import Conflict, NotFound
from vermilion.storage.database import Database
from vermilion.storage.notifications import notify

ENDPOINTS_MAX = 20  #: of one account and kind

COLUMNS = """
    id, account_id, channel, face, url, events, description, state, state_reason, secret_version, secret_overlap_until,
    failing_since, created_at
"""


class EndpointRow(msgspec.Struct, frozen=True):
    """An endpoint as stored; its secret is derived, never stored."""

    id: UUID
    account_id: UUID
    channel: str
    face: str
    url: str
    events: list[str] | None
    description: str | None
    state: str
    state_reason: str | None
    secret_version: int
    secret_overlap_until: datetime | None
    failing_since: datetime | None
    created_at: datetime


# What the account's endpoints hear together; whoever ends or accepts its tasks reads it under the wallet's lock.
LOCK_WALLET = "SELECT 1 FROM wallets WHERE account_id = $1 FOR UPDATE"
SUM_UP = """
UPDATE wallets SET hears = (SELECT coalesce(bit_or(hears), 0) FROM endpoints
                            WHERE account_id = $1 AND state = 'on' AND channel = 'webhook') WHERE account_id = $1
"""

COUNT = "SELECT count(*) FROM endpoints WHERE account_id = $1 AND (channel = 'webhook') = ($2 = 'webhook')"
INSERT = f"""
INSERT INTO endpoints (id, account_id, channel, face, url, events, hears, description)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING {COLUMNS}
"""

# Change an endpoint; one that is switched on again starts with a clean slate.
UPDATE = f"""
UPDATE endpoints SET url = $3, events = $4, hears = $5, description = $6, state = $7,
    state_reason = CASE WHEN $7 = 'off' THEN coalesce(state_reason, $8) END,
    failing_since = CASE WHEN $7 = 'on' AND state = 'off' THEN NULL ELSE failing_since END
WHERE id = $1 AND account_id = $2 RETURNING {COLUMNS}
"""

ROTATE = f"""
UPDATE endpoints SET secret_version = secret_version + 1,
    secret_overlap_until = CASE WHEN $3::float8 > 0 THEN now() + $3::float8 * interval '1 second' END
WHERE id = $1 AND account_id = $2 AND channel = 'webhook' RETURNING {COLUMNS}
"""

# Switch an endpoint off, if it is on.
SWITCH_OFF = f"""
UPDATE endpoints SET state = 'off', state_reason = $2 WHERE id = $1 AND state = 'on' RETURNING {COLUMNS}
"""


async def create(
    database: Database,
    endpoint_id: UUID,
    account_id: UUID,
    *,
    channel: str,
    face: str,
    url: str,
    events: list[str] | None,
    hears: int,
    description: str | None,
) -> EndpointRow:
    """A new endpoint. Raises Conflict for an account that has as many as it may."""
    async with database.transaction() as connection:
        await connection.execute(LOCK_WALLET, account_id)
        if await connection.fetchval(COUNT, account_id, channel) >= ENDPOINTS_MAX:
            raise Conflict(f"An account has at most {ENDPOINTS_MAX} of these; remove one first.")
        values = (endpoint_id, account_id, channel, face, url, events, hears, description)
        row = await connection.fetchrow(INSERT, *values)
        await connection.execute(SUM_UP, account_id)
    return EndpointRow(*row)


async def read_all(database: Database, account_id: UUID) -> list[EndpointRow]:
    """Every endpoint of an account, the newest first."""
    rows = await database.fetch(
        f"SELECT {COLUMNS} FROM endpoints WHERE account_id = $1 ORDER BY id DESC", account_id
    )
    return [EndpointRow(*row) for row in rows]


async def read_one(database: Database, endpoint_id: UUID, account_id: UUID) -> EndpointRow:
    """One endpoint of an account. Raises NotFound."""
    return _found(
        await database.fetchrow(
            f"SELECT {COLUMNS} FROM endpoints WHERE id = $1 AND account_id = $2", endpoint_id, account_id
        )
    )


async def change(
    database: Database, row: EndpointRow, *, hears: int, reason: str | None = None
) -> EndpointRow:
    """Keep the row's address, events, description and state. Raises NotFound."""
    async with database.transaction() as connection:
        await connection.execute(LOCK_WALLET, row.account_id)
        values = (row.id, row.account_id, row.url, row.events, hears, row.description, row.state, reason)
        changed = await connection.fetchrow(UPDATE, *values)
        await connection.execute(SUM_UP, row.account_id)
    return _found(changed)


async def rotate(database: Database, endpoint_id: UUID, account_id: UUID, *, overlap_s: float) -> EndpointRow:
    """A new secret; the one before signs too for a while. Raises NotFound."""
    return _found(await database.fetchrow(ROTATE, endpoint_id, account_id, overlap_s))


async def delete(database: Database, endpoint_id: UUID, account_id: UUID) -> EndpointRow:
    """Remove an endpoint; what is still due to it is given up. Raises NotFound."""
    async with database.transaction() as connection:
        await connection.execute(LOCK_WALLET, account_id)
        gone = await connection.fetchrow(
            f"DELETE FROM endpoints WHERE id = $1 AND account_id = $2 RETURNING {COLUMNS}",
            endpoint_id,
            account_id,
        )
        await connection.execute(SUM_UP, account_id)
    return _found(gone)


async def switch_off(database: Database, account_id: UUID, endpoint_id: UUID, *, reason: str) -> None:
    """Switch an endpoint off for what its receiver did, and tell the account through its other channels."""
    async with database.transaction() as connection:
        await connection.execute(LOCK_WALLET, account_id)
        row = await connection.fetchrow(SWITCH_OFF, endpoint_id, reason)
        if row is None:
            return
        await connection.execute(SUM_UP, account_id)
        facts = {"endpoint_id": str(endpoint_id), "url": row["url"], "reason": reason}
        await notify(connection, [Notification("endpoint.disabled", facts, account_id)])


def _found(row: Any | None) -> EndpointRow:
    if row is None:
        raise NotFound("There is no such endpoint.")
    return EndpointRow(*row)
