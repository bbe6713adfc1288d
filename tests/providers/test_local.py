"""The local provider over a real pool: submit, be woken, fetch; nothing is polled for."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psutil
import pytest
from PIL import Image
from tests.engines import footage
from tests.support.patience import PATIENCE_S

import vermilion.providers.local
from vermilion.domain.outcomes import Accepted, ConnectionState, Fault, Progress, Rejected, Succeeded, Unknown
from vermilion.engines.weights import sample_path
from vermilion.providers.local import adapter as local
from vermilion.providers.protocol import AdapterContext, ConnectionFacts, Job

CONNECTION = ConnectionFacts(id=uuid4(), provider="local", name="here")


class Local:
    """The adapter with ears: waits for wakes instead of polling."""

    def __init__(self, data_dir: Path, **options: Any) -> None:
        self.woken: asyncio.Queue[UUID] = asyncio.Queue()
        self.adapter = local.LocalAdapter(
            AdapterContext(self.woken.put_nowait, data_dir, {"workers": 1, **options})
        )

    async def outcome(self, job: Job) -> tuple[list[Progress], Any]:
        seen: list[Progress] = []
        while True:
            assert job.task_id == await self.woken.get()
            answer = await self.adapter.check(job, str(job.task_id))
            if not isinstance(answer, Progress):
                return seen, answer
            seen.append(answer)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Local]:
    here = Local(tmp_path)
    yield here
    await here.adapter.close()


def job(model: str = "composer", task_type: str = "text-to-image", **given: Any) -> Job:
    files = given.pop("files", {})
    wish = given or {"prompt": "hills at dawn", "size": 256}
    deadline = datetime.now(UTC) + timedelta(minutes=5)
    return Job(uuid4(), model, task_type, wish, CONNECTION, deadline, files)


async def test_a_prompt_becomes_a_picture(here: Local) -> None:
    """Accepted at once, woken with rising progress, succeeded with a file that can be moved away."""
    asked = job()
    assert Accepted(str(asked.task_id), local.CHECK_AFTER_S) == await here.adapter.submit(asked)
    seen, answer = await here.outcome(asked)
    assert isinstance(answer, Succeeded)
    assert sorted(p.percent for p in seen) == [p.percent for p in seen]
    assert seen
    moved = answer.outputs[0].path
    assert moved is not None
    with Image.open(moved) as opened:
        assert (256, 256) == opened.size
    moved.unlink()


async def test_without_a_seed_the_task_is_the_seed(here: Local) -> None:
    """Work that is started again after a crash makes the same picture."""
    asked = job()
    await here.adapter.submit(asked)
    _, answer = await here.outcome(asked)
    assert asked.task_id.int & 0xFFFF_FFFF == answer.facts["pictures"][0]["seed"]


async def test_a_background_is_removed(here: Local) -> None:
    """The file goes in by its path; what the input said of it does not travel to the worker."""
    photograph = sample_path("astronaut.png")
    asked = job("cutout", "remove-background", image="data:," + "x" * 20_000_000, files={"image": photograph})
    await here.adapter.submit(asked)
    _, answer = await here.outcome(asked)
    assert isinstance(answer, Succeeded)
    assert 0.3 < answer.facts["foreground_share"] < 0.7


@pytest.mark.parametrize(
    ("model", "task_type", "given", "size"),
    [
        ("upscaler", "upscale", {"scale": 2}, (128, 96)),
        ("restyle", "style-transfer", {"style": "stained-glass"}, (64, 48)),
        ("convert", "convert", {"format": "webp", "width": 32}, (32, 24)),
    ],
)
async def test_pictures_are_worked_on(
    here: Local, tmp_path: Path, model: str, task_type: str, given: dict[str, Any], size: tuple[int, int]
) -> None:
    """Each tool runs in a bounded worker, tells its progress, and hands over a picture of the asked size."""
    Image.new("RGB", (64, 48), "teal").save(tmp_path / "given.png")
    asked = job(model, task_type, image="given", files={"image": tmp_path / "given.png"}, **given)
    await here.adapter.submit(asked)
    seen, answer = await here.outcome(asked)
    assert isinstance(answer, Succeeded)
    assert seen
    assert answer.outputs[0].path is not None
    with Image.open(answer.outputs[0].path) as opened:
        assert size == opened.size


async def test_a_video_is_charged_by_its_seconds(here: Local, tmp_path: Path) -> None:
    """Two started seconds are two, of the sixty that are held."""
    asked = job("cutout", "remove-video-background", video="given", files={
        "video": footage.video(tmp_path, pictures=footage.walk(14))
    })  # fmt: skip
    await here.adapter.submit(asked)
    seen, answer = await here.outcome(asked)
    assert isinstance(answer, Succeeded)
    assert {"seconds": 2} == answer.actual_usage
    assert len(seen) >= 5


async def test_refusals_are_the_customers(here: Local) -> None:
    """An input that the engine will not take is rejected with its own code."""
    asked = job(prompt=" ")
    await here.adapter.submit(asked)
    _, answer = await here.outcome(asked)
    assert Rejected("the prompt is empty", Fault.CUSTOMER, "invalid_input") == answer


async def test_timeouts_are_ours(tmp_path: Path) -> None:
    """A job over its time is the provider's fault, so the customer pays nothing."""
    here = Local(tmp_path, job_timeout_s=0.01)
    asked = job(prompt="a city", size=2048)
    await here.adapter.submit(asked)
    _, answer = await here.outcome(asked)
    assert (Fault.PROVIDER, "engine_timed_out") == (answer.fault, answer.code)
    await here.adapter.close()


async def test_crashes_are_ours(tmp_path: Path) -> None:
    """So is a worker that cannot live within its memory."""
    here = Local(tmp_path, memory_bytes_max=160 * 1024**2)
    asked = job(prompt="a city", size=2048)
    await here.adapter.submit(asked)
    _, answer = await here.outcome(asked)
    assert (Fault.PROVIDER, "engine_crashed") == (answer.fault, answer.code)
    await here.adapter.close()


async def test_a_task_is_started_once(here: Local) -> None:
    """A second submit of the same task finds the first."""
    asked = job()
    first, second = await here.adapter.submit(asked), await here.adapter.submit(asked)
    assert first == second
    await here.outcome(asked)
    assert here.woken.empty()
    assert Accepted(str(asked.task_id), 0.0) == await here.adapter.check(asked, None)


async def test_what_is_not_known_is_unknown(here: Local) -> None:
    """After a restart the dispatcher hears that the work is gone."""
    asked = job()
    assert isinstance(await here.adapter.check(asked, str(asked.task_id)), Unknown)
    assert isinstance(await here.adapter.check(asked, None), Unknown)
    assert not await here.adapter.cancel(asked, str(asked.task_id))


async def test_offers_that_no_engine_serves_are_rejected(here: Local) -> None:
    """A route that leads nowhere says so at submit."""
    answer = await here.adapter.submit(job("oracle", "foretell"))
    assert isinstance(answer, Rejected)
    assert (Fault.PROVIDER, "unsupported_offer") == (answer.fault, answer.code)


async def test_cancel_stops_the_work(here: Local) -> None:
    """A running and a waiting job both stop; one that has ended does not."""
    running, waiting = (job(prompt="a city", size=2048, count=4) for _ in range(2))
    for asked in (running, waiting):
        await here.adapter.submit(asked)
    assert running.task_id == await here.woken.get()
    for asked in (waiting, running):
        assert await here.adapter.cancel(asked, str(asked.task_id))
        answer = await here.adapter.check(asked, str(asked.task_id))
        assert isinstance(answer, Rejected)
        assert "cancelled" == answer.code
        assert not await here.adapter.cancel(asked, str(asked.task_id))


async def test_cancel_before_the_first_step_leaves_nothing(here: Local) -> None:
    """Even a job that never began to run ends, and wakes whoever waits."""
    asked = job()
    await here.adapter.submit(asked)
    assert await here.adapter.cancel(asked, str(asked.task_id))
    assert asked.task_id == await here.woken.get()


async def test_fetched_results_are_forgotten(
    here: Local, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """After the grace neither the answer nor its files are kept."""
    monkeypatch.setattr(local, "FETCHED_GRACE_S", 0.0)
    asked = job()
    await here.adapter.submit(asked)
    _, answer = await here.outcome(asked)
    folder = answer.outputs[0].path.parent
    while not isinstance(await here.adapter.check(asked, str(asked.task_id)), Unknown):
        await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE_S):
        while folder.exists():
            await asyncio.sleep(0.01)


async def test_close_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    """Closing in the middle of work is clean."""
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    here = Local(tmp_path, workers=2)
    for _ in range(3):
        await here.adapter.submit(job(prompt="a city", size=2048, count=4))
    await here.woken.get()
    await here.adapter.close()
    assert before >= {child.pid for child in psutil.Process().children(recursive=True)}
    assert [] == [path for path in tmp_path.rglob("*") if path.is_file()]


async def test_the_connection_is_always_there(here: Local) -> None:
    """It needs no credential and lists what it can do."""
    said = await here.adapter.describe_connection(CONNECTION)
    assert (ConnectionState.ACTIVE, 1) == (said.state, said.facts["workers"])
    assert {"composer/text-to-image", "cutout/remove-background"} <= set(said.facts["offers"])
    assert here.adapter.parse_callback({}, b"") is None


def test_the_manifest_is_true() -> None:
    """What the manifest promises is what the adapter does."""
    manifest = tomllib.loads((Path(vermilion.providers.local.__file__).parent / "manifest.toml").read_text())
    promised = ("accepts_client_id", "repeatable", "cancels", "reports_progress", "calls_back")
    assert ("local", "none") == (manifest["id"], manifest["auth"])
    assert [True, True, True, True, False] == [manifest[name] for name in promised]
