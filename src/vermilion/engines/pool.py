"""A pool of worker processes that run engines, so that the event loop never does. Knows nothing of tasks."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Any

from vermilion.engines.contract import (
    EngineCrashed,
    EngineFile,
    EngineRefused,
    EngineResult,
    EngineTimedOut,
    EngineUnavailable,
)
from vermilion.engines.frames import Answer, Broke, Done, MadeFile, Missing, Refused, Run, encode
from vermilion.engines.packs.description import pack_of
from vermilion.engines.packs.shelf import Shelf
from vermilion.engines.process import WorkerProcess
from vermilion.engines.registry import ENGINES
from vermilion.engines.scratch import Scratch

WARM_MORE = 2  #: workers that stay warm beyond those that may work at once, for engines of different packs
ROOM_FOR_MODEL = (
    3  #: what a model may take in memory, as a multiple of its files: half floats become whole ones
)
OnProgress = Callable[[int, str | None], None]


class EnginePool:
    """At most `size` workers at work, started when first needed and kept warm; those of a pack run that pack alone.

    A worker whose job was cancelled, timed out or crashed is killed; the next job gets a new one.
    A pack with the operator's model does one job at a time, and its worker may take as much memory more as that needs.
    """

    def __init__(
        self,
        size: int,
        memory_bytes_max: int,
        job_timeout_s: float,
        *,
        scratch_parent: Path | None = None,
        engines: Mapping[str, str] = ENGINES,
        shelf: Shelf | None = None,
    ) -> None:
        self._memory_bytes_max = memory_bytes_max
        self._job_timeout_s = job_timeout_s
        self._scratch_parent = scratch_parent or Path(tempfile.gettempdir())
        self._engines = engines
        self._shelf = shelf
        self._warm_max = size + WARM_MORE
        self._slots = asyncio.Semaphore(size)
        self._turns: dict[str, asyncio.Lock] = {}
        self._idle: list[WorkerProcess] = []
        self._busy: set[WorkerProcess] = set()
        self._burials: set[asyncio.Task[None]] = set()
        self._scratch: Scratch | None = None

    async def start(self) -> None:
        """Make the scratch directory; workers come later."""
        self._scratch = await asyncio.to_thread(Scratch, self._scratch_parent)

    async def close(self) -> None:
        """Kill every worker, wait until all are gone, remove the scratch directory. Safe to call twice."""
        scratch, self._scratch = self._scratch, None
        for worker in (*self._idle, *self._busy):
            self._bury(worker)
        self._idle.clear()
        while self._burials:
            await asyncio.gather(*self._burials)
        if scratch is not None:
            await asyncio.to_thread(scratch.close)

    async def run(
        self,
        engine: str,
        params: Mapping[str, Any],
        files: Mapping[str, Path],
        *,
        on_progress: OnProgress,
        timeout_s: float | None = None,
    ) -> EngineResult:
        """Run one job when a worker is free. Files that it made are the caller's to move away; then `discard` it.

        `timeout_s` replaces the pool's own bound.
        Raises `EngineRefused`, `EngineCrashed`, `EngineTimedOut` or `EngineUnavailable`.
        """
        dotted_path = self._engines.get(engine)
        if dotted_path is None:
            raise EngineUnavailable(
                f"there is no engine {engine!r}; there are {', '.join(sorted(self._engines))}"
            )
        async with self._turn(engine), self._slots:
            out_dir = await asyncio.to_thread(self._open().new_dir)
            try:
                order = _order(dotted_path, params, files, out_dir)
                folders = await asyncio.to_thread(self._folders, engine)
                timeout_s = timeout_s or self._job_timeout_s
                answer = await self._answer(order, on_progress, timeout_s, folders=folders)
                result = await asyncio.to_thread(_result, answer, out_dir)
            except BaseException:
                self._later(_remove(out_dir))
                raise
            if not result.files:
                self._later(_remove(out_dir))
            return result

    async def discard(self, result: EngineResult) -> None:
        """Remove what is left of a result."""
        for out_dir in {file.path.parent for file in result.files}:
            await _remove(out_dir)

    @property
    def worker_pids(self) -> tuple[int, ...]:
        """The processes that are alive now."""
        return tuple(worker.pid for worker in (*self._idle, *self._busy))

    def _open(self) -> Scratch:
        if self._scratch is None:
            raise EngineUnavailable("the engine pool is not running")
        return self._scratch

    def _turn(self, engine: str) -> AbstractAsyncContextManager[object]:
        """Operators' models are too large for two of them at once."""
        pack = pack_of(engine)
        if pack is None or not pack.weights_from_operator:
            return nullcontext()
        return self._turns.setdefault(pack.name, asyncio.Lock())

    def _folders(self, engine: str) -> tuple[Path, ...]:
        """The folders of the engine's pack; raises EngineUnavailable when that is not installed and whole."""
        pack = pack_of(engine)
        if pack is None:
            return ()
        if self._shelf is None:
            raise EngineUnavailable(f"this pool has no engine packs, and {engine!r} needs {pack.name!r}")
        model = self._shelf.model_of(pack)
        return (self._shelf.folder_of(pack), *((model,) if model else ()))

    async def _answer(
        self, order: bytes, on_progress: OnProgress, timeout_s: float, *, folders: tuple[Path, ...]
    ) -> Answer:
        worker = await self._worker(folders)
        self._busy.add(worker)
        try:
            async with asyncio.timeout(timeout_s):
                answer = await worker.run(order, on_progress)
        except TimeoutError:
            self._bury(worker)
            raise EngineTimedOut(f"the job took longer than {timeout_s:g} s") from None
        except BaseException:
            self._bury(worker)
            raise
        finally:
            self._busy.discard(worker)
        self._keep(worker, answer)
        return answer

    async def _worker(self, folders: tuple[Path, ...]) -> WorkerProcess:
        for worker in reversed(self._idle):  # The last one used is the warmest.
            if worker.folders[:1] != folders[:1]:
                continue
            self._idle.remove(worker)
            if worker.alive and worker.folders == folders:
                return worker
            self._bury(worker)  # It died, or holds a model that the operator has changed for another.
        memory_bytes_max = self._memory_bytes_max + await asyncio.to_thread(_room, folders[1:])
        worker = await WorkerProcess.start(memory_bytes_max, self._open().path, folders=folders)
        if self._scratch is None:  # Closed while it started.
            self._bury(worker)
        return worker

    def _keep(self, worker: WorkerProcess, answer: Answer) -> None:
        if isinstance(answer, Broke) or self._scratch is None:
            self._bury(worker)
        else:
            self._idle.append(worker)
            if len(self._idle) > self._warm_max:
                self._bury(self._idle.pop(0))

    def _bury(self, worker: WorkerProcess) -> None:
        worker.kill()
        self._later(worker.gone())

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        """Finish something apart from the caller, who may be cancelled; `close` waits for it."""
        task = asyncio.ensure_future(work)
        self._burials.add(task)
        task.add_done_callback(self._burials.discard)


def _room(models: tuple[Path, ...]) -> int:
    """How much memory an operator's model may take, by the size of its files."""
    files = (path for model in models for path in model.rglob("*") if path.is_file())
    return ROOM_FOR_MODEL * sum(path.stat().st_size for path in files)


def _order(dotted_path: str, params: Mapping[str, Any], files: Mapping[str, Path], out_dir: Path) -> bytes:
    """The order as a frame; parameters that are not plain data are the customer's mistake."""
    paths = {name: str(path.resolve()) for name, path in files.items()}
    try:
        return encode(Run(dotted_path, dict(params), paths, str(out_dir)))
    except (TypeError, ValueError, OverflowError) as wrong:
        raise EngineRefused(f"the input cannot be passed on: {wrong}") from None


def _result(answer: Answer, out_dir: Path) -> EngineResult:
    """A good answer as a result, every other one as its error."""
    match answer:
        case Done(files, facts, kept, usage):
            return EngineResult(tuple(_file(made, out_dir) for made in files), facts, kept, usage)
        case Refused(reason, code):
            raise EngineRefused(reason, code)
        case Missing(reason):
            raise EngineUnavailable(reason)
        case Broke(reason):
            raise EngineCrashed(reason)
        case _:
            raise EngineCrashed("a worker spoke out of turn")


def _file(made: MadeFile, out_dir: Path) -> EngineFile:
    """A worker decodes strangers' files, so its word is not enough: only plain files of its own job leave it."""
    path = out_dir / made.name
    if Path(made.name).name != made.name or path.is_symlink() or not path.is_file():
        raise EngineCrashed(f"the worker named a file that is not in its job's directory: {made.name!r}")
    return EngineFile(made.name, path, made.content_type, made.width, made.height)


async def _remove(out_dir: Path) -> None:
    await asyncio.to_thread(shutil.rmtree, out_dir, True)
