"""What a plan does about tasks that fail by the customer's own fault: nothing, unless it names how many a day."""

from __future__ import annotations

from uuid import UUID

from vermilion.errors import TooManyErrors
from vermilion.services.gateway import Gateway
from vermilion.storage import error_days
from vermilion.storage.accounts import Bearer
from vermilion.storage.idempotency import is_known


async def check_errors(gateway: Gateway, bearer: Bearer, *, idempotency_key: str | None) -> None:
    """Raises TooManyErrors for the rest of the day once the plan's number is reached. Repeats are still answered."""
    if bearer.plan.error_tasks_max is None or bearer.plan.error_penalty != "block":
        return
    count = await error_days.read(gateway.database, bearer.account.id)
    if not count.is_over:
        return
    if idempotency_key is not None and await is_known(gateway.database, bearer.account.id, idempotency_key):
        return
    raise TooManyErrors(errors_today=count.tasks, retry_after_s=count.day_left_s)


async def note_error(gateway: Gateway, bearer: Bearer) -> None:
    """Count a submission that was refused for its content; failed tasks are counted where they end."""
    if bearer.plan.error_tasks_max is not None:
        await error_days.add(gateway.database, bearer.account.id)


async def is_charged(gateway: Gateway, account_id: UUID) -> bool:
    """Whether a task that failed by the customer's fault is charged all the same."""
    count = await error_days.read(gateway.database, account_id)
    return count.penalty == "charge" and count.is_over
