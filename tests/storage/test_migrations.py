"""Migrations work with rows in flight: what was accepted before one is there after it, and adds up."""

from __future__ import annotations

import shutil
from pathlib import Path
from uuid import uuid4

import pytest
import uuid_utils.compat as uuids
from tests.conftest import _create, _named

from vermilion.domain.ending import Ending
from vermilion.domain.tasks import Status
from vermilion.storage import database as databases
from vermilion.storage import ledger
from vermilion.storage.database import Database
from vermilion.storage.endings import end_tasks
from vermilion.storage.tasks import TaskFilter, read_history

BEFORE = """
INSERT INTO plans (id, name, concurrency_total, requests_per_minute, upload_bytes_max, retention_days)
VALUES ('p', 'P', 10, 10, 10, 10);
INSERT INTO accounts (id, name, email, role, plan_id) VALUES ('{account}', 'A', 'a@x', 'customer', 'p');
INSERT INTO wallets (account_id, held, running, lanes) VALUES ('{account}', 70, 1, '{{"echo": 1}}');
INSERT INTO grants (id, account_id, kind, units, remaining) VALUES ('{grant}', '{account}', 'pack', 100, 30);
INSERT INTO tasks (id, account_id, model, task_type, family, queue, status, priority, rank, input, metadata, price,
                   held, deadline_at)
VALUES ('{task}', '{account}', 'echo', 'echo', 'echo', 'echo', 'pending', 5, 1, '{{}}', '{{"room": "blue"}}', '{{}}',
        70, now() + interval '1 hour');
INSERT INTO task_labels (account_id, name, value, task_id) VALUES ('{account}', 'room', 'blue', '{task}');
INSERT INTO holds (task_id, account_id, units, grant_ids, grant_units)
VALUES ('{task}', '{account}', 70, '{{{grant}}}', '{{70}}');
INSERT INTO entries (ref_id, kind, seq, account_id, source, target, grant_id, units)
VALUES ('{grant}', 'grant', 0, '{account}', 'issued', 'grant', '{grant}', 100),
       ('{task}', 'hold', 0, '{account}', 'grant', 'held', '{grant}', 70);
"""


async def test_holds_and_labels_move_into_their_new_places(
    postgres_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task held before the change is found by its label after it, and its hold is released where it came from."""
    name = f"migrated_{uuid4().hex}"
    await _create(postgres_dsn, name)
    for file in databases.MIGRATIONS.glob("000[1-7]_*"):
        shutil.copy(file, tmp_path)
    ids = {part: uuids.uuid7() for part in ("account", "grant", "task")}
    with monkeypatch.context() as old:
        old.setattr(databases, "MIGRATIONS", tmp_path)
        database = Database(_named(postgres_dsn, name))
        await database.open()
        await database.execute(BEFORE.format_map(ids))
        await database.close()

    database = Database(_named(postgres_dsn, name))
    await database.open()
    wanted = TaskFilter(account_id=ids["account"], labels=(("room", "blue"),))
    [row] = await read_history(database, wanted, before=None, limit=10)
    assert ids["task"] == row.id
    assert (2, []) == await ledger.verify(database)
    ending = Ending(ids["task"], Status.CANCELLED, expected=frozenset({Status.PENDING}))
    assert [True] == await end_tasks(database, [ending])
    wallet = await ledger.read_wallet(database, ids["account"])
    assert (100, 0) == (wallet.available, wallet.held)
    assert (3, []) == await ledger.verify(database)
    await database.close()
