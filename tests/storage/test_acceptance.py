"""A batch is decided on what was read: whatever changes before it is written is noticed, for each account alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import uuid_utils.compat as uuids
from tests.support.patience import PATIENCE_S

from vermilion.domain.submission import Accepted, NewTask
from vermilion.errors import InsufficientFunds
from vermilion.storage import accounts, ledger
from vermilion.storage.accounts import PlanRow
from vermilion.storage.columns import Columns, array
from vermilion.storage.database import Database
from vermilion.storage.labels import label, labels_of
from vermilion.storage.submissions import accept
from vermilion.storage.tasks import TaskFilter, read_history

PLAN = PlanRow("plan", "Plan", 100, "{}", 1, 6_000, 1, 1, 5, 0, "month")
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
#: How a migration computes a label.
SQL_LABEL = """
SELECT ('x' || left(encode(sha256(convert_to(
    $1::uuid || E'\\x1f' || $2::text || E'\\x1f' || $3::text, 'UTF8')), 'hex'), 16))::bit(64)::bigint
"""
WORDS = [
    "a",
    "",
    "Ümläut \U0001f3a8",
    "with 'quotes'",
    'and "more"',
    "back\\slash",
    "line\nfeed",
    "unit\x1fseparator",
]


@pytest.fixture
async def account_id(database: Database) -> UUID:
    """An account with 1,000 units."""
    await accounts.save_plan(database, PLAN)
    return await funded(database)


async def funded(database: Database) -> UUID:
    """A new account with 1,000 units."""
    id_: UUID = uuids.uuid7()
    await accounts.create_account(database, id_, name="A", email=f"{id_}@x", role="customer", plan_id=PLAN.id)
    await ledger.add_grant(database, uuids.uuid7(), id_, kind="topup", units=1_000)
    return id_


def task(account_id: UUID, units: int = 100, **more: Any) -> NewTask:
    """A submission."""
    made: dict[str, Any] = dict.fromkeys(("key_id", "parent_id", "metadata", "webhook"))
    made |= dict.fromkeys(("model", "task_type", "family", "queue"), "echo")
    made |= {"key_capped": False, "priority": 5, "input": "{}", "price": "{}", "deadline_s": 60.0}
    return NewTask(id=uuids.uuid7(), account_id=account_id, units=units, **(made | more))


@asynccontextmanager
async def meanwhile(database: Database, *statements: tuple[Any, ...]) -> AsyncIterator[None]:
    """What the block starts reads the state before these statements and writes after them."""
    connection = await asyncpg.connect(database.dsn)
    transaction = connection.transaction()
    await transaction.start()
    for sql, *arguments in statements:
        await connection.execute(sql, *arguments)
    yield
    async with asyncio.timeout(PATIENCE_S):
        while not await database.fetchval(WAITING):
            await asyncio.sleep(0.01)
    await transaction.commit()
    await connection.close()


async def test_money_that_is_taken_back_meanwhile_is_not_spent(database: Database, account_id: UUID) -> None:
    """The account is decided again on what it has left; its neighbour in the batch is accepted as it was."""
    neighbour = await funded(database)
    batch = [task(account_id, 600), task(neighbour, 600), task(account_id, 500), task(account_id, 50)]
    grant_id = await database.fetchval("SELECT id FROM grants WHERE account_id = $1", account_id)

    async with meanwhile(
        database, (ledger.LOWER_GRANT, uuids.uuid7(), grant_id, 450, 0, "mistake", account_id)
    ):
        accepting = asyncio.create_task(accept(database, batch))
    results = await accepting

    assert [InsufficientFunds, Accepted, Accepted, Accepted] == [type(result) for result in results]
    assert 0 == (await ledger.read_wallet(database, account_id)).available
    assert 400 == (await ledger.read_wallet(database, neighbour)).available
    assert [] == (await ledger.verify(database))[1]


async def test_money_that_expires_meanwhile_is_not_spent(database: Database, account_id: UUID) -> None:
    """An expired grant pays for nothing, also when the submission had read it before."""
    await database.execute("UPDATE grants SET expires_at = clock_timestamp() + interval '1 hour'")
    soon = "UPDATE grants SET expires_at = now() WHERE account_id = $1"

    async with meanwhile(database, (soon, account_id), (ledger.EXPIRE, account_id)):
        accepting = asyncio.create_task(accept(database, [task(account_id)]))

    assert [InsufficientFunds] == [type(result) for result in await accepting]
    assert [] == (await ledger.verify(database))[1]


async def test_a_place_that_is_taken_meanwhile_is_not_taken_twice(
    database: Database, account_id: UUID
) -> None:
    """Concurrency is counted again when the wallet's row has changed."""
    full = "UPDATE wallets SET running = 100 WHERE account_id = $1"

    async with meanwhile(database, (full, account_id)):
        accepting = asyncio.create_task(accept(database, [task(account_id)]))
    [accepted] = await accepting

    assert isinstance(accepted, Accepted)
    assert "staged" == accepted.status


async def test_batches_of_many_accounts_on_two_nodes_all_come_through(
    database: Database, account_id: UUID
) -> None:
    """Two nodes that write the same accounts again and again never wait in a circle, and no unit is lost."""
    other = Database(database.dsn)
    await other.open()
    ids = [account_id, *[await funded(database) for _ in range(7)]]
    batches = [[task(id_, 1) for id_ in (ids if turn % 2 else reversed(ids))] for turn in range(40)]

    results = await asyncio.gather(
        *(accept((database, other)[i % 2], batch) for i, batch in enumerate(batches))
    )

    assert {Accepted} == {type(result) for batch in results for result in batch}
    assert 8 * 960 == await database.fetchval("SELECT sum(remaining)::bigint FROM grants")
    assert [] == (await ledger.verify(database))[1]
    await other.close()


async def test_a_hold_may_take_from_many_grants(database: Database, account_id: UUID) -> None:
    """Each grant gives its part, and the parts of a whole batch add up."""
    await ledger.add_grant(database, uuids.uuid7(), account_id, kind="pack", units=70)

    results = await accept(database, [task(account_id, 530), task(account_id, 530), task(account_id, 20)])

    assert [Accepted, Accepted, InsufficientFunds] == [type(result) for result in results]
    assert 10 == (await ledger.read_wallet(database, account_id)).available
    assert [] == (await ledger.verify(database))[1]


def test_a_value_with_the_separator_is_refused() -> None:
    """It would move the values after it into other rows."""
    with pytest.raises(ValueError, match="separator"):
        Columns(id="text", text="text").parameters([("1", "a"), ("2", "b\x1fc")])


async def test_columns_arrive_as_they_were_sent(database: Database) -> None:
    """Every kind of value comes back, and an empty text as NULL."""
    columns = Columns(id="uuid", text="text", number="bigint", numbers="bigint[]", json="json")
    words = [word for word in WORDS if "\x1f" not in word]
    sent = [(str(uuids.uuid7()), word, str(-(2**63)), array(["1", "2"]), '{"a":"b"}') for word in words]

    for rows in (sent, sent[:1], [("", "", "", "{}", "")]):
        got = await database.fetch(f"SELECT * FROM {columns.rows(1)} AS r", *columns.parameters(rows))
        assert [
            (str(id_ or ""), word or "", str(number or ""), array(map(str, numbers or ())), json or "")
            for id_, word, number, numbers, json in map(tuple, got)
        ] == rows


async def test_labels_are_the_same_in_migrations(database: Database, account_id: UUID) -> None:
    """What a migration computes is what a list looks for."""
    for name in WORDS:
        for value in WORDS:
            assert label(str(account_id), name, value) == await database.fetchval(
                SQL_LABEL, account_id, name, value
            )


async def test_a_list_by_label_finds_what_the_metadata_says(database: Database, account_id: UUID) -> None:
    """Scalars are found as they are written, and labels that share a number are told apart."""
    other = await funded(database)
    metadata = (
        '{"a":"x","n":1.5,"big":1e22,"yes":true,"none":null,"list":[1],"a\\u001fb":"c","long":"%s"}'
        % ("l" * 500)
    )
    mine, twin = task(account_id, metadata=metadata), task(account_id, metadata='{"a":"b\\u001fc"}')
    await accept(database, [mine, twin, task(other, metadata=metadata)])

    async def found(name: str, value: str) -> list[UUID]:
        wanted = TaskFilter(account_id=account_id, labels=((name, value),))
        return [row.id for row in await read_history(database, wanted, before=None, limit=10)]

    for name, value in (("a", "x"), ("n", "1.5"), ("big", "1e22"), ("yes", "true"), ("a\x1fb", "c")):
        assert [mine.id] == await found(name, value), name
    assert [twin.id] == await found("a", "b\x1fc")
    for name, value in (("a", "y"), ("none", "null"), ("list", "[1]"), ("long", "l" * 500)):
        assert [] == await found(name, value), name
    assert label(str(account_id), "a\x1fb", "c") == label(str(account_id), "a", "b\x1fc")
    assert 5 == len(set(labels_of(str(account_id), metadata)))
