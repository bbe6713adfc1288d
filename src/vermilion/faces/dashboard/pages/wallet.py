"""The account's money: what can be spent, what is held and by what, what expires next, and every entry."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from starlette.responses import Response, StreamingResponse

from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.visit import Visit
from vermilion.services.statement import entry_cursor, parse_entry_cursor
from vermilion.storage import ledger

PAGE = 50
CSV_PAGE = 1_000
CSV_COLUMNS = ("at", "kind", "reference", "grant", "available_units", "held_units", "reason")
WORDS = {
    "grant": "Added",
    "hold": "Held for a task",
    "capture": "Charged for a task",
    "release": "Given back",
    "expire": "Expired",
    "adjust": "Adjusted",
}


@dataclass(frozen=True, slots=True)
class ShownEntry:
    """One entry with what it does to the two figures that a customer sees; a capture moves only what is held."""

    at: datetime
    kind: str
    word: str
    ref_id: UUID
    grant_id: UUID
    available: int
    held: int
    reason: str | None

    @property
    def task_path(self) -> str | None:
        """The page of the task that moved the money, if one did."""
        return f"/tasks/{self.ref_id}" if self.kind in ("hold", "capture", "release") else None


async def show(visit: Visit) -> Response:
    """The wallet and a page of its statement."""
    wallet = await ledger.read_wallet(visit.gateway.database, visit.account_id)
    before = parse_entry_cursor(visit.query("before") or None)
    rows = await ledger.read_entries(visit.gateway.database, visit.account_id, before=before, limit=PAGE + 1)
    return await page(
        visit,
        "pages/wallet.html",
        title="Wallet",
        wallet=wallet,
        expires_next=next((grant for grant in wallet.grants if grant.expires_at and grant.remaining), None),
        entries=[shown_entry(row) for row in rows[:PAGE]],
        older=f"/wallet?before={entry_cursor(rows[PAGE - 1])}" if len(rows) > PAGE else "",
        newest="/wallet" if before else "",
    )


async def statement(visit: Visit) -> Response:
    """Every entry as CSV, newest first, sent as it is read."""
    headers = {"content-disposition": 'attachment; filename="statement.csv"', "cache-control": "no-store"}
    return StreamingResponse(_csv(visit), media_type="text/csv; charset=utf-8", headers=headers)


def shown_entry(row: Any) -> ShownEntry:
    """An entry as a customer reads it."""
    return ShownEntry(
        at=row["at"],
        kind=row["kind"],
        word=WORDS[row["kind"]],
        ref_id=row["ref_id"],
        grant_id=row["grant_id"],
        available=_moved(row, "grant"),
        held=_moved(row, "held"),
        reason=row["reason"],
    )


def _moved(row: Any, account: str) -> int:
    way = int(row["target"] == account) - int(row["source"] == account)
    return int(row["units"]) * way


async def _csv(visit: Visit) -> AsyncIterator[str]:
    yield _lines([CSV_COLUMNS])
    before = None
    while True:
        rows = await ledger.read_entries(
            visit.gateway.database, visit.account_id, before=before, limit=CSV_PAGE
        )
        if rows:
            yield _lines(_csv_row(shown_entry(row)) for row in rows)
            before = parse_entry_cursor(entry_cursor(rows[-1]))
        if len(rows) < CSV_PAGE:
            return


def _csv_row(entry: ShownEntry) -> tuple[object, ...]:
    """A reason that begins like a formula is quoted, so that no spreadsheet runs it."""
    reason = entry.reason or ""
    safe = f"'{reason}" if reason[:1] in ("=", "+", "-", "@", "\t", "\r") else reason
    return (entry.at.isoformat(), entry.kind, entry.ref_id, entry.grant_id, entry.available, entry.held, safe)


def _lines(rows: Iterable[tuple[object, ...]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()
