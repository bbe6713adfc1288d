"""How an account is told of itself, at one moment and in one statement: for pages that show all of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from vermilion.errors import NotFound
from vermilion.storage.database import Database


class Place(msgspec.Struct, frozen=True):
    """An endpoint, a mailbox or a chat that is switched on."""

    id: UUID
    channel: str
    url: str
    events: list[str] | None
    description: str | None


class Told(msgspec.Struct, frozen=True):
    """A notification; `facts` are those of its type."""

    type: str
    facts: dict[str, Any]
    at: datetime


class NoticeGlance(msgspec.Struct, frozen=True):
    """Whether mail is wanted, the balances (units) below which the account is told, its places, what it was told."""

    email: bool
    low_marks: list[int]
    places: list[Place]
    recent: list[Told]


# All of it; the newest place and the newest notification first.
READ = """
SELECT a.notify_by_email, coalesce(w.low_marks, '{}') AS low_marks,
       (SELECT coalesce(json_agg(p), '[]') FROM (
           SELECT id, channel, url, events, description FROM endpoints
           WHERE account_id = $1 AND state = 'on' ORDER BY id DESC) p) AS places,
       (SELECT coalesce(json_agg(n), '[]') FROM (
           SELECT type, facts, created_at AS at FROM notifications
           WHERE account_id = $1 ORDER BY id DESC LIMIT $2) n) AS recent
FROM accounts a JOIN wallets w ON w.account_id = a.id WHERE a.id = $1
"""


async def read_notice_glance(database: Database, account_id: UUID, *, recent: int) -> NoticeGlance:
    """How the account is told, with that many of its newest notifications. Raises NotFound."""
    row = await database.fetchrow(READ, account_id, recent)
    if row is None:
        raise NotFound("This account does not exist.")
    places = msgspec.json.decode(row["places"], type=list[Place])
    told = msgspec.json.decode(row["recent"], type=list[Told])
    return NoticeGlance(row["notify_by_email"], list(row["low_marks"]), places, told)
