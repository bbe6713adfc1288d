"""Things in their places, with their shadows and reflections, from the farthest to the nearest."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from vermilion.engines.composer.render.light import rgb
from vermilion.engines.composer.render.lighting import lit
from vermilion.engines.composer.render.noise import Field, grid, line, scatter_hash, smooth
from vermilion.engines.composer.render.scattered import strewn
from vermilion.engines.composer.render.sprites import sprite_of
from vermilion.engines.composer.render.view import View
from vermilion.engines.composer.scene.graph import Actor, nearness

#: How much of a boat's picture is its own painted water, which gives way to the scene's.
_WATERLINES = {"26F5": 0.17, "1F6A4": 0.2, "1F6A2": 0.13, "26F4": 0.13, "1F6E5": 0.2, "1F6F3": 0.16, "1F6A3": 0.3,
               "1F6F6": 0.2, "1F433": 0.12, "1F40B": 0.12, "1F42C": 0.12, "1F988": 0.3, "1F986": 0.12, "1F9A2": 0.1,
               "1F9DC": 0.2}  # fmt: skip


def paint_things(view: View) -> None:
    """Everything that stands, swims and flies, from the farthest to the nearest."""
    everyone = sorted(
        [*strewn(view), *view.scene.actors],
        key=lambda one: (one.front, one.y if one.place != "air" else 0.745),
    )
    for actor in everyone:
        paint_actor(view, actor)


def paint_actor(view: View, actor: Actor) -> None:
    """One thing with its shadow or its reflection."""
    height = round(actor.height * view.scale)
    if height < 3 or height > 4 * view.height:
        return
    sprite = sprite_of(actor, height)
    left = round((actor.x - view.camera.x) * view.scale - sprite.width / 2)
    middle = actor.place in ("air", "water")
    top = round((actor.y - view.camera.y) * view.scale - (sprite.height / 2 if middle else sprite.height))
    if left > view.width or left + sprite.width < 0 or top > view.height * 1.5 or top + sprite.height < 0:
        return
    depth = _depth(actor)
    pixels = np.asarray(sprite, dtype=np.float32)
    colour, alpha = lit(view, actor, pixels), pixels[..., 3] / 255
    if actor.place == "float":
        alpha = _afloat(view, actor, colour, alpha, left, top)
    elif actor.place == "ground" and view.scene.lands[-1] != "space":
        _shadow(view, sprite, left, top, depth, faint=not actor.name)
    view.paste(colour, alpha, left=left, top=top, depth=depth)
    if actor.place == "ground" and sprite.width > 24 and actor.front == 0:
        _grounded(view, actor, left, top + sprite.height, sprite.width, depth)


def _depth(actor: Actor) -> float:
    if actor.place == "air":
        return 0.8
    return float(np.clip(0.55 + 0.5 * nearness(actor.y), 0.55, 1.05))


def _shadow(view: View, sprite: Image.Image, left: int, top: int, depth: float, *, faint: bool) -> None:
    """A dark pool under the feet, and the thing's own shadow away from the light; many strewn ones add up."""
    light, alpha = view.light, sprite.getchannel("A")
    wide, high = sprite.size
    foot = top + high
    deep = min(0.62, 0.3 + 0.3 * light.bright) * (0.5 if faint else 1.0)
    box = np.flatnonzero(np.asarray(alpha)[int(high * 0.86) :].max(axis=0) > 60)
    x0, x1 = (box[0], box[-1]) if len(box) else (0, wide)
    half = max(3.0, (x1 - x0) / 2 * 1.12)
    rows, columns = np.mgrid[
        -int(half * 0.34) - 2 : int(half * 0.34) + 3, -int(half * 1.5) : int(half * 1.5) + 1
    ].astype(np.float32)
    pool = np.exp(-((columns / half) ** 2 * 1.6 + (rows / (half * 0.2)) ** 2)) * deep
    view.paste(
        rgb("0a0d18"),
        pool,
        left=int(left + (x0 + x1) / 2 - int(half * 1.5)),
        top=foot - int(half * 0.34) - 2 - int(half * 0.03),
        depth=depth,
    )
    lean = np.clip((left + wide / 2) / view.scale + view.camera.x - view.scene.sun[0], -0.6, 0.6)
    length = max(3, int(high * (0.2 + 0.14 * (view.scene.sun[1] > 0.3))))
    shift = float(lean) * high * 0.55
    pad = int(abs(shift)) + 4
    cast = Image.new("L", (wide + 2 * pad, length + 8))
    flat = alpha.resize((wide, length))
    cast.paste(flat, (pad, 0))
    cast = cast.transform(
        cast.size,
        Image.Transform.AFFINE,
        (1, -shift / length * -1, -shift if shift else 0, 0, -1, length),
        Image.Resampling.BILINEAR,
    )
    cast = cast.filter(ImageFilter.GaussianBlur(max(1.0, high * 0.012)))
    fade = np.linspace(1.0, 0.25, cast.height, dtype=np.float32)[:, None]
    strength = np.asarray(cast, dtype=np.float32) / 255 * fade * deep * 0.62 * min(1.0, light.power)
    view.paste(rgb("0c1020"), strength, left=left - pad, top=foot - max(1, int(high * 0.015)), depth=depth)


def _afloat(view: View, actor: Actor, colour: Field, alpha: Field, left: int, top: int) -> Field:
    """The hull sinks into the water, and the water mirrors what is above."""
    high = alpha.shape[0]
    share = next((part for code, part in _WATERLINES.items() if actor.art.startswith(code)), 0.06)
    wave = line(np.arange(alpha.shape[1]) * 14 / max(1, high), 5, 2) - 0.5
    sunk = high * (1 - share) + wave * high * 0.02
    rows = np.arange(high)[:, None]
    kept = alpha * np.clip(sunk[None, :] - rows + 0.5, 0, 1)
    cut = int(high * (1 - share))
    length = max(2, int(cut * 0.55))
    source = np.clip(cut - 1 - (np.arange(length) * cut / length * 0.98).astype(int), 0, cut - 1)
    ripple = (
        (line(np.arange(length) * 0.35 + actor.x * 50, 9, 2) - 0.5)
        * high
        * 0.08
        * np.linspace(0.2, 1, length)
    ).astype(int)
    columns = np.clip(np.arange(alpha.shape[1])[None, :] + ripple[:, None], 0, alpha.shape[1] - 1)
    mirrored = colour[source[:, None], columns] * 0.72
    fade = np.linspace(0.5, 0.04, length, dtype=np.float32)[:, None]
    broken = smooth(
        0.25, 0.5, grid(np.arange(alpha.shape[1]) * 6 / high, np.arange(length) * 30 / high, 4, 3)
    )
    view.paste(
        mirrored,
        alpha[source[:, None], columns] * fade * broken,
        left=left,
        top=top + cut,
        depth=_depth(actor),
    )
    shade = (
        np.exp(-((np.arange(int(high * 0.12)) - high * 0.03) ** 2) / (high * 0.03) ** 2)[:, None]
        * alpha[cut - 1][None, :]
        * 0.4
    )
    view.paste(
        rgb("06121f"),
        shade.astype(np.float32),
        left=left,
        top=top + cut - int(high * 0.03),
        depth=_depth(actor),
    )
    return np.asarray(kept)


def _grounded(view: View, actor: Actor, left: int, foot: int, wide: int, depth: float) -> None:
    """A little of the ground over the feet: blades of grass, snow, sand."""
    land = view.scene.lands[-1]
    if (
        land not in ("meadow", "hills", "mountains", "snow", "forest", "beach", "desert")
        or not 0 < foot < view.height
    ):
        return
    is_bare = land in ("snow", "desert") or (land == "beach" and "lake" not in view.scene.lands)
    high = max(3, min(int(wide * (0.05 if is_bare else 0.085)), int(view.scale * 0.02)))
    x = np.arange(-high, wide + high)
    spikes = scatter_hash(np.floor(x / max(1.0, high * 0.12)), 1, int(actor.x * 1e4))
    if is_bare:
        tall = high * (0.45 + 0.4 * line(x / high * 0.8, int(actor.x * 1e4), 2))
    else:
        tall = high * (0.25 + 0.75 * spikes)
    rows = np.arange(high + 1)[:, None]
    ends = np.clip(np.minimum(x + high, wide + high - x) / (high * 1.6), 0, 1)
    cover = np.clip(rows - (high - tall * ends)[None, :], 0, 1).astype(np.float32)
    row = min(view.height - 1, foot + 2 * high)  # Below the pool of shadow.
    columns = np.clip(left + x, 0, view.width - 1)
    bright = 1.03 if is_bare else (0.8 + 0.3 * rows[::-1] / high)[..., None]
    ground = np.broadcast_to(view.canvas[row, columns][None], (*cover.shape, 3)) * bright
    view.paste(
        np.clip(ground, 0, 255), cover, left=left - high, top=foot - high + max(1, high // 5), depth=depth
    )
