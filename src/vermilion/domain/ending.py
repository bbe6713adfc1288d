"""What is to be written when a task ends."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from vermilion.domain.tasks import ACTIVE, Status


class NewAsset(msgspec.Struct, frozen=True):
    """A stored output file, about to become a row."""

    id: UUID
    sha256: bytes
    thumb_sha256: bytes | None
    content_type: str
    size_bytes: int
    width: int | None
    height: int | None
    duration_s: float | None
    expires_at: datetime


class Ending(msgspec.Struct, frozen=True):
    """How a task is to end, and the states from which it may.

    `captured` None takes the whole hold on success, and nothing of it otherwise.
    """

    task_id: UUID
    status: Status
    expected: frozenset[str] = ACTIVE
    node_id: UUID | None = None
    captured: int | None = None
    output: str | None = None
    error: str | None = None
    provider_facts: str | None = None
    assets: tuple[NewAsset, ...] = ()
