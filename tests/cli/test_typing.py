"""What is typed, and what the shell offers while it is being typed; no gateway is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.cli.conftest import Cli, bare_environment

from vermilion.cli.failures import WrongUsage
from vermilion.cli.options import amount_of, pairs_of, time_of, units_of


@pytest.mark.parametrize(
    ("usd", "units"), [("5", 50_000_000), ("$0.005", 50_000), ("-1.5", -15_000_000), ("0.0000001", 1)]
)
def test_dollars_become_units_exactly(usd: str, units: int) -> None:
    """No amount passes through a float."""
    assert units == units_of(usd)


@pytest.mark.parametrize("usd", ["five", "", "nan", "Infinity", "0.00000001"])
def test_what_is_no_amount_is_refused(usd: str) -> None:
    """An amount is a number of dollars, and no finer than a unit."""
    with pytest.raises(WrongUsage):
        units_of(usd)


def test_an_amount_is_given_once() -> None:
    """Units and dollars together say two things."""
    for units, usd in ((None, None), (1, "1")):
        with pytest.raises(WrongUsage):
            amount_of(units, usd)


def test_pairs_keep_what_follows_the_first_equals_sign() -> None:
    """Values may contain anything."""
    assert {"a": "b=c", "d": ""} == pairs_of(["a=b=c", "d="])
    with pytest.raises(WrongUsage):
        pairs_of(["a"])


def test_times_have_a_zone() -> None:
    """A bare date is its first moment in UTC."""
    assert "2030-01-31T00:00:00+00:00" == time_of("2030-01-31")
    with pytest.raises(WrongUsage):
        time_of("tomorrow")


def test_help_loads_nothing_heavy() -> None:
    """Everything slow is loaded by the command that needs it, so that help and completion are quick."""
    program = (
        "import sys, vermilion.cli;"
        "heavy = {'aiohttp', 'pydantic', 'asyncpg', 'PIL', 'starlette', 'structlog', 'uvicorn'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=bare_environment(), check=True, capture_output=True, text=True
    )
    assert "[]" == done.stdout.strip()


def test_models_are_completed_offline(cli: Cli) -> None:
    """Tab after `run c` offers the packaged models; echo is offered only where it is switched on."""
    words = {"COMP_WORDS": "vermilion run c", "COMP_CWORD": "2", "_VERMILION_COMPLETE": "complete_bash"}
    assert ["composer", "convert", "cutout"] == cli(**words).stdout.split()
    assert [] == cli(**(words | {"COMP_WORDS": "vermilion run ec"})).stdout.split()


def test_task_types_follow_the_model(cli: Cli) -> None:
    """Tab after a model offers what this model does."""
    words = {"COMP_WORDS": "vermilion run cutout ", "COMP_CWORD": "3", "_VERMILION_COMPLETE": "complete_bash"}
    assert ["remove-background", "remove-video-background"] == cli(**words).stdout.split()


def test_wrong_settings_are_named(cli: Cli) -> None:
    """A setting that does not exist stops the command with exit code 2 and its name."""
    done = cli("wallet", VERMILION_PRT="1")
    assert 2 == done.returncode
    assert "VERMILION_PORT" in done.stderr


def test_the_client_names_are_no_unknown_settings(cli: Cli) -> None:
    """VERMILION_URL and VERMILION_API_KEY may stand beside the settings of a server."""
    done = cli("wallet", VERMILION_URL="http://127.0.0.1:1", VERMILION_API_KEY="k" * 20)
    assert 3 == done.returncode
    assert "http://127.0.0.1:1" in done.stderr


def test_version_says_itself(cli: Cli) -> None:
    """`version` and `--version` agree."""
    assert cli("version").stdout == cli("--version").stdout
