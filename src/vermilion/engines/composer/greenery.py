"""What grows along a ridge: conifers, round crowns, grass; as masks, drawn fine and scaled down."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from vermilion.engines.composer.paint import Canvas, Field

Points = list[tuple[float, float]]
_FINE = 2  #: supersampling


def crown_line(
    canvas: Canvas, kind: str, rng: np.random.Generator, line: Field, top: int, far: float
) -> Field:
    """A mask of the plants that stand on `line`, beginning at row `top`."""
    rows = canvas.height - top
    picture = Image.new("L", (canvas.width * _FINE, rows * _FINE))
    draw = ImageDraw.Draw(picture)
    scale = canvas.height * _FINE
    for x, size in _places(kind, canvas.aspect, rng, far):
        column = min(int(x * canvas.height), canvas.width - 1)
        foot = float(line[0, max(column, 0)]) - top / canvas.height + 0.006
        for points in _plant(kind, x, foot, size, rng):
            draw.polygon([(px * scale, py * scale) for px, py in points], fill=255)
    small = picture.resize((canvas.width, rows), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32) / 255


def conifer(x: float, foot: float, size: float, rng: np.random.Generator) -> Points:
    """A fir's outline with uneven boughs, counted from the top down one side and up the other."""
    tiers, width = 5 + int(rng.integers(0, 3)), size * (0.17 + 0.05 * float(rng.random()))
    left: Points = []
    right: Points = []
    for tier in range(1, tiers + 1):
        y = foot - size * (1 - tier / tiers)
        reach = width * (tier / tiers) ** 0.85
        for side, points in ((-1, left), (1, right)):
            out = reach * (0.82 + 0.36 * float(rng.random()))
            points += [(x + side * out, y), (x + side * out * 0.5, y - size * 0.03)]
    return [(x, foot - size), *left, (x, foot), *reversed(right)]


def blob(x: float, y: float, radius: float, rng: np.random.Generator) -> Points:
    """A leafy, roughly round outline."""
    wobble = rng.random(18) * 0.3 + 0.85
    return [
        (x + radius * w * math.cos(at * math.tau / 18), y + radius * w * 0.86 * math.sin(at * math.tau / 18))
        for at, w in enumerate(wobble)
    ]


def _places(kind: str, aspect: float, rng: np.random.Generator, far: float) -> list[tuple[float, float]]:
    """Positions and sizes, in clumps, so that a wood does not look like a comb."""
    near = 1.15 - far
    spacing, size = {"pines": (0.015, 0.085), "crowns": (0.035, 0.022), "grass": (0.0028, 0.045)}[kind]
    count = int(aspect / (spacing * (near if kind != "grass" else 1)))
    clump = np.interp(np.linspace(0, 1, count), np.linspace(0, 1, 9), rng.random(9))
    places = []
    for at in range(count):
        if rng.random() > (0.35 + clump[at] if kind == "pines" else 0.15 + clump[at] * 0.8):
            continue
        x = (at + rng.random()) * aspect / count
        places.append((float(x), float(size * near * (0.45 + 0.75 * rng.random() * (0.5 + clump[at])))))
    return places


def _plant(kind: str, x: float, foot: float, size: float, rng: np.random.Generator) -> list[Points]:
    if kind == "pines":
        return [conifer(x, foot, size, rng)]
    if kind == "crowns":
        return [blob(x, foot - size * 0.3, size * 0.62, rng), blob(x + size * 0.5, foot, size * 0.5, rng)]
    lean = (float(rng.random()) - 0.5) * size * 0.7
    half = size * 0.028
    return [[(x - half, foot + 0.01), (x + lean * 0.4 - half * 0.6, foot - size * 0.6), (x + lean, foot - size),
             (x + lean * 0.4 + half * 0.6, foot - size * 0.6), (x + half, foot + 0.01)]]  # fmt: skip
