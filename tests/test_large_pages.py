"""Laying memory out in large pages changes nothing but its layout."""

from __future__ import annotations

import subprocess
import sys

HOLDING = """
import gc
from pathlib import Path
from vermilion import large_pages

kept = [str(number) for number in range(500_000)]
def large():
    rollup = Path("/proc/self/smaps_rollup").read_text()
    return int(next(line for line in rollup.splitlines() if line.startswith("AnonHugePages")).split()[1]) * 1024
before = large()
done = large_pages.lay_out()
assert kept == [str(number) for number in range(500_000)]
assert done == 0 or large() > before, (done, before, large())
print(done)
"""


def test_what_a_process_holds_is_laid_out_and_stays_what_it_is() -> None:
    """Where the kernel can, more of it is in large pages than before; everywhere it is unharmed."""
    ended = subprocess.run([sys.executable, "-c", HOLDING], capture_output=True, text=True, check=True)

    assert int(ended.stdout) % (2 << 20) == 0
