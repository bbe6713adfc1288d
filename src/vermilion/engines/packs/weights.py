"""The model that an operator brings for a pack which is only a runtime: a folder here, or a name on the hub."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import cast

import msgspec

from vermilion.engines.packs.description import Pack
from vermilion.engines.packs.install import InstallFailed
from vermilion.engines.packs.shelf import Shelf

CheckLayout = Callable[[Iterable[str], Callable[[str], bytes]], None]
#: Given the relative names of a model's files and a way to read a small one; raises InstallFailed.
_LFS = b"version https://git-lfs"
#: The hub's own client, from the pack: tells which files a model has and loads one, or all of them.
_HUB = """
import json, sys
sys.path.append(sys.argv[1])
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
name, target, told, wanted = sys.argv[2:6]
if wanted:
    hf_hub_download(name, wanted, local_dir=target)
elif told:
    json.dump(HfApi().list_repo_files(name), open(told, "w"))
else:
    snapshot_download(name, local_dir=target)
"""


def bring_weights(shelf: Shelf, pack: Pack, weights: str) -> None:
    """Make this model the pack's: a folder stays where it is, a hub's model is fetched. Raises InstallFailed.

    Nothing is fetched or changed before the names of its files show that the pack can run it.
    """
    folder = Path(weights).expanduser()
    if not folder.is_dir():
        if weights.count("/") != 1 or weights.startswith((".", "/", "~")):
            raise InstallFailed(
                f"{weights} is neither a folder nor a name like owner/model", "name a folder that is there"
            )
        folder = _fetched(shelf, pack, weights)
    check_files(folder, _check_of(pack))
    link = shelf.weights(pack)
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(folder.resolve(), target_is_directory=True)
    fresh.replace(link)


def check_files(folder: Path, check: CheckLayout) -> None:
    """Whether the files in this folder make a model, and are there themselves. Raises InstallFailed."""
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    check(names, lambda name: (folder / name).read_bytes())
    for name in names:
        with (folder / name).open("rb") as file:
            if file.read(len(_LFS)) == _LFS:
                raise InstallFailed(
                    f"{name} is only a pointer to a file in Git LFS", "run `git lfs pull` in the folder"
                )


def _check_of(pack: Pack) -> CheckLayout:
    module, _, name = str(pack.weights_layout).partition(":")
    return cast(CheckLayout, getattr(importlib.import_module(module), name))


def _fetched(shelf: Shelf, pack: Pack, name: str) -> Path:
    """By the hub's own client, which goes on with what an earlier call left."""
    target = shelf.folder / "models" / name.replace("/", "--")
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "names.json"
        _hub(shelf, pack, name, (str(target), str(told), ""))
        names = msgspec.json.decode(told.read_bytes(), type=list[str])

    def read(file: str) -> bytes:
        _hub(shelf, pack, name, (str(target), "", file))
        return (target / file).read_bytes()

    _check_of(pack)(names, read)
    _hub(shelf, pack, name, (str(target), "", ""))
    return target


def _hub(shelf: Shelf, pack: Pack, name: str, words: tuple[str, str, str]) -> None:
    command = (sys.executable, "-P", "-c", _HUB, str(shelf.place(pack)), name, *words)
    quiet = {"HF_HUB_DISABLE_TELEMETRY": "1"}
    if subprocess.run(command, check=False, env={**os.environ, **quiet}, stdout=sys.stderr).returncode:
        raise InstallFailed(
            f"{name} could not be fetched from the hub", "check its name and the network, then try again"
        )
