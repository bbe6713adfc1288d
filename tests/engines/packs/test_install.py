"""Installing packs with a real pip from a folder of real wheels: all or nothing, and only what was pinned."""

from __future__ import annotations

import errno
import hashlib
import shutil
import threading
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.engines.packs.wheels import WheelFolder, a_pack

from vermilion.engines.contract import EngineUnavailable
from vermilion.engines.packs import install as installing
from vermilion.engines.packs.description import Join
from vermilion.engines.packs.install import InstallFailed, install, remove
from vermilion.engines.packs.shelf import Shelf, State

pytestmark = pytest.mark.slow


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WheelFolder:
    return WheelFolder(tmp_path / "wheels", monkeypatch)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "data")


def nothing(_arrived: int) -> None:
    pass


def left_on(shelf: Shelf) -> set[str]:
    """What stands in the folder of packs, apart from the lock and whole downloads."""
    return {path.name for path in shelf.folder.iterdir()} - {".lock", ".downloads"}


def test_a_pack_is_installed_without_what_its_packages_ask_for(wheels: WheelFolder, shelf: Shelf) -> None:
    """Files are in place, what is left out is not, parts are joined, and downloads are gone."""
    first = wheels.make(
        "tiny_code", {"tiny_code/__init__.py": b"x = 1\n", "tiny_code/train/big.py": b"y = 1\n"}
    )
    second = wheels.make("tiny_data", {"tiny_data/model.1": b"one", "tiny_data/model.2": b"two"})
    whole = Join(
        "model.bin", ("tiny_data/model.1", "tiny_data/model.2"), hashlib.sha256(b"onetwo").hexdigest()
    )
    pack = a_pack(first, second, joins=(whole,), leave_out=("tiny_code/train",))
    seen: list[int] = []
    assert State.MISSING == shelf.state(pack)
    install(shelf, pack, seen.append)

    place = shelf.folder_of(pack)
    assert State.INSTALLED == shelf.state(pack)
    assert (b"onetwo", False, False) == (
        (place / "model.bin").read_bytes(),
        (place / "tiny_code/train").exists(),
        (place / "tiny_data/model.1").exists(),
    )
    assert sorted(seen) == seen
    assert [] == shelf.altered(pack)
    assert {"tiny-1"} == left_on(shelf)


def test_a_wheel_that_is_not_the_pinned_one_is_refused(wheels: WheelFolder, shelf: Shelf) -> None:
    """A checksum that differs leaves nothing installed and says whom not to trust."""
    package = wheels.make("tiny_code", {"tiny_code/__init__.py": b""})
    pack = a_pack(msgspec.structs.replace(package, sha256=("0" * 64,)))
    with pytest.raises(InstallFailed, match="checksum differs") as failed:
        install(shelf, pack, nothing)
    assert "do not trust" in failed.value.fix
    assert State.MISSING == shelf.state(pack)
    assert set() == left_on(shelf)


def test_what_the_index_does_not_have_is_named(wheels: WheelFolder, shelf: Shelf) -> None:
    """The message names package, version and machine."""
    package = msgspec.structs.replace(wheels.make("tiny_code", {"a.py": b""}), version="9.9")
    with pytest.raises(InstallFailed, match=r"tiny_code 9\.9: your package index has no build"):
        install(shelf, a_pack(package), nothing)
    assert set() == left_on(shelf)


def test_an_index_that_does_not_answer_is_told_apart(
    wheels: WheelFolder, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a network the fix is the network."""
    package = wheels.make("tiny_code", {"a.py": b""})
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(InstallFailed) as failed:
        install(shelf, a_pack(package), nothing)
    assert "index" in str(failed.value)
    assert set() == left_on(shelf)


def test_parts_that_do_not_fit_leave_nothing(wheels: WheelFolder, shelf: Shelf) -> None:
    """A joined file is checked like any other."""
    package = wheels.make("tiny_data", {"tiny_data/model.1": b"one"})
    pack = a_pack(package, joins=(Join("model.bin", ("tiny_data/model.1",), "0" * 64),))
    with pytest.raises(InstallFailed, match=r"model\.bin"):
        install(shelf, pack, nothing)
    assert set() == left_on(shelf)


def test_too_little_room_is_said_before_anything_is_loaded(
    wheels: WheelFolder, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says how much is there and how much is needed."""
    usage = namedtuple("usage", "total used free")  # noqa: PYI024  (as shutil answers it)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage(10, 10, 3_000_000))
    with pytest.raises(InstallFailed, match="3 MB free"):
        install(shelf, a_pack(wheels.make("tiny_code", {"a.py": b""})), nothing)
    assert [] == list((shelf.folder / ".downloads").rglob("*.whl"))


def test_a_disk_that_fills_up_leaves_nothing(
    wheels: WheelFolder, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even at the very last write."""

    def full(*_args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(installing, "_write_receipt", full)
    with pytest.raises(InstallFailed, match="the disk is full"):
        install(shelf, a_pack(wheels.make("tiny_code", {"a.py": b""})), nothing)
    assert set() == left_on(shelf)


def test_an_interrupted_install_goes_on_where_it_was(wheels: WheelFolder, shelf: Shelf) -> None:
    """Ctrl-C leaves nothing in place, but whole downloads stay: the index is not asked for them again."""
    first = wheels.make("tiny_first", {"tiny_first.py": b"x = 1\n"})
    second = wheels.make("tiny_second", {"tiny_second.py": b"x = 2\n"})
    pack = a_pack(first, second)

    def interrupt(arrived: int) -> None:
        if list((shelf.folder / ".downloads").rglob("tiny_first*.whl")) and arrived:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        install(shelf, pack, interrupt)
    assert (State.MISSING, set()) == (shelf.state(pack), left_on(shelf))
    (wheels.folder / "tiny_first-1.0-py3-none-any.whl").unlink()
    install(shelf, pack, nothing)
    assert State.INSTALLED == shelf.state(pack)


def test_what_pip_takes_away_while_it_is_counted_is_no_failure(
    wheels: WheelFolder, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folders beside the download that come and go all the time do not end an install."""
    monkeypatch.setattr(installing, "LOOK_EVERY_S", 0.001)
    pack = a_pack(wheels.make("tiny_code", {"tiny_code/__init__.py": b""}))
    unpacked = shelf.folder / ".downloads" / pack.folder_name / ".part-x"
    done = threading.Event()

    def come_and_go() -> None:
        while not done.is_set():
            for number in range(50):
                (unpacked / f"pip-unpack-{number}").mkdir(parents=True, exist_ok=True)
            shutil.rmtree(unpacked)

    with ThreadPoolExecutor(1) as pip:
        pip.submit(come_and_go)
        try:
            install(shelf, pack, nothing)
        finally:
            done.set()
    assert State.INSTALLED == shelf.state(pack)


def test_a_damaged_pack_is_found_and_mended(wheels: WheelFolder, shelf: Shelf) -> None:
    """A missing file shows at a glance, an altered one when all are read; adding the pack again mends it."""
    pack = a_pack(wheels.make("tiny_code", {"tiny_code.py": b"x = 1\n"}))
    install(shelf, pack, nothing)
    file = shelf.place(pack) / "tiny_code.py"
    file.write_bytes(b"x = 2\n")
    assert (State.INSTALLED, ["tiny_code.py"]) == (shelf.state(pack), shelf.altered(pack))
    file.unlink()
    assert State.BROKEN == shelf.state(pack)
    with pytest.raises(EngineUnavailable, match="engines add tiny"):
        shelf.folder_of(pack)
    install(shelf, pack, nothing)
    assert State.INSTALLED == shelf.state(pack)


def test_a_newer_description_replaces_the_older_pack(wheels: WheelFolder, shelf: Shelf) -> None:
    """The older one is outdated until the newer is whole, and then it is gone."""
    old = a_pack(wheels.make("tiny_code", {"tiny_code.py": b"x = 1\n"}))
    install(shelf, old, nothing)
    new = a_pack(wheels.make("tiny_code", {"tiny_code.py": b"x = 2\n"}, "2.0"), version="2")
    assert State.OUTDATED == shelf.state(new)
    install(shelf, new, nothing)
    assert {"tiny-2"} == left_on(shelf)


def test_a_pack_is_removed_whole(wheels: WheelFolder, shelf: Shelf) -> None:
    """Removing twice says that there was none."""
    pack = a_pack(wheels.make("tiny_code", {"tiny_code.py": b"x = 1\n"}))
    install(shelf, pack, nothing)
    assert remove(shelf, pack)
    assert not remove(shelf, pack)
    assert (State.MISSING, set()) == (shelf.state(pack), left_on(shelf))
