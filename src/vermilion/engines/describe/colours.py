"""The colours of a picture by their names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Field = npt.NDArray[np.floating[Any]]
NAMES = {
    "black": 0x0A0A0C, "charcoal": 0x36383C, "grey": 0x808080, "silver": 0xBFC1C4, "white": 0xFAFAFA,
    "cream": 0xF5EBD2, "beige": 0xDCC8A5, "tan": 0xC49B6C, "brown": 0x7A4A26, "dark brown": 0x40261A,
    "rust": 0xA5441F, "terracotta": 0xC9694B, "orange": 0xF28020, "amber": 0xF5AE1E, "gold": 0xC99A2E,
    "yellow": 0xF7E03C, "pale yellow": 0xFBF3A8, "olive": 0x7A7A2E, "lime green": 0x9BD62E, "green": 0x2F9E3F,
    "dark green": 0x1C4A26, "mint green": 0xA6E3C0, "sage green": 0x9CAF88, "teal": 0x147C7C, "turquoise": 0x3CCBC0,
    "pale blue": 0xBBDDF2, "sky blue": 0x6BB7EA, "blue": 0x2460D0, "navy blue": 0x14234F, "slate blue": 0x5B6C8C,
    "steel blue": 0x4682B4, "indigo": 0x3A1F8C, "violet": 0x7C3AC8, "lavender": 0xC6B6E8, "purple": 0x6A1F78,
    "plum": 0x5B2A4A, "magenta": 0xD6249F, "pink": 0xF59BC0, "pale pink": 0xF8D6DC, "salmon": 0xF58E7A,
    "red": 0xD8202A, "crimson": 0xA0122C, "maroon": 0x5A1220, "peach": 0xFBCBA4,
}  # fmt: skip
_KEPT = 5
_LEAST_SHARE = 0.04
_QUANTIZED = 24


@dataclass(frozen=True, slots=True)
class Colour:
    """A colour that stands out, and how much of the picture has it, 0 to 1."""

    name: str
    hex: str
    share: float


def palette(pixels: Field) -> list[Colour]:
    """The named colours of some RGB pixels, rows of three from 0 to 255, the commonest first."""
    if not len(pixels):
        return []
    strip = Image.fromarray(np.asarray(pixels, dtype=np.uint8)[None])
    few = strip.quantize(_QUANTIZED, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    table = np.asarray(few.getpalette() or [], dtype=np.float32).reshape(-1, 3)
    counts = np.bincount(np.asarray(few).ravel(), minlength=len(table))[: len(table)]
    found: dict[str, list[tuple[int, Field]]] = {}
    for colour, count in zip(table, counts, strict=True):
        if count:
            found.setdefault(_named(colour), []).append((int(count), colour))
    colours = [_colour(name, parts, len(pixels)) for name, parts in found.items()]
    colours = sorted(colours, key=lambda colour: -colour.share)
    return [colour for colour in colours if colour.share >= _LEAST_SHARE][:_KEPT] or colours[:1]


def lab(rgb: Field) -> Field:
    """Colours as people see their differences (CIE L*a*b*, D65), from 0 to 255 each."""
    linear = np.where(rgb / 255 <= 0.04045, rgb / 255 / 12.92, ((rgb / 255 + 0.055) / 1.055) ** 2.4)
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ matrix.T / np.array([0.95047, 1.0, 1.08883])
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack(
        [116 * root[..., 1] - 16, 500 * (root[..., 0] - root[..., 1]), 200 * (root[..., 1] - root[..., 2])],
        axis=-1,
    )


def _named(colour: Field) -> str:
    distances = np.linalg.norm(_TABLE - lab(colour), axis=1)
    return _WORDS[int(distances.argmin())]


def _colour(name: str, parts: list[tuple[int, Field]], of: int) -> Colour:
    count = sum(part for part, _ in parts)
    mean = sum(part * colour for part, colour in parts) / count
    red, green, blue = (round(float(value)) for value in np.atleast_1d(mean))
    return Colour(name, f"#{red:02x}{green:02x}{blue:02x}", round(count / of, 3))


_WORDS = tuple(NAMES)
_TABLE = lab(
    np.array([[value >> 16, value >> 8 & 255, value & 255] for value in NAMES.values()], dtype=np.float64)
)
