"""Where a page of the statement ends, as text that a client can hand back."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from vermilion.errors import InvalidRequest

EntryPlace = tuple[datetime, UUID, str, int]


def entry_cursor(row: Any) -> str:
    """The place of an entry in its statement."""
    parts = (row["at"].isoformat(), str(row["ref_id"]), row["kind"], row["seq"])
    return base64.urlsafe_b64encode(msgspec.json.encode(parts)).decode()


def parse_entry_cursor(cursor: str | None) -> EntryPlace | None:
    """The place that a cursor names. Raises InvalidRequest for one that was not made here."""
    if cursor is None:
        return None
    try:
        parts: EntryPlace = msgspec.json.decode(base64.urlsafe_b64decode(cursor), type=EntryPlace)
    except (ValueError, msgspec.DecodeError):
        raise InvalidRequest("This cursor was not made here; start again without one.") from None
    if parts[0].tzinfo is None or not 0 <= parts[3] < 2**15 or "\0" in parts[2]:
        raise InvalidRequest("This cursor was not made here; start again without one.")
    return parts
