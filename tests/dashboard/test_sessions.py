"""Sessions and one-time links that are over leave nothing behind."""

from __future__ import annotations

from uuid import uuid4

from vermilion.services.sign_in import hash_token
from vermilion.storage import accounts, members
from vermilion.storage.accounts import PlanRow
from vermilion.storage.database import Database

PLAN = PlanRow("plain", "Plain", 1, "{}", 1, 60, 1_000, 1, 5, 0, "month")


async def test_what_is_over_is_swept(database: Database) -> None:
    """A live session survives the sweep; an expired one, an expired link and old failures do not."""
    await accounts.save_plan(database, PLAN)
    account = await accounts.create_account(
        database, uuid4(), name="A", email="a@example.com", role="customer", plan_id=PLAN.id
    )
    member = await members.create_member(
        database, uuid4(), account.id, email="m@example.com", name="M", role="owner"
    )
    for token, ttl_s in (("live", 60.0), ("over", -1.0)):
        await members.create_session(
            database, uuid4(), member.id, hash_token(token), agent="", address="", ttl_s=ttl_s
        )
    await members.create_link(database, hash_token("link"), member.id, ttl_s=-1.0)

    await members.sweep(database)

    assert 1 == len(await members.read_sessions(database, member.id))
    assert await members.read_session(database, hash_token("live")) is not None
    assert 0 == await database.fetchval("SELECT count(*) FROM member_links")
    assert 1 == await database.fetchval("SELECT count(*) FROM sessions")
