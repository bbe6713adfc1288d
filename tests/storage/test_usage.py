"""Usage is the same however much of it is summed up already, and nothing is counted twice or forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import uuid_utils.compat as uuids

from vermilion.storage.database import Database
from vermilion.storage.margins import read_margins
from vermilion.storage.oversight import read_figures
from vermilion.storage.usage import Usage, read_usage
from vermilion.storage.usage_sums import sum_up

pytestmark = pytest.mark.slow
ACCOUNT, OTHER = UUID(int=1), UUID(int=2)
KOLKATA = "Asia/Kolkata"  #: its days begin at half past an hour of UTC
INSERT = """
INSERT INTO tasks (id, account_id, model, task_type, family, queue, status, priority, rank, input, price, held, charged,
                   error, deadline_at, created_at, started_at, ended_at)
SELECT ((substr(id_at(at)::text, 1, 24) || substr(gen_random_uuid()::text, 25, 12)))::uuid, $1, 'm' || (i % 3), 'paint',
       'f', 'q', CASE WHEN i % 10 = 0 THEN 'failed' WHEN i % 10 = 1 THEN 'cancelled' ELSE 'completed' END, 5, i, '{}',
       '{}', 100, CASE WHEN i % 10 > 1 THEN 70 + i % 7 ELSE 0 END,
       CASE i % 20 WHEN 0 THEN '{"fault": "customer"}'::json WHEN 10 THEN '{"fault": "provider"}'::json END, at, at,
       at + interval '1 second', at + interval '3 seconds'
FROM (SELECT i, $2::timestamptz - i * $3::interval AS at FROM generate_series(1, $4::int) AS i) made
"""


PUBLISH = """
INSERT INTO terms (model, task_type, number, terms, reason, actor_id, from_at)
VALUES ($1, 'paint', $2, json_build_object('cost', $3::int)::jsonb, 'a test', gen_random_uuid(), $4)
"""
CHANGE_ONE = """
UPDATE tasks SET status = $1, charged = $2, ended_at = $3
WHERE id = (SELECT id FROM tasks WHERE created_at < $4 ORDER BY id DESC LIMIT 1)
"""


async def fill(database: Database, account_id: UUID, *, every: timedelta, count: int) -> None:
    """Ended tasks of an account at an even pace until now."""
    await database.execute(INSERT, account_id, datetime.now(UTC), every, count)


async def sum_up_all(database: Database) -> None:
    """As the keeper does."""
    for _ in range(100):
        if not await sum_up(database):
            return
    raise AssertionError("the sums never end")


async def usage_of(database: Database, since: datetime, **more: Any) -> Usage:
    """The account's usage by day and model."""
    asked: dict[str, Any] = {"bucket": "day", "group": "model", "zone": KOLKATA, **more}
    return await read_usage(database, ACCOUNT, since=since, **asked)


async def test_sums_say_what_the_tasks_say(database: Database) -> None:
    """Whole, days of a zone of half hours, hours, models and keys are the same before and after."""
    await fill(database, ACCOUNT, every=timedelta(minutes=7), count=600)
    await fill(database, OTHER, every=timedelta(minutes=3), count=100)
    since = datetime.now(UTC) - timedelta(hours=50, minutes=4)
    asked: list[dict[str, Any]] = [{}, {"bucket": "hour"}, {"group": "key"}, {"group": "task_type"}]
    before = [await usage_of(database, since, **more) for more in asked]
    figures = await read_figures(database, since)
    await sum_up_all(database)

    assert before == [await usage_of(database, since, **more) for more in asked]
    assert figures == await read_figures(database, since)
    assert 50 * 60 // 7 <= before[0].total.tasks <= 51 * 60 // 7
    assert before[0].total.tasks == sum(row.tasks for row in before[0].buckets)
    assert figures.accepted == before[0].total.tasks + 100
    assert 600 < await database.fetchval("SELECT sum(tasks) FROM usage_quarters")


async def test_a_task_that_ends_late_is_counted_when_it_ends(database: Database) -> None:
    """Its quarter stays open until then, is read from the tasks meanwhile, and is summed up once."""
    await fill(database, ACCOUNT, every=timedelta(minutes=2), count=120)
    at = datetime.now(UTC) - timedelta(hours=2)
    await database.execute(CHANGE_ONE, "processing", None, None, at)
    since = datetime.now(UTC) - timedelta(days=1)
    await sum_up_all(database)
    running = await usage_of(database, since)
    await database.execute(CHANGE_ONE, "completed", 90, datetime.now(UTC), at)
    ended = await usage_of(database, since)
    open_before = await database.fetchval("SELECT count(*) FROM usage_open")
    await sum_up_all(database)

    assert 1 == open_before
    assert 0 == await database.fetchval("SELECT count(*) FROM usage_open")
    assert (120, 120) == (running.total.tasks, ended.total.tasks)
    assert ended == await usage_of(database, since)
    assert (await read_figures(database, since)).accepted == 120


async def test_nothing_is_summed_up_before_there_is_anything(database: Database) -> None:
    """A place without tasks has no sums, and no usage."""
    assert not await sum_up(database)
    usage = await usage_of(database, datetime.now(UTC) - timedelta(days=7))
    assert (0, [], []) == (usage.total.tasks, usage.buckets, usage.groups)


async def test_ids_of_a_time_begin_where_new_ids_do(database: Database) -> None:
    """The database's smallest id of a time is what nodes make at that time."""
    made = uuids.uuid7()
    at = datetime.fromtimestamp((made.int >> 80) / 1000, UTC)
    assert made.int >> 80 == (await database.fetchval("SELECT id_at($1)", at)).int >> 80


async def test_costs_are_those_of_the_time_of_acceptance(database: Database) -> None:
    """Providers took as many steps as were charged; no cost is invented, and sums say the same as tasks."""
    await fill(database, ACCOUNT, every=timedelta(minutes=10), count=60)
    await database.execute("""UPDATE tasks SET price = '{"units": 10}'""")
    now = datetime.now(UTC)
    stated = [("m0", 1, 5, 24), ("m1", 1, 2, 5), ("m1", 2, 3, 2)]  # model, number, units, hours ago
    for model, number, cost, hours in stated:
        await database.execute(PUBLISH, model, number, cost, now - timedelta(hours=hours))
    since = now - timedelta(hours=11)
    before = {row.model: row for row in await read_margins(database, since)}
    await sum_up_all(database)
    charged, half = await database.fetchrow(
        "SELECT sum(charged), sum((charged + 1) / 2) FROM tasks WHERE model = 'm0'"  # each rounded up
    ) or (0, 0)

    assert before == {row.model: row for row in await read_margins(database, since)}
    assert (charged, half) == (before["m0"].spent, before["m0"].cost)
    assert (before["m0"].tasks, 0) == (before["m0"].costed, before["m2"].costed)
    assert 0 < before["m1"].costed < before["m1"].tasks
    assert 0 == before["m2"].cost < before["m2"].spent
