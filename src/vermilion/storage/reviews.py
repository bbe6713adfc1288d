"""Findings of the filters as rows, and what people decided about them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from vermilion.errors import NotFound
from vermilion.storage import assets
from vermilion.storage.database import Database

COLUMNS = """
    id, account_id, kind, act, state, task_id, model, task_type, pointer, text, rule, found, asset_id, score, seen,
    decided_by, decided_at, note, created_at, seen_at
"""


class ReviewRow(msgspec.Struct, frozen=True):
    """What a filter found: a text in which `rule` was found spelled as `found`, or a file with a high score."""

    id: UUID
    account_id: UUID
    kind: str
    act: str
    state: str
    task_id: UUID | None
    model: str | None
    task_type: str | None
    pointer: str | None
    text: str | None
    rule: str
    found: str | None
    asset_id: UUID | None
    score: float | None
    seen: int
    decided_by: UUID | None
    decided_at: datetime | None
    note: str | None
    created_at: datetime
    seen_at: datetime


class TextFinding(msgspec.Struct, frozen=True):
    """A text in which a word was found."""

    id: UUID
    account_id: UUID
    act: str
    task_id: UUID | None
    model: str
    task_type: str
    pointer: str
    text: str
    text_hash: bytes
    rule: str
    found: str


class PictureFinding(msgspec.Struct, frozen=True):
    """A file with a high score; one that is not kept has no asset."""

    id: UUID
    account_id: UUID
    act: str
    task_id: UUID | None
    model: str | None
    task_type: str | None
    pointer: str | None
    rule: str
    asset_id: UUID | None
    score: float
    sha256: bytes


# Note a text, or that it was seen again; what was decided about it stays.
NOTE_TEXT = """
INSERT INTO reviews (id, account_id, kind, act, task_id, model, task_type, pointer, text, text_hash, rule, found)
VALUES ($1, $2, 'text', $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (account_id, text_hash) WHERE kind = 'text' DO UPDATE SET
    seen = reviews.seen + 1, seen_at = now(), act = excluded.act, rule = excluded.rule, found = excluded.found,
    task_id = excluded.task_id
"""

# The same for a file, by its bytes.
NOTE_PICTURE = """
INSERT INTO reviews (id, account_id, kind, act, task_id, model, task_type, pointer, rule, asset_id, score, sha256)
VALUES ($1, $2, 'media', $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (account_id, sha256) WHERE kind = 'media' DO UPDATE SET
    seen = reviews.seen + 1, seen_at = now(), act = excluded.act, rule = excluded.rule, score = excluded.score,
    task_id = excluded.task_id, model = excluded.model, task_type = excluded.task_type, pointer = excluded.pointer,
    asset_id = coalesce(excluded.asset_id, reviews.asset_id)
"""

READ_PAGE = f"""
SELECT {COLUMNS} FROM reviews
WHERE ($1::text IS NULL OR state = $1) AND ($2::uuid IS NULL OR account_id = $2) AND ($3::uuid IS NULL OR id < $3)
ORDER BY id DESC LIMIT $4
"""

DECIDE = f"""
UPDATE reviews SET state = $2, decided_by = $3, decided_at = now(), note = $4 WHERE id = $1 RETURNING {COLUMNS}
"""

# Findings that nobody looked at in time, and decisions about texts that never came again.
FORGET_OLD = """
DELETE FROM reviews WHERE id IN (
    SELECT id FROM reviews WHERE seen_at < now() - $1 * interval '1 day' ORDER BY seen_at LIMIT 5000)
"""


async def note_text(database: Database, finding: TextFinding) -> None:
    """Write a finding down for the queue."""
    await database.execute(NOTE_TEXT, *msgspec.structs.astuple(finding))


async def note_picture(database: Database, finding: PictureFinding) -> None:
    """The same for a file."""
    await database.execute(NOTE_PICTURE, *msgspec.structs.astuple(finding))


async def picture_decision(database: Database, account_id: UUID, sha256: bytes) -> str | None:
    """What was decided about these bytes of this account: approved, denied, or None."""
    state: str | None = await database.fetchval(
        "SELECT state FROM reviews WHERE account_id = $1 AND sha256 = $2 AND kind = 'media' AND state <> 'open'",
        account_id,
        sha256,
    )
    return state


async def decision_of(database: Database, account_id: UUID, text_hash: bytes) -> str | None:
    """What was decided about this text of this account: approved, denied, or None."""
    state: str | None = await database.fetchval(
        "SELECT state FROM reviews WHERE account_id = $1 AND text_hash = $2 AND kind = 'text' AND state <> 'open'",
        account_id,
        text_hash,
    )
    return state


async def read_page(
    database: Database, *, state: str | None, account_id: UUID | None, before: UUID | None, limit: int
) -> list[ReviewRow]:
    """A page of findings, newest first."""
    rows = await database.fetch(READ_PAGE, state, account_id, before, limit)
    return [ReviewRow(*row) for row in rows]


async def decide(
    database: Database, review_id: UUID, *, state: str, actor_id: UUID, note: str | None
) -> ReviewRow:
    """Approve or deny, which takes a file away; a decision can be changed. Raises NotFound."""
    async with database.transaction() as connection:
        row = await connection.fetchrow(DECIDE, review_id, state, actor_id, note)
        if row is None:
            raise NotFound("There is no such review.")
        if row["kind"] == "media" and state == "denied":
            await assets.delete_denied(connection, review_id)
    return ReviewRow(*row)


async def forget_old(database: Database, kept_days: int) -> None:
    """Delete findings that were last seen more than `kept_days` ago."""
    await database.execute(FORGET_OLD, kept_days)
