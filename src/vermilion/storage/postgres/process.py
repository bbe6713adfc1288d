"""One PostgreSQL program as a direct child of the gateway that cannot outlive it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

from vermilion.storage.postgres.install import EmbeddedPostgresError, ServerUser

LAUNCHER = Path(__file__).with_name("launcher.py")
KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")


class PostgresProcess:
    """A running child; `exited` is set once it has ended and been reaped."""

    def __init__(
        self,
        command: list[str],
        user: ServerUser,
        *,
        log: IO[bytes],
        inherited_fds: tuple[int, ...],
        ignored_pid: int | None = None,
    ) -> None:
        _require_main_thread()
        self.exited = asyncio.Event()
        self._child = subprocess.Popen(
            _launch(command, user),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=_environment(ignored_pid),
            pass_fds=inherited_fds,
            start_new_session=True,
        )
        self.pid = self._child.pid
        self._watch(asyncio.get_running_loop())

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self._child.returncode

    def send_signal(self, number: int) -> None:
        """Does nothing to a child that has already been reaped."""
        self._child.send_signal(number)

    async def wait(self, timeout_s: float | None = None) -> bool:
        """Return whether the child ended within `timeout_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self.exited.wait()
        return self.exited.is_set()

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        # A thread of our own works on every event loop and, being a daemon, never delays the gateway's exit.
        def reap() -> None:
            self._child.wait()
            with contextlib.suppress(RuntimeError):  # The loop was closed before the child ended.
                loop.call_soon_threadsafe(self.exited.set)

        threading.Thread(target=reap, name="postgres-reaper", daemon=True).start()


def _require_main_thread() -> None:
    # The kernel sends the parent-death signal when the forking thread ends, not when the process does.
    if threading.current_thread() is not threading.main_thread():
        raise EmbeddedPostgresError(
            "The embedded PostgreSQL must be started from the main thread; "
            "start it there, or set DATABASE_URL to use a server of your own."
        )


def _launch(command: list[str], user: ServerUser) -> list[str]:
    identity = [str(os.getpid()), str(user.uid), str(user.gid)]
    return [sys.executable, "-I", "-S", str(LAUNCHER), *identity, *command]


def _environment(ignored_pid: int | None) -> dict[str, str]:
    # Few variables: ours hold secrets, and PG* would change the server. LC_ALL keeps its messages English.
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    if ignored_pid is not None:
        # PostgreSQL takes a lock file with this pid for stale, and still checks that no old backend is alive.
        kept["PG_GRANDPARENT_PID"] = str(ignored_pid)
    return kept | {"LC_ALL": "C"}
