"""The model that an operator brings for a pack which is only a runtime: a folder here, or a name on the hub."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from vermilion.engines.packs.description import Pack
from vermilion.engines.packs.install import InstallFailed
from vermilion.engines.packs.shelf import Shelf

_FETCH = """
import sys
sys.path.append(sys.argv[1])
from huggingface_hub import snapshot_download
snapshot_download(sys.argv[2], local_dir=sys.argv[3])
"""


def bring_weights(shelf: Shelf, pack: Pack, weights: str) -> None:
    """Make this model the pack's: a folder stays where it is, a hub's model is fetched. Raises InstallFailed."""
    folder = Path(weights).expanduser()
    if not folder.is_dir():
        if weights.count("/") != 1 or weights.startswith((".", "/", "~")):
            raise InstallFailed(
                f"{weights} is neither a folder nor a name like owner/model", "name a folder that is there"
            )
        folder = _fetched(shelf, pack, weights)
    link = shelf.weights(pack)
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(folder.resolve(), target_is_directory=True)
    fresh.replace(link)


def _fetched(shelf: Shelf, pack: Pack, name: str) -> Path:
    """By the hub's own client, which goes on with what an earlier call left."""
    target = shelf.folder / "models" / name.replace("/", "--")
    command = (sys.executable, "-P", "-c", _FETCH, str(shelf.place(pack)), name, str(target))
    if subprocess.run(command, check=False).returncode:
        raise InstallFailed(
            f"{name} could not be fetched from the hub", "check its name and the network, then try again"
        )
    return target
