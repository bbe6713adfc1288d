"""A checked and priced task on its way to being accepted, and what becomes of it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from vermilion.domain.notifications import Notification


class NewTask(msgspec.Struct, frozen=True):
    """A checked and priced submission. JSON fields are text."""

    id: UUID
    account_id: UUID
    key_id: UUID | None
    key_capped: bool
    parent_id: UUID | None
    model: str
    task_type: str
    family: str
    queue: str
    priority: int
    units: int
    input: str
    metadata: str | None
    webhook: str | None
    price: str
    deadline_s: float
    idempotency_key: str | None = None
    request_hash: bytes | None = None
    wire: str | None = None
    service_mode: str = "public"
    told: Notification | None = None  #: what the account hears if it is accepted


class Accepted(msgspec.Struct, frozen=True):
    """What became of a submission; a replay names the task that the first one made."""

    task_id: UUID
    status: str
    created_at: datetime
    replayed: bool = False
