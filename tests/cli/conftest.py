"""The command line as a person runs it: a process of its own, with nothing in its environment but what a test gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.patience import PATIENCE_S
from tests.support.server import OPERATOR_KEY, SOURCES, Server

Cli = Callable[..., subprocess.CompletedProcess[str]]
RUN_TIMEOUT_S = PATIENCE_S


def bare_environment(**names: str) -> dict[str, str]:
    """This process's environment without anything that speaks to Vermilion, and with these names."""
    kept = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith("VERMILION_") and k not in {"DATABASE_URL", "PHOTO"}
    }
    return {**kept, "PYTHONPATH": str(SOURCES), "NO_COLOR": "1", **names}


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Runs the command line in an empty folder, without any gateway."""

    def run(*words: str, **names: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "vermilion", *words],
            cwd=tmp_path,
            env=bare_environment(**names),
            check=False,
            capture_output=True,
            text=True,
            timeout=RUN_TIMEOUT_S,
        )

    return run


@pytest.fixture
def operator_cli(cli: Cli, module_server: Server) -> Cli:
    """The command line with the operator's key for the module's gateway."""
    return lambda *words, **names: cli(
        *words, **{"VERMILION_URL": module_server.url, "VERMILION_API_KEY": OPERATOR_KEY, **names}
    )


@pytest.fixture
def customer_cli(operator_cli: Cli) -> Cli:
    """The command line with the key of a fresh customer who has 5 dollars."""
    name = os.urandom(6).hex()
    account = answer(operator_cli("account", "create", name, f"{name}@example.org", "--json"))
    answer(operator_cli("grant", account["id"], "--usd", "5", "--json"))
    key = answer(operator_cli("key", "create", "test", "--account", account["id"], "--json"))["key"]
    return lambda *words, **names: operator_cli(*words, VERMILION_API_KEY=key, **names)


def answer(done: subprocess.CompletedProcess[str]) -> Any:
    """The JSON of a command that must have worked."""
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)
