"""What came of proving the ledger, so that a page tells it without reading every entry again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from vermilion.storage.database import Database


class Sum(msgspec.Struct, frozen=True):
    """Everything of a kind that ever moved from one account of the books to another."""

    kind: str
    source: str
    target: str
    entries: int
    units: int


class Difference(msgspec.Struct, frozen=True):
    """A balance that does not follow from its entries."""

    what: str
    subject: str
    stored: int
    computed: int


class Proof(msgspec.Struct, frozen=True):
    """How the ledger stood at a time."""

    entries: int
    differences: list[Difference]
    sums: list[Sum]
    at: datetime


KEEP = "INSERT INTO ledger_proofs (id, entries, differences, sums) VALUES ($1, $2, $3, $4) RETURNING at"

# The newest proof.
READ_NEWEST = "SELECT entries, differences, sums, at FROM ledger_proofs ORDER BY id DESC LIMIT 1"


async def keep(
    database: Database, id_: UUID, *, entries: int, differences: Sequence[Any], sums: Sequence[Any]
) -> Proof:
    """Keep what was found."""
    found = msgspec.convert(list(differences), list[Difference], strict=False)
    moved = [Sum(*row) for row in sums]
    texts = (msgspec.json.encode(found).decode(), msgspec.json.encode(moved).decode())
    return Proof(entries, found, moved, await database.fetchval(KEEP, id_, entries, *texts))


async def read_newest(database: Database) -> Proof | None:
    """The newest proof, if the ledger was ever proved."""
    row = await database.fetchrow(READ_NEWEST)
    if row is None:
        return None
    differences = msgspec.json.decode(row["differences"], type=list[Difference])
    return Proof(row["entries"], differences, msgspec.json.decode(row["sums"], type=list[Sum]), row["at"])
