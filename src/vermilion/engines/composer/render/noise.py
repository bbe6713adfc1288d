"""Noise as a function of place and seed: the same at every size, and without end in any direction."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Field = npt.NDArray[Any]


def scatter_hash(x: Any, y: Any, seed: int) -> Field:
    """A number from 0 to 1 for each pair of whole numbers."""
    with np.errstate(over="ignore"):
        mixed = np.asarray(x).astype(np.int64).astype(np.uint32) * np.uint32(0x9E3779B1)
        mixed = mixed ^ (np.asarray(y).astype(np.int64).astype(np.uint32) * np.uint32(0x85EBCA77))
        mixed = mixed ^ np.uint32(seed * 0xC2B2AE3D & 0xFFFFFFFF)
        mixed = (mixed ^ (mixed >> np.uint32(15))) * np.uint32(0x2C1B3C6D)
        mixed = (mixed ^ (mixed >> np.uint32(12))) * np.uint32(0x297A2D39)
        mixed ^= mixed >> np.uint32(15)
    return np.asarray((mixed >> np.uint32(8)).astype(np.float32) / np.float32(1 << 24))


def line(x: Field, seed: int, octaves: int = 4, gain: float = 0.5) -> Field:
    """Rolling noise along a line, from 0 to 1."""
    return _summed(lambda scale, number: _line_once(x * scale, seed + number * 101), octaves, gain)


def grid(x: Field, y: Field, seed: int, octaves: int = 5, gain: float = 0.5) -> Field:
    """Noise over the rows `y` and columns `x` (both one-dimensional), from 0 to 1."""
    return _summed(lambda scale, number: _grid_once(x * scale, y * scale, seed + number * 101), octaves, gain)


def plane(x: Field, y: Field, seed: int, octaves: int = 3, gain: float = 0.5) -> Field:
    """Noise at any points: dearer than `grid`, for coordinates in perspective."""
    return _summed(
        lambda scale, number: _plane_once(x * scale, y * scale, seed + number * 101), octaves, gain
    )


def smooth(low: float, high: float, value: Any) -> Field:
    """0 below `low`, 1 above `high`, and an even step between."""
    share = np.clip((np.asarray(value, dtype=np.float32) - low) / (high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share))


def softened(canvas: Field, radius: float) -> Field:
    """Gaussian in float by three passes of a box."""
    steps = max(1, round(radius))
    for axis in (0, 1):
        for _ in range(2):
            canvas = _box(canvas, steps, axis)
    return canvas


def _box(canvas: Field, steps: int, axis: int) -> Field:
    width = [(0, 0)] * canvas.ndim
    width[axis] = (steps + 1, steps)
    total = np.cumsum(
        np.pad(canvas, width, mode="edge"), axis=axis, dtype=np.float64 if steps > 50 else np.float32
    )
    size = canvas.shape[axis]
    upper = np.take(total, np.arange(2 * steps + 1, 2 * steps + 1 + size), axis=axis)
    lower = np.take(total, np.arange(0, size), axis=axis)
    return ((upper - lower) / (2 * steps + 1)).astype(np.float32)


def _summed(octave: Any, octaves: int, gain: float) -> Field:
    total, weight, whole = 0.0, 1.0, 0.0
    for number in range(octaves):
        total = total + weight * octave(np.float32(2.03**number), number)
        whole += weight
        weight *= gain
    return np.asarray(total / whole, dtype=np.float32)


def _eased(share: Field) -> Field:
    return np.asarray(share * share * (3 - 2 * share))


def _line_once(x: Field, seed: int) -> Field:
    low = np.floor(x)
    share = _eased((x - low).astype(np.float32))
    return np.asarray(scatter_hash(low, 0, seed) * (1 - share) + scatter_hash(low + 1, 0, seed) * share)


def _grid_once(x: Field, y: Field, seed: int) -> Field:
    left, top = np.floor(x), np.floor(y)
    across, down = _eased((x - left).astype(np.float32)), _eased((y - top).astype(np.float32))[:, None]
    columns, rows = np.arange(left.min(), left.max() + 2), np.arange(top.min(), top.max() + 2)
    lattice = scatter_hash(columns[None, :], rows[:, None], seed)
    at_x, at_y = (left - columns[0]).astype(int), (top - rows[0]).astype(int)
    swept = lattice[:, at_x] * (1 - across) + lattice[:, at_x + 1] * across
    return np.asarray(swept[at_y] * (1 - down) + swept[at_y + 1] * down)


def _plane_once(x: Field, y: Field, seed: int) -> Field:
    left, top = np.floor(x), np.floor(y)
    across, down = _eased((x - left).astype(np.float32)), _eased((y - top).astype(np.float32))
    above = scatter_hash(left, top, seed) * (1 - across) + scatter_hash(left + 1, top, seed) * across
    below = scatter_hash(left, top + 1, seed) * (1 - across) + scatter_hash(left + 1, top + 1, seed) * across
    return np.asarray(above * (1 - down) + below * down)
