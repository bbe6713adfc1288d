"""Skies: gradient, sun or moon, stars, aurora, clouds."""

from __future__ import annotations

import numpy as np

from vermilion.engines.composer.render.noise import Field, grid, line, scatter_hash, smooth
from vermilion.engines.composer.render.view import View
from vermilion.engines.composer.scene.graph import HORIZON


def paint_sky(view: View) -> None:
    """Everything above the horizon, and the same colours below it for what reflects them."""
    light, scene = view.light, view.scene
    canvas = _gradient(view)
    if light.stars > 0.02:
        _stars(view, canvas, light.stars)
    if scene.time in ("night", "dusk"):
        _milky_way(view, canvas)
    if scene.time == "aurora":
        _aurora(view, canvas)
    _sun(view, canvas)
    _clouds(view, canvas)
    view.background(canvas)


def _gradient(view: View) -> Field:
    """Between the colours of the light; above the first frame it darkens on."""
    light = view.light
    at = np.array([-1.2, 0.0, 0.4, 0.76, 1.0], dtype=np.float32)
    stops = np.stack([light.sky[0] * 0.62, *light.sky])
    share = view.ys / HORIZON
    columns = [np.interp(share, at, stops[:, channel]) for channel in range(3)]
    rows = np.stack(columns, axis=1).astype(np.float32)
    return np.repeat(rows[:, None, :], view.width, axis=1)


def _distance(view: View, x: float, y: float) -> Field:
    return np.sqrt((view.xs[None, :] - x) ** 2 + (view.ys[:, None] - y) ** 2)


def _sun(view: View, canvas: Field) -> None:
    """A disc with a halo; low suns set the horizon aglow."""
    light, (x, y) = view.light, view.scene.sun
    if view.scene.time == "storm":
        return
    far = _distance(view, x, y)
    halo = np.exp(-far * (5.5 if light.has_moon else 3.2)) * (0.42 if light.has_moon else 0.6)
    low = np.exp(-((view.ys - HORIZON) ** 2) / 0.02)[:, None] * np.exp(-np.abs(view.xs - x) * 1.6)[None, :]
    strength = np.clip(halo + low * (0.0 if y < 0.3 else 0.55), 0, 0.95)[..., None]
    canvas += (light.glow - canvas) * strength
    if view.scene.time == "dusk":
        return
    radius = 0.052 if light.has_moon else 0.05 if y < 0.3 else 0.07
    disc = smooth(radius, radius - 0.006, far) if light.has_moon else smooth(radius, radius * 0.72, far)
    colour = light.disc
    if light.has_moon:
        spots = grid((view.xs - x) * 26 + 50, (view.ys - y) * 26 + 50, view.scene.sky_seed, 3)
        colour = light.disc * (0.8 + 0.26 * spots[..., None])
    canvas += (colour - canvas) * disc[..., None]


def _stars(view: View, canvas: Field, amount: float) -> None:
    """One star at most in each cell of the sky, of uneven brightness; they pale towards the horizon."""
    for cell, share, size in ((0.011, 0.16, 0.0009), (0.03, 0.2, 0.0017), (0.09, 0.16, 0.003)):
        column, row = np.floor(view.xs / cell), np.floor(view.ys / cell)
        seed = view.scene.sky_seed + int(cell * 10_000)
        there = scatter_hash(column[None, :], row[:, None], seed)
        x = (column[None, :] + 0.2 + 0.6 * scatter_hash(column[None, :], row[:, None], seed + 1)) * cell
        y = (row[:, None] + 0.2 + 0.6 * scatter_hash(column[None, :], row[:, None], seed + 2)) * cell
        far = np.sqrt((view.xs[None, :] - x) ** 2 + (view.ys[:, None] - y) ** 2)
        radius = max(size, 0.75 / view.scale)
        shine = np.clip(1 - far / radius, 0, 1) ** 1.5 * (there < share) * (0.35 + there / share * 0.65)
        pale = np.clip(1.25 - view.ys / HORIZON, 0, 1)[:, None] ** 0.6
        canvas += (shine * pale * amount * 235)[..., None] * np.array([1.0, 0.98, 0.93], dtype=np.float32)


def _milky_way(view: View, canvas: Field) -> None:
    """A slanting band of pale light with dark lanes."""
    slope = 0.9 if view.scene.sky_seed % 2 else -0.9
    across = view.ys[:, None] - 0.2 - slope * (view.xs[None, :] - view.scene.width * 0.5) * 0.55
    seed = view.scene.sky_seed + 77
    veil = grid(view.xs * 5, view.ys * 5, seed, 5)
    lanes = grid(view.xs * 11, view.ys * 11, seed + 9, 4)
    band = (
        np.exp(-((across + (veil - 0.5) * 0.3) ** 2) / 0.02)
        * smooth(0.3, 0.8, veil)
        * (0.5 + 0.5 * smooth(0.35, 0.6, lanes))
    )
    fade = np.clip(1.2 - view.ys / HORIZON, 0, 1)[:, None]
    strength = band * fade * (0.55 if view.scene.time == "night" else 0.2)
    canvas += strength[..., None] * np.array([120, 128, 190], dtype=np.float32)


def _aurora(view: View, canvas: Field) -> None:
    """Curtains of light with rays that reach upwards."""
    seed = view.scene.sky_seed
    for number, colour in enumerate(([70, 255, 170], [60, 220, 200], [170, 110, 255])):
        foot = 0.34 - 0.07 * number + 0.2 * (line(view.xs * 1.7 + number * 7, seed + number, 3) - 0.5)
        rays = 0.35 + 0.65 * line(view.xs * 46 + 4 * line(view.xs * 6, seed, 2), seed + 40 + number, 3)
        up = foot[None, :] - view.ys[:, None]
        reach = 0.07 + 0.2 * line(view.xs * 3, seed + 60 + number, 2)[None, :]
        shine = np.where(up >= 0, np.exp(-up / reach), np.exp(up / 0.016)) * rays[None, :]
        shine *= smooth(0.25, 0.6, line(view.xs * 1.3 + 3 * number, seed + 80 + number, 2))[None, :]
        canvas += (shine * (0.85 - 0.2 * number))[..., None] * np.array(colour, dtype=np.float32)


def _clouds(view: View, canvas: Field) -> None:
    """Heaps of cloud, flatter towards the horizon, lit from where the sun is."""
    light, scene = view.light, view.scene
    amount = scene.cloudiness
    up = np.minimum(view.ys, 0.0)  # Above the first frame the clouds go on as large as they were there.
    rise = (0.9 / np.clip(1.12 - np.maximum(view.ys, 0) / HORIZON, 0.1, None) + up * 1.2).astype(np.float32)
    x = view.xs[None, :].ravel() * 2.1
    body = grid(x, rise * 2.3 + 9, scene.sky_seed, 6, 0.52)
    side = 0.1 if scene.sun[0] > view.scene.width / 2 else -0.1
    toward = grid(x + side, rise * 2.3 + 9 - 0.11, scene.sky_seed, 4, 0.5)
    cover = 0.66 - 0.36 * amount
    density = smooth(cover, cover + 0.2, body)
    lit = np.clip(0.5 + (body - toward) * 3.2, 0, 1) * (1 - 0.55 * smooth(cover + 0.1, cover + 0.34, body))
    colour = light.cloud_shade + (light.cloud_lit - light.cloud_shade) * lit[..., None]
    near = np.exp(-_distance(view, *scene.sun) * 3.0)[..., None] * (0.55 if scene.time != "storm" else 0)
    colour = colour + (light.glow - colour) * near
    fade = smooth(1.06, 0.7, view.ys / HORIZON)[:, None]
    opacity = density * fade * (0.96 if scene.time == "storm" else 0.5 if light.has_moon else 0.86)
    canvas += (colour - canvas) * opacity[..., None]
