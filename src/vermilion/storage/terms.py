"""The operator's terms for offers as rows: each publication is one, and none is ever changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from vermilion.errors import Conflict
from vermilion.storage.database import Database

COLUMNS = "model, task_type, number, terms, reason, actor_id, from_at, at"


class TermsRow(msgspec.Struct, frozen=True):
    """One publication for one offer; `terms` is JSON."""

    model: str
    task_type: str
    number: int
    terms: str
    reason: str
    actor_id: UUID
    from_at: datetime
    at: datetime


# The terms that hold now, one row an offer.
READ_IN_EFFECT = f"""
SELECT DISTINCT ON (model, task_type) {COLUMNS} FROM terms WHERE from_at <= now()
ORDER BY model, task_type, number DESC
"""

# The routes that offers ever had beside the catalogue's.
READ_ROUTES = """
SELECT DISTINCT model, task_type, terms -> 'routes' AS routes FROM terms WHERE terms ? 'routes'
"""

# What was published for an offer, newest first.
READ_VERSIONS = f"""
SELECT {COLUMNS} FROM terms WHERE model = $1 AND task_type = $2 AND ($3::int IS NULL OR number < $3)
ORDER BY number DESC LIMIT $4
"""

# Every rule that an offer was ever priced by, newest first.
READ_PRICES = """
SELECT terms -> 'price' AS price FROM terms WHERE model = $1 AND task_type = $2 AND terms ? 'price' ORDER BY number DESC
"""

# The newest publication of each offer that has one.
READ_NEWEST = f"""
SELECT DISTINCT ON (model, task_type) {COLUMNS} FROM terms ORDER BY model, task_type, number DESC
"""

# Publish, and wake every node.
PUBLISH = f"""
INSERT INTO terms (model, task_type, number, terms, reason, actor_id, from_at)
VALUES ($1, $2, $3, $4, $5, $6, coalesce($7::timestamptz, now()))
RETURNING {COLUMNS}, pg_notify('vermilion_terms', '')
"""

# What the newest completed tasks of an offer asked for and were charged, among the newest of everybody's.
READ_RECENT_INPUTS = """
SELECT input, charged FROM (SELECT model, task_type, status, input, charged FROM tasks ORDER BY id DESC LIMIT $3) newest
WHERE model = $1 AND task_type = $2 AND status = 'completed' LIMIT $4
"""


async def read_in_effect(database: Database) -> list[TermsRow]:
    """The terms that hold now."""
    return _rows(await database.fetch(READ_IN_EFFECT))


async def read_newest(database: Database) -> list[TermsRow]:
    """The newest publication of each offer, whether its time has come or not."""
    return _rows(await database.fetch(READ_NEWEST))


async def read_routes(database: Database) -> dict[tuple[str, str], list[tuple[str, ...]]]:
    """The routes that were ever published, by offer."""
    found: dict[tuple[str, str], list[tuple[str, ...]]] = {}
    for row in await database.fetch(READ_ROUTES):
        routes = msgspec.json.decode(row["routes"], type=tuple[str, ...])
        found.setdefault((row["model"], row["task_type"]), []).append(routes)
    return found


async def read_versions(
    database: Database, model: str, task_type: str, *, before: int | None = None, limit: int
) -> list[TermsRow]:
    """A page of an offer's publications, newest first."""
    return _rows(await database.fetch(READ_VERSIONS, model, task_type, before, limit))


async def read_prices(database: Database, model: str, task_type: str) -> list[str]:
    """Every price rule of an offer's publications as JSON, newest first."""
    return [row["price"] for row in await database.fetch(READ_PRICES, model, task_type)]


async def publish(
    database: Database,
    model: str,
    task_type: str,
    *,
    number: int,
    terms: str,
    reason: str,
    actor_id: UUID,
    from_at: datetime | None,
) -> TermsRow:
    """A new publication. Raises Conflict if there is one of this number already."""
    try:
        row = await database.fetchrow(PUBLISH, model, task_type, number, terms, reason, actor_id, from_at)
    except asyncpg.UniqueViolationError as taken:
        raise Conflict(
            f"Somebody else published version {number} of {model} {task_type} meanwhile; look at it and try again."
        ) from taken
    assert row is not None  # INSERT … RETURNING always answers
    return TermsRow(*tuple(row)[:-1])


async def read_recent_inputs(
    database: Database, model: str, task_type: str, *, among: int, limit: int
) -> list[Any]:
    """(input as JSON, charged units) of an offer's newest completed tasks."""
    return await database.fetch(READ_RECENT_INPUTS, model, task_type, among, limit)


def _rows(records: Sequence[Any]) -> list[TermsRow]:
    return [TermsRow(*record) for record in records]
