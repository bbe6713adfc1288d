"""Below the surface: light from above, sand below, bubbles between."""

from __future__ import annotations

import numpy as np

from vermilion.engines.composer.render.light import mixed, rgb
from vermilion.engines.composer.render.noise import grid, line, plane, scatter_hash, smooth
from vermilion.engines.composer.render.view import View

_FLOOR = 0.76


def paint_undersea(view: View) -> None:
    """Bright blue above, deep blue afar, rocks in the haze, rippled sand with dancing light."""
    night = view.light.bright < 0.7
    top, deep = (rgb("1d6fa8"), rgb("06203f")) if night else (rgb("6fe0ee"), rgb("0b5a97"))
    share = smooth(-0.1, 0.85, view.ys)[:, None, None]
    canvas = np.broadcast_to(top + (deep - top) * share, (view.height, view.width, 3)).copy()
    _rays(view, canvas)
    view.background(canvas)
    haze = mixed(deep, top, 0.35)
    for number in range(3):
        seed = view.scene.land_seed + 1900 + number
        ridge = (
            _FLOOR
            - 0.04
            - (0.2 - 0.05 * number) * line(view.xs * (2 + number) + 5 * number, seed, 4, 0.45) ** 1.4
        )
        alpha = np.clip((view.ys[:, None] - ridge[None, :]) * view.scale + 0.5, 0, 1)
        rough = 0.8 + 0.4 * grid(view.xs * 9, view.ys * 12, seed, 4)
        colour = mixed(haze, rgb("0f3550"), 0.25 + 0.2 * number) * rough[..., None]
        view.over(colour, alpha, depth=0.2 + 0.12 * number)
    _sand(view, haze)
    _bubbles(view)


def _rays(view: View, canvas: np.ndarray) -> None:
    """Shafts of light that fan out from the surface."""
    middle = view.scene.sun[0]
    angle = (view.xs[None, :] - middle) / (view.ys[:, None] + 0.55)
    beams = line((angle * 9 + 40).ravel(), view.scene.sky_seed, 3).reshape(angle.shape)
    shine = smooth(0.5, 0.85, beams) * np.exp(-np.clip(view.ys, 0, 2) * 1.7)[:, None]
    canvas += (shine * 88)[..., None] * np.array([0.8, 1.0, 0.95], dtype=np.float32)


def _sand(view: View, haze: np.ndarray) -> None:
    ridge = (_FLOOR + 0.03 * (line(view.xs * 1.7, view.scene.land_seed + 1950, 3) - 0.5)).astype(np.float32)
    top = max(0, view.row(float(ridge.min())) - 1)
    if top >= view.height:
        return
    ys = view.ys[top:]
    down = np.maximum(ys - _FLOOR + 0.05, 0.02)[:, None]
    x = (view.xs[None, :] - view.scene.width / 2) / down
    web = np.abs(2 * plane(x * 0.9, np.broadcast_to(0.5 / down, x.shape), view.scene.land_seed + 6, 3) - 1)
    ripples = grid(view.xs * 7, ys * 70, view.scene.land_seed + 7, 3) - 0.5
    light = smooth(0.22, 0.0, web) * 0.4
    sand = rgb("d9c79a") * (0.5 + 0.4 * view.light.bright)
    colour = sand * (0.72 + 0.2 * ripples + light)[..., None]
    far = np.exp(-np.clip(ys[:, None] - ridge[None, :], 0, 1) * 7)[..., None]
    colour = colour + (haze - colour) * (0.25 + 0.7 * far)
    view.over(colour, np.clip((ys[:, None] - ridge[None, :]) * view.scale / 6, 0, 1), top=top, depth=0.7)


def _bubbles(view: View) -> None:
    """Small rings that rise in loose columns."""
    cell = 0.06
    column, row = np.floor(view.xs / cell)[None, :], np.floor(view.ys / cell)[:, None]
    seed = view.scene.sky_seed + 5
    there = scatter_hash(column, row, seed) < 0.1 + 0.25 * (scatter_hash(column, 0 * row, seed + 9) > 0.8)
    x = (column + 0.3 + 0.4 * scatter_hash(column, row, seed + 1)) * cell
    y = (row + 0.3 + 0.4 * scatter_hash(column, row, seed + 2)) * cell
    radius = 0.002 + 0.007 * scatter_hash(column, row, seed + 3) ** 2
    across, down = view.xs[None, :] - x, view.ys[:, None] - y
    far = np.sqrt(across**2 + down**2) / radius
    ring = np.exp(-((far - 0.88) ** 2) / 0.03) * 0.5 + (far < 1) * 0.1
    spark = np.exp(-((across / radius + 0.35) ** 2 + (down / radius + 0.35) ** 2) / 0.06) * 0.8
    fade = smooth(0.95, 0.6, view.ys)[:, None]
    view.over(rgb("eaffff"), (np.clip(ring + spark, 0, 1) * there * fade).astype(np.float32), depth=0.8)
