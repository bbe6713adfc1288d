"""Writes the checksums of every file of every pinned package into the descriptions of the engine packs.

Run by scripts/lock.sh with the uv that it has installed; versions are chosen by hand, in the descriptions.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "src" / "vermilion" / "engines" / "packs"
PACKAGE = re.compile(r'(name = "([^"]+)"\nversion = "([^"]+)"\nsha256 = )\[[^\]]*\]')


def main() -> None:
    """Rewrite each description in place; `main` of the first argument is the path of uv."""
    for path in sorted(FOLDER.glob("*.toml")):
        path.write_text(PACKAGE.sub(_with_checksums, path.read_text(encoding="utf-8")), encoding="utf-8")


def _with_checksums(found: re.Match[str]) -> str:
    command = [sys.argv[1], "pip", "compile", "--quiet", "--no-deps", "--universal", "--generate-hashes",
               "--python-version", "3.12", "--no-emit-index-url", "--no-emit-find-links", "--no-header",
               "--no-annotate", "-"]  # fmt: skip
    wanted = f"{found[2]}=={found[3]}"
    said = subprocess.run(command, input=wanted, capture_output=True, text=True, check=True).stdout
    hashes = sorted(set(re.findall(r"--hash=sha256:([0-9a-f]{64})", said)))
    if not hashes:
        sys.exit(f"lock: there are no checksums for {wanted}")
    return found[1] + "[\n" + "".join(f'  "{sha256}",\n' for sha256 in hashes) + "]"


if __name__ == "__main__":
    main()
