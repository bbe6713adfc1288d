"""The demo, as `make demo` runs it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import psutil
import pytest
from tests.cli.conftest import Cli, bare_environment
from tests.support.patience import PATIENCE_S
from tests.support.server import OPERATOR_KEY, Server, free_port

pytestmark = pytest.mark.slow


def test_the_demo_starts_and_stops_its_own_gateway(cli: Cli, database_url: str, tmp_path: Path) -> None:
    """It tells the whole story, saves both pictures, and leaves no gateway behind."""
    port = free_port()
    names = {"DATABASE_URL": database_url, "VERMILION_PORT": str(port)}
    done = cli("demo", **names)
    assert 0 == done.returncode, done.stdout + done.stderr
    assert ["astronaut-cutout.png", "picture.png"] == sorted(
        f.name for f in (tmp_path / "demo-output").iterdir()
    )
    for words in ("$5.00 available", "100%", "charged at its end", "$4.993 available", "balanced"):
        assert words in done.stdout
    assert "started for this demo" in done.stdout
    assert not any(
        c.laddr.port == port for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN
    )


def test_the_demo_leaves_a_running_gateway_running(cli: Cli, module_server: Server) -> None:
    """A gateway that answers at VERMILION_PORT is used and left alone."""
    names = {"VERMILION_PORT": str(module_server.port), "VERMILION_OPERATOR_KEY": OPERATOR_KEY}
    done = cli("demo", **names)
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "it was running already" in done.stdout
    assert 0 == cli("wallet", **names).returncode


def test_a_photograph_that_is_not_there_stops_the_demo(cli: Cli) -> None:
    """Nothing is started for nothing."""
    done = cli("demo", "--photo", "none.jpg")
    assert 1 == done.returncode
    assert "none.jpg" in done.stderr


def test_a_gateway_that_cannot_start_is_explained(cli: Cli) -> None:
    """The end of its log is the message."""
    done = cli("demo", VERMILION_PG_BIN="nowhere")
    assert 1 == done.returncode
    assert "did not start" in done.stderr
    assert "nowhere has no" in done.stderr


async def test_a_terminated_demo_takes_its_gateway_along(database_url: str, tmp_path: Path) -> None:
    """SIGTERM at any moment leaves no orphan."""
    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "vermilion", "demo"),
        cwd=tmp_path,
        env=bare_environment(DATABASE_URL=database_url, VERMILION_DRAIN_TIMEOUT_S="1"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert demo.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        while b"Gateway" not in (line := await demo.stdout.readline()):
            assert line, "the demo ended before it had a gateway"
        family = psutil.Process(demo.pid).children(recursive=True)
        demo.terminate()
        await demo.stdout.read()
        assert 0 != await demo.wait()
    assert [] == [
        process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    ]
