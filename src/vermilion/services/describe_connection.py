"""What the account behind a connection is and does: asked of its provider now and then, remembered in between."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from vermilion.domain.connections import account_info
from vermilion.errors import RateLimited, UpstreamUnreachable
from vermilion.services.gateway import Gateway
from vermilion.storage import connections, descriptions
from vermilion.storage.connections import ConnectionRow

FRESH = timedelta(minutes=15)  #: how long a description is good enough
REFRESH_AGAIN = timedelta(minutes=1)  #: a provider is asked no more often than this
WAIT_S_MAX = 20.0
LOOK_EVERY_S = 0.1


class Description(msgspec.Struct, frozen=True):
    """What is known of a connection: the provider's facts, the same as twelve texts, and our own counts."""

    described_at: datetime
    facts: dict[str, Any]
    account: dict[str, str]
    waiting: int
    active: int
    concurrency: int


async def describe_connection(gateway: Gateway, row: ConnectionRow, *, refresh: bool = False) -> Description:
    """The description, at most 15 minutes old, or fresh if that is asked for. Raises RateLimited for asking again
    too soon, UpstreamUnreachable if the provider, or the node that serves the connection, does not answer.
    """
    now = datetime.now(UTC)
    if refresh and row.described_at is not None and now - row.described_at < REFRESH_AGAIN:
        left_s = (row.described_at + REFRESH_AGAIN - now).total_seconds()
        raise RateLimited("This connection was described less than a minute ago.", retry_after_s=left_s)
    if refresh or row.described_at is None or now - row.described_at > FRESH:
        row = await _asked(gateway, row)
    return await _told(gateway, row)


async def queue_counts(gateway: Gateway, row: ConnectionRow) -> tuple[int, int]:
    """(waiting, active) tasks of a connection: what it could begin now, and what it does."""
    waiting = await descriptions.count_waiting(gateway.database, row)
    return sum(waiting.values()), row.running


async def _asked(gateway: Gateway, row: ConnectionRow) -> ConnectionRow:
    """The connection once its node has answered."""
    await descriptions.ask(gateway.database, row.id)
    try:
        async with asyncio.timeout(WAIT_S_MAX):
            while True:
                await asyncio.sleep(LOOK_EVERY_S)
                now = await connections.read_one(gateway.database, row.id)
                if now is None or now.describe_asked_at is None:
                    break
    except TimeoutError:
        raise UpstreamUnreachable("No node of this gateway serves this connection now.") from None
    if now is None or now.describe_error is not None:
        raise UpstreamUnreachable(None if now is None else now.describe_error)
    return now


async def _told(gateway: Gateway, row: ConnectionRow) -> Description:
    waiting = await descriptions.count_waiting(gateway.database, row)
    facts: dict[str, Any] = msgspec.json.decode(row.description or "{}")
    options = msgspec.json.decode(row.options)
    done = {
        "job_mode": options.get("job_mode", "fast"),
        "lifetime_usage": row.done,
        "fast_usage": row.done_fast,
        "turbo_usage": row.done_turbo,
        "relaxed_usage": row.done_relax,
        "queued_jobs_fast": waiting.get("fast", 0) + waiting.get("turbo", 0),
        "queued_jobs_relax": waiting.get("relax", 0),
        "running_jobs": row.running,
    }
    assert row.described_at is not None  # it was asked for if it was missing
    return Description(
        described_at=row.described_at,
        facts=facts,
        account=account_info(facts, number=row.number, counted=done),
        waiting=sum(waiting.values()),
        active=row.running,
        concurrency=row.concurrency_max,
    )
