"""The commands against a running gateway, as a customer and an operator use them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Cli, answer
from tests.support.server import OPERATOR_KEY, Server

from vermilion.engines.weights import sample_path

pytestmark = pytest.mark.slow


def test_run_keeps_what_comes_back(customer_cli: Cli, tmp_path: Path) -> None:
    """A prompt alone makes a picture, saves it and says what it cost."""
    done = customer_cli("run", "a red fox in snow", "--out", "pictures")
    assert 0 == done.returncode, done.stderr
    [file] = (tmp_path / "pictures").iterdir()
    assert file.read_bytes().startswith(b"\x89PNG")
    assert f"pictures/{file.name}" in done.stdout
    assert "$0.005" in done.stdout
    assert "100%" in done.stderr


def test_run_uploads_local_files(customer_cli: Cli, tmp_path: Path) -> None:
    """A model with one task type needs no second word, and a local photograph is uploaded."""
    done = customer_cli("run", "cutout", "--image", str(sample_path("astronaut.png")), "--json")
    task = answer(done)
    assert ("completed", 20_000) == (task["status"], task["usage"]["charged"])
    assert 1 == len(list(tmp_path.glob("cutout-*.png")))


def test_inputs_get_the_type_that_their_schema_names(customer_cli: Cli) -> None:
    """Digits are a prompt where the schema wants text, and a number where it wants a number."""
    task = answer(customer_cli("run", "echo", "-i", "prompt=123", "-i", "latency_s=0.1", "--json"))
    assert {"prompt": "123", "latency_s": 0.1} == task["input"]


def test_a_failed_task_is_exit_code_1(customer_cli: Cli) -> None:
    """Nothing came of it, and nothing was charged."""
    done = customer_cli("run", "echo", "--prompt", "x", "-i", "end=fail-customer")
    assert 1 == done.returncode
    assert "Charged  $0.00" in done.stdout


def test_wrong_inputs_are_listed(customer_cli: Cli) -> None:
    """Every wrong field has its line on stderr; stdout stays empty."""
    done = customer_cli("run", "composer", "--prompt", "x", "-i", "size=1", "-i", "count=9", "--json")
    assert (1, "") == (done.returncode, done.stdout)
    assert "/input/size" in done.stderr
    assert "/input/count" in done.stderr


def test_tasks_can_be_listed_watched_and_cancelled(customer_cli: Cli) -> None:
    """A detached task is found by its metadata, cancelled, and watching it is over at once."""
    task = answer(
        customer_cli(
            "run", "echo", "--prompt", "x", "-i", "latency_s=600", "--metadata", "job=7", "--detach", "--json"
        )
    )
    page = answer(customer_cli("tasks", "list", "--metadata", "job=7", "--json"))
    assert [task["id"]] == [found["id"] for found in page["data"]]
    answer(customer_cli("tasks", "cancel", task["id"], "--json"))
    watched = customer_cli("tasks", "watch", task["id"])
    assert 1 == watched.returncode
    assert "cancelled" in watched.stdout


def test_the_wallet_is_shown_in_dollars_and_given_in_units(customer_cli: Cli) -> None:
    """People read dollars, programs read units; a bare `wallet` shows it."""
    assert "$5.00" in customer_cli("wallet").stdout
    assert 50_000_000 == answer(customer_cli("wallet", "--json"))["available"]
    [entry] = answer(customer_cli("wallet", "entries", "--json"))["data"]
    assert ("grant", 50_000_000) == (entry["kind"], entry["units"])


def test_a_key_can_be_made_rotated_and_revoked(customer_cli: Cli) -> None:
    """The secret is shown once; a revoked key is refused with what to do."""
    made = answer(
        customer_cli("key", "create", "laptop", "--scope", "wallet:read", "--cap-usd", "1", "--json")
    )
    assert (["wallet:read"], 10_000_000) == (made["scopes"], made["cap_units"])
    new = answer(customer_cli("key", "rotate", made["id"], "--json"))
    answer(customer_cli("key", "revoke", new["id"], "--json"))
    refused = customer_cli("wallet", "--key", new["key"])
    assert 1 == refused.returncode
    assert "VERMILION_API_KEY" in refused.stderr


def test_an_operator_runs_the_house(operator_cli: Cli) -> None:
    """Accounts are disabled and enabled, plans keep what is not changed, wallets are corrected for a reason."""
    account = answer(operator_cli("account", "create", "Ada", "ada@example.org", "--json"))
    assert "disabled" == answer(operator_cli("account", "disable", account["id"], "--json"))["status"]
    assert "active" == answer(operator_cli("account", "enable", account["id"], "--json"))["status"]
    answer(operator_cli("plan", "save", "pro", "--concurrency", "7", "--json"))
    saved = answer(operator_cli("plan", "save", "pro", "--family", "echo=2", "--json"))
    assert (7, {"echo": 2}) == (saved["concurrency_total"], saved["concurrency_family"])
    answer(operator_cli("grant", account["id"], "30", "--json"))
    wallet = answer(
        operator_cli("wallet", "adjust", account["id"], "--usd=-0.000001", "--reason", "a slip", "--json")
    )
    assert 20 == wallet["available"]


def test_a_connection_can_be_paused_and_resumed(operator_cli: Cli) -> None:
    """Its state and the reason are in the list."""
    connections = answer(operator_cli("connection", "list", "--json"))["data"]
    echo = next(c["id"] for c in connections if c["provider"] == "echo")
    answer(operator_cli("connection", "pause", echo, "--reason", "tea", "--json"))
    assert "tea" in operator_cli("connection", "list").stdout
    assert "active" == answer(operator_cli("connection", "resume", echo, "--json"))["state"]


def test_the_ledger_is_verified(operator_cli: Cli) -> None:
    """A balanced ledger is exit code 0."""
    assert "balanced" in operator_cli("ledger", "verify").stdout
    assert answer(operator_cli("ledger", "verify", "--json"))["balanced"]


def test_customers_may_not_verify_the_ledger(customer_cli: Cli) -> None:
    """A key without the power is refused with what would have it."""
    done = customer_cli("ledger", "verify")
    assert 1 == done.returncode
    assert "operator" in done.stderr


def test_doctor_finds_nothing_wrong(operator_cli: Cli) -> None:
    """On a machine that is set up, beside a gateway that is ready, every check passes."""
    report = answer(operator_cli("doctor", "--json"))
    assert report["ok"], report
    assert "gateway" in [check["check"] for check in report["checks"]]


def test_doctor_says_what_to_type(cli: Cli) -> None:
    """Without a gateway, the report ends with the command that starts one."""
    done = cli("doctor", "--url", "http://127.0.0.1:1")
    assert 1 == done.returncode
    assert "serve" in done.stdout.splitlines()[-1]


def test_the_key_file_of_the_data_folder_is_used(cli: Cli, module_server: Server, tmp_path: Path) -> None:
    """Beside a data folder that holds the operator's key, no key need be given."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "operator.key").write_text(OPERATOR_KEY + "\n")
    account = answer(cli("account", "--json", VERMILION_PORT=str(module_server.port)))
    assert "operator" == account["role"]
