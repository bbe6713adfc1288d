"""What becomes of tasks whose engine dies, hangs or is told to stop, in a whole gateway with real workers."""

from __future__ import annotations

import asyncio
import base64
import io
import signal
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from PIL import Image
from tests.support.patience import PATIENCE_S
from tests.support.server import Api, Server, new_customer, operator_of

from vermilion.engines.weights import sample_path

pytestmark = pytest.mark.slow

MEMORY_MIB = 2345  #: tells the workers of engines from the one that inspects files
WAIT_S = PATIENCE_S


@pytest.fixture
async def server(tmp_path: Path, database_url: str) -> AsyncIterator[Server]:
    """A gateway with one engine worker, as on a machine of two cores."""
    server = Server(
        tmp_path / "node",
        DATABASE_URL=database_url,
        VERMILION_ENGINE_WORKERS="1",
        VERMILION_ENGINE_MEMORY_MIB=str(MEMORY_MIB),
    )
    yield server
    await server.kill()


@pytest.fixture
async def customer(server: Server) -> AsyncIterator[Api]:
    await server.start()
    async with operator_of(server) as operator:
        yield await new_customer(operator)


def long_job(side: int = 400) -> dict[str, Any]:
    """Minutes of work in steps of seconds."""
    with Image.open(sample_path("astronaut.png")) as opened:
        picture = opened.convert("RGB").resize((side, side))
    held = io.BytesIO()
    picture.save(held, "JPEG")
    image = "data:;base64," + base64.b64encode(held.getvalue()).decode()
    return {
        "model": "upscaler",
        "task_type": "upscale",
        "input": {"image": image, "scale": 4, "quality": "high"},
    }


def short_job() -> dict[str, Any]:
    picture = {"prompt": "a lighthouse at dawn", "size": 256}
    return {"model": "composer", "task_type": "text-to-image", "input": picture}


def workers(server: Server) -> list[psutil.Process]:
    """The processes in which engines run."""
    bound = str(MEMORY_MIB * 2**20)
    return [
        child
        for child in psutil.Process(server.pid).children()
        if child.is_running() and bound in child.cmdline()
    ]


async def running(customer: Api, body: dict[str, Any]) -> dict[str, Any]:
    """The task once its engine has told of progress."""
    task: dict[str, Any] = await customer.post("/v1/tasks", body)
    async with asyncio.timeout(WAIT_S):
        while (task["progress"] or 0) < 1:
            assert task["status"] in ("pending", "processing"), task
            await asyncio.sleep(0.05)
            task = await customer.get(f"/v1/tasks/{task['id']}")
    return task


def outcome(task: dict[str, Any]) -> tuple[str, str | None, int, bool]:
    """Status, code of the error, what was charged, and whether all that was held was given back."""
    usage = task["usage"]
    return (
        task["status"],
        (task["error"] or {}).get("code"),
        usage["charged"],
        usage["released"] == usage["held"],
    )


async def test_a_worker_that_dies_fails_its_task_alone(server: Server, customer: Api) -> None:
    """Its customer pays nothing, and the next task gets a worker that is new."""
    task = await running(customer, long_job())
    [worker] = workers(server)
    worker.send_signal(signal.SIGKILL)
    assert ("failed", "engine_crashed", 0, True) == outcome(await customer.ended(task["id"]))
    after = await customer.post("/v1/tasks", short_job())
    assert "completed" == (await customer.ended(after["id"]))["status"]
    assert worker.pid not in [other.pid for other in workers(server)]


async def test_a_worker_that_hangs_is_killed_and_replaced(server: Server, tmp_path: Path) -> None:
    """Stopped in the middle of its work, it never answers again; its task ends at the bound, uncharged."""
    await server.start(VERMILION_ENGINE_JOB_TIMEOUT_S="10")
    async with operator_of(server) as operator:
        customer = await new_customer(operator)
        task = await running(customer, long_job())
        [worker] = workers(server)
        worker.send_signal(signal.SIGSTOP)
        ended = await customer.ended(task["id"], timeout_s=WAIT_S)
        assert ("failed", "engine_timed_out", 0, True) == outcome(ended)
        after = await customer.post("/v1/tasks", short_job())
        assert "completed" == (await customer.ended(after["id"]))["status"]
    assert not worker.is_running()


async def test_cancelling_stops_the_work_itself(server: Server, customer: Api) -> None:
    """The worker's process is gone with the task, and what was held is given back."""
    task = await running(customer, long_job())
    [worker] = workers(server)
    await customer.post(f"/v1/tasks/{task['id']}/cancel", {})
    assert ("cancelled", None, 0, True) == outcome(await customer.ended(task["id"]))
    await asyncio.to_thread(psutil.wait_procs, [worker], WAIT_S)
    assert not worker.is_running()
    after = await customer.post("/v1/tasks", short_job())
    assert "completed" == (await customer.ended(after["id"]))["status"]


async def test_engines_never_keep_the_event_loop_waiting(server: Server, customer: Api) -> None:
    """With every worker at work, health is answered within a small part of one step of an engine: a loop that
    computed any of it would be silent for at least that step.
    """
    task = await running(customer, long_job())
    [worker] = workers(server)
    before_s = _worked_s(worker)
    async with aiohttp.ClientSession(server.url) as session:
        lags_s = sorted([lag async for lag in _lags(session, 400)])
    step_s = await _step_s(customer, task["id"])
    assert _worked_s(worker) > before_s
    await customer.post(f"/v1/tasks/{task['id']}/cancel", {})
    print("healthz p50 and p99:", lags_s[200], lags_s[-4], "a step:", step_s)
    assert lags_s[-4] < step_s / 5


async def _lags(session: aiohttp.ClientSession, count: int) -> AsyncIterator[float]:
    for _ in range(count):
        asked = time.perf_counter()
        async with session.get("/healthz") as answer:
            assert 200 == answer.status
        yield time.perf_counter() - asked


async def _step_s(customer: Api, task_id: str) -> float:
    """Time from one report of progress to the next: one tile through the network."""
    changes: list[float] = []
    last = -1
    async with asyncio.timeout(WAIT_S):
        while len(changes) < 3:
            task = await customer.get(f"/v1/tasks/{task_id}")
            assert "processing" == task["status"]
            if task["progress"] != last:
                last = task["progress"]
                changes.append(time.perf_counter())
            await asyncio.sleep(0.02)
    return min(after - before for before, after in pairwise(changes))


def _worked_s(process: psutil.Process) -> float:
    """CPU time that it has used since it started."""
    return float(sum(process.cpu_times()[:2]))
