"""Become PostgreSQL: drop root, tie this process to its parent's life, then exec; imports nothing of ours.

It runs as a script of its own (`python -I -S launcher.py PARENT_PID UID GID COMMAND…`) and not as
a `preexec_fn`, because Python code between fork and exec may deadlock in a process that has threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent_pid: int, uid: int, gid: int, command: list[str]) -> None:
    """Replace this process by `command`, run as `uid`; it gets SIGINT when the parent dies."""
    os.umask(0o077)
    if uid != os.getuid():
        os.setgroups([gid])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        _die_with_parent(parent_pid)
    os.execv(command[0], command)  # noqa: S606 (no shell is wanted)


def _die_with_parent(parent_pid: int) -> None:
    # Must come after setuid, which clears the setting.
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGINT) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    # A parent that died before prctl sends nothing any more.
    if os.getppid() != parent_pid:
        raise SystemExit("the gateway ended while PostgreSQL was being started")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
