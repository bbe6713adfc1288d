"""Outer space, and the ground of moons and red planets."""

from __future__ import annotations

import numpy as np

from vermilion.engines.composer.render.light import is_red_planet, mixed, rgb
from vermilion.engines.composer.render.noise import Field, grid, line, plane, scatter_hash, smooth
from vermilion.engines.composer.render.view import View
from vermilion.engines.composer.scene.graph import HORIZON

_NEBULAE = (("7b2fd0", "1fb6d8"), ("e0457b", "4a4be0"), ("1f9f8f", "6a4be0"), ("f08a3c", "a0307a"))
_PLANETS = (("d9a066", "8f563b"), ("7fb4e8", "2d5fa8"), ("e07a5f", "7a3040"), ("9fd8b0", "3f7f6a"))


def paint_space(view: View) -> None:
    """Nebulae, stars without end, and one or two planets."""
    view.background(_void(view))
    dice = scatter_hash(np.arange(8), 3, view.scene.sky_seed)
    width = view.scene.width
    _planet(
        view,
        width * (0.16 if dice[0] < 0.5 else 0.84),
        0.22 + 0.16 * dice[1],
        0.11 + 0.07 * dice[2],
        int(dice[3] * 4),
        ring=dice[4] > 0.4,
    )
    if dice[5] > 0.35:
        _planet(
            view,
            width * (0.82 if dice[0] < 0.5 else 0.2),
            0.76 + 0.1 * dice[6],
            0.05 + 0.03 * dice[7],
            int(dice[2] * 4),
            ring=False,
        )


def paint_moon(view: View) -> None:
    """Dust and craters under a black sky, with a blue planet above; Mars has its own colours."""
    red = is_red_planet(view.scene)
    void = _void(view)
    if red:
        dusk = smooth(0.05, 0.62, view.ys)[:, None, None]
        void = void * (1 - 0.75 * dusk) + (rgb("d98b5c") * 0.9) * dusk * 0.8
    view.background(void)
    side = 0.24 if view.scene.sky_seed % 2 else 0.76
    _planet(view, view.scene.width * side, 0.22, 0.085 if red else 0.12, 2 if red else 1, ring=False)
    for number in range(10):
        share = number / 4
        seed = view.scene.land_seed + 1800 + number
        pace = 0.8 + 1.4 * float(scatter_hash(number, 5, seed))
        ridge = (
            HORIZON
            + 0.04
            + 0.36 * share**1.4
            - (0.08 + 0.05 * share) * line(view.xs * pace + number * 7, seed, 4, 0.36)
        )
        _dust(view, ridge.astype(np.float32), seed, share, rgb("c96a42") if red else rgb("a9a7a8"))


def _dust(view: View, ridge: Field, seed: int, share: float, colour: Field) -> None:
    top = max(0, view.row(float(ridge.min())) - 1)
    if top >= view.height:
        return
    ys = view.ys[top:]
    under = ys[:, None] - ridge[None, :]
    grains = grid(view.xs * 34, ys * 60, seed, 4, 0.6) - 0.5
    tone = (
        0.5
        + 0.36 * np.exp(-np.clip(under, 0, 1) * 9)
        + 0.14 * grains
        + _craters(view, ys, seed) * min(1.0, share + 0.2)
    )
    alpha = np.clip(under * view.scale + 0.5, 0, 1)
    view.over(
        colour * tone[..., None] * (0.7 + 0.3 * share), alpha, top=top, depth=min(1.0, 0.5 + 0.5 * share)
    )


def _craters(view: View, ys: Field, seed: int) -> Field:
    """Flat bowls, dark on the sun's side and bright on the other."""
    width, height = 0.2, 0.07
    column, row = np.floor(view.xs / width)[None, :], np.floor(ys / height)[:, None]
    there = scatter_hash(column, row, seed + 2) < 0.42
    x = (column + 0.5 + 0.2 * (scatter_hash(column, row, seed + 3) - 0.5)) * width
    y = (row + 0.5) * height
    radius = 0.25 + 0.7 * scatter_hash(column, row, seed + 4)
    across, down = (view.xs[None, :] - x) / (width * 0.42), (ys[:, None] - y) / (height * 0.42)
    far = np.sqrt(across**2 + down**2) / radius
    rim = np.exp(-((far - 1) ** 2) / 0.02) * 0.2
    bowl = (far < 1) * (down / radius * 0.2 - 0.06)
    return np.where(there, rim * np.where(down > 0, 1, -0.4) + bowl, 0)


def _void(view: View) -> Field:
    """Black with coloured clouds and stars of three sizes."""
    seed = view.scene.sky_seed
    one, other = (rgb(colour) for colour in _NEBULAE[seed % len(_NEBULAE)])
    cloud = grid(view.xs * 2.2, view.ys * 2.2, seed, 6, 0.55)
    veil = grid(view.xs * 3 + 9, view.ys * 3, seed + 5, 5, 0.55)
    lanes = smooth(0.35, 0.6, grid(view.xs * 6, view.ys * 6, seed + 8, 5, 0.6))
    glow = smooth(0.42, 0.8, cloud) * (0.4 + 0.6 * lanes)
    canvas = np.broadcast_to(rgb("05060f"), (view.height, view.width, 3)).copy()
    canvas += glow[..., None] * (one + (other - one) * smooth(0.35, 0.65, veil)[..., None]) * 0.7
    canvas += (smooth(0.66, 0.85, cloud) * 0.6)[..., None] * rgb("ffd9e8")
    for cell, share, size in ((0.01, 0.14, 0.001), (0.025, 0.2, 0.0018), (0.08, 0.22, 0.0036)):
        column, row = np.floor(view.xs / cell)[None, :], np.floor(view.ys / cell)[:, None]
        there = scatter_hash(column, row, seed + int(cell * 9_999))
        x = (column + 0.2 + 0.6 * scatter_hash(column, row, seed + 1)) * cell
        y = (row + 0.2 + 0.6 * scatter_hash(column, row, seed + 2)) * cell
        far = np.sqrt((view.xs[None, :] - x) ** 2 + (view.ys[:, None] - y) ** 2)
        shine = (
            np.clip(1 - far / max(size, 0.75 / view.scale), 0, 1) ** 1.5
            * (there < share)
            * (0.3 + there / share * 0.7)
        )
        canvas += (shine * 240)[..., None] * np.array([0.95, 0.97, 1.0], dtype=np.float32)
    return canvas


def _planet(view: View, x: float, y: float, radius: float, kind: int, *, ring: bool) -> None:
    """A ball with bands and storms, lit from one side, perhaps with a ring."""
    light, dark = (rgb(colour) for colour in _PLANETS[kind % len(_PLANETS)])
    across, down = (view.xs[None, :] - x) / radius, (view.ys[:, None] - y) / radius
    far = np.sqrt(across**2 + down**2)
    height = np.sqrt(np.clip(1 - far**2, 0, 1))
    swirl = plane(across * 1.4 + 5, down * 5 + across * 0.4, view.scene.sky_seed + kind, 4)
    sun = np.clip(0.62 * across * -1 - 0.42 * down + 0.66 * height, 0, 1)
    colour = mixed(dark, light, 0.0) + (light - dark) * swirl[..., None]
    colour = colour * (0.07 + 1.05 * sun)[..., None]
    edge = np.clip((1 - far) * radius * view.scale + 0.5, 0, 1)
    air = (
        np.exp(-np.clip(far - 1, 0, 1) * 9)
        * (far >= 1)
        * 0.28
        * np.clip(0.5 - 0.7 * across - 0.4 * down, 0, 1)
    )
    view.over(light, air.astype(np.float32), depth=0.15)
    view.over(colour, edge.astype(np.float32), depth=0.15)
    if ring:
        tilt = down * 3.4 + across * 0.55
        wide = np.sqrt(across**2 + tilt**2)
        bands = 0.45 + 0.55 * line((wide * 9).ravel(), view.scene.sky_seed, 2).reshape(wide.shape)
        there = smooth(1.35, 1.42, wide) * smooth(2.15, 2.05, wide) * bands * 0.85
        hidden = (tilt < 0) & (far < 1)
        view.over(mixed(light, rgb("ffffff"), 0.35), (there * ~hidden).astype(np.float32), depth=0.15)
