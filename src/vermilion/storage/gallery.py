"""Outputs as an account's gallery shows them, and which of them it likes best."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from vermilion.storage.assets import COLUMNS, AssetRow
from vermilion.storage.database import Database
from vermilion.storage.tasks import first_id

_COLUMNS = ", ".join(f"a.{column.strip()}" for column in COLUMNS.split(","))


class OutputRow(msgspec.Struct, frozen=True):
    """A stored output with what its task says of it."""

    asset: AssetRow
    favourite: bool
    model: str
    task_type: str
    input: str


class OutputFilter(msgspec.Struct, frozen=True):
    """What a page of the gallery is narrowed to; `kind` is the first half of a content type."""

    account_id: UUID
    kind: str | None = None
    model: str | None = None
    since: datetime | None = None
    favourites: bool = False


# A page of an account's outputs that are still kept, newest first.
READ_PAGE = f"""
SELECT {_COLUMNS}, a.favourite, t.model, t.task_type, t.input FROM assets a JOIN tasks t ON t.id = a.task_id
WHERE a.account_id = $1 AND a.kind = 'output' AND a.expires_at > now()
  AND ($2::text IS NULL OR split_part(a.content_type, '/', 1) = $2) AND ($3::text IS NULL OR t.model = $3)
  AND ($4::uuid IS NULL OR a.id >= $4) AND ($5 IS FALSE OR a.favourite) AND ($6::uuid IS NULL OR a.id < $6)
ORDER BY a.id DESC LIMIT $7
"""

# Those of these outputs that are the account's and still kept, in the order of their making.
READ_PICKED = f"""
SELECT {COLUMNS} FROM assets
WHERE account_id = $1 AND id = ANY($2::uuid[]) AND kind = 'output' AND expires_at > now() ORDER BY id
"""

# Like these outputs, or no longer.
SET_FAVOURITE = """
UPDATE assets SET favourite = $3 WHERE account_id = $1 AND id = ANY($2::uuid[]) AND kind = 'output'
"""


async def read_page(
    database: Database, wanted: OutputFilter, *, before: UUID | None, limit: int
) -> list[OutputRow]:
    """A page of outputs, newest first, older than `before`."""
    rows = await database.fetch(
        READ_PAGE,
        wanted.account_id,
        wanted.kind,
        wanted.model,
        first_id(wanted.since, timedelta()),
        wanted.favourites,
        before,
        limit,
    )
    return [OutputRow(AssetRow(*tuple(row)[:-4]), *tuple(row)[-4:]) for row in rows]


async def read_picked(database: Database, account_id: UUID, ids: Sequence[UUID]) -> list[AssetRow]:
    """The files among these that the account may have."""
    return [AssetRow(*row) for row in await database.fetch(READ_PICKED, account_id, list(ids))]


async def set_favourite(
    database: Database, account_id: UUID, ids: Sequence[UUID], *, favourite: bool
) -> None:
    """Mark outputs of the account, or take the mark away."""
    await database.execute(SET_FAVOURITE, account_id, list(ids), favourite)
