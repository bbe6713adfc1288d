"""Mountains, hills, meadows, dunes, snow, beaches and woods: bands of land, hazier the farther away."""

from __future__ import annotations

import numpy as np

from vermilion.engines.composer.render.light import mixed, rgb
from vermilion.engines.composer.render.noise import Field, grid, line, plane, scatter_hash, smooth
from vermilion.engines.composer.render.view import View
from vermilion.engines.composer.scene.graph import HORIZON

_BANDS = 10  #: of ground; the first frame shows six, the others come when the camera goes back


def paint_mountains(view: View) -> None:
    """Three ranges, the farther the paler; the higher ones bear snow."""
    snowy = "snow" in view.scene.lands
    for number, (foot, height, pace, haze) in enumerate(
        ((0.57, 0.42, 1.7, 0.56), (0.6, 0.3, 2.3, 0.34), (0.62, 0.17, 3.4, 0.16))
    ):
        seed = view.scene.land_seed + 31 * number
        ridged = 1 - np.abs(2 * line(view.xs * pace + 5 * number, seed, 6, 0.46) - 1)
        broad = line(view.xs * pace * 0.45 + 3, seed + 5, 2)
        top = foot - height * (0.16 + 0.84 * ridged**1.3 * (0.45 + 0.75 * broad))
        _rocks(
            view,
            top.astype(np.float32),
            seed,
            haze=haze,
            snow=(0.1 if number < 2 else 0.0) + (0.5 if snowy else 0),
            depth=0.12 + 0.1 * number,
        )


def _rocks(view: View, ridge: Field, seed: int, *, haze: float, snow: float, depth: float) -> None:
    """One range: faces towards the sun are light, the others blue with shade."""
    top = max(0, view.row(float(ridge.min())) - 1)
    ys = view.ys[top:]
    alpha = _below(view, ridge, top)
    side = 0.05 if view.scene.sun[0] < view.camera.x + view.camera.width / 2 else -0.05
    relief = _ridges(view.xs * 6, ys * 6, seed)
    toward = _ridges((view.xs - side) * 6, (ys - 0.035) * 6, seed)
    lit = np.clip(0.5 + (relief - toward) * 2.2, 0, 1)
    light = view.light
    stone = mixed(rgb("4b5068"), rgb("8a7f7c"), 0.4) * light.bright * light.ambient
    colour = stone * 0.72 + (stone * 1.35 * light.sun - stone * 0.72) * lit[..., None]
    if snow:
        under = ys[:, None] - ridge[None, :]
        capped = smooth(0.0, 0.03, snow + 0.06 * relief - under)
        white = rgb("eef3fb") * (0.62 + 0.38 * light.bright) * (light.ambient * 0.55 + 0.45 * light.sun)
        cap = white * 0.68 * np.array([0.92, 0.97, 1.1], dtype=np.float32)
        cap = cap + (white - cap) * lit[..., None]
        colour = colour + (cap - colour) * capped[..., None]
    deep = smooth(float(ridge.min()), HORIZON + 0.02, ys)[:, None, None] * 0.4
    share = np.clip(haze + deep * (1 - haze), 0, 1)
    view.over(colour + (light.haze - colour) * share, alpha, top=top, depth=depth)


def _ridges(x: Field, y: Field, seed: int) -> Field:
    return np.asarray(1 - np.abs(2 * grid(x, y * 1.1, seed + 3, 5, 0.5) - 1))


def _below(view: View, ridge: Field, top: int) -> Field:
    """1 below the line and 0 above it, with a soft edge of one pixel."""
    return np.asarray(
        np.clip((view.ys[top:, None] - ridge[None, :]) * view.scale + 0.5, 0, 1).astype(np.float32)
    )


def paint_far_hills(view: View) -> None:
    """Round hills that lose themselves in the haze."""
    for number, haze in enumerate((0.66, 0.44, 0.26)):
        seed = view.scene.land_seed + 400 + number
        ridge = 0.585 - 0.13 * (1 - number * 0.25) * line(
            view.xs * (1.5 + 0.5 * number) + number * 3, seed, 3, 0.4
        )
        _band(view, ridge + 0.012 * number, rgb("4f7f56"), seed, haze=haze, depth=0.2 + 0.1 * number, grain=9)


def paint_meadow(view: View) -> None:
    """Rolling green, nearer and nearer."""
    warm = rgb("86a33c") if view.scene.time in ("golden", "sunset") else rgb("63a83f")
    _rolling(view, warm, rgb("3f7d3c"), seed=700, grain=26)


def paint_snow(view: View) -> None:
    """Drifts with blue shade and a sparkle here and there."""
    _rolling(view, rgb("f2f6fd") * 1.2, rgb("c9d8ee") * 1.12, seed=800, grain=7)
    top = view.horizon_row
    there = scatter_hash(
        np.arange(view.width)[None, :], np.arange(top, view.height)[:, None], view.scene.land_seed
    )
    view.over(rgb("ffffff"), (there > 0.9988) * np.float32(0.5), top=top)


def paint_forest_floor(view: View) -> None:
    """Moss and shade."""
    _rolling(view, rgb("56793a"), rgb("2c4a2e"), seed=900, grain=30)


def _rolling(view: View, near: Field, far: Field, *, seed: int, grain: float) -> None:
    for number in range(_BANDS):
        share = number / 4
        seed_here = view.scene.land_seed + seed + number
        base = HORIZON + 0.012 + 0.36 * share**1.45
        pace = 0.9 + 1.3 * float(scatter_hash(number, 5, seed_here))
        swell = (0.045 + 0.1 * min(share, 1.2)) * (
            line(view.xs * pace + 11 * number, seed_here, 3, 0.32) - 0.52
        )
        colour = mixed(far, near, min(1.0, 0.15 + 0.85 * share)) * (
            0.93 + 0.14 * float(scatter_hash(number, 6, seed_here))
        )
        _band(
            view,
            base + swell,
            colour,
            seed_here,
            haze=max(0.0, 0.34 * max(0.0, 1 - share) ** 1.5),
            depth=min(1.0, 0.5 + 0.12 * number),
            grain=grain,
        )


def _band(
    view: View, ridge: Field, colour: Field, seed: int, *, haze: float, depth: float, grain: float
) -> None:
    """One wave of ground: bright along its back where the light falls, darker in its hollow."""
    top = max(0, view.row(float(ridge.min())) - 1)
    if top >= view.height:
        return
    light, ys = view.light, view.ys[top:]
    under = ys[:, None] - ridge[None, :].astype(np.float32)
    slope = np.gradient(ridge.astype(np.float32)) * view.scale
    sunward = np.sign(view.scene.sun[0] - view.xs)
    facing = np.clip(0.5 - slope * sunward * 1.4, 0, 1)[None, :]
    blades = grid(view.xs * grain, ys * grain * 2.2, seed + 50, 4, 0.6) - 0.5
    patches = grid(view.xs * 3, ys * 7, seed + 60, 3) - 0.5
    crest = np.exp(-np.clip(under, 0, None) * 26) * (0.25 + 0.55 * facing) * light.power
    tone = 0.86 + 0.26 * blades + 0.22 * patches + 0.34 * crest - 0.2 * smooth(0.0, 0.3, under)
    base = colour * light.bright * light.ambient
    glowing = base * tone[..., None] + (light.glow * 0.22 * light.bright) * crest[..., None]
    view.over(glowing + (light.haze - glowing) * haze, _below(view, ridge, top), top=top, depth=depth)


def paint_dunes(view: View) -> None:
    """Crests with a bright and a dark side, and fine ripples."""
    light = view.light
    for number in range(_BANDS):
        share = number / 5
        seed = view.scene.land_seed + 1000 + number
        waves = line(view.xs * (1.5 - 0.1 * number) + 9 * number, seed, 2, 0.3)
        peaked = 1 - np.abs(2 * waves - 1) ** 0.8
        ridge = HORIZON + 0.04 + 0.34 * share**1.3 - (0.15 - 0.012 * number) * peaked
        top = max(0, view.row(float(ridge.min())) - 1)
        if top >= view.height:
            continue
        ys = view.ys[top:]
        under = ys[:, None] - ridge[None, :].astype(np.float32)
        slope = np.gradient(ridge.astype(np.float32)) * view.scale
        side = np.sign(view.camera.width / 2 + view.camera.x - view.scene.sun[0]) or 1.0
        lean = view.xs[None, :] + side * under * 1.4
        facing = smooth(-0.16, 0.16, -np.interp(lean, view.xs, slope) * side * -1)
        ripples = grid(view.xs * 8, ys * 90, seed + 3, 3) - 0.5
        sand = (
            mixed(rgb("e0a35c"), rgb("edc07e"), share / 2)
            * light.bright
            * (light.ambient * 0.6 + light.sun * 0.4)
        )
        tone = (0.62 + 0.44 * facing + 0.12 * ripples * min(1, share + 0.3)) * (
            1 - 0.14 * smooth(0, 0.4, under)
        )
        colour = sand * tone[..., None]
        haze = max(0.0, 0.5 * max(0.0, 1 - share) ** 1.4)
        view.over(
            colour + (light.haze - colour) * haze,
            _below(view, ridge, top),
            top=top,
            depth=min(1.0, 0.5 + 0.1 * number),
        )


def paint_beach(view: View) -> None:
    """Sand before the sea with a line of foam, grass before a lake."""
    light = view.light
    shore = (0.76 + 0.05 * (line(view.xs * 1.3, view.scene.land_seed + 1200, 3) - 0.5)).astype(np.float32)
    top = max(0, view.row(float(shore.min()) - 0.02))
    if top >= view.height:
        return
    ys = view.ys[top:]
    inland = ys[:, None] - shore[None, :]
    sand = (
        rgb("7f9d48" if "lake" in view.scene.lands else "efd3a0")
        * light.bright
        * (light.ambient * 0.6 + light.sun * 0.4)
    )
    grains = grid(view.xs * 60, ys * 110, view.scene.land_seed, 3, 0.7) - 0.5
    drifts = grid(view.xs * 4, ys * 16, view.scene.land_seed + 4, 3) - 0.5
    dry = smooth(0.0, 0.06, inland)
    colour = sand * ((0.62 + 0.36 * dry) + 0.16 * grains + 0.16 * drifts)[..., None]
    view.over(colour, smooth(-0.002, 0.01, inland) * 0.98, top=top, depth=0.8)
    froth = np.exp(-((inland - 0.004) ** 2) / 0.00004) + 0.6 * np.exp(-((inland + 0.014) ** 2) / 0.00003)
    torn = smooth(0.3, 0.6, grid(view.xs * 40, ys * 60, view.scene.land_seed + 8, 3))
    view.over(
        rgb("ffffff") * (0.35 + 0.65 * light.bright),
        (froth * torn * (0.25 if "lake" in view.scene.lands else 0.9)).astype(np.float32),
        top=top,
        depth=0.8,
    )


def paint_forest(view: View) -> None:
    """Rows of firs that fade into the mist."""
    light = view.light
    for number, (foot, height, haze) in enumerate(
        ((0.6, 0.3, 0.7), (0.625, 0.27, 0.5), (0.65, 0.25, 0.28), (0.68, 0.22, 0.08))
    ):
        seed = view.scene.land_seed + 1300 + number
        ridge = _firs(view.xs, seed, foot, height)
        top = max(0, view.row(float(ridge.min())) - 1)
        if top >= view.height:
            continue
        ys = view.ys[top:]
        leaf = mixed(rgb("2d5a3f"), rgb("3f6b35"), number / 3) * light.bright * light.ambient
        if "snow" in view.scene.lands:
            leaf = mixed(leaf, rgb("dfe9f4") * light.bright, 0.35)
        flecks = 0.8 + 0.5 * (grid(view.xs * 40, ys * 60, seed, 3) - 0.3)
        colour = leaf * flecks[..., None]
        mist = np.clip(haze + 0.5 * smooth(foot - height * 0.6, foot + 0.02, ys), 0, 0.9)[:, None, None]
        view.over(
            colour + (light.haze - colour) * mist,
            _below(view, ridge, top),
            top=top,
            depth=0.25 + 0.1 * number,
        )


def _firs(x: Field, seed: int, foot: float, height: float) -> Field:
    """The outline of a row of firs: the highest of three rows of jagged cones."""
    tops = np.full(x.shape, foot, dtype=np.float32)
    for row in range(3):
        width = height * (0.3 + 0.08 * row)
        cell = np.floor(x / width + row * 0.37)
        tall = height * (0.45 + 0.55 * scatter_hash(cell, row, seed))
        middle = (cell - row * 0.37 + 0.3 + 0.4 * scatter_hash(cell, row, seed + 7)) * width
        share = np.clip(1 - np.abs(x - middle) / (width * 0.46), 0, 1)
        steps = share - 0.1 * np.abs(((share * 7) % 1.0) - 0.5)
        tops = np.minimum(tops, foot - tall * np.clip(steps, 0, 1))
    return tops


def ground_texture(view: View, top: int, seed: int, scale: float) -> Field:
    """Noise on the plane of the ground, finer towards the horizon."""
    down = np.maximum(view.ys[top:] - HORIZON, 0.004)[:, None]
    x = (view.xs[None, :] - view.camera.x - view.camera.width / 2) / down * scale
    return plane(x, np.broadcast_to(scale * 1.6 / down, x.shape), seed, 3)
