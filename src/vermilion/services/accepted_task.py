"""An accepted task as its first answer tells it."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache

import msgspec

from vermilion.domain.submission import Accepted, NewTask
from vermilion.errors import InvalidRequest
from vermilion.services.gateway import Gateway
from vermilion.storage.tasks import TaskRow


def accepted_row(new: NewTask, accepted: Accepted) -> TaskRow:
    """The task that was accepted just now."""
    return TaskRow(  # by position: by name it takes six times as long
        new.id,
        new.account_id,
        new.key_id,
        new.parent_id,
        new.model,
        new.task_type,
        new.family,
        new.queue,
        accepted.status,
        new.input,
        new.metadata,
        new.webhook,
        new.price,
        new.units,
        accepted.created_at + _seconds(new.deadline_s),
        accepted.created_at,
        new.wire,
        new.service_mode,
    )


@lru_cache(maxsize=1024)
def _seconds(count: float) -> timedelta:
    """Most tasks have their offer's deadline."""
    return timedelta(seconds=count)


async def as_accepted(gateway: Gateway, accepted: Accepted) -> TaskRow:
    """The stored task, told as it was at its acceptance, so that a replay equals the first answer."""
    row = await gateway.reads(accepted.task_id)
    if row is None:
        raise InvalidRequest("The task that this Idempotency-Key made has been deleted; use a new key.")
    return msgspec.structs.replace(
        row,
        status=accepted.status,
        version=1,
        progress=0,
        progress_text=None,
        charged=None,
        output=None,
        error=None,
        submission=None,
        started_at=None,
        ended_at=None,
        queue_position=None,
    )
