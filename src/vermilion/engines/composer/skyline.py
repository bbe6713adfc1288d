"""A city's buildings and their lit windows."""

from __future__ import annotations

import numpy as np

from vermilion.engines.composer.paint import Canvas, Field, mix, rgb
from vermilion.engines.composer.plan import Plan


def buildings(
    canvas: Canvas, rng: np.random.Generator, line: Field, top: int, rise: float, far: float
) -> Field:
    """A mask of towers side by side, tallest around one middle."""
    mask = np.zeros((canvas.height - top, canvas.width), dtype=np.float32)
    middle = canvas.aspect * (0.3 + 0.4 * float(rng.random()))
    x, base = -0.02, float(line.max())
    while x < canvas.aspect:
        width = (0.028 + 0.045 * float(rng.random())) * (1.35 - far)
        tall = (
            rise
            * (0.25 + 0.75 * float(rng.random()) ** 1.4)
            * (0.55 + 0.75 * np.exp(-(((x - middle) / 0.42) ** 2)))
        )
        _tower(mask, canvas, rng, x, width, base - tall, top)
        x += width * (0.82 + 0.3 * float(rng.random()))
    return mask


def light_windows(
    canvas: Canvas, plan: Plan, rng: np.random.Generator, mask: Field, top: int, far: float
) -> None:
    """Windows in a grid: warm lamps after dark, a faint glint of the sky by day."""
    pitch = max(3, round(canvas.height * (0.0095 - 0.004 * far)))
    foot = canvas.row(plan.horizon + 0.12) - top
    rows, columns = min(foot, mask.shape[0]) // pitch + 1, canvas.width // pitch + 1
    lit = rng.random((rows, columns)) < (0.34 if plan.mood.dark else 0.55)
    shine = (lit * (0.45 + 0.55 * rng.random((rows, columns)))).astype(np.float32)
    cell = np.zeros((pitch, pitch), dtype=np.float32)
    cell[: max(1, round(pitch * 0.5)), : max(1, round(pitch * 0.55))] = 1.0
    grid = np.kron(shine, cell)[: mask.shape[0], : canvas.width]
    part = mask[: grid.shape[0]]
    inner = part * np.roll(part, 2, 1) * np.roll(part, -2, 1) * np.roll(part, 3, 0)
    colour, strength = ((1.0, 0.8, 0.5), 0.95) if plan.mood.dark else (rgb(plan.mood.light), 0.3)
    if plan.mood.name == "neon":
        colour = mix(colour, (0.4, 0.9, 1.0), 0.35)
    canvas.glow(colour, grid * inner * strength * (1 - 0.62 * far), top=top)


def _tower(
    mask: Field, canvas: Canvas, rng: np.random.Generator, x: float, width: float, roof: float, top: int
) -> None:
    style = int(rng.integers(0, 5))
    _block(mask, canvas, x, x + width, roof, top)
    if style == 0:  # setback
        _block(mask, canvas, x + width * 0.2, x + width * 0.8, roof - 0.02, top)
    elif style == 1:  # mast
        _block(mask, canvas, x + width * 0.36, x + width * 0.64, roof - 0.012, top)
        _block(mask, canvas, x + width * 0.485, x + width * 0.515, roof - 0.05, top)
    elif style == 2:  # slanted roof
        for step in range(6):
            _block(mask, canvas, x + width * step / 6, x + width, roof - 0.004 * step, top)


def _block(mask: Field, canvas: Canvas, left: float, right: float, roof: float, top: int) -> None:
    row = max(round(roof * canvas.height) - top, 0)
    first, last = max(round(left * canvas.height), 0), max(round(right * canvas.height), 0)
    mask[row:, first : max(last, first + 1)] = 1.0
