"""The pool against engines that crash, hang, hog and lie, in real worker processes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from tests.engines import faulty

from vermilion.engines.contract import EngineCrashed, EngineRefused, EngineTimedOut, EngineUnavailable
from vermilion.engines.pool import EnginePool

MEMORY_BYTES = 512 * 1024**2


def quiet(percent: int, text: str | None) -> None:
    pass


@pytest.fixture(autouse=True)
def _faulty_engines_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


@pytest.fixture
async def pool(tmp_path: Path) -> AsyncIterator[EnginePool]:
    pool = EnginePool(1, MEMORY_BYTES, 30.0, scratch_parent=tmp_path, engines=faulty.ENGINES)
    await pool.start()
    yield pool
    await pool.close()


async def say(pool: EnginePool, text: str = "hello") -> int:
    result = await pool.run("echo", {"say": text}, {}, on_progress=quiet)
    assert text == result.files[0].path.read_text()
    return int(result.facts["pid"])


async def test_a_worker_is_reused_and_progress_never_goes_back(pool: EnginePool) -> None:
    """Two jobs run in one warm process, and reports of less than before are dropped."""
    seen: list[tuple[int, str | None]] = []
    first = await pool.run("echo", {"say": 1}, {}, on_progress=lambda p, t: seen.append((p, t)))
    assert first.facts["pid"] == await say(pool)
    assert [(30, "one"), (60, None)] == seen


async def test_no_worker_before_the_first_job(pool: EnginePool) -> None:
    """A pool that nobody uses costs no process."""
    assert () == pool.worker_pids


async def test_a_crashed_worker_is_replaced(pool: EnginePool) -> None:
    """A worker that dies fails its own job only."""
    with pytest.raises(EngineCrashed, match="died"):
        await pool.run("die", {}, {}, on_progress=quiet)
    await say(pool)


async def test_an_engine_at_fault_crashes_and_a_refusal_does_not(pool: EnginePool) -> None:
    """An exception costs the worker its life; a refusal carries its code and keeps the worker."""
    with pytest.raises(EngineCrashed, match="LookupError: a fault"):
        await pool.run("wrong", {}, {}, on_progress=quiet)
    pid = await say(pool)
    with pytest.raises(EngineRefused) as refused:
        await pool.run("refuse", {}, {}, on_progress=quiet)
    assert ("not like this", "too_blue") == (refused.value.reason, refused.value.code)
    assert pid == await say(pool)


async def test_a_job_over_its_time_is_stopped(tmp_path: Path) -> None:
    """The worker of a job that hangs is killed and leaves no files."""
    pool = EnginePool(1, MEMORY_BYTES, 0.3, scratch_parent=tmp_path, engines=faulty.ENGINES)
    await pool.start()
    pids: list[str | None] = []
    with pytest.raises(EngineTimedOut):
        await pool.run("hang", {}, {}, on_progress=lambda _, text: pids.append(text))
    await pool.close()
    assert not psutil.pid_exists(int(pids[0] or 0))
    assert [] == list(tmp_path.iterdir())


async def test_cancelling_kills_the_worker_and_the_next_job_gets_another(pool: EnginePool) -> None:
    """Cancelling the waiting call ends the process, however deep in work it is."""
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    job = asyncio.create_task(
        pool.run("hang", {}, {}, on_progress=lambda _, pid: started.set_result(int(pid or 0)))
    )
    pid = await started
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert pid != await say(pool)
    await asyncio.to_thread(psutil.wait_procs, _processes(pid), 10)
    assert not psutil.pid_exists(pid)


async def test_memory_is_bounded(pool: EnginePool) -> None:
    """A job within the bound runs; one far beyond it fails and harms nobody else."""
    result = await pool.run("hog", {"blocks": 4}, {}, on_progress=quiet)
    assert 4 == result.facts["blocks"]
    if sys.platform == "linux":
        with pytest.raises(EngineCrashed, match="memory"):
            await pool.run("hog", {"blocks": 200}, {}, on_progress=quiet)
    await say(pool)


async def test_a_worker_cannot_name_files_outside_its_job(pool: EnginePool) -> None:
    """A worker that was taken over cannot make the gateway hand out other files."""
    with pytest.raises(EngineCrashed, match="not in its job's directory"):
        await pool.run("escape", {}, {}, on_progress=quiet)


async def test_prints_do_not_disturb_the_wire(pool: EnginePool) -> None:
    """What a library prints goes elsewhere than to the pool."""
    result = await pool.run("print_out", {}, {}, on_progress=quiet)
    assert {"printed": True} == result.facts


async def test_workers_know_no_secrets(pool: EnginePool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings and credentials in our environment do not reach the processes that decode strangers' files."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    monkeypatch.setenv("VERMILION_OPERATOR_KEY", "secret")
    facts = (await pool.run("environment", {}, {}, on_progress=quiet)).facts
    assert set() == {"DATABASE_URL", "VERMILION_OPERATOR_KEY"}.intersection(facts["names"])
    assert facts["nice"] >= 5


async def test_input_that_is_not_plain_data_is_refused(pool: EnginePool) -> None:
    """A lone surrogate or an endless integer is the sender's mistake and starts no worker."""
    for value in ("\ud800", 2**70, object()):
        with pytest.raises(EngineRefused):
            await pool.run("echo", {"say": value}, {}, on_progress=quiet)
    assert () == pool.worker_pids


async def test_unknown_engines_and_closed_pools_say_so(pool: EnginePool) -> None:
    """Both are the operator's business."""
    with pytest.raises(EngineUnavailable, match="no engine"):
        await pool.run("oracle", {}, {}, on_progress=quiet)
    await pool.close()
    with pytest.raises(EngineUnavailable, match="not running"):
        await pool.run("echo", {"say": 1}, {}, on_progress=quiet)


async def test_close_ends_running_jobs_and_leaves_nothing(tmp_path: Path) -> None:
    """After close there is no worker and no file, even if jobs were running and others waited."""
    pool = EnginePool(2, MEMORY_BYTES, 30.0, scratch_parent=tmp_path, engines=faulty.ENGINES)
    await pool.start()
    pids: list[int] = []
    both = asyncio.Event()

    def note(percent: int, text: str | None) -> None:
        pids.append(int(text or 0))
        if len(pids) == 2:
            both.set()

    jobs = [asyncio.create_task(pool.run("hang", {}, {}, on_progress=note)) for _ in range(3)]
    await both.wait()
    await pool.close()
    ended = await asyncio.gather(*jobs, return_exceptions=True)
    assert [EngineCrashed, EngineCrashed, EngineUnavailable] == [type(error) for error in ended]
    assert [] == [pid for pid in pids if psutil.pid_exists(pid)]
    await pool.close()
    assert [] == list(tmp_path.iterdir())


async def test_discard_removes_a_results_files(pool: EnginePool) -> None:
    """Whoever does not want a result can make it go away."""
    result = await pool.run("echo", {"say": "x"}, {}, on_progress=quiet)
    await pool.discard(result)
    assert not result.files[0].path.parent.exists()


async def test_the_loop_stays_free_while_workers_work(pool: EnginePool) -> None:
    """The event loop turns many times while one job hangs."""
    started = asyncio.Event()
    job = asyncio.create_task(pool.run("hang", {}, {}, on_progress=lambda *_: started.set()))
    await started.wait()
    for _ in range(1000):
        await asyncio.sleep(0)
    assert not job.done()
    job.cancel()
    await asyncio.wait((job,))


PARENT = """
import asyncio, os, sys
from pathlib import Path
import faulty
from vermilion.engines.pool import EnginePool

async def main():
    pool = EnginePool(1, 2**29, 60.0, scratch_parent=Path(sys.argv[1]), engines=faulty.ENGINES)
    await pool.start()
    await pool.run("hang", {}, {}, on_progress=lambda _, pid: print(pid, flush=True))

asyncio.run(main())
"""


async def test_workers_die_with_a_killed_parent_and_their_files_are_swept(tmp_path: Path) -> None:
    """SIGKILL of the gateway leaves no worker behind, and the next start removes what it left on disk."""
    source = str(Path(__file__).parents[2] / "src")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((source, str(Path(__file__).parent)))}
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], env=env, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    worker = int(await asyncio.to_thread(parent.stdout.readline))
    found = _processes(worker)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    _, left = await asyncio.to_thread(psutil.wait_procs, found, 10)
    assert [] == [process for process in left if process.status() != psutil.STATUS_ZOMBIE]
    assert 1 == len(list(tmp_path.iterdir()))
    pool = EnginePool(1, MEMORY_BYTES, 30.0, scratch_parent=tmp_path, engines=faulty.ENGINES)
    await pool.start()
    assert 1 == len(list(tmp_path.iterdir()))
    await pool.close()
    assert [] == list(tmp_path.iterdir())


def _processes(pid: int) -> list[psutil.Process]:
    try:
        return [psutil.Process(pid)]
    except psutil.NoSuchProcess:
        return []
