"""Engines that misbehave on demand; workers import this file by name from PYTHONPATH."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np

from vermilion.engines.contract import EngineFile, EngineJob, EngineRefused, EngineResult

ENGINES = {
    name: f"faulty:{name}"
    for name in ("echo", "die", "hang", "hog", "wrong", "refuse", "escape", "print_out", "environment")
}


def echo(job: EngineJob) -> EngineResult:
    job.report(30, "one")
    job.report(20, "never back")
    job.report(60, None)
    path = job.out_dir / "said.txt"
    path.write_text(str(job.params["say"]))
    return EngineResult((EngineFile("said.txt", path, "text/plain"),), {"pid": os.getpid()})


def die(job: EngineJob) -> EngineResult:
    os._exit(7)


def hang(job: EngineJob) -> EngineResult:
    job.report(1, str(os.getpid()))
    while True:
        time.sleep(60)


def hog(job: EngineJob) -> EngineResult:
    blocks = [np.ones(32 * 1024**2, dtype=np.uint8) for _ in range(int(job.params["blocks"]))]
    return EngineResult((), {"blocks": len(blocks)})


def wrong(job: EngineJob) -> EngineResult:
    raise LookupError("a fault of the engine")


def refuse(job: EngineJob) -> EngineResult:
    raise EngineRefused("not like this", "too_blue")


def escape(job: EngineJob) -> EngineResult:
    path = job.out_dir / "link"
    path.symlink_to("/etc/passwd")
    return EngineResult((EngineFile("link", path, "text/plain"),))


def print_out(job: EngineJob) -> EngineResult:
    print("this must not reach the pool", flush=True)
    sys.stdout.flush()
    return EngineResult((), {"printed": True})


def environment(job: EngineJob) -> EngineResult:
    return EngineResult((), {"names": sorted(os.environ), "nice": os.nice(0), "here": str(Path.cwd())})
