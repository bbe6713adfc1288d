"""`vermilion webhooks`: endpoints and deliveries from the terminal, and a receiver to develop with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from tests.cli.conftest import Cli, answer, bare_environment
from tests.support.server import Server

pytestmark = pytest.mark.slow


@pytest.fixture
def customer_key(operator_cli: Cli) -> str:
    """The key of a fresh customer with money."""
    name = os.urandom(6).hex()
    account = answer(operator_cli("account", "create", name, f"{name}@example.org", "--json"))
    answer(operator_cli("grant", account["id"], "--usd", "5", "--json"))
    key: str = answer(operator_cli("key", "create", "test", "--account", account["id"], "--json"))["key"]
    return key


def listener(server: Server, key: str, *words: str) -> subprocess.Popen[str]:
    """A `webhooks listen` that has begun to listen."""
    begun = subprocess.Popen(
        [sys.executable, "-u", "-m", "vermilion", "webhooks", "listen", *words],
        env=bare_environment(VERMILION_URL=server.url, VERMILION_API_KEY=key, PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert begun.stdout is not None
    first = begun.stdout.readline()
    assert first.startswith("Listening on http://127.0.0.1:"), begun.communicate()
    return begun


def test_listen_prints_and_verifies_what_arrives(
    operator_cli: Cli, module_server: Server, customer_key: str
) -> None:
    """With a temporary endpoint that is gone at the end; the exit code says that all was verified."""

    def customer(*words: str) -> subprocess.CompletedProcess[str]:
        return operator_cli(*words, VERMILION_API_KEY=customer_key)

    listening = listener(module_server, customer_key, "--count", "1")
    assert 1 == len(answer(customer("webhooks", "list", "--json"))["data"])
    task = answer(customer("run", "echo", "--prompt", "x", "--json"))

    printed, _ = listening.communicate(timeout=30)

    assert 0 == listening.returncode
    assert f"task.completed  {task['id']}  completed  ✓ verified" in printed
    assert "1 deliveries, all verified." in printed
    assert [] == answer(customer("webhooks", "list", "--json"))["data"]


def test_an_interrupt_removes_the_endpoint(
    operator_cli: Cli, module_server: Server, customer_key: str
) -> None:
    """Ctrl-C is how listening usually ends."""
    listening = listener(module_server, customer_key)
    listening.send_signal(signal.SIGINT)
    printed, _ = listening.communicate(timeout=30)
    assert (0, "0 deliveries, all verified.") == (listening.returncode, printed.strip())
    assert [] == answer(operator_cli("webhooks", "list", "--json", VERMILION_API_KEY=customer_key))["data"]


def test_a_gateway_that_may_not_reach_this_machine_says_how(operator_cli: Cli) -> None:
    """The hint names the setting."""
    done = operator_cli("webhooks", "listen", "--public-url", "http://10.1.2.3/")
    assert 1 == done.returncode
    assert "VERMILION_EGRESS_ALLOW" in done.stderr


def test_endpoints_are_kept_from_the_terminal(customer_cli: Cli) -> None:
    """Added, rotated, switched off and on, tried, removed."""
    made = answer(customer_cli("webhooks", "add", "http://127.0.0.1:9/", "--event", "task.failed", "--json"))
    assert ["task.failed"] == made["events"]
    assert made["secret"] in customer_cli("webhooks", "secret", made["id"]).stdout
    rotated = answer(customer_cli("webhooks", "rotate", made["id"], "--json"))
    assert made["secret"] != rotated["secret"]
    assert "is off" in customer_cli("webhooks", "disable", made["id"]).stdout
    refused = customer_cli("webhooks", "test", made["id"])
    assert (1, True) == (refused.returncode, "switched off" in refused.stderr)
    assert "is on" in customer_cli("webhooks", "enable", made["id"]).stdout
    sent = answer(customer_cli("webhooks", "test", made["id"], "--json"))
    assert sent["id"] in customer_cli("webhooks", "deliveries", "--endpoint", made["id"]).stdout
    assert "webhook.test" in customer_cli("webhooks", "show", sent["id"]).stdout
    assert "Removed" in customer_cli("webhooks", "remove", made["id"]).stdout
    assert "No webhook endpoints." in customer_cli("webhooks", "list").stdout


def test_replay_wants_one_or_a_time(customer_cli: Cli) -> None:
    """Not both, not neither; a time may be so long ago."""
    assert 2 == customer_cli("webhooks", "replay").returncode
    assert {"replayed": 0} == json.loads(customer_cli("webhooks", "replay", "--since", "2h", "--json").stdout)
    assert 2 == customer_cli("webhooks", "replay", "--since", "yesterday").returncode
