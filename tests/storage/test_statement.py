"""A statement is read in pages, each as quickly as the first, however many entries share a moment."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import uuid_utils.compat as uuids

from vermilion.storage import ledger
from vermilion.storage.database import Database
from vermilion.storage.ledger import READ_ENTRIES

MOMENTS, TOGETHER = 200, 10
# Ten entries at each of 200 moments.
FILL = f"""
INSERT INTO entries (ref_id, kind, seq, account_id, source, target, grant_id, units, at)
SELECT gen_random_uuid(), 'hold', 0, $1, 'grant', 'held', $1, 1, now() - i / {TOGETHER} * interval '1 second'
FROM generate_series(0, {MOMENTS * TOGETHER - 1}) AS i
"""


async def filled(database: Database) -> UUID:
    """An account's id under which entries lie."""
    account_id: UUID = uuids.uuid7()
    await database.execute(FILL, account_id)
    return account_id


def place(entry: Any) -> tuple[datetime, UUID, str, int]:
    """Where the next page begins after this entry."""
    return entry["at"], entry["ref_id"], entry["kind"], entry["seq"]


async def test_pages_cut_through_moments_show_every_entry_once_and_in_order(database: Database) -> None:
    """Pages of 7 over moments of 10 entries lose none and repeat none."""
    account_id = await filled(database)
    places: list[tuple[datetime, UUID, str, int]] = []
    while page := await ledger.read_entries(
        database, account_id, before=places[-1] if places else None, limit=7
    ):
        places += map(place, page)
    assert len(set(places)) == len(places) == MOMENTS * TOGETHER
    assert places == sorted(places, reverse=True)


async def test_a_page_in_the_middle_does_not_read_what_is_newer(database: Database) -> None:
    """The index begins at the page's moment, with a plan that was made for any page."""
    account_id = await filled(database)
    newest = await ledger.read_entries(database, account_id, before=None, limit=1)
    middle = newest[0]["at"] - timedelta(seconds=MOMENTS / 2)
    async with database.connection() as connection:
        await connection.execute(f"PREPARE page (uuid, timestamptz, uuid, text, int, int) AS {READ_ENTRIES}")
        told = await connection.fetchval(
            f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE page ('{account_id}', '{middle}', '{account_id}', 'hold', 0, 50)"
        )
        await connection.execute("DEALLOCATE page")
    assert 50 <= sum(rows_read(msgspec.json.decode(told)[0]["Plan"])) < 100


def rows_read(node: dict[str, Any]) -> list[float]:
    """What each scan below this node of a plan looked at."""
    below = [rows for child in node.get("Plans", ()) for rows in rows_read(child)]
    scanned = "Scan" in node["Node Type"]
    return below + [node["Actual Rows"] + node.get("Rows Removed by Filter", 0)] * scanned
