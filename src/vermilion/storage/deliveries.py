"""Webhook deliveries as rows: taken lane by lane, tried, noted, and given back for a replay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from vermilion import faults
from vermilion.storage.database import Database

COLUMNS = """
    id, account_id, task_id, endpoint_id, notification_id, channel, event, url, face, secret, state, attempts, spent,
    next_attempt_at, last_status, last_error, created_at
"""
TAKEN_COLUMNS = ", ".join(f"deliveries.{column.strip()}" for column in COLUMNS.split(","))


class DeliveryRow(msgspec.Struct, frozen=True):
    """One message to one receiver."""

    id: UUID
    account_id: UUID
    task_id: UUID | None
    endpoint_id: UUID | None
    notification_id: UUID | None
    channel: str
    event: str
    url: str
    face: str
    secret: str | None
    state: str
    attempts: int
    spent: int
    next_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None
    created_at: datetime


class DueDelivery(DeliveryRow, frozen=True):
    """A delivery taken for one try, with its endpoint as it is now and what its notification says."""

    lane: UUID
    endpoint_on: bool
    endpoint_url: str | None
    secret_version: int
    secret_overlaps: bool
    failing_days: float
    facts: str | None


class Attempt(msgspec.Struct, frozen=True):
    """What came of one try; `wait_s` is set if it is to be tried again. Not `tried`: nothing was sent."""

    delivery_id: UUID
    number: int
    state: str
    status: int | None = None
    error: str | None = None
    answer: str | None = None
    latency_ms: int = 0
    wait_s: float | None = None
    endpoint_id: UUID | None = None
    tried: bool = True


class AttemptRow(msgspec.Struct, frozen=True):
    """One try as it was logged."""

    number: int
    at: datetime
    status: int | None
    latency_ms: int
    error: str | None
    answer: str | None


# Take due deliveries of each lane for one try; the time of the next one is set first, so that a crash loses none.
# If the database forgets in a crash of its own that they were taken, they are due: nothing waits for the disk here.
TAKE = f"""
WITH lazily AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true)
), picked AS (
    SELECT next.id FROM lazily, unnest($1::uuid[], $2::int[]) AS asked (lane, room) CROSS JOIN LATERAL (
        SELECT id FROM deliveries
        WHERE state = 'due' AND lane = asked.lane AND next_attempt_at <= now()
        ORDER BY next_attempt_at, id LIMIT asked.room FOR UPDATE SKIP LOCKED) next
), taken AS (
    UPDATE deliveries SET attempts = attempts + 1, next_attempt_at = now() + $3 * interval '1 second'
    FROM picked WHERE deliveries.id = picked.id
    RETURNING {TAKEN_COLUMNS}, deliveries.lane
)
SELECT taken.*, taken.endpoint_id IS NULL OR e.state IS NOT DISTINCT FROM 'on', e.url, coalesce(e.secret_version, 0),
       coalesce(e.secret_overlap_until > now(), false),
       coalesce(extract(epoch FROM now() - e.failing_since) / 86400, 0)::float8, n.facts
FROM taken LEFT JOIN endpoints e ON e.id = taken.endpoint_id LEFT JOIN notifications n ON n.id = taken.notification_id
ORDER BY taken.id
"""

# Every lane with due deliveries, hopping from lane to lane through the index, and how long until the first of each.
FIND_LANES = """
WITH RECURSIVE lanes AS (
    (SELECT lane, next_attempt_at FROM deliveries WHERE state = 'due' ORDER BY lane, next_attempt_at LIMIT 1)
    UNION ALL
    SELECT next.lane, next.next_attempt_at FROM lanes CROSS JOIN LATERAL (
        SELECT lane, next_attempt_at FROM deliveries WHERE state = 'due' AND lane > lanes.lane
        ORDER BY lane, next_attempt_at LIMIT 1) next
)
SELECT lane FROM lanes WHERE next_attempt_at <= now()
"""

# Log a batch of tries and note what became of their deliveries, and since when their endpoints have been failing.
NOTE = """
WITH notes AS MATERIALIZED (
    SELECT * FROM json_to_recordset($1::json) AS n (delivery_id uuid, number smallint, state text, status int,
        error text, answer text, latency_ms int, wait_s float8, endpoint_id uuid, tried boolean)
), logged AS (
    INSERT INTO attempts (delivery_id, number, at, status, latency_ms, error, answer)
    SELECT delivery_id, number, now() - latency_ms * interval '1 millisecond', status, latency_ms, error, answer
    FROM notes WHERE tried ON CONFLICT DO NOTHING
), health AS (
    UPDATE endpoints SET failing_since = CASE WHEN h.well THEN NULL ELSE now() END
    FROM (SELECT endpoint_id, bool_or(state = 'delivered') AS well FROM notes
          WHERE tried AND endpoint_id IS NOT NULL GROUP BY endpoint_id) h
    WHERE endpoints.id = h.endpoint_id AND (failing_since IS NULL) <> h.well
)
UPDATE deliveries SET state = n.state, last_status = n.status, last_error = n.error,
    next_attempt_at = CASE WHEN n.state = 'due' THEN now() + n.wait_s * interval '1 second' END,
    ended_at = CASE WHEN n.state = 'due' THEN NULL ELSE now() END
FROM notes n
WHERE deliveries.id = n.delivery_id AND deliveries.state = 'due'
  AND (deliveries.attempts = n.number OR n.state = 'delivered')
"""

# Give back what was taken and not tried.
GIVE_BACK = """
UPDATE deliveries SET attempts = attempts - 1, next_attempt_at = now() WHERE id = ANY($1::uuid[]) AND state = 'due'
"""

# Forget deliveries that are over and older than a time, with their attempts.
DELETE_OLD = """
WITH old AS (
    DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE id < $1 AND state <> 'due' ORDER BY id LIMIT $2)
    RETURNING id
), attempts_gone AS (
    DELETE FROM attempts USING old WHERE attempts.delivery_id = old.id
)
SELECT count(*) FROM old
"""


#: The state is a part of the statement: only so can an index of one state serve it.
IN_STATE: dict[str | None, str] = {
    None: "",
    **{state: f"AND state = '{state}'" for state in ("due", "delivered", "given_up", "skipped")},
}


async def take(database: Database, rooms: Mapping[UUID, int], *, lease_s: float) -> list[DueDelivery]:
    """Deliveries to try now, oldest first, of each lane as many as it has room for.

    One that is not reported back is due again after `lease_s`.
    """
    rows = await database.fetch(TAKE, list(rooms), list(rooms.values()), lease_s)
    if rows:
        faults.at("deliver.taken")
    return [DueDelivery(*row) for row in rows]


async def find_lanes(database: Database) -> list[UUID]:
    """The lanes that have something due now."""
    return [row["lane"] for row in await database.fetch(FIND_LANES)]


async def note(database: Database, attempts: Sequence[Attempt]) -> Sequence[bool | Exception]:
    """Keep the results of tries: delivered, given up, skipped, or due again after a wait."""
    await database.execute(NOTE, msgspec.json.encode(attempts).decode())
    return [True] * len(attempts)


async def give_back(database: Database, delivery_ids: Sequence[UUID]) -> None:
    """Let others try what was taken here and not sent."""
    await database.execute(GIVE_BACK, list(delivery_ids))


async def read_page(
    database: Database,
    account_id: UUID,
    *,
    task_id: UUID | None,
    endpoint_id: UUID | None = None,
    state: str | None = None,
    before: UUID | None,
    limit: int,
) -> list[DeliveryRow]:
    """A page of an account's deliveries, newest first."""
    arguments: list[object] = [account_id, limit]
    narrowed = IN_STATE[
        state
    ]  # only what is asked for is in the statement: the rest would mislead the planner
    for column, value in (("task_id =", task_id), ("endpoint_id =", endpoint_id), ("id <", before)):
        if value is not None:
            arguments.append(value)
            narrowed += f" AND {column} ${len(arguments)}"
    rows = await database.fetch(
        f"SELECT {COLUMNS} FROM deliveries WHERE account_id = $1 {narrowed} ORDER BY id DESC LIMIT $2",
        *arguments,
    )
    return [DeliveryRow(*row) for row in rows]


async def read_one(database: Database, delivery_id: UUID, account_id: UUID) -> DeliveryRow | None:
    """One delivery of an account, or None."""
    row = await database.fetchrow(
        f"SELECT {COLUMNS} FROM deliveries WHERE id = $1 AND account_id = $2", delivery_id, account_id
    )
    return DeliveryRow(*row) if row else None


async def find(database: Database, delivery_id: UUID) -> DeliveryRow | None:
    """One delivery of whichever account, or None."""
    row = await database.fetchrow(f"SELECT {COLUMNS} FROM deliveries WHERE id = $1", delivery_id)
    return DeliveryRow(*row) if row else None


# The hosts that do not listen, among the newest deliveries: those of which most was given up first.
READ_TROUBLED_HOSTS = """
SELECT * FROM (
    SELECT split_part(url, '/', 3) AS host, count(*) AS deliveries,
           count(*) FILTER (WHERE state = 'given_up') AS given_up,
           count(*) FILTER (WHERE state = 'due' AND attempts > 0) AS waiting,
           (array_agg(last_error ORDER BY id DESC) FILTER (WHERE last_error IS NOT NULL))[1] AS last_error
    FROM (SELECT id, url, state, attempts, last_error FROM deliveries WHERE channel = 'webhook'
          ORDER BY id DESC LIMIT $1) newest
    GROUP BY 1) hosts
WHERE given_up + waiting > 0 ORDER BY given_up DESC, waiting DESC, host LIMIT $2
"""


async def read_troubled_hosts(database: Database, *, among: int, limit: int) -> list[Any]:
    """(host, deliveries, given_up, waiting, last_error) of hosts that did not listen lately, the worst first."""
    return await database.fetch(READ_TROUBLED_HOSTS, among, limit)


async def read_everybodys(
    database: Database, *, state: str | None, before: UUID | None, limit: int
) -> list[DeliveryRow]:
    """A page of every account's deliveries, newest first."""
    rows = await database.fetch(
        f"SELECT {COLUMNS} FROM deliveries WHERE ($1::uuid IS NULL OR id < $1) {IN_STATE[state]} "
        "ORDER BY id DESC LIMIT $2",
        before,
        limit,
    )
    return [DeliveryRow(*row) for row in rows]


async def read_attempts(database: Database, delivery_id: UUID) -> list[AttemptRow]:
    """Every try of a delivery, in order."""
    rows = await database.fetch(
        "SELECT number, at, status, latency_ms, error, answer FROM attempts WHERE delivery_id = $1 ORDER BY number",
        delivery_id,
    )
    return [AttemptRow(*row) for row in rows]


async def delete_old(database: Database, before_id: UUID, limit: int) -> int:
    """Forget deliveries with smaller ids that are over; answers how many."""
    return int(await database.fetchval(DELETE_OLD, before_id, limit))
