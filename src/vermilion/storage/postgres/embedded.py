"""The embedded PostgreSQL: one private server per data directory, on a Unix socket, that never outlives us.

As root the server runs as an unprivileged user; it never changes the permissions of a directory it did not make.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
from pathlib import Path
from typing import IO
from urllib.parse import quote

import asyncpg

from vermilion.storage.postgres.cluster import give_to, paths_for, require_cluster_of, sync_dir
from vermilion.storage.postgres.command import SHARED_BUFFERS, SUPERUSER, initdb_command, server_command
from vermilion.storage.postgres.install import (
    EmbeddedPostgresError,
    ServerUser,
    choose_server_user,
    find_bin_dir,
    major_version,
    reachable_bin_dir,
)
from vermilion.storage.postgres.pidfile import end_orphan, says_ready
from vermilion.storage.postgres.process import PostgresProcess
from vermilion.storage.postgres.socket import SOCKET_PORT, open_socket_dir

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "find_bin_dir"]

DATABASE = "vermilion"
LOG_SIZE_BYTES_MAX = 16 * 1024 * 1024
LOG_TAIL_BYTES = 2_000
LOCK_RETRY_S = 10.0  # After kill -9 of gateway and server, old processes were gone within 2.5 s.
READY_S_MAX = 600.0  # Crash recovery replays up to max_wal_size.
FAST_STOP_S = 60.0
POLL_S = 0.01


class EmbeddedPostgres:
    """A PostgreSQL server whose cluster, log and lock live in `data_dir`; start it from the main thread."""

    def __init__(self, data_dir: Path, *, bin_dir: Path | None = None) -> None:
        self._data_dir = data_dir.absolute()
        self._bin_dir_override = bin_dir
        self._cluster_dir = self._data_dir / "postgres"
        self._log_path = self._data_dir / "postgres.log"
        self._lock: IO[str] | None = None
        self._process: PostgresProcess | None = None
        self._socket_dir: Path | None = None

    @property
    def dsn(self) -> str:
        """The address of the running server's `vermilion` database, for asyncpg and libpq."""
        return self._dsn_of(DATABASE)

    @property
    def pid(self) -> int:
        """The process id of the server, a direct child of this process."""
        return self._running().pid

    @property
    def exited(self) -> asyncio.Event:
        """Set as soon as the server has ended, wanted or not."""
        return self._running().exited

    async def start(self) -> str:
        """Create the cluster if there is none, recover it if it crashed, and return the DSN once it answers.

        Raises EmbeddedPostgresError, which says what to do; a second gateway on `data_dir` is refused.
        """
        if self._process is not None and not self._process.exited.is_set():
            raise EmbeddedPostgresError("This embedded PostgreSQL is running already; stop it first.")
        try:
            self._claim_data_dir()
            await self._start_claimed()
        except OSError as error:
            await self.stop()
            raise EmbeddedPostgresError(f"{error}; check VERMILION_DATA_DIR ({self._data_dir}).") from error
        except BaseException:
            await self.stop()
            raise
        return self.dsn

    async def stop(self) -> None:
        """Shut the server down fast (open transactions roll back) and free the data directory once it ended."""
        if self._process is not None:
            await _stop_process(self._process)
        if self._socket_dir is not None and self._socket_dir.parent != self._data_dir:
            with contextlib.suppress(OSError):
                self._socket_dir.rmdir()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _running(self) -> PostgresProcess:
        if self._process is None:
            raise EmbeddedPostgresError("The embedded PostgreSQL has not been started; call start() first.")
        return self._process

    def _dsn_of(self, database: str) -> str:
        if self._socket_dir is None:
            raise EmbeddedPostgresError("The embedded PostgreSQL has not been started; call start() first.")
        return f"postgresql://{SUPERUSER}@/{database}?host={quote(str(self._socket_dir))}&port={SOCKET_PORT}"

    def _claim_data_dir(self) -> None:
        self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._lock is not None:
            return
        lock = (self._data_dir / "postgres.lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise EmbeddedPostgresError(
                f"Another gateway (process {holder}) is using {self._data_dir}: stop it, give this one its "
                "own VERMILION_DATA_DIR, or let both share one server by DATABASE_URL."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    async def _start_claimed(self) -> None:
        bin_dir = find_bin_dir(self._bin_dir_override)
        version = major_version(bin_dir)
        user = choose_server_user(self._cluster_dir)
        bin_dir = reachable_bin_dir(bin_dir, user)
        with _open_log(self._log_path) as log:
            if not self._cluster_dir.exists():
                await self._create_cluster(bin_dir, version, user, log)
            require_cluster_of(self._cluster_dir, version)
            give_to(self._cluster_dir, user)
            await self._run_server(bin_dir, user, log)
        await self._ensure_database()

    async def _create_cluster(self, bin_dir: Path, version: int, user: ServerUser, log: IO[bytes]) -> None:
        # Renamed when complete, so a crash inside initdb leaves nothing that looks like a database.
        staging = self._cluster_dir.with_name("postgres.new")
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(mode=0o700)
        give_to(staging, user)
        with paths_for(user, staging) as (paths, fds):
            command = initdb_command(bin_dir, paths[0], version=version)
            process = PostgresProcess(command, user, log=log, inherited_fds=fds)
            try:
                await process.wait()
            finally:
                process.send_signal(signal.SIGKILL)
        if process.exit_code != 0:
            raise self._failure("PostgreSQL could not create its database")
        staging.rename(self._cluster_dir)
        sync_dir(self._data_dir)

    async def _run_server(self, bin_dir: Path, user: ServerUser, log: IO[bytes]) -> None:
        self._socket_dir = open_socket_dir(self._data_dir, user)
        buffers = iter(SHARED_BUFFERS)
        size = next(buffers)
        loop = asyncio.get_running_loop()
        retry_until = loop.time() + LOCK_RETRY_S
        while True:
            ignored_pid = await end_orphan(self._cluster_dir / "postmaster.pid")
            log_start = log.seek(0, os.SEEK_END)
            with paths_for(user, self._cluster_dir, self._socket_dir) as (paths, fds):
                command = server_command(bin_dir, *paths, shared_buffers=size)
                self._process = PostgresProcess(
                    command, user, log=log, inherited_fds=fds, ignored_pid=ignored_pid
                )
                if await self._until_ready(self._process):
                    return
            said = self._log_path.read_bytes()[log_start:].decode(errors="replace")
            if _is_locked(said) and loop.time() < retry_until:
                await asyncio.sleep(0.2)
            elif "could not map anonymous shared memory" in said and (smaller := next(buffers, None)):
                size = smaller
            else:
                raise self._failure("PostgreSQL did not start")

    async def _until_ready(self, process: PostgresProcess) -> bool:
        """Return True once it takes connections, False if it ended before."""
        deadline = asyncio.get_running_loop().time() + READY_S_MAX
        while asyncio.get_running_loop().time() < deadline:
            if await process.wait(POLL_S):
                return False
            if says_ready(self._cluster_dir / "postmaster.pid", process.pid):
                return True
        raise self._failure(f"PostgreSQL was not ready after {READY_S_MAX:.0f} s")

    async def _ensure_database(self) -> None:
        connection = await asyncpg.connect(self._dsn_of("postgres"))
        try:
            if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE):
                await connection.execute(f'CREATE DATABASE "{DATABASE}"')
        finally:
            await connection.close()

    def _failure(self, fact: str) -> EmbeddedPostgresError:
        with contextlib.suppress(OSError):
            tail = self._log_path.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace").strip()
            return EmbeddedPostgresError(f"{fact}. The end of {self._log_path} says why:\n{tail}")
        return EmbeddedPostgresError(f"{fact}; see {self._log_path}.")


async def _stop_process(process: PostgresProcess) -> None:
    for number, patience_s in ((signal.SIGINT, FAST_STOP_S), (signal.SIGQUIT, 10.0), (signal.SIGKILL, None)):
        process.send_signal(number)
        if await process.wait(patience_s):
            return


def _is_locked(said: str) -> bool:
    return "already exists" in said or "is still in use" in said


def _open_log(path: Path) -> IO[bytes]:
    if path.exists() and path.stat().st_size > LOG_SIZE_BYTES_MAX:
        path.replace(path.with_name(f"{path.name}.1"))
    path.touch(mode=0o600)  # Failed statements are logged with their values.
    return path.open("ab", buffering=0)
