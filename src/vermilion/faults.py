"""Named points at which a test may kill this process, to show that nothing is lost there."""

from __future__ import annotations

import os
import signal

#: Every point, in the order in which a task passes them.
POINTS = (
    "accept.before_commit",
    "accept.after_commit",
    "claim.before_commit",
    "claim.after_commit",
    "submit.marked",
    "submit.sent",
    "submit.ticket_kept",
    "progress.kept",
    "end.outputs_stored",
    "end.before_commit",
    "end.after_commit",
    "deliver.taken",
    "deliver.sent",
)

_armed: str = ""
_passes_left: int = 0


def arm(spec: str) -> None:
    """Arm one point: `name` or `name:n` for its n-th pass. Raises ValueError for a point that does not exist."""
    global _armed, _passes_left
    name, _, count = spec.partition(":")
    if name and name not in POINTS:
        raise ValueError(f"no fault point {name!r}; there are: {', '.join(POINTS)}")
    _armed, _passes_left = name, int(count or 1)


def at(point: str) -> None:
    """Die here, as a power cut would, if a test armed this point."""
    global _passes_left
    if not _armed or point != _armed:
        return
    _passes_left -= 1
    if _passes_left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
