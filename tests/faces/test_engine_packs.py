"""Offers that need an engine pack, as a customer meets them before it is there, with it, and after it is gone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.packs import CACHE, INSTALL_TIMEOUT_S, installed_packs
from tests.support.patience import PATIENCE_S
from tests.support.server import Api, Server, new_customer, operator_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(INSTALL_TIMEOUT_S)]
SPEAK = {"model": "voice", "task_type": "text-to-speech", "input": {"text": "Good morning.", "format": "wav"}}


@pytest.fixture
async def server(database_url: str, data_dir: Path) -> AsyncIterator[Server]:
    server = await Server(data_dir, DATABASE_URL=database_url).start()
    yield server
    await server.stop()


async def offer(customer: Api) -> dict[str, Any]:
    """The catalogue's word on speech."""
    page = await customer.get("/v1/catalog")
    return next(o for o in page["data"] if o["model"] == "voice")


async def until_available(customer: Api, expected: bool) -> dict[str, Any]:
    """The offer once it is, or is no longer, available; the gateway looks every few seconds."""
    async with asyncio.timeout(PATIENCE_S):
        while (found := await offer(customer))["available"] is not expected:
            await asyncio.sleep(0.2)
        return found


async def test_an_offer_without_its_pack_says_so_and_holds_nothing(server: Server) -> None:
    """The catalogue shows it as not available with the reason; a submit is one problem naming the command."""
    async with operator_of(server) as operator:
        customer = await new_customer(operator)
        shown = await offer(customer)
        assert ("voice", False) == (shown["pack"], shown["available"])
        assert "vermilion engines add voice" in shown["unavailable_reason"]

        status, problem = await customer.call("POST", "/v1/tasks", SPEAK)
        assert (503, "engine_pack_missing", {"pack": "voice"}) == (status, problem["code"], problem["facts"])
        assert "vermilion engines add voice" in problem["detail"]
        wallet = await customer.get("/v1/wallet")
        assert 0 == wallet["held"]
        assert [] == (await customer.get("/v1/tasks"))["data"]
        await customer.post("/v1/quotes", SPEAK)


async def test_a_pack_is_taken_up_and_let_go_without_a_restart(server: Server, data_dir: Path) -> None:
    """Added while the gateway runs, its offer works and is charged by its characters; removed, it is refused again."""
    installed_packs("voice")
    async with operator_of(server) as operator:
        customer = await new_customer(operator)
        (data_dir / "packs").symlink_to(CACHE / "packs", target_is_directory=True)
        shown = await until_available(customer, True)
        assert "unavailable_reason" not in shown

        task = await customer.ended((await customer.post("/v1/tasks", SPEAK))["id"])
        assert "completed" == task["status"], task
        [asset] = task["output"]["assets"]
        assert ("audio/wav", 50_000) == (asset["content_type"], task["usage"]["charged"])

        (data_dir / "packs").unlink()
        await until_available(customer, False)
        status, _ = await customer.call("POST", "/v1/tasks", SPEAK)
        assert 503 == status


async def test_a_node_claims_only_what_it_has_the_pack_for(
    server: Server, database_url: str, tmp_path: Path
) -> None:
    """Of two nodes on one database, the one with the pack speaks, and the one without says that it can be had."""
    installed_packs("voice")
    other_dir = tmp_path / "other"
    other_dir.mkdir()
    (other_dir / "packs").symlink_to(CACHE / "packs", target_is_directory=True)
    other = Server(other_dir, DATABASE_URL=database_url, VERMILION_ROLE="engine")
    async with operator_of(server) as operator:
        customer = await new_customer(operator)
        await other.start()
        try:
            await until_available(customer, True)
            tasks = [await customer.post("/v1/tasks", SPEAK) for _ in range(3)]
            ended = [await customer.ended(task["id"]) for task in tasks]
        finally:
            await other.stop()
        assert ["completed"] * 3 == [task["status"] for task in ended]
        rows = (await operator.get("/admin/v1/connections"))["data"]
        serving = [row["name"] for row in rows if "local/voice" in row["queues"]]
        assert [True] == [str(other.port) in name for name in serving]


async def test_a_broken_pack_is_not_offered(server: Server, data_dir: Path) -> None:
    """A pack whose folder is not whole counts as none."""
    (data_dir / "packs" / "voice-1").mkdir(parents=True)
    async with operator_of(server) as operator:
        customer = await new_customer(operator)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await until_available(customer, True)
        assert not (await offer(customer))["available"]
