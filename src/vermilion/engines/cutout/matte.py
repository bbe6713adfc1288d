"""The subject's mask: the U²-Net (small) network finds it, a guided filter draws its edge."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from vermilion.engines.networks import onnx_network

METHOD = "U²-Net (u2netp), 320 px, guided-filter edges"
SIDE = 320
_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], dtype=np.float32)
_REFINE_SIDE = 1024
Field = npt.NDArray[np.floating[Any]]


def look(flat: Image.Image) -> Field:
    """The network's opinion of each of 320 × 320 places of an RGB picture, as it says it."""
    small = flat.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    pixels = np.asarray(small, dtype=np.float32)
    normal = (pixels / max(float(pixels.max()), 1.0) - _MEAN) / _DEVIATION
    network = onnx_network("u2netp.onnx")
    name = network.get_inputs()[0].name
    said = network.run(None, {name: normal.transpose(2, 0, 1)[None].astype(np.float32)})[0][0, 0]
    return np.asarray(said, dtype=np.float32)


def stretched(seen: Field, *, low: float, high: float) -> Field:
    """An opinion as a mask: `low` becomes 0, `high` becomes 1."""
    return np.asarray(np.clip((seen - low) / max(high - low, 1e-6), 0, 1), dtype=np.float32)


def refined(picture: Image.Image, mask: Field) -> Image.Image:
    """The mask at the picture's size, its edge drawn to the picture's own edges by a guided filter."""
    scale = min(1.0, _REFINE_SIDE / max(picture.size))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    coarse = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.BICUBIC), dtype=np.float32)
    guide = np.asarray(picture.convert("L").resize(size, Image.Resampling.LANCZOS), dtype=np.float32) / 255
    fine = _guided(guide, np.clip(coarse, 0, 1), radius=max(2, round(max(size) / 170)))
    firm = np.clip((fine - 0.08) / 0.84, 0, 1)
    alpha = Image.fromarray((firm * 255).astype(np.uint8), "L")
    return alpha if size == picture.size else alpha.resize(picture.size, Image.Resampling.BICUBIC)


def _guided(guide: Field, mask: Field, radius: int) -> Field:
    """The guided filter: locally, the mask as a line of the guide."""
    mean_guide, mean_mask = _mean(guide, radius), _mean(mask, radius)
    spread = _mean(guide * guide, radius) - mean_guide**2
    slope = (_mean(guide * mask, radius) - mean_guide * mean_mask) / (spread + 1e-3)
    return _mean(slope, radius) * guide + _mean(mean_mask - slope * mean_guide, radius)


def _mean(field: Field, radius: int) -> Field:
    """The mean over a square around every place, by running sums; the border is repeated outwards."""
    for axis in (0, 1):
        padding = [(radius + 1, radius) if at == axis else (0, 0) for at in (0, 1)]
        sums = np.cumsum(np.pad(field, padding, mode="edge"), axis=axis, dtype=np.float64)
        window, length = 2 * radius + 1, field.shape[axis]
        upper = np.take(sums, range(window, window + length), axis=axis)
        lower = np.take(sums, range(length), axis=axis)
        field = ((upper - lower) / window).astype(np.float32)
    return field
