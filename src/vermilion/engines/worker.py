"""A worker process: reads orders from stdin, runs one engine at a time, and dies with its parent.

Run by the pool as `python -m vermilion.engines.worker <parent pid> <memory bound in bytes> [<folder of a pack>
[<folder of the operator's model for it>]]`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import resource
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import BinaryIO

from vermilion.engines.contract import EngineJob, EngineRefused, EngineResult, EngineUnavailable
from vermilion.engines.frames import (
    LENGTH_BYTES,
    Answer,
    Broke,
    Done,
    MadeFile,
    Missing,
    Ready,
    Refused,
    Reported,
    Run,
    body_bytes,
    encode,
    read_order,
)
from vermilion.engines.registry import load_engine

FILE_BYTES_MAX = 1024**3
_PR_SET_PDEATHSIG = 1
_NICENESS = 5


def main() -> None:
    """Serve orders until the parent closes our stdin."""
    parent_pid, memory_bytes_max = int(sys.argv[1]), int(sys.argv[2])
    pack, model = (*map(Path, sys.argv[3:5]), None, None)[:2]
    if pack is not None:
        sys.path.append(str(pack))  # Last, so that what Vermilion itself is built on wins.
    _die_with(parent_pid)
    _bound(memory_bytes_max)
    answers = _own_stdout()
    orders: queue.SimpleQueue[Run] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, orders), daemon=True).start()
    _say(answers, Ready())
    while True:
        answer = _answer(orders.get(), answers, pack, model)
        _say(answers, answer)
        if isinstance(answer, Broke):  # Whatever broke may have left this process half alive.
            os._exit(1)


def _die_with(parent_pid: int) -> None:
    """Linux ends us with the parent even inside a long native call; elsewhere the end of stdin has to do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)


def _bound(memory_bytes_max: int) -> None:
    """Bound written-to memory rather than address space: onnxruntime reserves far more than it uses."""
    with contextlib.suppress(OSError):
        os.nice(_NICENESS)
    bounds = (
        (resource.RLIMIT_DATA, memory_bytes_max),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, FILE_BYTES_MAX),
    )
    for kind, limit in bounds:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, limit))


def _own_stdout() -> BinaryIO:
    """Keep the pipe to the parent for frames; what libraries print goes to stderr."""
    private = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    return private


def _listen(pipe: BinaryIO, orders: queue.SimpleQueue[Run]) -> None:
    """A thread of its own, so that the end of stdin is noticed while an engine works."""
    while head := pipe.read(LENGTH_BYTES):
        orders.put(read_order(pipe.read(body_bytes(head))))
    os._exit(0)


def _say(pipe: BinaryIO, answer: Answer) -> None:
    frame = memoryview(encode(answer))
    while frame:
        frame = frame[pipe.write(frame) :]


def _answer(order: Run, answers: BinaryIO, pack: Path | None, model: Path | None) -> Answer:
    """Every way in which an engine can end, as an answer."""
    try:
        return _done(_run(order, answers, pack, model))
    except EngineRefused as refusal:
        return Refused(refusal.reason, refusal.code)
    except EngineUnavailable as missing:
        return Missing(str(missing))
    except MemoryError:
        return Broke("the engine needed more memory than a worker may use")
    except Exception as broken:  # noqa: BLE001 - said to the parent, and this process ends
        traceback.print_exc()
        return Broke(f"{type(broken).__name__}: {broken}"[:500])


def _run(order: Run, answers: BinaryIO, pack: Path | None, model: Path | None) -> EngineResult:
    def report(percent: int, text: str | None) -> None:
        _say(answers, Reported(min(max(percent, 0), 100), text))

    files = {name: Path(path) for name, path in order.files.items()}
    engine = load_engine(order.dotted_path)
    return engine(EngineJob(order.params, files, Path(order.out_dir), report, pack, model))


def _done(result: EngineResult) -> Done:
    made = tuple(
        MadeFile(file.path.name, file.content_type, file.width, file.height) for file in result.files
    )
    return Done(made, result.facts, result.kept, result.usage)


if __name__ == "__main__":
    main()
