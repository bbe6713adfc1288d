"""The embedded PostgreSQL on real processes: it starts, recovers, refuses company and never outlives us."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

import vermilion
from vermilion.storage.postgres import install
from vermilion.storage.postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError, find_bin_dir

GATEWAY = """
import asyncio, sys
from pathlib import Path
import asyncpg
from vermilion.storage.postgres.embedded import EmbeddedPostgres
async def main():
    server = EmbeddedPostgres(Path(sys.argv[1]))
    connection = await asyncpg.connect(await server.start())
    await connection.execute("CREATE TABLE note (body text)")
    await connection.execute("INSERT INTO note VALUES ('kept')")
    print(server.pid, flush=True)
    await server.exited.wait() if sys.argv[2] == "stay" else await server.stop()
asyncio.run(main())
"""

pytestmark = pytest.mark.slow

NOBODY = 65534
only_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="needs root, to own private directories and drop to another user"
)
only_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs the parent-death signal of Linux")


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a name short enough for a socket inside."""
    return tmp_path_factory.mktemp("t")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A running server whose data directory is fresh."""
    embedded = EmbeddedPostgres(tmp_path / "data")
    await embedded.start()
    yield embedded
    await embedded.stop()


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A directory that every user may enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="vermilion-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


async def test_serves_on_private_socket_only(server: EmbeddedPostgres, tmp_path: Path) -> None:
    """A new server answers durably, listens on no network address, and its socket is behind 0700."""
    names = ("listen_addresses", "fsync", "synchronous_commit", "TimeZone")
    values = [await _fact(server.dsn, f"SHOW {name}") for name in names]

    assert ["", "on", "on", "UTC"] == values
    assert [] == psutil.Process(server.pid).net_connections(kind="inet")
    assert 0o700 == (tmp_path / "data" / "postgres-socket").stat().st_mode & 0o777
    assert os.getpid() == psutil.Process(server.pid).ppid()


async def test_keeps_rows_over_stop_and_start(server: EmbeddedPostgres) -> None:
    """Committed rows survive a stop, and the same object starts again."""
    await _write_note(server.dsn)
    first_pid = server.pid
    await server.stop()
    assert server.exited.is_set()
    await server.start()

    assert ["kept"] == await _notes(server.dsn)
    assert first_pid != server.pid


async def test_recovers_after_kill_of_server(server: EmbeddedPostgres) -> None:
    """A killed server is noticed at once, and the next start recovers what was committed."""
    await _write_note(server.dsn)

    os.kill(server.pid, signal.SIGKILL)
    await asyncio.wait_for(server.exited.wait(), 5)
    await server.start()

    assert ["kept"] == await _notes(server.dsn)


@only_linux
async def test_dies_with_killed_gateway(tmp_path: Path) -> None:
    """After kill -9 of the gateway no server process is left, and a new gateway finds the committed rows."""
    with _gateway(tmp_path / "data", "stay") as gateway:
        orphan = psutil.Process(_printed_pid(gateway))
        processes = [orphan, *orphan.children(recursive=True)]
        gateway.kill()
    embedded = EmbeddedPostgres(tmp_path / "data")
    dsn = await embedded.start()

    assert ["kept"] == await _notes(dsn)
    assert [] == psutil.wait_procs(processes, timeout=10)[1]
    await embedded.stop()


async def test_refuses_second_gateway(server: EmbeddedPostgres, tmp_path: Path) -> None:
    """A second starter is told who uses the data directory, and the first is not disturbed."""
    with pytest.raises(EmbeddedPostgresError, match=rf"process {os.getpid()}.*own VERMILION_DATA_DIR"):
        await EmbeddedPostgres(tmp_path / "data").start()

    await _write_note(server.dsn)
    assert ["kept"] == await _notes(server.dsn)


@only_linux
async def test_ignores_reused_pid(server: EmbeddedPostgres, tmp_path: Path) -> None:
    """A stale lock file whose pid now belongs to a stranger of the same user does not stop a start."""
    owner = (tmp_path / "data" / "postgres").stat()
    os.kill(server.pid, signal.SIGKILL)
    await server.exited.wait()
    stranger = subprocess.Popen(["sleep", "60"], user=owner.st_uid if os.geteuid() == 0 else None)
    pid_file = tmp_path / "data" / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines(keepends=True)
    pid_file.write_text("".join([f"{stranger.pid}\n", *lines[1:]]))

    await server.start()
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


async def test_serves_long_path(tmp_path: Path) -> None:
    """A data directory too long for a socket's name gets its socket elsewhere, removed at stop."""
    embedded = EmbeddedPostgres(tmp_path / ("long" * 30) / "with, comma")
    dsn = await embedded.start()
    socket_dir = Path(
        await _fact(dsn, "SELECT split_part(current_setting('unix_socket_directories'), ',', 1)")
    )
    await embedded.stop()

    assert len(str(socket_dir)) < 90
    assert not socket_dir.exists()


@only_root
async def test_runs_from_private_directories_of_root(
    tmp_path: Path, open_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With programs and data below 0700 directories of root, it runs unprivileged and opens none of them."""
    monkeypatch.setattr(install, "SYSTEM_CACHE", open_dir / "cache")
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    embedded = EmbeddedPostgres(private / "data", bin_dir=_copy_of_wheel(private))
    dsn = await embedded.start()
    await _write_note(dsn)

    assert ["kept"] == await _notes(dsn)
    assert 0 not in psutil.Process(embedded.pid).uids()
    assert (0, 0o700) == (private.stat().st_uid, private.stat().st_mode & 0o777)
    await embedded.stop()


@only_root
def test_runs_as_ordinary_user(open_dir: Path) -> None:
    """An ordinary user needs nothing but a directory of its own."""
    python = _python_for_everyone()
    if python is None:
        pytest.skip("the user nobody can reach no Python that loads our packages")
    data_dir = open_dir / "data"
    data_dir.mkdir(mode=0o700)
    os.chown(data_dir, NOBODY, NOBODY)
    with _gateway(data_dir, "stop", python=python, user=NOBODY) as gateway:
        _printed_pid(gateway)
        assert 0 == gateway.wait(20)

    assert NOBODY == (data_dir / "postgres" / "PG_VERSION").stat().st_uid


async def test_refuses_other_thread(tmp_path: Path) -> None:
    """A start from a side thread is refused, because the server would die with that thread."""
    embedded = EmbeddedPostgres(tmp_path / "data")
    with pytest.raises(EmbeddedPostgresError, match="main thread"):
        await asyncio.to_thread(asyncio.run, embedded.start())


async def test_refuses_cluster_of_other_version(tmp_path: Path) -> None:
    """A cluster of another major version is left alone, and the message names both versions."""
    cluster = tmp_path / "data" / "postgres"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("9\n")

    with pytest.raises(
        EmbeddedPostgresError, match=r"made by PostgreSQL 9, the programs are \d+: .*VERMILION_PG_BIN"
    ):
        await EmbeddedPostgres(tmp_path / "data").start()
    assert ["PG_VERSION"] == [path.name for path in cluster.iterdir()]


def test_names_missing_programs(tmp_path: Path) -> None:
    """A directory without PostgreSQL's programs is refused with what to set instead."""
    with pytest.raises(EmbeddedPostgresError, match=r"no initdb and no postgres; let VERMILION_PG_BIN"):
        find_bin_dir(tmp_path)


async def test_shows_log_of_failed_start(tmp_path: Path) -> None:
    """If the server does not come up, the error ends with its log, and the data directory is free again."""
    embedded = EmbeddedPostgres(tmp_path / "data")
    await embedded.start()
    await embedded.stop()
    auto_conf = tmp_path / "data" / "postgres" / "postgresql.auto.conf"
    auto_conf.write_text("no_such_setting = 1\n")

    with pytest.raises(EmbeddedPostgresError, match="no_such_setting"):
        await embedded.start()
    auto_conf.write_text("")
    heir = EmbeddedPostgres(tmp_path / "data")
    await heir.start()
    await heir.stop()


async def _write_note(dsn: str) -> None:
    await _fact(dsn, "CREATE TABLE note (body text)")
    await _fact(dsn, "INSERT INTO note VALUES ('kept')")


async def _notes(dsn: str) -> list[str]:
    return list(await _fact(dsn, "SELECT array_agg(body) FROM note"))


async def _fact(dsn: str, query: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def _gateway(
    data_dir: Path, then: str, *, python: str = sys.executable, user: int | None = None
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [python, "-c", GATEWAY, str(data_dir), then],
        env=_python_environment(),
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )


def _python_environment() -> dict[str, str]:
    source_dir = Path(vermilion.__file__).parents[1]
    search_path = os.pathsep.join(
        (str(source_dir), sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
    )
    return {"PATH": os.defpath, "PYTHONPATH": search_path}


def _printed_pid(gateway: subprocess.Popen[str]) -> int:
    assert gateway.stdout is not None
    return int(gateway.stdout.readline())


def _copy_of_wheel(folder: Path) -> Path:
    package = find_bin_dir(None).parents[1]
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(package, folder / package.name)
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name)
    return folder / package.name / "pginstall" / "bin"


def _python_for_everyone() -> str | None:
    """Return an interpreter that can load our packages as the user nobody."""
    version = "{}.{}".format(*sys.version_info[:2])
    for python in (sys.executable, f"/usr/local/bin/python{version}", f"/usr/bin/python{version}"):
        if Path(python).exists() and _can_import(python):
            return python
    return None


def _can_import(python: str) -> bool:
    command = [python, "-c", "import asyncpg, vermilion.storage"]
    try:
        subprocess.run(command, check=True, env=_python_environment(), user=NOBODY, extra_groups=[])
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True
