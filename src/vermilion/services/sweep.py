"""What has to happen because time passes: deadlines, expiry, retention, forgotten idempotency records."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from vermilion.domain.tasks import Submission
from vermilion.services.finish_task import overdue_task
from vermilion.services.gateway import Gateway
from vermilion.services.release_bytes import release_bytes
from vermilion.services.renew_quota import renew_quota
from vermilion.storage import (
    assets,
    deliveries,
    error_days,
    flights,
    idempotency,
    ledger,
    members,
    notifications,
    resumable_uploads,
    reviews,
    tries,
    usage_sums,
)
from vermilion.storage.tasks import first_id

BATCH = 500
DELIVERIES_BATCH = 5_000
FATE_UNKNOWN = (Submission.SENDING, Submission.UNKNOWN)
IDEMPOTENCY_KEPT_DAYS = 7
REVIEWS_KEPT_DAYS = 365
TRIES_KEPT_DAYS = 90


async def end_overdue(gateway: Gateway) -> int:
    """End every task whose deadline has passed and release its hold; answers how many were ended."""
    overdue = await flights.read_overdue(gateway.database, BATCH)
    ended = await asyncio.gather(
        *(overdue_task(gateway, row["id"], unknown=row["submission"] in FATE_UNKNOWN) for row in overdue)
    )
    return sum(ended)


async def expire_money(gateway: Gateway) -> None:
    """Expire grants, then start new quota periods, so that an old quota never lives beside its successor."""
    await ledger.expire_grants(gateway.database)
    await renew_quota(gateway)
    await ledger.close_spent(gateway.database)


async def delete_old_media(gateway: Gateway) -> int:
    """Delete files whose retention is over, and bytes that nobody needs; answers how many files."""
    gone = await assets.delete_due(gateway.database, BATCH)
    await resumable_uploads.forget_expired(gateway.database)
    await release_bytes(gateway)
    return gone


async def forget_deliveries(gateway: Gateway) -> int:
    """Forget old deliveries that are over, with their attempts, and old notifications; answers how many deliveries."""
    before = first_id(datetime.now(UTC) - timedelta(days=gateway.settings.deliveries_kept_days), timedelta())
    assert before is not None  # there is a time
    await notifications.delete_old(gateway.database, before)
    gone = 0
    while (batch := await deliveries.delete_old(gateway.database, before, DELIVERIES_BATCH)) > 0:
        gone += batch
    return gone


async def sum_up_usage(gateway: Gateway) -> None:
    """Sum up the usage of quarters of an hour that are over, and everything that is older and not summed up yet."""
    while await usage_sums.sum_up(gateway.database):
        pass


async def forget_records(gateway: Gateway) -> None:
    """Forget what is older than any use of it: idempotency records, findings, days of errors, sessions and links."""
    await idempotency.forget_old(gateway.database, IDEMPOTENCY_KEPT_DAYS)
    await reviews.forget_old(gateway.database, REVIEWS_KEPT_DAYS)
    await error_days.forget_old(gateway.database)
    await members.sweep(gateway.database)
    await tries.forget_old(gateway.database, TRIES_KEPT_DAYS)
