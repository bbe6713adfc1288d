"""Offers as their operator changes them: seen before, published without a restart, undone, audited."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.support.server import Api, Server, new_customer, operator_of

pytestmark = pytest.mark.slow

ECHO = {"model": "echo", "task_type": "echo"}
PUBLISH = "/admin/v1/offer-terms"
GO_BACK = "/admin/v1/offer-terms/returns"
PREVIEW = "/admin/v1/offer-previews"
ASKED = {**ECHO, "input": {"prompt": "hello"}}


def priced(units: int) -> dict[str, Any]:
    """Terms with this price a task."""
    return {"price": {"units": units}}


async def shown(operator: Api, key: dict[str, str] = ECHO) -> Any:
    """The offer as its operator sees it."""
    [found] = (await operator.get(f"/admin/v1/offers?{urlencode(key)}"))["data"]
    return found


async def publish(operator: Api, terms: dict[str, Any], key: dict[str, str] = ECHO, **more: Any) -> Any:
    """Publish on top of the newest version."""
    base = (await shown(operator, key))["newest"]
    return await operator.post(PUBLISH, {**key, "terms": terms, "reason": "a test", "base": base, **more})


@pytest.fixture(autouse=True)
async def _as_packaged(operator: Api) -> Any:
    """Every test begins and leaves with the package's offer."""
    yield
    left = await shown(operator)
    if (left["price"], left["offered"]) != (left["packaged_price"], "listed"):
        await publish(operator, {})


async def test_a_price_changes_for_new_tasks_alone(operator: Api, customer: Api) -> None:
    """A waiting task keeps what was held by the rule of its acceptance; what comes after it follows the new."""
    before = await customer.echo("slow", latency_s=300)
    published = await publish(operator, priced(25_000))
    quote = await customer.post("/v1/quotes", ASKED)
    after = await customer.echo("quick", prefer="wait=20")
    kept = await customer.get(f"/v1/tasks/{before['id']}")
    listed = await customer.get("/v1/catalog")

    assert 10_000 == kept["usage"]["held"]
    assert (25_000, published["terms"]["price"]["version"]) == (quote["units"], quote["rule_version"])
    assert (25_000, 25_000) == (after["usage"]["held"], after["usage"]["charged"])
    assert 25_000 == next(o["price"]["units"] for o in listed["data"] if o["model"] == "echo")
    await customer.post(f"/v1/tasks/{before['id']}/cancel", {})


async def test_the_difference_is_told_before_anything_changes(operator: Api, customer: Api) -> None:
    """A preview has the changes, example inputs at both prices and the newest tasks, and publishes nothing."""
    await customer.echo("charged", prefer="wait=20")
    seen = await operator.post(PREVIEW, {**ECHO, "terms": priced(30_000)})

    assert [{"field": "price.units", "before": 10_000, "after": 30_000}] == seen["changes"]
    assert {"input": "everything left out", "units_before": 10_000, "units_after": 30_000} in seen["examples"]
    assert seen["recent"]["tasks"] > 0
    assert seen["recent"]["units_after"] == seen["recent"]["tasks"] * 30_000
    assert 10_000 == (await customer.post("/v1/quotes", ASKED))["units"]


async def test_an_earlier_version_comes_back(operator: Api, customer: Api) -> None:
    """Going back is a publication of its own; 0 is the package, and all of them are told newest first."""
    first = await publish(operator, priced(20_000))
    second = await publish(operator, priced(40_000))
    back = await operator.post(
        GO_BACK, {**ECHO, "number": first["number"], "reason": "too dear", "base": second["number"]}
    )
    assert 20_000 == (await customer.post("/v1/quotes", ASKED))["units"]
    await operator.post(GO_BACK, {**ECHO, "number": 0, "reason": "as it was", "base": back["number"]})

    assert 10_000 == (await customer.post("/v1/quotes", ASKED))["units"]
    versions = (await operator.get(f"{PUBLISH}?{urlencode(ECHO)}"))["data"]
    assert ["as it was", "too dear"] == [version["reason"] for version in versions[:2]]
    assert first["terms"]["price"]["version"] < second["terms"]["price"]["version"]
    assert second["terms"]["price"]["version"] < back["terms"]["price"]["version"]


async def test_nobody_overwrites_what_they_have_not_seen(operator: Api) -> None:
    """An old base is refused and changes nothing; so are terms that change nothing, no reason, and wrong ones."""
    newest = (await publish(operator, priced(50_000)))["number"]
    refusals = [
        (409, {"terms": priced(1), "reason": "late", "base": newest - 1}),
        (422, {"terms": priced(50_000), "reason": "same", "base": newest}),
        (422, {"terms": priced(1), "reason": " ", "base": newest}),
        (422, {"terms": priced(-1), "reason": "less than nothing", "base": newest}),
        (422, {"terms": {"routes": ["nowhere"]}, "reason": "lost", "base": newest}),
        (
            422,
            {"terms": {"price": {"units": 1, "quantity": "none"}}, "reason": "no such field", "base": newest},
        ),
    ]
    for status, body in refusals:
        assert status == (await operator.call("POST", PUBLISH, {**ECHO, **body}))[0], body
    assert newest == (await shown(operator))["newest"]
    for unknown in ({**ECHO, "number": 99}, {**ECHO, "model": "none", "number": 0}):
        body = {**unknown, "reason": "lost", "base": newest}
        assert 404 == (await operator.call("POST", GO_BACK, body))[0]


async def test_hidden_and_switched_off_offers(operator: Api, customer: Api) -> None:
    """A hidden offer is in no list and works; one that is off takes nothing new, and its tasks go on."""
    running = await customer.echo("slow", latency_s=1)
    await publish(operator, {"offered": "hidden"})
    listed = {offer["model"] for offer in (await customer.get("/v1/catalog"))["data"]}
    document = await customer.get("/openapi.json")
    await customer.post("/v1/quotes", ASKED)
    await publish(operator, {"offered": "off"})
    status, problem = await customer.call("POST", "/v1/tasks", ASKED)

    assert "echo" not in listed
    assert "echo" not in document["components"]["schemas"]["TaskSubmission"]["properties"]["model"]["enum"]
    assert (404, True) == (status, "switched off" in problem["detail"])
    assert "completed" == (await customer.ended(running["id"]))["status"]


async def test_terms_of_a_later_time_wait_for_it(operator: Api, customer: Api) -> None:
    """They are told as the newest version and hold from their time on, without another act."""
    at = datetime.now(UTC) + timedelta(seconds=3)
    await publish(operator, priced(60_000), from_at=at.isoformat())
    assert 10_000 == (await shown(operator))["price"]["units"]
    async with asyncio.timeout(60):
        while (await customer.post("/v1/quotes", ASKED))["units"] != 60_000:
            await asyncio.sleep(0.2)
    assert at <= datetime.now(UTC)


async def test_routes_are_narrowed(operator: Api, customer: Api) -> None:
    """An offer goes only by the routes that its operator left to it."""
    offers = (await operator.get("/admin/v1/offers"))["data"]
    many = next(offer for offer in offers if len(offer["packaged_routes"]) > 1)
    key = {"model": many["model"], "task_type": many["task_type"]}
    kept = many["packaged_routes"][1]
    await publish(operator, {"routes": [kept]}, key)

    assert [kept] == (await shown(operator, key))["routes"]
    assert many["packaged_routes"] == (await shown(operator, key))["packaged_routes"]


async def test_every_publication_is_in_the_audit(operator: Api) -> None:
    """With who, why, and what it was before."""
    await publish(operator, priced(70_000))
    acts = (await operator.get("/admin/v1/audit"))["data"]
    act = next(act for act in acts if act["act"] == "terms.publish")

    assert ("echo/echo", "a test", 70_000) == (
        act["subject_id"],
        act["facts"]["reason"],
        act["facts"]["after"]["price"]["units"],
    )


async def test_another_node_follows(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is published on one node holds on the other within moments, without a restart."""
    nodes = [Server(tmp_path_factory.mktemp("node"), DATABASE_URL=database_url) for _ in range(2)]
    await nodes[0].start()
    await nodes[1].start(VERMILION_ROLE="api")
    async with operator_of(nodes[0]) as here, operator_of(nodes[1]) as there:
        customer = await new_customer(here)
        customer_there = Api(there.session, customer.key)
        await publish(here, priced(80_000))
        async with asyncio.timeout(60):
            while (await customer_there.post("/v1/quotes", ASKED))["units"] != 80_000:
                await asyncio.sleep(0.1)
    for node in nodes:
        assert 0 == await node.stop()
