"""Nodes that never outlive their test."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.crash.scene import settings
from tests.support.server import Server

MakeNode = Callable[..., Server]


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a name short enough for a socket inside."""
    return tmp_path_factory.mktemp("t")


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[MakeNode]:
    """Makes nodes, `node(name, database_url=None, **settings)`; those still alive at the end are killed."""
    made: list[Server] = []

    def make(name: str, database_url: str | None = None, **more: str) -> Server:
        made.append(Server(tmp_path / name, **settings(tmp_path, database_url, **more)))
        return made[-1]

    yield make
    for server in made:
        if server.process is not None and server.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                server.process.send_signal(signal.SIGCONT)
            await server.kill()
