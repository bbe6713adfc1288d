"""Masks over time: steady where the picture rests, quick where it moves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from PIL import Image

from vermilion.engines.cutout.matte import Field, look, stretched

LOOKS_A_SECOND = (
    15  #: of the network, which takes longer than all the rest; a frame between two gets their mean
)
_LEAST_CONTRAST = 0.5  #: of the network's opinion; below it there is no subject to bring out
_PACE = 0.1  #: how fast the opinion's range follows
_LEAST_TRUST = 0.3  #: in a new mask, where the picture has not changed
Timed = tuple[Image.Image, float]


def masked(frames: Iterable[Timed]) -> Iterator[tuple[Image.Image, float, Field]]:
    """RGB frames with their times, each with its mask; one frame is held back at most."""
    watcher = _Watcher()
    last: Field | None = None
    looked_s = 0.0
    between: Timed | None = None
    for frame, at_s in frames:
        if last is not None and between is None and at_s - looked_s < 0.9 / LOOKS_A_SECOND:
            between = (frame, at_s)
            continue
        mask = watcher.look(frame)
        if between is not None and last is not None:
            yield *between, (last + mask) / 2
        yield frame, at_s, mask
        last, looked_s, between = mask, at_s, None
    if between is not None and last is not None:
        yield *between, last


class _Watcher:
    """Sees one frame after the other; what it saw before steadies what it sees now."""

    def __init__(self) -> None:
        self._mask: Field | None = None
        self._small: Field | None = None
        self._low, self._high = 0.0, 0.0

    def look(self, frame: Image.Image) -> Field:
        """The mask of this frame, mixed with the last one wherever the picture has not changed."""
        seen = look(frame)
        self._follow(float(seen.min()), float(seen.max()))
        mask = stretched(seen, low=self._low, high=max(self._high, self._low + _LEAST_CONTRAST))
        small = np.asarray(frame.convert("L").resize(mask.shape[::-1]), dtype=np.float32) / 255
        if self._mask is not None and self._small is not None:
            change = np.abs(small - self._small)
            trust = np.clip(_LEAST_TRUST + 8 * change + 12 * float(change.mean()), 0, 1)
            mask = trust * mask + (1 - trust) * self._mask
        self._mask, self._small = mask, small
        return mask

    def _follow(self, low: float, high: float) -> None:
        """The opinion's range follows slowly, so that a frame with no subject does not make one up."""
        pace = 1.0 if self._mask is None else _PACE
        self._low += (low - self._low) * pace
        self._high += (high - self._high) * pace
