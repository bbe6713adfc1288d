"""What a node writes about a task that it lost meanwhile changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from vermilion.storage import connections, flights, nodes
from vermilion.storage.database import Database
from vermilion.storage.flights import ProgressNote, SubmissionNote
from vermilion.storage.hand_backs import HandBackNote, hand_back

ADD_TASK = """
INSERT INTO tasks (id, account_id, model, task_type, family, queue, status, priority, rank, input, price, held,
    deadline_at)
VALUES ($1, $1, 'echo', 'echo', 'echo', 'echo', 'pending', 5, 0, '{}', '{}', 0, now() + interval '1 hour')
"""
LEASE_S = 10.0


@pytest.fixture
async def connection(database: Database) -> Any:
    """An echo connection with one pending task in its queue."""
    await database.execute(ADD_TASK, uuid4())
    return await connections.ensure(
        database, provider="echo", name="default", queues=["echo"], concurrency_max=5
    )


async def claim(database: Database, connection: Any, node_id: UUID) -> Any:
    """The one task, claimed by a node."""
    [task] = await flights.claim(database, connection_id=connection.id, node_id=node_id, at_most=9)
    return task


async def test_a_lost_claim_cannot_submit_beside_the_new_one(database: Database, connection: Any) -> None:
    """A node that lost a task and claimed it again may submit for the new claim only."""
    node_id, other_id = uuid4(), uuid4()
    old = await claim(database, connection, node_id)
    [adopted] = await flights.adopt(database, node_id=other_id, lease_s=LEASE_S, providers=["echo"])
    back = HandBackNote(adopted.id, other_id, adopted.attempt, datetime.now(UTC), elsewhere=False)
    assert [True] == await hand_back(database, [back])
    new = await claim(database, connection, node_id)
    sending = [SubmissionNote(task.id, node_id, task.attempt, "sending") for task in (old, new)]
    assert [False] == await flights.mark_submissions(database, sending[:1])
    assert [True] == await flights.mark_submissions(database, sending[1:])


async def test_an_adopted_task_hears_only_its_new_node(database: Database, connection: Any) -> None:
    """Notes, progress and hand-backs of the node that lost the task are refused."""
    zombie_id, heir_id = uuid4(), uuid4()
    task = await claim(database, connection, zombie_id)
    assert 1 == len(await flights.adopt(database, node_id=heir_id, lease_s=LEASE_S, providers=["echo"]))
    note = SubmissionNote(task.id, zombie_id, task.attempt, "accepted", "t")
    assert [False] == await flights.mark_submissions(database, [note])
    assert [False] == await flights.keep_progress(database, [ProgressNote(task.id, zombie_id, 50, None)])
    back = HandBackNote(task.id, zombie_id, task.attempt, datetime.now(UTC), elsewhere=False)
    assert [False] == await hand_back(database, [back])
    assert 1 == (await connections.read_all(database))[0].running


async def test_what_is_on_its_way_is_not_handed_back(database: Database, connection: Any) -> None:
    """A node that was silent itself reads an unsent task as lost; a submit begun since stays the only one."""
    node_id = uuid4()
    task = await claim(database, connection, node_id)
    [adopted] = await flights.adopt(database, node_id=node_id, lease_s=LEASE_S, providers=["echo"])
    begun = SubmissionNote(task.id, node_id, task.attempt, "sending")
    assert [True] == await flights.mark_submissions(database, [begun])
    back = HandBackNote(task.id, node_id, adopted.attempt, datetime.now(UTC), elsewhere=False, unsent=True)
    assert [False] == await hand_back(database, [back])
    assert "processing" == await database.fetchval("SELECT status FROM tasks WHERE id = $1", task.id)


async def test_only_the_silent_are_inherited_by_those_who_can(database: Database, connection: Any) -> None:
    """A task is taken over once its node is silent, and only by a node that runs its provider."""
    node_id, heir_id = uuid4(), uuid4()
    await nodes.register(database, node_id=node_id, name="alive", role="all")
    task = await claim(database, connection, node_id)
    assert [] == await flights.adopt(database, node_id=heir_id, lease_s=LEASE_S, providers=["echo"])
    await nodes.leave(database, node_id)
    assert [] == await flights.adopt(database, node_id=heir_id, lease_s=LEASE_S, providers=["local"])
    adopted = await flights.adopt(database, node_id=heir_id, lease_s=LEASE_S, providers=["echo", "local"])
    assert [task.id] == [one.id for one in adopted]


async def test_claims_nobody_heard_of_are_found(database: Database, connection: Any) -> None:
    """A node can ask which tasks it holds without having submitted them, after a commit that was never answered."""
    node_id = uuid4()
    task = await claim(database, connection, node_id)
    found = await flights.read_unsent(database, connection_id=connection.id, node_id=node_id)
    assert [task.id] == [one.id for one in found]
    await flights.mark_submissions(database, [SubmissionNote(task.id, node_id, task.attempt, "sending")])
    assert [] == await flights.read_unsent(database, connection_id=connection.id, node_id=node_id)


async def test_attempts_never_run_out(database: Database, connection: Any) -> None:
    """A task that an overloaded upstream sent back for days can be claimed once more."""
    await database.execute("UPDATE tasks SET attempt = 100000")
    assert 100_001 == (await claim(database, connection, uuid4())).attempt
