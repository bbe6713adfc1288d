"""API keys: made, rotated, revoked and bounded; every node knows at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from tests.support.server import Api, Server, new_customer

pytestmark = pytest.mark.slow


def with_key(api: Api, key: str) -> Api:
    """The same client with another key."""
    return Api(api.session, key, api.account_id)


@pytest.fixture(scope="module")
def second_node(module_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Another node of the same gateway."""
    with asyncio.Runner() as runner:
        database_url = module_server.environment["DATABASE_URL"]
        server = Server(tmp_path_factory.mktemp("second"), DATABASE_URL=database_url, VERMILION_ROLE="api")
        runner.run(server.start())
        yield server
        runner.run(server.stop())


async def test_a_new_key_works_and_is_shown_once(customer: Api) -> None:
    """The secret is in the answer that made it and in no other."""
    made = await customer.post("/v1/keys", {"name": "laptop", "scopes": ["tasks:read"]})
    listed = (await customer.get("/v1/keys"))["data"]

    assert made["key"].startswith(made["prefix"])
    assert all("key" not in key for key in listed)
    assert made["id"] in {key["id"] for key in listed}
    assert 200 == (await with_key(customer, made["key"]).call("GET", "/v1/account"))[0]


async def test_a_key_comes_in_either_header(customer: Api) -> None:
    """`x-api-key` is as good as a bearer token."""
    status, _ = await Api(customer.session, None).call("GET", "/v1/account", x_api_key=customer.key or "")

    assert 200 == status


async def test_a_key_gives_only_what_it_has(operator: Api) -> None:
    """A key cannot make one with more scopes, and nobody makes an operator of a customer."""
    api = await new_customer(operator, scopes=["keys:write", "tasks:read"])

    more, _ = await api.call("POST", "/v1/keys", {"name": "more", "scopes": ["tasks:write"]})
    all_, _ = await api.call("POST", "/v1/keys", {"name": "all"})
    same, _ = await api.call("POST", "/v1/keys", {"name": "same", "scopes": ["tasks:read"]})
    path = f"/admin/v1/accounts/{api.account_id}/keys"
    raised, _ = await operator.call("POST", path, {"name": "raised", "scopes": ["operator"]})

    assert (403, 403, 201, 403) == (more, all_, same, raised)


async def test_a_rotated_key_ends_at_once(customer: Api) -> None:
    """Without a grace the old secret is dead before the answer arrives, and the new one has the same powers."""
    made = await customer.post("/v1/keys", {"name": "old", "scopes": ["tasks:read"], "models": ["echo"]})

    new = await customer.post(f"/v1/keys/{made['id']}/rotate", {})

    assert 401 == (await with_key(customer, made["key"]).call("GET", "/v1/account"))[0]
    assert 200 == (await with_key(customer, new["key"]).call("GET", "/v1/account"))[0]
    assert (made["scopes"], made["models"]) == (new["scopes"], new["models"])
    assert 409 == (await customer.call("POST", f"/v1/keys/{made['id']}/rotate", {}))[0]


async def test_a_grace_lets_both_work_for_a_while(customer: Api) -> None:
    """With a grace the old secret goes on working, until it expires by itself."""
    made = await customer.post("/v1/keys", {"name": "old"})

    new = await customer.post(f"/v1/keys/{made['id']}/rotate", {"grace_s": 60})
    wrong, _ = await customer.call("POST", f"/v1/keys/{new['id']}/rotate", {"grace_s": 10**9})

    for key in (made["key"], new["key"]):
        assert 200 == (await with_key(customer, key).call("GET", "/v1/account"))[0]
    [old] = [key for key in (await customer.get("/v1/keys"))["data"] if key["id"] == made["id"]]
    left = datetime.fromisoformat(old["expires_at"]) - datetime.now(UTC)
    assert timedelta(seconds=30) < left <= timedelta(seconds=60)
    assert 422 == wrong


async def test_revoking_reaches_the_other_node(customer: Api, second_node: Server) -> None:
    """A key that a second node has used is dead there as soon as the revoke is announced, long before caches end."""
    made = await customer.post("/v1/keys", {"name": "everywhere"})
    async with aiohttp.ClientSession(second_node.url) as session:
        there = Api(session, made["key"])
        assert 200 == (await there.call("GET", "/v1/account"))[0]

        await customer.call("DELETE", f"/v1/keys/{made['id']}")

        async with asyncio.timeout(4.5):  # caches keep a key for five seconds
            while (await there.call("GET", "/v1/account"))[0] != 401:
                await asyncio.sleep(0.01)
    assert 401 == (await with_key(customer, made["key"]).call("GET", "/v1/account"))[0]


async def test_disabling_reaches_the_other_node(operator: Api, customer: Api, second_node: Server) -> None:
    """A disabled account is refused by every node as soon as that is announced."""
    async with aiohttp.ClientSession(second_node.url) as session:
        there = Api(session, customer.key)
        assert 200 == (await there.call("GET", "/v1/account"))[0]

        await operator.call("PATCH", f"/admin/v1/accounts/{customer.account_id}", {"status": "disabled"})

        async with asyncio.timeout(4.5):
            while (await there.call("GET", "/v1/account"))[0] != 403:
                await asyncio.sleep(0.01)


async def test_a_cap_bounds_what_a_key_spends(operator: Api) -> None:
    """A key spends up to its cap and not a unit more; what comes back can be spent again."""
    api = await new_customer(operator, cap_units=25_000, cap_window="day")
    first = await api.echo("one", latency_s=3600)
    await api.echo("two", latency_s=3600)

    status, problem = await api.call(
        "POST", "/v1/tasks", {"model": "echo", "task_type": "echo", "input": {"prompt": "three"}}
    )
    await api.post(f"/v1/tasks/{first['id']}/cancel", None)
    again = await api.echo("three", latency_s=3600)

    assert (402, "spend_cap_reached") == (status, problem["code"])
    assert {"needed": 10_000, "left": 5_000} == problem["facts"]
    assert 10_000 == again["usage"]["held"]


async def test_a_second_node_reads_what_the_first_wrote(customer: Api, second_node: Server) -> None:
    """Nodes share everything: a task made on one is read on the other."""
    task = await customer.echo("shared", prefer="wait=20")
    async with aiohttp.ClientSession(second_node.url) as session:
        assert "completed" == (await Api(session, customer.key).get(f"/v1/tasks/{task['id']}"))["status"]
