"""Deliveries that are over, made due again."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from vermilion.storage.database import Database

# Let deliveries that are over be tried anew, from the start of their schedule.
REPLAY = """
WITH replayed AS (
    UPDATE deliveries SET state = 'due', spent = attempts, next_attempt_at = now(), ended_at = NULL
    WHERE id IN (SELECT id FROM deliveries WHERE {condition} ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
    RETURNING id, lane
), woken AS (
    SELECT pg_notify('vermilion_delivery', lane)
    FROM (SELECT DISTINCT replace(lane::text, '-', '') FROM replayed) l (lane)
)
SELECT (SELECT count(*) FROM replayed) + 0 * (SELECT count(*) FROM woken)
"""
REPLAY_ONE = REPLAY.format(condition="id = $2 AND account_id = $3 AND state <> 'due'")
REPLAY_RANGE = REPLAY.format(
    condition="account_id = $2 AND ($3::uuid IS NULL OR id >= $3) AND ($4::uuid IS NULL OR id < $4) "
    "AND state = ANY($5::text[]) AND ($6::uuid IS NULL OR endpoint_id = $6)"
)

# Those that were given up before anything was sent, as when their endpoint was off when their turn came.
REPLAY_UNTRIED = REPLAY.format(
    condition="account_id = $2 AND ($3::uuid IS NULL OR id >= $3) AND ($4::uuid IS NULL OR id < $4) "
    "AND state = 'given_up' AND endpoint_id = $5 "
    "AND NOT EXISTS (SELECT FROM attempts WHERE delivery_id = deliveries.id)"
)


async def replay_one(database: Database, delivery_id: UUID, account_id: UUID) -> bool:
    """Try a delivery again from the start; False if it is not over, or not there."""
    return bool(await database.fetchval(REPLAY_ONE, 1, delivery_id, account_id))


async def replay_range(
    database: Database,
    account_id: UUID,
    *,
    first_id: UUID | None,
    end_id: UUID | None,
    states: Sequence[str],
    endpoint_id: UUID | None,
    limit: int,
) -> int:
    """Try the deliveries of an account again that were written in a time, at most `limit`; answers how many."""
    range_ = (account_id, first_id, end_id, list(states), endpoint_id)
    return int(await database.fetchval(REPLAY_RANGE, limit, *range_))


async def replay_untried(
    database: Database,
    account_id: UUID,
    endpoint_id: UUID,
    *,
    first_id: UUID | None,
    end_id: UUID | None,
    limit: int,
) -> int:
    """Try for the first time what was written for an endpoint in a time and given up untried; answers how many."""
    return int(await database.fetchval(REPLAY_UNTRIED, limit, account_id, first_id, end_id, endpoint_id))
