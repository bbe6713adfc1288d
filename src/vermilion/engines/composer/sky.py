"""The sky: gradient, disc, stars, clouds, and what shines through them."""

from __future__ import annotations

import numpy as np

from vermilion.engines.composer.paint import (
    Canvas,
    Colour,
    Field,
    blend,
    fbm,
    mix,
    ramp,
    receding,
    resized,
    rgb,
    shifted,
)
from vermilion.engines.composer.plan import Plan


def draw_sky(canvas: Canvas, plan: Plan) -> None:
    """Everything above the horizon, painted a little past it so that no seam shows."""
    rows = canvas.row(plan.horizon + 0.02)
    _gradient(canvas, plan, rows)
    if plan.mood.stars > 0:
        _stars(canvas, plan, rows)
    if plan.mood.stars > 0.4 and ("milkyway" in plan.weather or plan.mood.name in ("cosmic", "night")):
        _milky_way(canvas, plan, rows)
    if "aurora" in plan.weather or plan.mood.name == "aurora":
        _aurora(canvas, plan, rows)
    _halo(canvas, plan, rows)
    _disc(canvas, plan, rows)
    _clouds(canvas, plan, rows)
    if "rainbow" in plan.weather:
        _rainbow(canvas, plan, rows)


def sky_colours(plan: Plan) -> tuple[Colour, Colour, Colour]:
    """Zenith, middle and horizon, with the colour that the prompt asks for mixed in."""
    mood = plan.mood
    zenith, middle, horizon = rgb(mood.zenith), rgb(mood.middle), rgb(mood.horizon)
    if plan.sky_tint is None:
        return zenith, middle, horizon
    wish = rgb(plan.sky_tint)
    deep = mix(wish, zenith, 0.5 if mood.dark else 0.3)
    return mix(zenith, deep, 0.35), mix(middle, wish, 0.5), mix(horizon, wish, 0.3)


def haze_colour(plan: Plan) -> Colour:
    """The colour of far air."""
    haze = rgb(plan.mood.haze)
    return haze if plan.sky_tint is None else mix(haze, rgb(plan.sky_tint), 0.3)


def _gradient(canvas: Canvas, plan: Plan, rows: int) -> None:
    zenith, middle, horizon = sky_colours(plan)
    sway = (fbm(canvas.rng("air"), (rows, canvas.width), 1.6, octaves=3, stretch=2.5) - 0.5) * 0.12
    down = np.clip(canvas.y[:rows] / plan.horizon + sway, 0, 1)
    upper = blend(zenith, middle, ramp(-0.1, 0.68, down))
    share = ramp(0.45, 1.05, down)[..., None]
    canvas.rgb[:rows] = upper + (np.asarray(horizon, np.float32) - upper) * share
    canvas.rgb[rows:] = horizon


def _away(canvas: Canvas, plan: Plan, rows: int, flat: float = 1.0) -> Field:
    """The distance from the light, in picture heights; `flat` squeezes it into a band along the horizon."""
    x, y = plan.light
    return np.asarray(np.hypot(canvas.x - x, (canvas.y[:rows] - y) * flat), dtype=np.float32)


def _halo(canvas: Canvas, plan: Plan, rows: int) -> None:
    strength = {"sun": 1.0, "moon": 0.55, "planet": 0.4}.get(plan.mood.disc, 0.25)
    light = rgb(plan.mood.light)
    away = _away(canvas, plan, rows)
    canvas.glow(light, strength * (0.42 * np.exp(-away / 0.16) + 0.3 * np.exp(-away / 0.5)))
    if plan.mood.disc == "sun":
        band = np.exp(-np.abs(canvas.y[:rows] - plan.horizon) / 0.1) * np.exp(
            -(((canvas.x - plan.light[0]) / 0.75) ** 2)
        )
        canvas.glow(light, 0.3 * band.astype(np.float32))


def _disc(canvas: Canvas, plan: Plan, rows: int) -> None:
    kind = plan.mood.disc
    radius = {"sun": 0.036, "moon": 0.05, "planet": 0.13, "none": 0.0}[kind]
    if not radius:
        return
    if plan.mood.name in ("sunset", "neon", "dawn"):
        radius *= 1.5
    away = _away(canvas, plan, rows)
    edge = 1.2 / canvas.height
    mask = np.clip((radius - away) / edge + 0.5, 0, 1)
    light = rgb(plan.mood.light)
    if kind == "sun":
        canvas.lay(mix(light, (1.0, 1.0, 0.97), 0.55), mask * 0.97)
        return
    canvas.lay(_globe(canvas, plan, rows, radius), mask)
    if kind == "planet":
        _ring(canvas, plan, rows, radius)


def _globe(canvas: Canvas, plan: Plan, rows: int, radius: float) -> Field:
    """A moon with seas, or a banded planet, lit from the upper left."""
    x, y = plan.light
    u, v = (canvas.x - x) / radius, (canvas.y[:rows] - y) / radius
    spots = fbm(canvas.rng("globe"), (rows, canvas.width), 30 if plan.mood.disc == "moon" else 14,
                octaves=4, stretch=1.0 if plan.mood.disc == "moon" else 5.0)  # fmt: skip
    light = rgb(plan.mood.light)
    if plan.mood.disc == "moon":
        return blend(mix(light, (0.6, 0.64, 0.75), 0.6), light, ramp(0.25, 0.62, spots))
    surface = blend(rgb("#5b3f86"), rgb("#e9b6c6"), ramp(0.2, 0.85, spots))
    shade = ramp(
        -0.75, 0.85, np.asarray(-(u * 0.75 + v * 0.65) + 0.35 * (1 - u * u - v * v), dtype=np.float32)
    )
    return np.asarray(surface * (0.12 + 0.95 * shade[..., None]), dtype=np.float32)


def _ring(canvas: Canvas, plan: Plan, rows: int, radius: float) -> None:
    x, y = plan.light
    u, v = (canvas.x - x) / radius, (canvas.y[:rows] - y) / radius
    across, along = u * 0.95 + v * 0.31, v * 0.95 - u * 0.31
    reach = np.hypot(across, along * 4.2)
    band = ramp(1.35, 1.42, reach) * (1 - ramp(1.9, 2.05, reach)) * (0.65 + 0.35 * np.sin(reach * 38))
    behind = (along < 0) & (np.hypot(u, v) < 1)
    canvas.lay(rgb("#f3d3dd"), np.where(behind, 0, band * 0.55).astype(np.float32))


def _stars(canvas: Canvas, plan: Plan, rows: int) -> None:
    rng = canvas.rng("stars")
    count = int(900 * plan.mood.stars * canvas.aspect)
    xs, ys = rng.random(count) * canvas.aspect, rng.random(count) ** 1.3 * plan.horizon
    sizes, warmth = rng.power(0.25, count), rng.random(count)
    for x, y, size, warm in zip(xs, ys, sizes, warmth, strict=True):
        _star(
            canvas,
            x,
            y,
            0.0006 + 0.0014 * size**3,
            (0.25 + 0.75 * size) * (1 - 0.75 * y / plan.horizon),
            warm,
        )


def _star(canvas: Canvas, x: float, y: float, radius: float, shine: float, warm: float) -> None:
    pixel = canvas.height * radius
    reach = max(2, int(pixel * 3) + 1)
    column, row = int(x * canvas.height), int(y * canvas.height)
    left, top = max(column - reach, 0), max(row - reach, 0)
    part = canvas.rgb[top : row + reach + 1, left : column + reach + 1]
    if not part.size:
        return
    down = np.arange(top, top + part.shape[0])[:, None] - y * canvas.height
    across = np.arange(left, left + part.shape[1])[None, :] - x * canvas.height
    spot = np.exp(-(down**2 + across**2) / (2 * max(pixel, 0.55) ** 2)) * shine
    colour = np.asarray(mix((0.8, 0.88, 1.0), (1.0, 0.9, 0.78), warm), dtype=np.float32)
    part += (1 - part) * (spot[..., None] * colour).astype(np.float32)


def _milky_way(canvas: Canvas, plan: Plan, rows: int) -> None:
    rng = canvas.rng("milky way")
    lean = (0.5 + 0.5 * rng.random()) * (1 if plan.light[0] < canvas.aspect / 2 else -1)
    middle = canvas.aspect * (0.62 if lean > 0 else 0.38)
    cloud = fbm(rng, (rows, canvas.width), 4, octaves=6)
    dust = fbm(rng, (rows, canvas.width), 7, octaves=5)
    away = (canvas.x - middle) + lean * (canvas.y[:rows] - plan.horizon * 0.45) + (cloud - 0.5) * 0.22
    band = np.exp(-((away / 0.17) ** 2)).astype(np.float32) * (0.35 + 0.65 * cloud)
    fade = 1 - ramp(plan.horizon * 0.55, plan.horizon, np.broadcast_to(canvas.y[:rows], band.shape))
    vivid = 1.5 if plan.mood.name == "cosmic" else 1.0
    canvas.glow(rgb("#7f8fd0"), 0.34 * vivid * band * fade * (0.4 + 0.6 * (1 - ramp(0.45, 0.7, dust))))
    canvas.glow(rgb("#e79ac8"), 0.3 * vivid * band**2 * fade * ramp(0.5, 0.8, cloud))


def _aurora(canvas: Canvas, plan: Plan, rows: int) -> None:
    rng = canvas.rng("aurora")
    y = canvas.y[:rows]
    for colour, strength in (("#4dffb0", 0.6), ("#6fe9d2", 0.42), ("#a274ff", 0.36)):
        line = resized(rng.random((1, 7), dtype=np.float32), canvas.width, 1) - 0.5
        fold = resized(rng.random((1, round(46 * canvas.aspect)), dtype=np.float32), canvas.width, 1)
        sheen = resized(rng.random((1, 6), dtype=np.float32), canvas.width, 1)
        foot = plan.horizon * (0.52 + 0.14 * float(rng.random())) + 0.2 * line + 0.012 * fold
        height = 0.13 + 0.12 * sheen + 0.05 * fold
        rise = (foot - y) / height
        curtain = np.where(rise > 0, np.exp(-rise * 1.15) * ramp(0, 0.22, rise), 0.0)
        curtain = curtain * (0.5 + 0.5 * fold) * (0.25 + 0.75 * sheen)
        canvas.glow(rgb(colour), (strength * curtain).astype(np.float32))


def _clouds(canvas: Canvas, plan: Plan, rows: int) -> None:
    cover = plan.mood.clouds
    if "clear" in plan.weather:
        cover *= 0.2
    if plan.weather & {"clouds", "rain"}:
        cover = max(cover, 0.8)
    rng = canvas.rng("clouds")
    texture = fbm(rng, (1024, 1536), 15, octaves=6, stretch=1.5)
    plane = receding(texture, (rows, canvas.width), up=True, nearest=0.16)
    detail = fbm(rng, (rows, canvas.width), 7, octaves=6, stretch=1.9)
    density = 0.7 * plane + 0.3 * detail
    body = ramp(0.74 - 0.36 * cover, 1.02 - 0.26 * cover, density)
    toward = 1 if plan.light[0] < canvas.aspect / 2 else -1
    shift = max(1, round(canvas.height * 0.018))
    lit = ramp(-0.16, 0.2, density - shifted(density, shift, -toward * shift))
    colour = blend(rgb(plan.mood.cloud_shade), rgb(plan.mood.cloud_lit), lit)
    if plan.sky_tint is not None:
        colour += (np.asarray(rgb(plan.sky_tint), np.float32) - colour) * 0.22
    low = ramp(plan.horizon * 0.72, plan.horizon, np.broadcast_to(canvas.y[:rows], body.shape))
    canvas.lay(colour, body * (1 - 0.75 * low) * (0.55 + 0.4 * cover))


def _rainbow(canvas: Canvas, plan: Plan, rows: int) -> None:
    centre = canvas.aspect - plan.light[0]
    reach = np.hypot(canvas.x - centre, (canvas.y[:rows] - plan.horizon * 1.05) * 1.05)
    for at, code in enumerate(("#7a4fd0", "#3f7fe0", "#3fbf8f", "#f2e26a", "#f59a4a", "#e0504a")):
        band = np.exp(-(((reach - 0.36 - 0.011 * at) / 0.009) ** 2))
        canvas.glow(rgb(code), (0.36 * band).astype(np.float32))
