"""Pictures of things at the size in which they are drawn, in the colours that the words give them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageFilter

from vermilion.engines.composer.render.bodies import whole_picture
from vermilion.engines.composer.render.light import COLOURS, rgb
from vermilion.engines.composer.render.noise import Field, smooth
from vermilion.engines.composer.scene.graph import Actor
from vermilion.engines.span import enlarged


def sprite_of(actor: Actor, height: int) -> Image.Image:
    """The thing's picture in so many rows, in its colour, turned as it stands."""
    picture = whole_picture(actor.art)
    if height > picture.height * 1.25:
        picture = _large(actor.art)
    width = max(1, round(height * picture.width / picture.height))
    picture = picture.resize(
        (width, height), Image.Resampling.LANCZOS if height < picture.height else Image.Resampling.BICUBIC
    )
    if actor.flipped:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if actor.tilt:
        picture = picture.rotate(actor.tilt, Image.Resampling.BICUBIC, expand=True)
    return _coloured(picture, actor.colour) if actor.colour else picture


@lru_cache(24)
def _large(code: str) -> Image.Image:
    """Twice the size with crisp edges, for things that are drawn large."""
    small = whole_picture(code)
    backed = Image.new("RGBA", small.size, (128, 128, 128, 255))
    backed.paste(_spread(small))
    large = enlarged(backed.convert("RGB"), 2, lambda share: None).convert("RGBA")
    large.putalpha(small.getchannel("A").resize(large.size, Image.Resampling.BICUBIC))
    return large


def _spread(picture: Image.Image) -> Image.Image:
    """The picture with its colours carried beyond its edge, so that no fringe comes when it is enlarged."""
    around = picture.copy()
    for radius in (12, 5, 2):
        blurred = picture.filter(ImageFilter.GaussianBlur(radius))
        values = np.asarray(blurred, dtype=np.float32)
        spread = np.dstack([np.clip(values[..., :3], 0, 255), np.minimum(255, values[..., 3] * 8)]).astype(
            np.uint8
        )
        layer = Image.fromarray(spread, "RGBA")
        around = (
            Image.alpha_composite(layer, around)
            if radius == 12
            else Image.alpha_composite(around, Image.alpha_composite(layer, picture))
        )
    whole = Image.alpha_composite(around, picture)
    whole.putalpha(255)
    return whole


def _coloured(picture: Image.Image, name: str) -> Image.Image:
    """In another colour: eyes, noses and highlights keep theirs."""
    pixels = np.asarray(picture, dtype=np.float32)
    colour = pixels[..., :3]
    target = rgb(COLOURS[name])
    bright = colour @ np.array([0.3, 0.59, 0.11], dtype=np.float32)
    solid = pixels[..., 3] > 128
    typical = float(np.median(bright[solid])) if solid.any() else 128.0
    likeness = _likeness(colour[solid], target)
    tone = (bright / max(typical, 40.0))[..., None]
    painted = np.where(tone < 1, target * tone, target + (255 - target) * np.clip((tone - 1) * 0.8, 0, 1))
    spread = colour.max(axis=-1) - colour.min(axis=-1)
    body = (
        smooth(34, 80, bright) * (0.45 + 0.55 * smooth(8, 50, spread)) * (1 - 0.75 * smooth(215, 245, bright))
    )
    if name in ("black", "white", "grey"):
        body = smooth(34, 80, bright)
    mixed = colour + (painted - colour) * ((0.92 - 0.6 * likeness) * body)[..., None]
    return Image.fromarray(np.dstack([mixed.clip(0, 255), pixels[..., 3]]).astype(np.uint8), "RGBA")


def _likeness(colours: Field, target: Field) -> float:
    """How near the thing's own colour is to the asked one: a red fox stays a fox."""
    if not len(colours):
        return 0.0
    own = np.median(colours, axis=0)
    one, other = (value - value.mean() for value in (own, target))
    length = float(np.linalg.norm(one) * np.linalg.norm(other))
    return max(0.0, float(one @ other) / length - 0.5) * 2 if length > 400 else 0.0
