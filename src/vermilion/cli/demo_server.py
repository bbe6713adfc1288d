"""The gateway that the demo talks to: one that runs already, or one of its own that ends with it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from vermilion.cli.client import open_client
from vermilion.cli.failures import CommandFailed, program
from vermilion.cli.where import (
    OPERATOR_KEY_FILE,
    Where,
    address_of,
    reachable_host,
    read_key_file,
    read_settings,
)

if TYPE_CHECKING:
    from vermilion.settings import Settings

START_TIMEOUT_S = 120.0  #: the first start initialises a database, which is slow on a slow disk
STOP_TIMEOUT_S_MORE = 15.0  #: beyond the time that the gateway may take to finish its work
LOG_LINES_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Found:
    """A gateway, the operator's key for it, and whether it was started just now."""

    where: Where
    started: bool


@asynccontextmanager
async def gateway() -> AsyncIterator[Found]:
    """A gateway for the block. One that runs in this place is used and left running. Raises CommandFailed."""
    settings = read_settings()
    where = _with_key(settings, address_of(settings))
    if await _may_use(where):
        yield Found(where, started=False)
        return
    port = settings.port if "VERMILION_PORT" in os.environ and settings.port else _free_port(settings.host)
    async with _started(settings, port) as url:
        yield Found(_with_key(settings, url), started=True)


async def _may_use(where: Where) -> bool:
    """Whether a gateway answers that was asked for by its port, or that has the key file of this place as its own."""
    async with open_client(where) as client:
        if not await client.is_ready():
            return False
        if "VERMILION_PORT" in os.environ:
            return True
        try:
            return where.key_source != "VERMILION_OPERATOR_KEY" and bool(await client.get("/v1/account"))
        except CommandFailed:
            return False


def _with_key(settings: Settings, url: str) -> Where:
    if settings.operator_key is not None:
        return Where(url, settings.operator_key.get_secret_value(), "VERMILION_OPERATOR_KEY")
    path = settings.data_dir / OPERATOR_KEY_FILE
    return Where(url, read_key_file(path), str(path))


@asynccontextmanager
async def _started(settings: Settings, port: int) -> AsyncIterator[str]:
    with tempfile.TemporaryFile() as log:
        # A session of its own: an interrupt at the terminal is the demo's, which then stops the gateway in good order.
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "vermilion", "serve"),
            env=os.environ | {"VERMILION_PORT": str(port)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            url = f"http://{reachable_host(settings.host)}:{port}"
            await _until_ready(process, url, log)
            yield url
        finally:
            await _stop(process, settings.drain_timeout_s + STOP_TIMEOUT_S_MORE)


async def _until_ready(process: asyncio.subprocess.Process, url: str, log: IO[bytes]) -> None:
    try:
        async with asyncio.timeout(START_TIMEOUT_S), open_client(Where(url, None, "")) as client:
            while not await client.is_ready():
                if process.returncode is not None:
                    raise CommandFailed(
                        "The gateway did not start:\n" + _tail(log), fix=f"{program()} doctor"
                    )
                await asyncio.sleep(0.1)
    except TimeoutError:
        message = f"The gateway was not ready after {START_TIMEOUT_S:.0f} seconds:\n{_tail(log)}"
        raise CommandFailed(message, fix=f"{program()} doctor") from None


async def _stop(process: asyncio.subprocess.Process, timeout_s: float) -> None:
    """Let it drain; kill it only if it does not end."""
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(timeout_s):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _tail(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-LOG_LINES_SHOWN:])


def _free_port(host: str) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def sample_photo() -> Path:
    """The photograph that `make setup` installs. Raises CommandFailed when it is not there."""
    path = Path(sys.prefix) / "share" / "vermilion" / "samples" / "astronaut.png"
    if not path.is_file():
        raise CommandFailed(
            f"The sample photograph is not installed ({path}).", fix="make setup, or name one: --photo"
        )
    return path
