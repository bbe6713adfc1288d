"""Real engine packs for tests: installed once into a cache beside the virtual environment, and run by a real pool."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from vermilion.engines.contract import EngineRefused, EngineResult
from vermilion.engines.packs.description import known_packs
from vermilion.engines.packs.install import install
from vermilion.engines.packs.shelf import Shelf, State, checksum
from vermilion.engines.packs.weights import bring_weights
from vermilion.engines.pool import EnginePool

CACHE = Path(__file__).resolve().parents[2] / ".cache"
MEMORY_BYTES_MAX = 3 * 2**30
JOB_TIMEOUT_S = 240.0
INSTALL_TIMEOUT_S = 600
RunEngine = Callable[..., Any]


def installed_packs(*names: str) -> Shelf:
    """The shelf of the cache with these packs on it."""
    shelf = Shelf(CACHE)
    with _one_process_at_a_time():
        for name in names:
            pack = known_packs()[name]
            if shelf.state(pack) not in (State.INSTALLED, State.NEEDS_WEIGHTS):
                install(shelf, pack, lambda _arrived: None)
            if name == "diffusion":
                bring_weights(shelf, pack, str(tiny_diffusion(shelf)))
    return shelf


@contextmanager
def _one_process_at_a_time() -> Iterator[None]:
    """Tests run in several processes, which share the cache."""
    with (_there(CACHE) / "packs.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def tiny_diffusion(shelf: Shelf, kind: str = "sd") -> Path:
    """A diffusion model of random weights, made by the installed pack's own OpenVINO when its recipe is new."""
    recipe = Path(__file__).with_name("tiny_diffusion.py")
    made = CACHE / "models" / f"tiny-diffusion-{kind}-{checksum(recipe)}"[:40]
    if not made.is_dir():
        fresh = Path(tempfile.mkdtemp(dir=_there(made.parent)))
        subprocess.run(
            [sys.executable, "-P", str(recipe), str(fresh), kind],
            check=True,
            env={**os.environ, "PYTHONPATH": str(shelf.place(known_packs()["diffusion"]))},
        )
        fresh.rename(made)
    return made


def _there(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def wheels_of(name: str) -> Path:
    """A folder with the wheels of a pack, as the index has them; loaded once, into the cache."""
    folder = CACHE / "wheels" / name
    for package in known_packs()[name].packages:
        if not any(folder.glob(f"{package.name.replace('-', '_')}-{package.version}-*.whl")):
            words = (
                "download",
                "--quiet",
                "--no-deps",
                "--dest",
                str(folder),
                f"{package.name}=={package.version}",
            )
            subprocess.run((sys.executable, "-m", "pip", *words), check=True)
    return folder


class Engines:
    """A pool with one worker at a time that runs engines of packs."""

    def __init__(self, pool: EnginePool) -> None:
        self._pool = pool
        self.progress: list[int] = []

    async def run(self, engine: str, params: Mapping[str, Any] | None = None, **files: Path) -> EngineResult:
        """The result; files last as long as the pool."""
        return await self._pool.run(
            engine, params or {}, files, on_progress=lambda percent, _text: self.progress.append(percent)
        )

    async def refusal(self, engine: str, params: Mapping[str, Any] | None = None, **files: Path) -> str:
        """The words and the code with which an engine turns an input down; anything else fails the test."""
        try:
            result = await self.run(engine, params, **files)
        except EngineRefused as refused:
            return f"{refused.code}: {refused.reason}"
        raise AssertionError(f"not refused: {result.facts}")

    @property
    def worker_pids(self) -> tuple[int, ...]:
        """The worker processes that are alive."""
        return self._pool.worker_pids


@asynccontextmanager
async def engines_of(shelf: Shelf, scratch: Path) -> AsyncIterator[Engines]:
    """The engines of the packs on a shelf."""
    pool = EnginePool(1, MEMORY_BYTES_MAX, JOB_TIMEOUT_S, scratch_parent=scratch, shelf=shelf)
    await pool.start()
    try:
        yield Engines(pool)
    finally:
        await pool.close()
