"""The land and the water: ridge behind ridge, each nearer one darker, sharper and more saturated."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from vermilion.engines.composer import skyline
from vermilion.engines.composer.greenery import crown_line
from vermilion.engines.composer.paint import (
    Canvas,
    Colour,
    Field,
    blend,
    fbm,
    mix,
    profile,
    ramp,
    receding,
    rgb,
    tint,
)
from vermilion.engines.composer.plan import Plan
from vermilion.engines.composer.sky import haze_colour

SURFACES: dict[str, str] = {
    "rock": "#6b6672", "forest": "#35593d", "meadow": "#6d9450", "autumn": "#b27d3c", "sand": "#d8ab74",
    "clay": "#b8643f", "snow": "#e6edf4", "city": "#4a5163", "bank": "#3f5a38", "beach": "#dcc295",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ridge:
    """One layer of land. `base` is how far below the horizon it starts (1 is the picture's foot), `rise` its height
    in picture heights, `far` 0 to 1, `cover` what grows along its edge.
    """

    base: float
    rise: float
    rough: float
    far: float
    surface: str
    waves: float = 2.0
    cover: str = ""
    facets: float = 0.0


RIDGES: dict[str, tuple[Ridge, ...]] = {
    "mountains": (
        Ridge(0.0, 0.3, 0.85, 0.78, "rock", 1.7, facets=0.7),
        Ridge(0.02, 0.2, 0.8, 0.55, "rock", 2.2, facets=1.0),
    ),
    "canyon": (
        Ridge(0.0, 0.17, 0.5, 0.7, "clay", 3.5, cover="steps", facets=0.5),
        Ridge(0.1, 0.15, 0.5, 0.4, "clay", 2.5, cover="steps", facets=0.8),
    ),
    "hills": (
        Ridge(0.0, 0.1, 0.25, 0.72, "forest", 2.0),
        Ridge(0.07, 0.09, 0.2, 0.5, "meadow", 1.8, cover="crowns"),
    ),
    "forest": (
        Ridge(0.0, 0.14, 0.3, 0.72, "forest", 1.5, cover="pines"),
        Ridge(0.1, 0.12, 0.3, 0.48, "forest", 1.8, cover="pines"),
        Ridge(0.28, 0.1, 0.3, 0.25, "forest", 1.5, cover="pines"),
    ),
    "city": (
        Ridge(0.0, 0.2, 0.0, 0.62, "city", 2, cover="skyline"),
        Ridge(0.03, 0.25, 0.0, 0.4, "city", 2, cover="skyline"),
    ),
    "desert": (Ridge(0.0, 0.07, 0.15, 0.68, "sand", 1.6), Ridge(0.1, 0.09, 0.1, 0.42, "sand", 1.2)),
    "snowfield": (
        Ridge(0.0, 0.12, 0.5, 0.66, "snow", 1.8, facets=0.5),
        Ridge(0.1, 0.07, 0.2, 0.42, "snow", 1.6),
    ),
    "sea": (Ridge(0.0, 0.035, 0.4, 0.85, "rock", 1.6),),
    "lake": (Ridge(0.0, 0.05, 0.3, 0.5, "forest", 2.2, cover="pines"),),
}


def draw_ground(canvas: Canvas, plan: Plan) -> None:
    """The layers from far to near: land behind the horizon, water if there is any, land in front."""
    for at, ridge in enumerate(_behind(plan)):
        draw_ridge(canvas, plan, ridge, f"behind {at}")
    if plan.water:
        _water(canvas, plan)
        draw_ridge(canvas, plan, _bank(plan), "bank")
        return
    for at, ridge in enumerate(_before(plan)):
        draw_ridge(canvas, plan, ridge, f"before {at}")


def draw_ridge(canvas: Canvas, plan: Plan, ridge: Ridge, name: str) -> None:
    """One layer, from its ridge line down to the foot of the picture."""
    rng = canvas.rng(name)
    base = plan.horizon + ridge.base * (1 - plan.horizon)
    line = _line(canvas, ridge, rng, base)
    room = {"skyline": 1.35 * ridge.rise + 0.06, "pines": 0.17}.get(ridge.cover, 0.06)
    top = canvas.row(float(line.min()) - room)
    y = canvas.y[top:]
    mask = np.clip((y - line) * canvas.height * 0.8 + 0.5, 0, 1).astype(np.float32)
    covered = _cover(canvas, ridge, rng, line, top)
    if covered is not None and ridge.surface == "snow":  # Trees stay dark where the land is white.
        trees = replace(ridge, surface="forest", facets=0.0)
        canvas.lay(_surface(canvas, plan, trees, rng, line, top), covered, top=top)
    elif covered is not None:
        mask = np.maximum(mask, covered)
    canvas.lay(_surface(canvas, plan, ridge, rng, line, top), mask, top=top)
    if ridge.cover == "skyline":
        skyline.light_windows(canvas, plan, rng, mask, top, ridge.far)


def _behind(plan: Plan) -> tuple[Ridge, ...]:
    ridges: list[Ridge] = []
    for terrain in plan.terrains:
        if terrain in ("sea", "lake") and len(plan.terrains) > 1:
            continue
        ridges.extend(RIDGES[terrain])
    if plan.water:  # What stands behind water meets it at the horizon.
        ridges = [Ridge(0.0, r.rise, r.rough, r.far, r.surface, r.waves, r.cover, r.facets) for r in ridges]
    return tuple(ridges)


def _before(plan: Plan) -> tuple[Ridge, ...]:
    last = plan.terrains[-1]
    surface = _near_surface(plan)
    cover = {"forest": "pines", "mountains": "pines", "snowfield": "pines"}.get(last, "")
    near = "grass" if surface in ("meadow", "autumn", "bank", "forest") else ""
    return (
        Ridge(0.2, 0.05, 0.15, 0.36, surface, 1.6, cover=cover),
        Ridge(0.48, 0.07, 0.1, 0.2, surface, 1.2),
        Ridge(0.84, 0.08, 0.1, 0.0, surface, 1.0, cover=near),
    )


def _bank(plan: Plan) -> Ridge:
    if plan.snowy:
        return Ridge(0.78, 0.05, 0.1, 0.05, "snow", 1.0)
    sandy = "sea" in plan.terrains
    return Ridge(0.79, 0.055, 0.1, 0.03, "beach" if sandy else "bank", 0.8, cover="" if sandy else "grass")


def _near_surface(plan: Plan) -> str:
    if plan.snowy:
        return "snow"
    last = plan.terrains[-1]
    fixed = {"desert": "sand", "canyon": "clay", "city": "city", "forest": "forest"}.get(last)
    return fixed or ("meadow")


def _line(canvas: Canvas, ridge: Ridge, rng: np.random.Generator, base: float) -> Field:
    if ridge.cover == "skyline":
        return np.full((1, canvas.width), base, dtype=np.float32)
    heights = profile(rng, canvas, waves=ridge.waves, rough=ridge.rough)
    if ridge.cover == "steps":
        steps = np.round(heights * 3) / 3
        heights = (ramp(0.2, 0.55, steps.astype(np.float32)) * 0.86 + 0.14 * heights).astype(np.float32)
    return np.asarray(base - ridge.rise * heights, dtype=np.float32)[None, :]


def _cover(canvas: Canvas, ridge: Ridge, rng: np.random.Generator, line: Field, top: int) -> Field | None:
    if ridge.cover == "skyline":
        return skyline.buildings(canvas, rng, line, top, ridge.rise, ridge.far)
    if ridge.cover in ("pines", "crowns", "grass"):
        return crown_line(canvas, ridge.cover, rng, line, top, ridge.far)
    return None


def _surface(
    canvas: Canvas, plan: Plan, ridge: Ridge, rng: np.random.Generator, line: Field, top: int
) -> Field:
    """Local colour under the mood's light, with relief, then the air in front of it."""
    y = canvas.y[top:]
    shape = (y.shape[0], canvas.width)
    below = (y - line).astype(np.float32)
    lit, shade = _lights(plan, ridge)
    grain = fbm(rng, shape, 9 if ridge.far > 0.3 else 5, octaves=5, stretch=1.0 if ridge.facets else 3.5)
    relief = _facets(canvas, plan, rng, below, ridge) if ridge.facets else grain
    toward = np.exp(-((canvas.x - plan.light[0]) ** 2) / 0.5) * (0.2 if plan.mood.disc == "sun" else 0.08)
    edge = 0.3 * np.exp(-np.clip(below, 0, None) / (0.012 + 0.03 * (1 - ridge.far)))
    colour = blend(shade, lit, np.clip(0.2 + 0.6 * relief + edge + toward - 0.25 * ramp(0, 0.3, below), 0, 1))
    if ridge.facets and ridge.surface == "rock":
        colour = _snow_caps(plan, ridge, colour, relief, grain, below)
    return _aired(plan, ridge, colour, below, toward)


def _lights(plan: Plan, ridge: Ridge) -> tuple[Colour, Colour]:
    """A surface's sunny and shady colour."""
    surface = "snow" if plan.snowy and ridge.surface in ("meadow", "sand", "bank") else ridge.surface
    if "autumn" in plan.weather and surface in ("forest", "meadow", "bank"):
        surface = "autumn"
    own = tint(rgb(SURFACES[surface]), rgb(plan.mood.ambient))
    if plan.tint is not None:
        own = mix(own, tint(rgb(plan.tint), rgb(plan.mood.ambient)), 0.18)
    warm = mix(own, rgb(plan.mood.light), 0.16 if plan.mood.disc == "sun" else 0.07)
    cool = mix(tint(own, (0.44, 0.47, 0.56)), rgb(plan.mood.zenith), 0.22)
    deep = 0.5 * (1 - ridge.far) if ridge.surface != "snow" else 0.15 * (1 - ridge.far)
    if surface == "snow":  # Its shadows are the sky's.
        own = mix(own, rgb("#f2f5fa"), 0.3 if not plan.mood.dark else 0.08)
        warm, cool = (
            mix(own, rgb(plan.mood.light), 0.12),
            mix(tint(own, (0.6, 0.68, 0.84)), rgb(plan.mood.zenith), 0.3),
        )
    return mix(warm, cool, deep * 0.6), mix(cool, tint(cool, (0.4, 0.42, 0.5)), deep)


def _facets(canvas: Canvas, plan: Plan, rng: np.random.Generator, below: Field, ridge: Ridge) -> Field:
    """Slopes that catch the light on one side: the sideways derivative of noise that runs down from the ridge."""
    height, width = below.shape
    rock = fbm(
        rng, (height, width), 7 * (height / canvas.height) * (1.6 if ridge.far > 0.6 else 1.1), octaves=6
    )
    lean = rock + 0.55 * np.sin(below * 9 + rock * 7)
    toward = 1 if plan.light[0] < canvas.aspect / 2 else -1
    slope = np.gradient(lean, axis=1) * canvas.height * 0.11 * -toward
    return np.asarray(0.5 + 0.5 * np.tanh(slope), dtype=np.float32)


def _snow_caps(plan: Plan, ridge: Ridge, colour: Field, relief: Field, grain: Field, below: Field) -> Field:
    white = tint(rgb("#f4f7fb"), rgb(plan.mood.ambient))
    blue = mix(tint(white, (0.62, 0.7, 0.84)), rgb(plan.mood.zenith), 0.12)
    reach = ridge.rise * (1.0 if plan.snowy else 0.34)
    cap = 1 - ramp(reach * 0.45, reach, below + (grain - 0.5) * reach * 1.3)
    snow = blend(blue, mix(white, rgb(plan.mood.light), 0.25), relief)
    return np.asarray(colour + (snow - colour) * (cap * 0.92)[..., None], dtype=np.float32)


def _aired(plan: Plan, ridge: Ridge, colour: Field, below: Field, toward: Field) -> Field:
    """Aerial perspective, and mist that gathers at the foot of far slopes."""
    foggy = 0.16 if "fog" in plan.weather or plan.mood.name == "mist" else 0.0
    haze = np.asarray(mix(haze_colour(plan), rgb(plan.mood.light), 0.12), dtype=np.float32)
    depth = ridge.rise + 0.04
    mist = ridge.far * (0.42 + foggy) * ramp(0.15 * depth, 1.25 * depth, below)
    share = np.clip(ridge.far * (0.62 + 2 * foggy) + mist + foggy * 0.4 + toward * ridge.far * 0.5, 0, 0.97)
    return np.asarray(colour + (haze - colour) * share[..., None], dtype=np.float32)


def _water(canvas: Canvas, plan: Plan) -> None:
    """The picture above, mirrored, broken by waves that shrink toward the horizon, and the light's path on it."""
    top = canvas.row(plan.horizon)
    rows = canvas.height - top
    rng = canvas.rng("water")
    calm = 0.45 if "lake" in plan.terrains else 1.0
    texture = fbm(rng, (1024, 1024), 90, octaves=4, stretch=5.0)
    waves = receding(texture, (rows, canvas.width), up=False, nearest=0.07) - 0.5
    depth = ((canvas.y[top:] - plan.horizon) / (1 - plan.horizon)).astype(np.float32)
    mirrored = _mirror(canvas, top, waves * calm * (0.03 + 0.1 * depth))
    deep = mix(
        tint(mix(rgb("#1d4a5c"), rgb(plan.mood.zenith), 0.55), rgb(plan.mood.ambient)),
        (0.0, 0.02, 0.05),
        0.25,
    )
    share = np.clip(0.14 + 0.5 * depth**0.8 + waves * 0.5 * calm * ramp(0, 0.2, depth), 0, 0.85)
    canvas.rgb[top:] = mirrored + (np.asarray(deep, np.float32) - mirrored) * share[..., None]
    _glitter(canvas, plan, waves, depth, top)
    shore = np.exp(-depth / 0.012) * 0.5
    canvas.lay(haze_colour(plan), np.broadcast_to(shore, waves.shape).astype(np.float32), top=top)


def _mirror(canvas: Canvas, top: int, sway: Field) -> Field:
    rows = canvas.height - top
    down = np.arange(rows, dtype=np.float32)[:, None]
    source = np.clip(top - 1 - down * 0.9 + sway * canvas.height, 0, top - 1).astype(np.intp)
    mirrored: Field = canvas.rgb[source, np.arange(canvas.width)[None, :]]
    return mirrored


def _glitter(canvas: Canvas, plan: Plan, waves: Field, depth: Field, top: int) -> None:
    if plan.mood.disc == "none":
        return
    path = np.exp(-(((canvas.x - plan.light[0]) / (0.035 + 0.12 * depth)) ** 2))
    low = 1.2 - plan.light[1] / plan.horizon * 0.4
    sparkle = ramp(0.02, 0.22, waves) * path * (0.9 - 0.45 * depth) * low
    canvas.glow(rgb(plan.mood.light), (0.8 * sparkle + 0.16 * path).astype(np.float32), top=top)
