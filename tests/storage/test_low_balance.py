"""A balance that falls without a task is told where the money goes, but not where a new quota comes at once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import msgspec
import pytest

from vermilion.services.gateway import Gateway
from vermilion.services.sweep import expire_money
from vermilion.storage import accounts, budgets, ledger
from vermilion.storage.accounts import PlanRow
from vermilion.storage.database import Database

pytestmark = pytest.mark.slow


async def account_with(database: Database, *, quota: int, grant: int) -> UUID:
    """An account of a plan with this quota, whose one grant has just expired, and who wants to know below 1,000."""
    account_id = uuid4()
    plan = PlanRow("p", "P", 10, "{}", 1, 1000, 1000, 1, 5, quota, "month")
    await accounts.save_plan(database, plan)
    await accounts.create_account(
        database, account_id, name="C", email="c@localhost", role="customer", plan_id="p"
    )
    await ledger.add_grant(database, uuid4(), account_id, kind="quota", units=grant)
    await database.execute("UPDATE grants SET expires_at = now() - interval '1 second'")
    await budgets.save_low_marks(database, account_id, [1_000])
    return account_id


async def told(database: Database) -> list[tuple[str, Any]]:
    """Everything that anybody was told."""
    rows = await database.fetch("SELECT type, facts FROM notifications ORDER BY id")
    return [(row["type"], msgspec.json.decode(row["facts"])) for row in rows]


@pytest.mark.parametrize(
    ("quota", "available"), [(0, 0), (999, 999), (1_000, None)], ids=["no quota", "a small one", "enough"]
)
async def test_the_end_of_a_quota(database: Database, quota: int, available: int | None) -> None:
    """What is left once the next quota is there counts, and it is told once."""
    await account_with(database, quota=quota, grant=5_000)
    gateway = cast("Gateway", SimpleNamespace(database=database))

    await expire_money(gateway)
    await expire_money(gateway)

    expected = [] if available is None else [("balance.low", {"available": available, "mark": 1_000})]
    assert expected == await told(database)
    _, differences = await ledger.verify(database)
    assert [] == differences


async def test_a_death_between_two_quotas_loses_no_news(database: Database) -> None:
    """What expired before it is told with the quota that comes after it."""
    account_id = await account_with(database, quota=999, grant=5_000)
    await ledger.expire_grants(database)
    assert [] == await told(database)

    await expire_money(cast("Gateway", SimpleNamespace(database=database)))

    assert [("balance.low", {"available": 999, "mark": 1_000})] == await told(database)
    assert 999 == (await ledger.read_wallet(database, account_id)).available
