"""`vermilion webhooks`: endpoints and deliveries from the terminal, and a receiver to develop with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from tests.cli.conftest import Cli, answer, bare_environment
from tests.support.server import Server, free_port

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


class Taker(BaseHTTPRequestHandler):
    """A developer's own server, which keeps what it is handed and is not content with the first of it."""

    heard: ClassVar[list[tuple[str, bytes, dict[str, str]]]] = []

    def do_POST(self) -> None:
        """Refuse once, then accept."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.heard.append((self.path, body, {name.lower(): value for name, value in self.headers.items()}))
        self.send_response(503 if len(self.heard) == 1 else 202)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def taker() -> Iterator[str]:
    """Where the developer's server listens."""
    Taker.heard.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Taker) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}/hooks?from=vermilion"
        server.shutdown()
        serving.join()


def test_listen_hands_on_what_it_hears(
    operator_cli: Cli, module_server: Server, customer_key: str, taker: str
) -> None:
    """Byte for byte with what proves its origin; what the developer's server answers, the gateway is answered."""
    listening = listener(module_server, customer_key, "--count", "2", "--forward", taker)
    task = answer(operator_cli("run", "echo", "--prompt", "x", "--json", VERMILION_API_KEY=customer_key))
    printed, _ = listening.communicate(timeout=60)

    assert 0 == listening.returncode
    assert ["→ 503", "→ 202"] == [line.split("  ")[-2] for line in printed.splitlines()[:2]]
    assert 2 == len(Taker.heard)
    (path, body, headers), (_, again, headers_again) = Taker.heard
    assert ("/hooks?from=vermilion", "application/json") == (path, headers["content-type"])
    assert task["id"] == json.loads(body)["data"]["id"]
    assert (headers["webhook-id"], body) == (headers_again["webhook-id"], again)
    assert {"webhook-id", "webhook-timestamp", "webhook-signature"} <= headers.keys()
    shown = operator_cli("webhooks", "show", headers["webhook-id"], "--json", VERMILION_API_KEY=customer_key)
    assert [503, 202] == [attempt["status"] for attempt in answer(shown)["attempt_log"]]


def test_listen_says_when_nobody_takes_what_it_hands_on(
    operator_cli: Cli, module_server: Server, customer_key: str
) -> None:
    """A server that is not there is 502 to the gateway, which tries again later."""
    nowhere = f"http://127.0.0.1:{free_port()}/"
    listening = listener(module_server, customer_key, "--count", "1", "--forward", nowhere)
    operator_cli("run", "echo", "--prompt", "x", "--json", VERMILION_API_KEY=customer_key)
    printed, _ = listening.communicate(timeout=60)
    assert (0, True) == (listening.returncode, "→ 502  ✓ verified" in printed)


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
