"""The server's `postmaster.pid`: is it ready, and is it the rest of a gateway that died?"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

from vermilion.storage.postgres.install import EmbeddedPostgresError

ORPHAN_STOP_S = 60.0  # A fast shutdown writes a checkpoint, which may be large.
POLL_S = 0.01
PROCESSES_VISIBLE = Path("/proc/self/cwd").exists()


async def end_orphan(pid_file: Path) -> int | None:
    """Stop the server of a dead gateway; return the lock file's pid, which from then on means nothing.

    Returns None where processes cannot be looked at; call it only while holding the data directory's lock.
    """
    pid = _first_number(pid_file)
    if pid is None or not PROCESSES_VISIBLE:
        return None
    deadline = asyncio.get_running_loop().time() + ORPHAN_STOP_S
    if _works_in(pid, pid_file.parent):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
    while _works_in(pid, pid_file.parent):
        if asyncio.get_running_loop().time() > deadline:
            raise EmbeddedPostgresError(
                f"The server of an earlier gateway (process {pid}) still uses {pid_file.parent}: end it."
            )
        await asyncio.sleep(POLL_S)
    return pid


def says_ready(pid_file: Path, pid: int) -> bool:
    """Return whether the server with this pid takes connections."""
    with contextlib.suppress(OSError):
        lines = pid_file.read_text().splitlines()
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"
    return False


def _works_in(pid: int, cluster_dir: Path) -> bool:
    # A server works in its cluster; a zombie or a stranger with a reused pid does not.
    try:
        return Path(f"/proc/{pid}/cwd").samefile(cluster_dir)
    except OSError:
        return False


def _first_number(pid_file: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(pid_file.read_text().splitlines()[0])
    return None
