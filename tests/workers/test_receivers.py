"""The receiver matrix: what becomes of a delivery, whatever its receiver does; checked by the reference verifier."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from uuid import UUID

import pytest
from tests.support.deliveries import HOST, LOOPBACK, World, delivering
from tests.support.patience import PATIENCE_S
from tests.support.receivers import (
    Behave,
    Receiver,
    answers,
    drips_its_body,
    drips_its_headers,
    hangs,
    resets,
    self_signed,
    talks_nonsense,
)

from vermilion.services.gateway import Gateway
from vermilion.services.sweep import forget_deliveries
from vermilion.storage import deliveries, endpoints
from vermilion.storage.database import Database
from vermilion.storage.deliveries import DeliveryRow
from vermilion.storage.endpoints import EndpointRow
from vermilion.workers.deliverer import Deliverer
from vermilion.workers.delivery_lanes import ROOM_FIRST

pytestmark = pytest.mark.slow


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    """A customer, and a deliverer that may reach loopback under the names of a test."""
    async with delivering(database) as begun:
        yield begun


@dataclass(frozen=True)
class Case:
    """A receiver's fault, what the first try notes of it, and in how many seconds the next one follows."""

    behave: Behave
    state: str = "due"
    status: int | None = None
    error: str | None = None
    wait_s: tuple[float, float] | None = (0.5, 2.5)
    hears_it: bool = True


MATRIX = {
    "fails three times": Case(answers(500, 503, 400), status=500, error="answered 500"),
    "hangs": Case(hangs, error="The host of the URL took too long to answer."),
    "redirects": Case(answers(302, headers=("location: /elsewhere",)), status=302, error="answered 302"),
    "resets": Case(resets, error="The host of the URL broke off or did not answer in valid HTTP."),
    "talks nonsense": Case(
        talks_nonsense, error="The host of the URL broke off or did not answer in valid HTTP."
    ),
    "is gone": Case(
        answers(410), state="given_up", status=410, error="the receiver is gone for good", wait_s=None
    ),
    "asks for patience": Case(
        answers(429, headers=("retry-after: 120",)), status=429, error="answered 429", wait_s=(110, 120)
    ),
    "asks for patience by date": Case(
        answers(503, headers=("retry-after: Fri, 31 Dec 2999 23:59:59 GMT",)),
        status=503,
        error="answered 503",
        wait_s=(86_000, 86_400),
    ),
    "drips its headers": Case(drips_its_headers, error="The host of the URL took too long to answer."),
    "drips its body": Case(drips_its_body, state="delivered", status=200, wait_s=None),
}


@pytest.mark.parametrize("name", MATRIX)
async def test_a_receiver_that(name: str, world: World) -> None:
    """Each fault is noted as it was, tried again when it should be, and heard under the same id once it is mended."""
    case = MATRIX[name]
    async with Receiver(case.behave).listening() as receiver:
        endpoint = await world.endpoint(f"http://{HOST}:{receiver.port}/hook")
        await world.tell(available=7)

        first = await world.delivery(
            endpoint, lambda row: row.attempts > 0 and (row.last_error or row.last_status)
        )

        assert (case.state, case.status, case.error) == (first.state, first.last_status, first.last_error)
        event = world.verify(endpoint, receiver.heard[0])
        assert ("balance.low", {"available": 7}) == (event["type"], event["data"])
        assert ["/hook"] == [request.path for request in receiver.heard[:1]]
        if case.wait_s is not None:
            assert case.wait_s[0] <= await world.wait_s(first) <= case.wait_s[1]
            if name != "fails three times":
                receiver.behave = answers()
            told = await _mended(world, endpoint)
            assert {str(first.id)} == {request.headers["webhook-id"] for request in receiver.heard}
            assert told.attempts == len(receiver.heard)
            assert "/elsewhere" not in {request.path for request in receiver.heard}
        log = await deliveries.read_attempts(world.database, first.id)
        assert (case.status, case.error) == (log[0].status, log[0].error)
        assert list(range(1, len(log) + 1)) == [attempt.number for attempt in log]


async def test_a_host_that_is_private(world: World) -> None:
    """No packet leaves for an address inside the house, whatever name leads there."""
    world.lookup[HOST] = ["10.0.0.7"]
    endpoint = await world.endpoint(f"http://{HOST}:8080/hook")
    await world.tell()
    noted = await world.delivery(endpoint, lambda row: row.last_error is not None)
    assert "due" == noted.state
    assert noted.last_error is not None
    assert "private or reserved" in noted.last_error


async def test_a_name_that_changes_its_answer(world: World) -> None:
    """The address that was checked is the one that is connected to, at every try anew."""
    async with Receiver(answers(500, headers=("connection: close",))).listening() as receiver:
        endpoint = await world.endpoint(f"http://{HOST}:{receiver.port}/hook")
        await world.tell()
        await world.delivery(endpoint, lambda row: row.last_status == 500)
        world.lookup[HOST] = ["169.254.169.254"]
        await world.hasten()
        noted = await world.delivery(endpoint, lambda row: row.attempts == 2 and row.last_status is None)
        assert 1 == len(receiver.heard)
        assert noted.last_error is not None
        assert "private or reserved" in noted.last_error
        world.lookup[HOST] = [LOOPBACK]
        await _mended(world, endpoint)


async def test_a_certificate_that_nobody_vouches_for(world: World, tmp_path: Path) -> None:
    """Nothing is said to a receiver that cannot prove who it is."""
    async with Receiver(answers()).listening(self_signed(tmp_path)) as receiver:
        endpoint = await world.endpoint(f"https://{HOST}:{receiver.port}/hook")
        await world.tell()
        noted = await world.delivery(endpoint, lambda row: row.last_error is not None)
        assert ("due", "The host of the URL has no valid TLS certificate.") == (noted.state, noted.last_error)
        assert [] == receiver.heard


async def test_an_answer_is_kept_with_its_first_bytes(world: World) -> None:
    """What a receiver says of its failure can be read, as far as it goes."""
    async with Receiver(answers(500, body=b"no such\0table " + b"x" * 5000)).listening() as receiver:
        endpoint = await world.endpoint(f"http://{HOST}:{receiver.port}/hook")
        await world.tell()
        noted = await world.delivery(endpoint, lambda row: row.last_status == 500)
        [attempt] = await deliveries.read_attempts(world.database, noted.id)
        assert attempt.answer is not None
        assert attempt.answer.startswith("no such�table xxx")
        assert len(attempt.answer) <= 1024


async def test_a_receiver_that_hangs_delays_nobody(world: World) -> None:
    """With hundreds waiting for one that never answers, others hear at once; the dead one holds a few connections."""
    async with Receiver(hangs).listening() as dead, Receiver(answers()).listening() as quick:
        hanging = await world.endpoint(f"http://{HOST}:{dead.port}/", ["balance.low"])
        await world.tell(*["balance.low"] * 300)
        await _heard(dead, 1)
        listening = await world.endpoint(f"http://{HOST}:{quick.port}/", ["budget.alert"])
        await world.tell(*["budget.alert"] * 100)

        await _heard(quick, 100)

        assert dead.open_most <= ROOM_FIRST
        for request in quick.heard:
            world.verify(listening, request)
        first = await world.delivery(hanging, lambda row: True)
        assert "due" == first.state


async def test_an_endpoint_that_is_gone_is_switched_off_with_a_notice(world: World) -> None:
    """410 ends everything to that endpoint, and the account hears of it where it still listens."""
    async with Receiver(answers(410)).listening() as gone, Receiver(answers()).listening() as other:
        endpoint = await world.endpoint(f"http://{HOST}:{gone.port}/gone", ["balance.low"])
        listening = await world.endpoint(f"http://{HOST}:{other.port}/", ["endpoint.disabled"])
        await world.tell()
        await _heard(other, 1)

        event = world.verify(listening, other.heard[0])
        assert str(endpoint.id) == event["data"]["endpoint_id"]
        assert "410" in event["data"]["reason"]
        assert "off" == (await endpoints.read_one(world.database, endpoint.id, world.account_id)).state
        await world.tell()
        assert 1 == len(gone.heard)


async def test_an_endpoint_that_fails_for_five_days_is_switched_off(world: World) -> None:
    """One failure after five days of nothing else is enough; a success in between starts the count anew."""
    async with Receiver(answers(500, 200, 500, 500)).listening() as receiver:
        endpoint = await world.endpoint(f"http://{HOST}:{receiver.port}/", ["balance.low"])
        await world.tell()
        await world.delivery(endpoint, lambda row: row.last_status == 500)
        await _mended(world, endpoint)
        row = await endpoints.read_one(world.database, endpoint.id, world.account_id)
        assert ("on", None) == (row.state, row.failing_since)

        await world.database.execute("UPDATE endpoints SET failing_since = now() - interval '121 hours'")
        await world.tell()
        async with asyncio.timeout(PATIENCE_S):
            while (await _state(world, endpoint)).state == "on":
                await asyncio.sleep(0.02)
        assert "every delivery failed for 5 days" == (await _state(world, endpoint)).state_reason


async def _state(world: World, endpoint: EndpointRow) -> EndpointRow:
    return await endpoints.read_one(world.database, endpoint.id, world.account_id)


async def _mended(world: World, endpoint: EndpointRow) -> DeliveryRow:
    """The first delivery once it has arrived, however often it has to be tried."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            await world.hasten()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    return await world.delivery(endpoint, lambda row: row.state == "delivered")


async def _heard(receiver: Receiver, count: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while len(receiver.heard) < count:
            await asyncio.sleep(0.02)


async def test_old_deliveries_are_forgotten(world: World) -> None:
    """With their attempts, once they are over and older than the operator keeps them; what is due stays."""
    async with Receiver(answers()).listening() as receiver, Receiver(answers(500)).listening() as failing:
        told = await world.endpoint(f"http://{HOST}:{receiver.port}/", ["balance.low"])
        waiting = await world.endpoint(f"http://{HOST}:{failing.port}/", ["balance.low"])
        await world.tell()
        await world.delivery(told, lambda row: row.state == "delivered")
        await world.delivery(waiting, lambda row: row.last_status == 500)

        assert 0 == await forget_deliveries(world.gateway)
        tomorrow = uuid7_of(datetime.now(UTC) + timedelta(days=1))
        assert 1 == await deliveries.delete_old(world.database, tomorrow, 100)

        left = await world.delivery(waiting, lambda row: True)
        assert "due" == left.state
        assert 1 == await world.database.fetchval("SELECT count(*) FROM attempts")


def uuid7_of(at: datetime) -> UUID:
    """The first id of a time."""
    return UUID(int=int(at.timestamp() * 1000) << 80)


async def test_what_is_on_its_way_at_a_stop_is_due_again_at_once(database: Database) -> None:
    """Whoever comes next does not wait for the end of a lease, and the try that was cut off does not count."""
    async with Receiver(hangs).listening() as receiver:
        async with delivering(database) as world:
            await world.endpoint(f"http://{HOST}:{receiver.port}/")
            await world.tell()
            await _heard(receiver, 1)
        [row] = await database.fetch(
            "SELECT state, attempts, next_attempt_at <= now() AS due FROM deliveries"
        )
        assert ("due", 0, True) == tuple(row)


@pytest.mark.parametrize("turns", range(4))
async def test_a_deliverer_that_is_stopped_as_it_is_woken_stops(turns: int) -> None:
    """However close the two are, the end of the process is not mistaken for news."""
    deliverer = Deliverer(cast(Gateway, SimpleNamespace()), {}, {})
    waiting = asyncio.create_task(deliverer._wait(60))
    for _ in range(3):
        await asyncio.sleep(0)
    deliverer.delivery_due("")
    for _ in range(turns):
        await asyncio.sleep(0)
    if not waiting.cancel():
        return  # it had heard of the news before
    with pytest.raises(asyncio.CancelledError):
        await waiting
