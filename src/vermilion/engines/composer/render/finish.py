"""Weather in the air, and what a camera makes of light: soft distance, bloom, vignette, grain."""

from __future__ import annotations

import numpy as np
from PIL import Image

from vermilion.engines.composer.render.light import rgb
from vermilion.engines.composer.render.noise import Field, grid, scatter_hash, smooth, softened
from vermilion.engines.composer.render.view import View
from vermilion.engines.composer.scene.graph import HORIZON

_RAINBOW = ("b04be0", "4b5be8", "3fb8e8", "4fd06a", "f2e14a", "f59a3c", "ee4a4a")


def soften_distance(view: View) -> None:
    """What is far loses its sharpness before the things are placed."""
    if "fog" in view.scene.weather:
        _fog(view, 0.8)
    if view.scene.lands[-1] in ("room", "space", "underwater") or view.keeps_sheets:
        return
    bottom = view.row(0.74)
    if bottom < 8:
        return
    blurred = softened(view.canvas[:bottom], 0.0016 * view.scale)
    share = smooth(0.74, 0.6, view.ys[:bottom])[:, None, None] * 0.85
    view.canvas[:bottom] += (blurred - view.canvas[:bottom]) * share


def paint_weather(view: View) -> None:
    """In the order from far to near."""
    weather = view.scene.weather
    if "rainbow" in weather:
        _rainbow(view)
    if "fireworks" in weather:
        _fireworks(view)
    if "fog" in weather or "forest" in view.scene.lands or view.scene.time == "dawn":
        _fog(view, 0.4 if "fog" in weather else 0.3)
    if "rain" in weather:
        _rain(view)
    if "snowfall" in weather:
        _flakes(view)
    if "fireflies" in weather:
        _fireflies(view)


def developed(view: View) -> Field:
    """The finished canvas: bloom around bright light, gentle contrast, darker corners, fine grain."""
    canvas = view.canvas
    small = _resized(canvas, max(1, view.width // 6), max(1, view.height // 6))
    over = np.clip(small - 168, 0, 255) * (0.6 if view.light.bright > 0.8 else 0.85)
    bloom = _resized(softened(over, 0.035 * view.scale / 6), view.width, view.height)
    canvas = 255 - (255 - np.clip(canvas, 0, 255)) * (255 - np.clip(bloom, 0, 255)) / 255
    grey = canvas @ np.array([0.3, 0.59, 0.11], dtype=np.float32)
    canvas = grey[..., None] + (canvas - grey[..., None]) * (1.1 if view.scene.mood != "gloomy" else 0.82)
    share = np.clip(canvas / 255, 0, 1)
    canvas = 255 * (share + 0.16 * share * (1 - share) * (2 * share - 1))
    across = np.linspace(-1, 1, view.width, dtype=np.float32)[None, :]
    down = np.linspace(-1, 1, view.height, dtype=np.float32)[:, None]
    canvas *= (1 - 0.2 * np.clip((across**2 + down**2) / 2, 0, 1) ** 1.6)[..., None]
    grain = np.random.default_rng(view.scene.seed & 0xFFFF).standard_normal(
        (view.height, view.width), dtype=np.float32
    )
    return np.asarray(canvas + grain[..., None] * 1.6)


def _resized(canvas: Field, width: int, height: int) -> Field:
    planes = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(canvas[..., channel])).resize(
                (width, height), Image.Resampling.BILINEAR
            )
        )
        for channel in range(3)
    ]
    return np.stack(planes, axis=-1)


def _fog(view: View, strength: float) -> None:
    """Sheets that lie thickest above the horizon line."""
    drifts = grid(view.xs * 1.6, view.ys * 5, view.scene.sky_seed + 21, 5)
    lying = np.exp(-(((view.ys - HORIZON - 0.02) / (0.1 if strength < 0.5 else 0.24)) ** 2))[:, None]
    cover = np.clip(lying * (0.35 + drifts) * strength + (0.16 * strength if strength > 0.5 else 0), 0, 0.92)
    view.over(view.light.haze, cover.astype(np.float32), depth=0.95)


def _rain(view: View) -> None:
    """Three curtains of slanting streaks, and a grey veil."""
    view.over(view.light.haze * 0.8, np.full((view.height, view.width), 0.14, dtype=np.float32), depth=0.95)
    for number, (cell, length, bright) in enumerate(
        ((0.006, 0.05, 0.2), (0.011, 0.09, 0.26), (0.022, 0.16, 0.3))
    ):
        slanted = view.xs[None, :] + view.ys[:, None] * 0.16
        column = np.floor(slanted / cell)
        drop = (view.ys[:, None] / length + scatter_hash(column, 1, view.scene.sky_seed + number) * 7) % 1.0
        there = (
            scatter_hash(
                column,
                np.floor(
                    view.ys[:, None] / length + scatter_hash(column, 1, view.scene.sky_seed + number) * 7
                ),
                number,
            )
            < 0.3
        )
        thin = np.clip(
            1
            - np.abs(slanted / cell - column - 0.5)
            * cell
            * view.scale
            / max(0.7, 0.0007 * view.scale * (number + 1)),
            0,
            1,
        )
        view.over(rgb("dfe9f2"), (there * thin * drop * bright).astype(np.float32), depth=1.1)


def _flakes(view: View) -> None:
    """Small ones far away, large soft ones near."""
    for number, (cell, share, size) in enumerate(
        ((0.022, 0.5, 0.0016), (0.045, 0.5, 0.003), (0.1, 0.42, 0.006), (0.24, 0.3, 0.013))
    ):
        column, row = np.floor(view.xs / cell)[None, :], np.floor(view.ys / cell)[:, None]
        seed = view.scene.sky_seed + 300 + number
        there = scatter_hash(column, row, seed) < share
        x = (column + 0.25 + 0.5 * scatter_hash(column, row, seed + 1)) * cell
        y = (row + 0.25 + 0.5 * scatter_hash(column, row, seed + 2)) * cell
        far = np.sqrt((view.xs[None, :] - x) ** 2 + (view.ys[:, None] - y) ** 2) / max(size, 0.8 / view.scale)
        soft = np.clip(1 - far, 0, 1) if number < 3 else np.clip(1 - far, 0, 1) ** 0.7 * 0.5
        view.over(
            rgb("ffffff") * (0.7 + 0.3 * min(1.0, view.light.bright)),
            (soft * there * 0.85).astype(np.float32),
            depth=0.9 + 0.07 * number,
        )


def _fireflies(view: View) -> None:
    for number, (cell, share, size) in enumerate(((0.06, 0.2, 0.012), (0.13, 0.3, 0.022))):
        column, row = np.floor(view.xs / cell)[None, :], np.floor(view.ys / cell)[:, None]
        seed = view.scene.sky_seed + 500 + number
        there = (scatter_hash(column, row, seed) < share) & (view.ys[:, None] > 0.3)
        x = (column + 0.3 + 0.4 * scatter_hash(column, row, seed + 1)) * cell
        y = (row + 0.3 + 0.4 * scatter_hash(column, row, seed + 2)) * cell
        far = np.sqrt((view.xs[None, :] - x) ** 2 + (view.ys[:, None] - y) ** 2)
        shine = np.exp(-far / (size * 0.28)) * there
        view.over(rgb("ffe98a"), np.clip(shine * 1.15, 0, 1).astype(np.float32), depth=1.0)


def _rainbow(view: View) -> None:
    middle = view.scene.width * (0.62 if view.scene.sun[0] < view.scene.width / 2 else 0.38)
    far = np.sqrt((view.xs[None, :] - middle) ** 2 + ((view.ys[:, None] - HORIZON - 0.03) * 1.05) ** 2)
    share = (far - 0.4) / 0.075 * (len(_RAINBOW) - 1)
    stops = np.stack([rgb(one) for one in _RAINBOW])
    colour = np.stack(
        [np.interp(share, np.arange(len(_RAINBOW)), stops[:, channel]) for channel in range(3)], axis=-1
    )
    band = smooth(-0.6, 0.6, share) * smooth(len(_RAINBOW) - 0.4, len(_RAINBOW) - 1.6, share)
    shown = band * smooth(HORIZON + 0.03, HORIZON - 0.12, view.ys)[:, None] * 0.48
    view.over(colour, shown.astype(np.float32), depth=0.3)


def _fireworks(view: View) -> None:
    """Bursts of sparks on rays."""
    width = view.scene.width
    for number in range(5):
        dice = scatter_hash(np.arange(5), number, view.scene.sky_seed + 600)
        x, y, radius = (
            width * (0.12 + 0.76 * float(dice[0])),
            0.1 + 0.24 * float(dice[1]),
            0.09 + 0.09 * float(dice[2]),
        )
        colour = rgb(("ff6a6a", "ffd25a", "7affc0", "8ab4ff", "ff8af0")[number])
        across, down = (
            view.xs[None, :] - x,
            view.ys[:, None] - y - 0.02 * (view.xs[None, :] - x) ** 2 / radius,
        )
        far = np.sqrt(across**2 + down**2) / radius
        angle = np.arctan2(down, across) / (2 * np.pi) * 38
        ray = np.exp(-(((angle - np.round(angle)) * far * 2.6 / 0.16) ** 2))
        sparks = 0.4 + 0.6 * (np.sin(far * 46 + scatter_hash(np.round(angle), 3, number) * 6) > 0)
        shine = ray * sparks * (far < 1) * smooth(0.02, 0.25, far) * (1 - far**3) + np.exp(-far * 9) * 0.7
        view.over(colour, np.clip(shine, 0, 1).astype(np.float32), depth=0.3)
