"""Keep what came of a try, and switch an endpoint off that is gone or has been failing for days."""

from __future__ import annotations

from vermilion.services.gateway import Gateway
from vermilion.storage import endpoints
from vermilion.storage.deliveries import Attempt, DueDelivery

GONE = 410
FAILING_DAYS_MAX = 5.0


async def note_attempt(gateway: Gateway, delivery: DueDelivery, attempt: Attempt) -> None:
    """Log the try; the account is told if its endpoint is switched off for it."""
    await gateway.attempts(attempt)
    reason = _off_reason(delivery, attempt)
    if delivery.endpoint_id is not None and reason is not None:
        await endpoints.switch_off(gateway.database, delivery.account_id, delivery.endpoint_id, reason=reason)


def _off_reason(delivery: DueDelivery, attempt: Attempt) -> str | None:
    if not attempt.tried or attempt.state == "delivered":
        return None
    if attempt.status == GONE:
        return "its receiver answered 410 Gone"
    if delivery.failing_days >= FAILING_DAYS_MAX:
        return f"every delivery failed for {FAILING_DAYS_MAX:.0f} days"
    return None
