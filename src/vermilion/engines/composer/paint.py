"""The canvas and its brushes: colours, noise, blending. Knows nothing of scenes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Field = npt.NDArray[np.floating[Any]]
Colour = tuple[float, float, float]


class Canvas:
    """A float picture, 0 to 1. One unit is its height, so a scene looks alike at every resolution."""

    def __init__(self, width: int, height: int, key: str) -> None:
        self.width, self.height, self.key = width, height, key
        self.aspect = width / height
        self.rgb: Field = np.zeros((height, width, 3), dtype=np.float32)
        self.x: Field = ((np.arange(width, dtype=np.float32) + 0.5) / height)[None, :]
        self.y: Field = ((np.arange(height, dtype=np.float32) + 0.5) / height)[:, None]

    def rng(self, name: str) -> np.random.Generator:
        """An own stream of chance for each layer, so that adding one leaves the others as they are."""
        digest = hashlib.sha256(f"{self.key}|{name}".encode()).digest()
        return np.random.default_rng(int.from_bytes(digest[:16], "big"))

    def row(self, y: float) -> int:
        """The pixel row of a height, inside the picture."""
        return int(min(max(round(y * self.height), 0), self.height))

    def lay(self, colour: Field | Colour, mask: Field, *, top: int = 0) -> None:
        """Cover with `colour` where `mask` is 1; the mask begins at row `top`."""
        part = self.rgb[top : top + mask.shape[0]]
        part += (np.asarray(colour, dtype=np.float32) - part) * mask[..., None]

    def glow(self, colour: Colour, mask: Field, *, top: int = 0) -> None:
        """Add light as a screen does: it brightens and never burns out."""
        part = self.rgb[top : top + mask.shape[0]]
        part += (1.0 - part) * (np.asarray(colour, dtype=np.float32) * mask[..., None])


def rgb(code: str) -> Colour:
    """The colour of a hex code such as `#0a1b2c`."""
    red, green, blue = (int(code[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def mix(one: Sequence[float], other: Sequence[float], share: float) -> Colour:
    """`share` of the other colour in one."""
    red, green, blue = (a + (b - a) * share for a, b in zip(one, other, strict=True))
    return red, green, blue


def tint(colour: Sequence[float], light: Sequence[float]) -> Colour:
    """A surface's colour under coloured light."""
    red, green, blue = (min(a * b, 1.0) for a, b in zip(colour, light, strict=True))
    return red, green, blue


def ramp(low: float, high: float, value: Field) -> Field:
    """0 below `low`, 1 above `high`, smooth between."""
    share = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(share * share * (3.0 - 2.0 * share), dtype=np.float32)


def blend(one: Colour, other: Colour, share: Field) -> Field:
    """A field of colours between two."""
    first, second = np.asarray(one, np.float32), np.asarray(other, np.float32)
    return np.asarray(first + (second - first) * share[..., None], dtype=np.float32)


def fbm(
    rng: np.random.Generator,
    shape: tuple[int, int],
    cells: float,
    *,
    octaves: int = 5,
    stretch: float = 1.0,
    aspect: float | None = None,
) -> Field:
    """Cloudy noise, about 0 to 1: `cells` blobs a height, drawn out sideways by `stretch`."""
    height, width = shape
    wide = (aspect or width / height) / stretch
    total, weight, scale = np.zeros(shape, dtype=np.float32), 0.0, 1.0
    for _ in range(octaves):
        grid = rng.random((max(2, round(cells)) + 1, max(2, round(cells * wide)) + 1), dtype=np.float32)
        total += scale * resized(grid, width, height)
        weight, scale, cells = weight + scale, scale * 0.5, cells * 2
    return np.asarray(np.clip((total / weight - 0.5) * 1.7 + 0.5, 0.0, 1.0), dtype=np.float32)


def resized(field: Field, width: int, height: int) -> Field:
    """A field at another resolution, smoothly."""
    picture = Image.fromarray(np.ascontiguousarray(field, dtype=np.float32))
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32)


def shifted(field: Field, down: int, right: int) -> Field:
    """A field moved by some pixels; its border is repeated where nothing moves in."""
    height, width = field.shape
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    return np.asarray(field[rows[:, None], columns[None, :]], dtype=np.float32)


def receding(texture: Field, shape: tuple[int, int], *, up: bool, nearest: float = 0.1) -> Field:
    """A flat texture seen in perspective; its far edge is the last row if `up` (a sky), else the first."""
    height, width = shape
    rows, columns = texture.shape
    start, slope = (1.0, -(1.0 - nearest) / height) if up else (nearest, (1.0 - nearest) / height)
    across = columns * nearest / width
    # Pillow wants both numerators and the common denominator as linear functions of the pixel.
    a, b, c = across, columns / 2 * slope, columns / 2 * start - across * width / 2
    f = rows * nearest * 0.999
    picture = Image.fromarray(np.ascontiguousarray(texture, dtype=np.float32))
    data = (a / start, b / start, c / start, 0.0, 0.0, f / start, 0.0, slope / start)
    seen = picture.transform((width, height), Image.Transform.PERSPECTIVE, data, Image.Resampling.BILINEAR)
    return np.asarray(seen, dtype=np.float32)


def profile(rng: np.random.Generator, canvas: Canvas, *, waves: float, rough: float) -> Field:
    """A ridge line over the width, 0 to 1: `waves` summits a height; rough 0 rolls, 1 is alpine."""
    total = np.zeros(canvas.width, dtype=np.float32)
    across, scale, cells = np.linspace(0, 1, canvas.width), 1.0, waves * canvas.aspect
    for _ in range(3 + round(5 * rough)):
        count = max(2, round(cells)) + 3
        line = resized(rng.random((1, count), dtype=np.float32), canvas.width, 1)[0]
        if rough > 0.6:
            points = rng.random(count)
            line = np.interp(across, np.linspace(0, 1, count), points).astype(np.float32)
        total += scale * line
        scale, cells = scale * (0.3 + 0.22 * rough), cells * 2.1
    low, high = float(total.min()), float(total.max())
    return np.asarray((total - low) / max(high - low, 1e-6), dtype=np.float32)
