"""Notifications as rows, written with their deliveries in the transaction that caused them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.notifications import Notification, is_mailable
from vermilion.domain.webhooks import lane_of, wanted
from vermilion.ids import new_id
from vermilion.storage.database import Database
from vermilion.storage.tellings import Listener, insert_due, read_listeners, to_listener

# Keep notifications; what was to be said once and was said already is left out. No account means every operator.
INSERT = """
INSERT INTO notifications (id, account_id, type, facts, once)
SELECT n.id, a.id, n.type, n.facts, n.once
FROM json_to_recordset($1::json) AS n (id uuid, account_id uuid, type text, facts json, once text)
CROSS JOIN LATERAL (SELECT id FROM accounts WHERE id = n.account_id) a
ON CONFLICT (account_id, once) WHERE once IS NOT NULL DO NOTHING
RETURNING id, account_id, type
"""
READ_OPERATORS = "SELECT id FROM accounts WHERE role = 'operator' AND status = 'active'"

# The mailboxes of accounts that want to be told there.
READ_MAILBOXES = "SELECT id, email FROM accounts WHERE id = ANY($1::uuid[]) AND notify_by_email"


class NotificationRow(msgspec.Struct, frozen=True):
    """Something that an account should know."""

    id: UUID
    type: str
    facts: str
    created_at: datetime


async def notify(connection: Any, told: Sequence[Notification]) -> int:
    """Write notifications and their deliveries to the accounts' channels; answers how many were new."""
    operators: list[UUID] = []
    if any(one.account_id is None for one in told):
        operators = [row["id"] for row in await connection.fetch(READ_OPERATORS)]
    rows = [
        {
            "id": new_id(),
            "account_id": account_id,
            "type": one.type,
            "facts": one.facts,
            "once": one.once,
        }
        for one in told
        for account_id in ([one.account_id] if one.account_id is not None else operators)
    ]
    if not rows:
        return 0
    kept = await connection.fetch(INSERT, msgspec.json.encode(rows).decode())
    await insert_due(connection, await _deliveries(connection, kept))
    return len(kept)


async def notify_now(database: Database, *told: Notification) -> int:
    """The same in a transaction of its own."""
    async with database.transaction() as connection:
        return await notify(connection, told)


async def tell_one(database: Database, told: Notification, endpoint: Listener) -> UUID:
    """Keep a notification and tell this endpoint alone, whatever it asked for; answers the delivery's id."""
    notification_id = new_id()
    row = {"id": notification_id, "account_id": told.account_id, "type": told.type, "facts": told.facts}
    async with database.transaction() as connection:
        await connection.fetch(INSERT, msgspec.json.encode([row]).decode())
        due = to_listener(endpoint, told.type, notification_id=notification_id)
        await insert_due(connection, [due])
    id_: UUID = due["id"]
    return id_


async def read_page(
    database: Database, account_id: UUID, *, before: UUID | None, limit: int
) -> list[NotificationRow]:
    """A page of an account's notifications, the newest first."""
    rows = await database.fetch(
        "SELECT id, type, facts, created_at FROM notifications WHERE account_id = $1 "
        "AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        account_id,
        before,
        limit,
    )
    return [NotificationRow(*row) for row in rows]


async def delete_old(database: Database, before_id: UUID) -> None:
    """Forget notifications with smaller ids."""
    await database.execute("DELETE FROM notifications WHERE id < $1", before_id)


async def reads_mail(database: Database, account_id: UUID) -> bool:
    """Whether notifications are also sent to the account's e-mail address."""
    return bool(await database.fetchval("SELECT notify_by_email FROM accounts WHERE id = $1", account_id))


async def set_reads_mail(database: Database, account_id: UUID, wanted: bool) -> None:
    """Send notifications to the account's e-mail address too, or no longer."""
    await database.execute("UPDATE accounts SET notify_by_email = $2 WHERE id = $1", account_id, wanted)


async def _deliveries(connection: Any, kept: Sequence[Any]) -> list[dict[str, Any]]:
    account_ids = {row["account_id"] for row in kept}
    if not account_ids:
        return []
    listeners = await read_listeners(connection, account_ids)
    mailboxes = {row["id"]: row["email"] for row in await connection.fetch(READ_MAILBOXES, list(account_ids))}
    due = []
    for row in kept:
        due += [
            to_listener(listener, row["type"], notification_id=row["id"])
            for listener in listeners.get(row["account_id"], ())
            if wanted(listener.events, row["type"])
        ]
        if is_mailable(mailbox := mailboxes.get(row["account_id"], "")):
            due.append(_to_mailbox(row, mailbox))
    return due


def _to_mailbox(row: Any, mailbox: str) -> dict[str, Any]:
    url = f"mailto:{mailbox}"
    return {
        "id": new_id(),
        "account_id": row["account_id"],
        "notification_id": row["id"],
        "lane": lane_of(row["account_id"], url),
        "channel": "email",
        "event": row["type"],
        "url": url,
        "face": "native",
    }
