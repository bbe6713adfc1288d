"""The pool's end of one worker process: start it, hand it a job, read its answers, kill it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from pathlib import Path

import msgspec

import vermilion
from vermilion.engines.contract import EngineCrashed
from vermilion.engines.frames import LENGTH_BYTES, Answer, Ready, Reported, body_bytes, read_answer

START_TIMEOUT_S = 60.0
_KEPT = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "SYSTEMROOT",
)


class WorkerProcess:
    """One warm worker. It runs one job at a time, and none after a failure.

    `folders` are none for built-in engines, else a pack's and, where it needs one, that of the operator's model.
    """

    def __init__(self, process: Process, folders: tuple[Path, ...] = ()) -> None:
        self._process = process
        self.folders = folders

    @classmethod
    async def start(
        cls, memory_bytes_max: int, scratch: Path, *, folders: tuple[Path, ...] = ()
    ) -> WorkerProcess:
        """A worker that is ready for work; raises `EngineCrashed` if it does not get that far."""
        arguments: tuple[str, ...] = (
            "-P",
            "-m",
            "vermilion.engines.worker",
            str(os.getpid()),
            str(memory_bytes_max),
            *map(str, folders),
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stdin=PIPE, stdout=PIPE, stderr=None if sys.stderr else DEVNULL,
            env=_environment(), cwd=scratch,
        )  # fmt: skip
        worker = cls(process, folders)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await worker._hear_ready()
        except BaseException as failed:
            worker.kill()
            await worker.gone()
            if isinstance(failed, TimeoutError):
                raise EngineCrashed(f"a worker did not start within {START_TIMEOUT_S:.0f} s") from None
            raise
        return worker

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can take a job, as far as is known without asking it."""
        return self._process.returncode is None

    async def run(self, order: bytes, on_progress: Callable[[int, str | None], None]) -> Answer:
        """Its last answer to the order; raises `EngineCrashed` if it dies or talks nonsense."""
        assert self._process.stdin is not None
        with contextlib.suppress(ConnectionError):  # Reading says what became of it.
            self._process.stdin.write(order)
            await self._process.stdin.drain()
        percent = -1
        while isinstance(answer := await self._read(), Reported):
            if answer.percent >= percent:
                percent = answer.percent
                on_progress(percent, answer.text)
        return answer

    def kill(self) -> None:
        """End it now, whatever it is doing."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def gone(self) -> None:
        """Wait until the process has been reaped."""
        await self._process.wait()

    async def _hear_ready(self) -> None:
        if not isinstance(await self._read(), Ready):
            raise EngineCrashed("a worker spoke out of turn")

    async def _read(self) -> Answer:
        assert self._process.stdout is not None
        try:
            head = await self._process.stdout.readexactly(LENGTH_BYTES)
            return read_answer(await self._process.stdout.readexactly(body_bytes(head)))
        except asyncio.IncompleteReadError:
            raise EngineCrashed("the worker process died") from None
        except (ValueError, msgspec.DecodeError) as nonsense:
            raise EngineCrashed(f"the worker process sent nonsense: {nonsense}") from None


def _environment() -> dict[str, str]:
    """What a worker needs and no more: it decodes strangers' files, so it is told no secrets."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    paths = [str(Path(vermilion.__file__).resolve().parents[1])]
    paths += [
        str(Path(path).resolve()) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path
    ]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    offline = {"HF_HUB_OFFLINE": "1"}  # No engine asks a network for anything.
    return {**kept, **threads, **offline, "PYTHONPATH": os.pathsep.join(paths), "MALLOC_ARENA_MAX": "2"}
