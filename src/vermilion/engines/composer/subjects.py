"""Finds the main thing of any picture, by the cut-out network."""

from __future__ import annotations

import numpy as np
from PIL import Image

from vermilion.engines.cutout.matte import look, refined, stretched


def subject_of(flat: Image.Image) -> Image.Image | None:
    """The picture with everything but its main thing transparent, uncropped; None when nothing stands out."""
    seen = look(flat)
    alpha = refined(flat, stretched(seen, low=float(seen.min()), high=float(seen.max())))
    share = float(np.asarray(alpha, dtype=np.float32).mean()) / 255
    if not 0.01 < share < 0.8 or float(seen.max()) < 0.35:
        return None
    whole = flat.convert("RGBA")
    whole.putalpha(alpha)
    return whole


def cropped(subject: Image.Image) -> Image.Image:
    """Only what is seen of it."""
    box = subject.getchannel("A").point(lambda value: 255 if value > 40 else 0).getbbox()
    return subject.crop(box)


def in_colours_of(picture: Image.Image, model: Image.Image, strength: float) -> Image.Image:
    """The picture with the means and spreads of another one's colours."""
    pixels, wanted = (
        np.asarray(one.convert("RGB"), dtype=np.float32) for one in (picture, model.resize((64, 64)))
    )
    mean, spread = pixels.mean(axis=(0, 1)), pixels.std(axis=(0, 1)) + 1e-3
    to_mean, to_spread = wanted.mean(axis=(0, 1)), wanted.std(axis=(0, 1)) + 1e-3
    moved = (pixels - mean) * np.clip(to_spread / spread, 0.5, 1.6) + to_mean
    return Image.fromarray(np.clip(pixels + (moved - pixels) * strength, 0, 255).astype(np.uint8))
