"""Ending tasks: status, money, outputs, places and due deliveries in one commit for a whole batch."""

from __future__ import annotations

from collections.abc import Sequence

from vermilion import faults
from vermilion.domain.ending import Ending
from vermilion.storage import budgets, error_days
from vermilion.storage.books import Books
from vermilion.storage.database import Database, retry_conflicts
from vermilion.storage.tellings import DUE_COLUMNS, DUE_NAMES

# Write the whole batch, by name from $1: ends, entries, money, places, promotions, outputs, due deliveries.
WRITE = f"""
WITH ends AS MATERIALIZED (
    SELECT * FROM json_to_recordset($1::json -> 'ends')
        AS e (id uuid, status text, output json, error json, charged bigint, provider_facts json)
), ended AS (
    UPDATE tasks SET status = e.status, output = e.output, error = e.error, charged = e.charged,
        provider_facts = e.provider_facts, ended_at = clock_timestamp(), version = version + 1, node_id = NULL,
        progress = CASE WHEN e.status = 'completed' THEN 100 ELSE progress END
    FROM ends e WHERE tasks.id = e.id
), faults_of_customers AS (
    INSERT INTO error_days (account_id, day, tasks)
    SELECT t.account_id, (now() AT TIME ZONE 'UTC')::date, count(*)
    FROM ends e JOIN tasks t ON t.id = e.id WHERE e.error ->> 'fault' = 'customer' GROUP BY t.account_id
    ON CONFLICT (account_id, day) DO UPDATE SET tasks = error_days.tasks + excluded.tasks
), new_entries AS (
    INSERT INTO entries (ref_id, kind, seq, account_id, source, target, grant_id, units)
    SELECT * FROM json_to_recordset($1::json -> 'entries')
        AS e (ref_id uuid, kind text, seq smallint, account_id uuid, source text, target text, grant_id uuid,
              units bigint)
), given_back AS (
    UPDATE grants SET remaining = grants.remaining + b.units, closed_at = NULL
    FROM (SELECT id, sum(units)::bigint AS units
          FROM json_to_recordset($1::json -> 'releases') AS r (id uuid, units bigint) GROUP BY id) b
    WHERE grants.id = b.id
), uncounted AS (
    UPDATE api_keys SET cap_used = greatest(0, api_keys.cap_used - b.units)
    FROM (SELECT k.id, sum(r.units)::bigint AS units
          FROM json_to_recordset($1::json -> 'keys') AS r (id uuid, units bigint, created_at timestamptz)
          JOIN api_keys k ON k.id = r.id AND k.cap_units IS NOT NULL AND r.created_at >= k.cap_window_start
          GROUP BY k.id) b
    WHERE api_keys.id = b.id
), wallets_now AS (
    UPDATE wallets SET held = w.held, spent = w.spent, running = w.running, lanes = w.lanes
    FROM json_to_recordset($1::json -> 'wallets')
         AS w (account_id uuid, held bigint, spent bigint, running int, lanes jsonb)
    WHERE wallets.account_id = w.account_id
), promoted AS (
    UPDATE tasks SET status = 'pending', version = version + 1
    FROM json_array_elements_text($1::json -> 'promoted') AS next (id) WHERE tasks.id = next.id::uuid
), freed AS (
    UPDATE connections SET running = greatest(0, connections.running - c.ended), done = connections.done + c.done,
        done_fast = connections.done_fast + c.fast, done_turbo = connections.done_turbo + c.turbo,
        done_relax = connections.done_relax + c.relax
    FROM (SELECT id, count(*)::int AS ended, count(*) FILTER (WHERE completed) AS done,
                 count(*) FILTER (WHERE completed AND mode = 'fast') AS fast,
                 count(*) FILTER (WHERE completed AND mode = 'turbo') AS turbo,
                 count(*) FILTER (WHERE completed AND mode = 'relax') AS relax
          FROM json_to_recordset($1::json -> 'freed') AS f (id uuid, completed boolean, mode text) GROUP BY id) c
    WHERE connections.id = c.id
), new_assets AS (
    INSERT INTO assets (id, account_id, task_id, kind, sha256, thumb_sha256, content_type, size_bytes, width, height,
                        duration_s, expires_at)
    SELECT id, account_id, task_id, 'output', sha256::bytea, thumb_sha256::bytea, content_type, size_bytes, width,
           height, duration_s, expires_at
    FROM json_to_recordset($1::json -> 'assets')
        AS n (id uuid, account_id uuid, task_id uuid, sha256 text, thumb_sha256 text, content_type text,
              size_bytes bigint, width int, height int, duration_s float8, expires_at timestamptz)
), due AS (
    INSERT INTO deliveries ({DUE_NAMES}, next_attempt_at)
    SELECT {DUE_NAMES}, now() FROM json_to_recordset($1::json -> 'due') AS d ({DUE_COLUMNS})
)
SELECT pg_notify('vermilion_task', ids) FROM json_array_elements_text($1::json -> 'changed') AS ids
UNION ALL SELECT pg_notify('vermilion_work', queue) FROM json_array_elements_text($1::json -> 'queues') AS queue
UNION ALL SELECT pg_notify('vermilion_delivery', lanes) FROM json_array_elements_text($1::json -> 'lanes') AS lanes
"""


# Accounts of a plan with tasks that wait for a place.
READ_STAGED_ACCOUNTS = """
SELECT id FROM accounts a WHERE plan_id = $1
   AND EXISTS (SELECT 1 FROM tasks t WHERE t.account_id = a.id AND t.status = 'staged')
"""


async def end_tasks(database: Database, batch: list[Ending]) -> Sequence[bool | Exception]:
    """End each task that is still as its ending expects. True where it was ended here; ending twice is ending once."""
    applied = await retry_conflicts(lambda: _end_once(database, batch))
    faults.at("end.after_commit")
    return applied


async def _end_once(database: Database, batch: list[Ending]) -> list[bool | Exception]:
    async with database.transaction() as connection:
        books = await Books.of_tasks(connection, [ending.task_id for ending in batch])
        applied: list[bool | Exception] = [books.take(ending) for ending in batch]
        if any(applied):
            await books.promote_waiting(connection)
            await books.find_listeners(connection)
            await connection.execute(WRITE, books.changes())
            await budgets.give_back(connection, books.unspent())
            await error_days.tell_reached(connection, books.faults())
        faults.at("end.before_commit")
    return applied


async def promote_staged(database: Database, plan_id: str) -> None:
    """Let staged tasks of a plan's accounts run where its limits have grown."""
    for row in await database.fetch(READ_STAGED_ACCOUNTS, plan_id):
        async with database.transaction() as connection:
            books = await Books.of_accounts(connection, [row["id"]])
            await books.promote_waiting(connection)
            await connection.execute(WRITE, books.changes())
