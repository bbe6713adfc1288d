"""Money under parallel load, as customers and operators see it over HTTP."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.support.patience import PATIENCE_S
from tests.support.server import Api, Server, new_customer, operator_of

from vermilion.storage.database import Database

pytestmark = pytest.mark.slow

PRICE = 10_000
SLOW = {"model": "echo", "task_type": "echo", "input": {"prompt": "hold", "latency_s": 3600}}


@pytest.fixture
async def store(module_server: Server) -> AsyncIterator[Database]:
    """The database behind the module's gateway."""
    database = Database(module_server.environment["DATABASE_URL"], connections_max=2)
    await database.open()
    yield database
    await database.close()


async def submit(api: Api, times: int = 1, body: Any = None, **headers: str) -> list[tuple[int, Any, Any]]:
    return await asyncio.gather(
        *(api.call_raw("POST", "/v1/tasks", body or SLOW, **headers) for _ in range(times))
    )


def codes(answers: list[tuple[int, Any, Any]]) -> Counter[tuple[int, str]]:
    return Counter((status, body.get("code", "accepted")) for status, _, body in answers)


async def balanced(operator: Api) -> bool:
    verdict = await operator.get("/admin/v1/ledger/verification")
    return verdict["balanced"] and verdict["differences"] == []


async def test_a_balance_for_fifty_pays_for_fifty(operator: Api, store: Database) -> None:
    """Of 200 parallel submits exactly 50 are accepted, 150 are refused with 402, and refusals leave nothing behind."""
    api = await new_customer(operator, units=50 * PRICE)
    numbered = (submit(api, idempotency_key=f"n{number}") for number in range(200))
    answers = [answer for (answer,) in await asyncio.gather(*numbered)]

    assert {(201, "accepted"): 50, (402, "insufficient_funds"): 150} == codes(answers)
    wallet = await api.get("/v1/wallet")
    assert (0, 50 * PRICE, 0) == (wallet["available"], wallet["held"], wallet["spent"])
    for table in ("tasks", "holds", "idempotency"):
        count = f"SELECT count(*) FROM {table} WHERE account_id = $1"
        assert 50 == await store.fetchval(count, UUID(api.account_id))
    count = "SELECT count(*) FROM entries WHERE account_id = $1 AND kind = 'hold'"
    assert 50 == await store.fetchval(count, UUID(api.account_id))
    assert await balanced(operator)


async def test_parallel_repeats_are_one_task(operator: Api, store: Database) -> None:
    """Thirty identical posts with one key make one task and one hold, and all get the same answer."""
    api = await new_customer(operator, units=5 * PRICE)
    body = {**SLOW, "metadata": {"z": 1, "a": [2, {"y": 3, "b": 4}]}}
    answers = await submit(api, 30, body, idempotency_key="once")
    first = answers[0][2]

    assert {201} == {status for status, _, _ in answers}
    assert all(first == answer for _, _, answer in answers)
    assert 29 == sum(headers.get("idempotent-replayed") == "true" for _, headers, _ in answers)
    assert PRICE == (await api.get("/v1/wallet"))["held"]
    assert 1 == await store.fetchval("SELECT count(*) FROM tasks WHERE account_id = $1", UUID(api.account_id))

    other = await submit(api, body={**body, "metadata": {"z": 2}}, idempotency_key="once")
    assert {(422, "idempotency_mismatch"): 1} == codes(other)
    neighbour = await new_customer(operator, units=PRICE)
    (stranger,) = await submit(neighbour, body=body, idempotency_key="once")
    assert (201, None) == (stranger[0], stranger[1].get("idempotent-replayed"))


async def test_a_repeat_after_a_crash_is_the_same_answer(data_dir: Path, database_url: str) -> None:
    """Whoever asks again after the gateway was killed is told what was told before, however the task went on."""
    server = Server(data_dir, DATABASE_URL=database_url)
    await server.start()
    async with operator_of(server) as operator:
        api = await new_customer(operator, units=PRICE)
        body = {
            "model": "echo",
            "task_type": "echo",
            "input": {"prompt": "quick"},
            "metadata": {"z": 1, "a": 2},
        }
        ((_, _, first),) = await submit(api, body=body, idempotency_key="once")
        await api.ended(first["id"])
        await server.kill()
        await server.start()
        answers = await submit(api, 5, body, idempotency_key="once")

        assert all(
            (201, "true", first) == (s, h.get("idempotent-replayed"), again) for s, h, again in answers
        )
        wallet = await api.get("/v1/wallet")
        assert (0, 0, PRICE) == (wallet["available"], wallet["held"], wallet["spent"])
        other = await submit(api, body=SLOW, idempotency_key="once")
        assert {(422, "idempotency_mismatch"): 1} == codes(other)
    await server.stop()


async def test_a_cap_holds_under_load_and_starts_over(operator: Api, store: Database) -> None:
    """A key never spends more than its cap; what is released may be spent again, and a new window starts at zero."""
    api = await new_customer(operator, cap_units=10 * PRICE, cap_window="day")
    answers = await submit(api, 40)

    assert {(201, "accepted"): 10, (402, "spend_cap_reached"): 30} == codes(answers)
    task = next(body for status, _, body in answers if status == 201)
    await api.post(f"/v1/tasks/{task['id']}/cancel", {})
    assert {(201, "accepted"): 1, (402, "spend_cap_reached"): 1} == codes(await submit(api, 2))

    day_later = (
        "UPDATE api_keys SET cap_window_start = cap_window_start - interval '1 day' WHERE account_id = $1"
    )
    await store.execute(day_later, UUID(api.account_id))
    assert {(201, "accepted"): 10, (402, "spend_cap_reached"): 5} == codes(await submit(api, 15))


async def test_work_of_the_last_window_gives_nothing_to_this_one(operator: Api, store: Database) -> None:
    """Units that were counted in a window which is over do not come back into the present one."""
    api = await new_customer(operator, cap_units=2 * PRICE, cap_window="day")
    ((_, _, old),) = await submit(api)
    day_earlier = "UPDATE tasks SET created_at = created_at - interval '1 day' WHERE id = $1"
    await store.execute(day_earlier, UUID(old["id"]))
    await submit(api)
    await api.post(f"/v1/tasks/{old['id']}/cancel", {})

    assert {(402, "spend_cap_reached"): 1} == codes(await submit(api))


async def grant(operator: Api, api: Api, units: int, **more: Any) -> Any:
    body = {"units": units, "kind": "pack", **more}
    return await operator.post(f"/admin/v1/accounts/{api.account_id}/grants", body)


async def test_a_scoped_grant_pays_for_its_family_alone(operator: Api) -> None:
    """Money for pictures does not pay for echoes."""
    api = await new_customer(operator, units=0)
    await grant(operator, api, PRICE, scope="composer")
    assert {(402, "insufficient_funds"): 1} == codes(await submit(api))

    await grant(operator, api, PRICE, scope="echo")
    assert {(201, "accepted"): 1} == codes(await submit(api))
    assert PRICE == (await api.get("/v1/wallet"))["available"]


async def test_the_soonest_expiry_is_spent_first(operator: Api) -> None:
    """Whatever the order they came in, grants burn by expiry; the wallet lists them in that order."""
    api = await new_customer(operator, units=0)
    late = await grant(operator, api, PRICE, expires_at="2090-01-01T00:00:00Z")
    never = await grant(operator, api, PRICE)
    soon = await grant(operator, api, PRICE, expires_at="2089-01-01T00:00:00Z")

    listed = [g["id"] for g in (await api.get("/v1/wallet"))["grants"]]
    assert [soon["id"], late["id"], never["id"]] == listed
    for spent in (soon, late, never):
        await submit(api)
        left = {g["id"]: g["remaining"] for g in (await api.get("/v1/wallet"))["grants"]}
        assert not left.get(spent["id"])
        assert PRICE * (2 - [soon, late, never].index(spent)) == sum(left.values())


async def test_quota_comes_once_a_period_from_two_nodes(
    operator: Api, module_server: Server, store: Database
) -> None:
    """A plan's quota is there when the account opens; the next period's replaces it once, however many nodes renew."""
    apis = [await new_customer(operator, units=0, plan={"quota_units": 700}) for _ in range(4)]
    assert [700] * 4 == [(await api.get("/v1/wallet"))["available"] for api in apis]

    ids = [UUID(api.account_id) for api in apis]
    # The period ends: the old quota expires, and the next one, which the plan has raised, is due.
    await store.execute("UPDATE grants SET expires_at = now() WHERE account_id = ANY($1::uuid[])", ids)
    await store.execute("UPDATE plans SET quota_units = 900 WHERE quota_units = 700")
    await store.execute("UPDATE accounts SET quota_until = now() WHERE id = ANY($1::uuid[])", ids)
    second = Server(module_server.data_dir, DATABASE_URL=module_server.environment["DATABASE_URL"])
    await second.start()
    async with asyncio.timeout(PATIENCE_S), operator_of(second):
        while (
            await store.fetchval("SELECT count(*) FROM entries WHERE account_id = ANY($1::uuid[])", ids) < 12
        ):
            await asyncio.sleep(0.1)
        await store.execute("UPDATE accounts SET quota_until = NULL WHERE id = ANY($1::uuid[])", ids)
        while await store.fetchval(
            "SELECT count(*) FROM accounts WHERE quota_until IS NULL AND id = ANY($1::uuid[])", ids
        ):
            await asyncio.sleep(0.1)
    await second.stop()

    assert [900] * 4 == [(await api.get("/v1/wallet"))["available"] for api in apis]
    kinds = await store.fetch("SELECT kind, units FROM entries WHERE account_id = ANY($1::uuid[])", ids)
    assert {("grant", 700): 4, ("expire", 700): 4, ("grant", 900): 4} == Counter(map(tuple, kinds))
    assert await balanced(operator)


async def test_adjustments_say_why_and_leave_holds_alone(operator: Api) -> None:
    """An operator corrects a wallet only with a reason, and takes back at most what is available."""
    api = await new_customer(operator, units=3 * PRICE)
    await submit(api)
    path = f"/admin/v1/accounts/{api.account_id}/adjustments"

    assert 422 == (await operator.call("POST", path, {"units": -PRICE, "reason": " "}))[0]
    assert 422 == (await operator.call("POST", path, {"units": 0, "reason": "none"}))[0]
    assert 409 == (await operator.call("POST", path, {"units": -3 * PRICE, "reason": "mistake"}))[0]
    wallet = await api.get("/v1/wallet")
    assert (2 * PRICE, PRICE) == (wallet["available"], wallet["held"])

    await operator.post(path, {"units": -2 * PRICE, "reason": "mistake"})
    await operator.post(path, {"units": 5, "reason": "sorry"})
    wallet = await api.get("/v1/wallet")
    assert (5, PRICE) == (wallet["available"], wallet["held"])
    newest = (await api.get("/v1/wallet/entries"))["data"][:2]
    assert ["sorry", "mistake"] == [entry["reason"] for entry in newest]


async def test_a_grant_with_a_key_is_given_once(operator: Api) -> None:
    """Ten parallel grants with one Idempotency-Key put the money in once; other numbers under that key are refused."""
    api = await new_customer(operator, units=0)
    path = f"/admin/v1/accounts/{api.account_id}/grants"
    body = {"units": 7, "kind": "topup"}
    answers = await asyncio.gather(
        *(operator.call("POST", path, body, idempotency_key="g") for _ in range(10))
    )

    assert {201} == {status for status, _ in answers}
    assert 1 == len({answer["id"] for _, answer in answers})
    assert 422 == (await operator.call("POST", path, {**body, "units": 8}, idempotency_key="g"))[0]
    assert 7 == (await api.get("/v1/wallet"))["available"]


async def test_the_statement_pages_hold_every_entry_once(operator: Api) -> None:
    """Following the cursor in small pages lists each entry exactly once, newest first."""
    api = await new_customer(operator, units=100 * PRICE)
    await submit(api, 11)
    seen, cursor = [], ""
    while True:
        page = await api.get(f"/v1/wallet/entries?limit=4{cursor}")
        seen += page["data"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert 12 == len(seen) == len({(e["ref_id"], e["kind"]) for e in seen})
    assert sorted((e["at"] for e in seen), reverse=True) == [e["at"] for e in seen]
