"""Fills parts of any picture from what is around them. Nothing is invented: what there is goes on."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from vermilion.engines.composer.render.noise import Field


def extended(
    flat: Image.Image, left: int, top: int, right: int, bottom: int, *, shrink: float = 1.0
) -> Image.Image:
    """The picture with surroundings that mirror it at its edge and grow softer away from it."""
    if shrink < 1:
        left, top, right, bottom = (round(side * shrink) for side in (left, top, right, bottom))
        flat = flat.resize(
            (max(1, round(flat.width * shrink)), max(1, round(flat.height * shrink))),
            Image.Resampling.LANCZOS,
        )
    mirrored = _mirrored(np.asarray(flat), left, top, right, bottom)
    wide = Image.fromarray(mirrored)
    far = _away((wide.width, wide.height), (left, top, left + flat.width, top + flat.height))
    for radius, begins in ((0.006, 0.0), (0.02, 0.06), (0.05, 0.18)):
        softer = wide.filter(ImageFilter.GaussianBlur(max(flat.size) * radius))
        share = np.clip((far / max(flat.size) - begins) / 0.12, 0, 1)
        wide.paste(softer, mask=Image.fromarray((share * 255).astype(np.uint8)))
    wide.paste(flat, (left, top))
    return wide


def filled(flat: Image.Image, mask: Image.Image) -> Image.Image:
    """The picture whose masked part is made of what surrounds it, with the grain of the rest."""
    pixels = np.asarray(flat, dtype=np.float32)
    known = (np.asarray(mask.resize(flat.size), dtype=np.float32) < 96).astype(np.float32)
    if known.mean() < 0.002:
        return flat.filter(ImageFilter.GaussianBlur(max(flat.size) / 8))
    smooth = _pulled(pixels * known[..., None], known)
    soft = np.asarray(flat.filter(ImageFilter.GaussianBlur(3)), dtype=np.float32)
    rough = float(np.median(np.abs(pixels - soft)[known > 0])) if known.any() else 2.0
    grain = np.random.default_rng(7).standard_normal((*known.shape, 1), dtype=np.float32) * min(
        rough * 1.2, 6.0
    )
    whole = pixels * known[..., None] + (smooth + grain) * (1 - known[..., None])
    return Image.fromarray(np.clip(whole, 0, 255).astype(np.uint8))


def _mirrored(pixels: Field, left: int, top: int, right: int, bottom: int) -> Field:
    rows = _bounce(np.arange(-top, pixels.shape[0] + bottom), pixels.shape[0])
    columns = _bounce(np.arange(-left, pixels.shape[1] + right), pixels.shape[1])
    return pixels[rows[:, None], columns[None, :]]


def _bounce(places: Field, size: int) -> Field:
    period = places % (2 * size)
    return np.where(period < size, period, 2 * size - 1 - period)


def _away(size: tuple[int, int], box: tuple[int, int, int, int]) -> Field:
    x, y = np.arange(size[0], dtype=np.float32)[None, :], np.arange(size[1], dtype=np.float32)[:, None]
    return np.maximum(np.maximum(box[0] - x, x - box[2] + 1), np.maximum(box[1] - y, y - box[3] + 1)).clip(0)


def _pulled(colour: Field, weight: Field) -> Field:
    """Push and pull: holes take the mean of coarser and coarser neighbourhoods."""
    height, width = weight.shape
    if min(height, width) <= 2 or weight.min() > 0.99:
        return colour / np.maximum(weight, 1e-4)[..., None]
    even = np.pad(colour, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    weights = np.pad(weight, ((0, height % 2), (0, width % 2)), mode="edge")
    half = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2, 3).sum(axis=(1, 3)) / 4
    half_weight = weights.reshape(half.shape[0], 2, half.shape[1], 2).sum(axis=(1, 3)) / 4
    strong = np.minimum(1.0, half_weight * 4)
    coarse = _pulled(half / np.maximum(half_weight, 1e-4)[..., None] * strong[..., None], strong)
    back = np.stack(
        [
            np.asarray(
                Image.fromarray(np.ascontiguousarray(coarse[..., at])).resize(
                    (width, height), Image.Resampling.BILINEAR
                )
            )
            for at in range(3)
        ],
        axis=-1,
    )
    return np.asarray(colour + back * (1 - weight)[..., None])
