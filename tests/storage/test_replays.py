"""Deliveries that are made due again, as rows."""

from __future__ import annotations

from uuid import UUID, uuid4

import uuid_utils.compat as uuids

from vermilion.storage import replays
from vermilion.storage.database import Database

GIVEN_UP = """
INSERT INTO deliveries (id, account_id, event, url, state, endpoint_id, channel, face, lane)
VALUES ($1, $2, 'task.completed', 'http://x/', 'given_up', $3, 'webhook', 'native', $3)
"""
TRIED = "INSERT INTO attempts (delivery_id, number, at, latency_ms) VALUES ($1, 1, now(), 5)"


async def test_only_what_was_never_tried_counts_as_missed(database: Database) -> None:
    """Of deliveries that were given up, those without a try, and only the endpoint's own."""
    account_id, endpoint_id, other_id = uuid4(), uuid4(), uuid4()
    untried, tried, others = (uuids.uuid7() for _ in range(3))
    for delivery_id, to in ((untried, endpoint_id), (tried, endpoint_id), (others, other_id)):
        await database.execute(GIVEN_UP, delivery_id, account_id, to)
    await database.execute(TRIED, tried)

    async def replay() -> int:
        return await replays.replay_untried(
            database, account_id, endpoint_id, first_id=UUID(int=0), end_id=None, limit=10
        )

    assert (1, 0) == (await replay(), await replay())
    assert [untried] == [
        row["id"] for row in await database.fetch("SELECT id FROM deliveries WHERE state = 'due'")
    ]
