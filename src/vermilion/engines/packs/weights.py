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
#: The hub's own client, from the pack: tells which files a model has, or loads one of them, or all.
_HUB = """
import json, pathlib, sys
pack, name, target, answer, wanted = sys.argv[1:]
sys.path.append(pack)
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
try:
    if wanted == "names":
        pathlib.Path(answer).write_text(json.dumps(HfApi().list_repo_files(name)))
    elif wanted == "all":
        snapshot_download(name, local_dir=target)
    else:
        hf_hub_download(name, wanted, local_dir=target)
except Exception as failed:
    said = [line.strip() for line in str(failed).splitlines() if line.strip()]
    pathlib.Path(answer).write_text(said[0] if said else type(failed).__name__)
    sys.exit(1)
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

    def read(file: str) -> bytes:
        _ask_hub(shelf.place(pack), name, target, file)
        return (target / file).read_bytes()

    names = msgspec.json.decode(_ask_hub(shelf.place(pack), name, target, "names"), type=list[str])
    _check_of(pack)(names, read)
    _ask_hub(shelf.place(pack), name, target, "all")
    return target


def _ask_hub(pack: Path, name: str, target: Path, wanted: str) -> bytes:
    """What the client answered; its progress is shown on the terminal. Raises InstallFailed with its reason."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer"
        command = (sys.executable, "-P", "-c", _HUB, str(pack), name, str(target), str(answer), wanted)
        environment = {**os.environ, "HF_HUB_DISABLE_TELEMETRY": "1"}
        failed = subprocess.run(command, check=False, env=environment, stdout=subprocess.DEVNULL).returncode
        said = answer.read_bytes() if answer.is_file() else b""
    if failed:
        reason = f": {said.decode(errors='replace')[:300]}" if said else ""
        raise InstallFailed(
            f"{name} could not be fetched from the hub{reason}",
            "check its name and the network, then try again",
        )
    return said
