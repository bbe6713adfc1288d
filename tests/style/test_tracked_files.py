"""What no file of the repository may hold: addresses in locks, paths of one machine, hosts of package registries."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: Homes and work folders of a particular machine. Written in pieces, so that this file passes its own test.
MACHINE_PATH = re.compile(
    r"(?<![\w.~-])(?:/" + "root/|/" + "work/|/home/" + r"[a-z][\w-]*/|/" + r"Users/[A-Za-z][\w-]*/)"
)

#: Package registries: everything is installed by name from whatever index the installing machine uses.
REGISTRY_HOST = re.compile(
    r"(?:files\." + r"pythonhosted\.org|pypi\." + r"org|registry\." + r"npmjs\.org|crates\." + r"io"
    r"|proxy\." + r"golang\.org|[\w-]+\.(?:jfrog\.io|pkg\.dev)|\bartifactory\b|\bnexus\.)",
    re.IGNORECASE,
)


def tracked_texts() -> list[tuple[str, str]]:
    """Path and text of every file that is, or is about to be, in the repository; binaries are left out."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        found = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    texts = []
    for name in filter(None, found.stdout.split("\0")):
        path = ROOT / name
        content = path.read_bytes() if path.is_file() else b""
        if b"\0" not in content:
            texts.append((name, content.decode("utf-8", errors="replace")))
    return texts


@pytest.mark.parametrize("pattern", [MACHINE_PATH, REGISTRY_HOST], ids=["machine path", "registry host"])
def test_files_are_free_of_one_machine(pattern: re.Pattern[str]) -> None:
    """No file names a path of one machine or a package registry's host."""
    assert [] == [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match.group()}"
        for name, text in tracked_texts()
        for match in pattern.finditer(text)
    ]


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_requirements_install_from_any_index(path: Path) -> None:
    """Every pinned version carries a hash, and nothing says where to fetch it."""
    text = path.read_text(encoding="utf-8")
    assert [] == re.findall(r".*(?:://|--(?:index|extra|find|trusted)).*", text)
    assert [] == [block for block in re.split(r"\n(?=\S)", text.strip()) if "--hash=sha256:" not in block]
