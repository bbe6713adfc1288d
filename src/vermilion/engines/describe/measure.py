"""What can be measured of a picture: its subject, its light, its build."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from vermilion.engines.cutout.matte import look
from vermilion.engines.describe.colours import Colour, Field, lab, palette

SIDE = 320
_SUBJECT_CERTAIN = 0.75  #: what the network must say somewhere, for a subject to be one
_SHARES = (0.015, 0.9)  #: a subject smaller or larger than that is none
_RATIOS = ((1, 1), (5, 4), (4, 5), (4, 3), (3, 4), (3, 2), (2, 3), (16, 9), (9, 16), (2, 1), (1, 2), (21, 9), (9, 21),
           (3, 1), (1, 3))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Subject:
    """What stands out. Centre and sizes are shares of the picture, from its upper left."""

    share: float
    across: float
    down: float
    colours: list[Colour]
    sharper: float  #: how many times sharper it is than what is around it


@dataclass(frozen=True, slots=True)
class Measured:
    """All that is known of a picture. Levels go from 0 to 1; warmth and the light's direction from -1 to 1."""

    width: int
    height: int
    colours: list[Colour]
    surroundings: list[Colour]
    subject: Subject | None
    horizon: float | None
    brightness: float
    contrast: float
    saturation: float
    warmth: float
    light_from_right: float
    light_from_above: float
    detail: float
    symmetry: float
    flatness: float  #: how much of it is plain surfaces of one colour

    @property
    def ratio(self) -> str:
        """The nearest usual proportion."""
        shape = np.log(self.width / self.height)
        across, down = min(_RATIOS, key=lambda ratio: abs(np.log(ratio[0] / ratio[1]) - shape))
        return f"{across}:{down}"


def measured(flat: Image.Image) -> Measured:
    """Measure an RGB picture."""
    small = flat.resize((SIDE, SIDE), Image.Resampling.BOX)
    pixels = np.asarray(small, dtype=np.float64)
    colour = lab(pixels)
    light = colour[..., 0] / 100
    mask = look(flat)
    steps = np.hypot(*np.gradient(light))
    subject = _subject(mask, pixels, steps)
    around = mask < 0.5 if subject else np.ones_like(mask, dtype=bool)
    chroma = np.hypot(colour[..., 1], colour[..., 2])
    return Measured(
        width=flat.width,
        height=flat.height,
        colours=palette(pixels.reshape(-1, 3)),
        surroundings=palette(pixels[around]),
        subject=subject,
        horizon=_horizon(colour),
        brightness=float(light.mean()),
        contrast=float(min(1.0, light.std() * 3)),
        saturation=float(min(1.0, chroma.mean() / 60)),
        warmth=float(np.clip(colour[..., 2].mean() / 30, -1, 1)),
        light_from_right=_leaning(light.mean(axis=0)),
        light_from_above=-_leaning(light.mean(axis=1)),
        detail=float(min(1.0, steps.mean() * 25)),
        symmetry=_symmetry(light),
        flatness=float((steps < 0.002).mean()),
    )


def _subject(mask: Field, pixels: Field, steps: Field) -> Subject | None:
    inside = mask > 0.5
    share = float(inside.mean())
    if float(mask.max()) < _SUBJECT_CERTAIN or not _SHARES[0] < share < _SHARES[1]:
        return None
    down, across = (float(places.mean()) / SIDE for places in np.nonzero(inside))
    sharper = float(steps[inside].mean() / max(float(steps[~inside].mean()), 1e-4))
    return Subject(
        round(share, 3), round(across, 3), round(down, 3), palette(pixels[inside]), round(sharper, 2)
    )


def _horizon(colour: Field) -> float | None:
    """Where above and below differ most, if they do so over the whole width and are calm in themselves."""
    rows = colour.mean(axis=1)
    best: tuple[float, int] | None = None
    for at in range(SIDE // 6, SIDE * 5 // 6, 2):
        above, below = rows[:at], rows[at:]
        apart = float(np.linalg.norm(above.mean(axis=0) - below.mean(axis=0)))
        within = float(np.linalg.norm(above.std(axis=0)) + np.linalg.norm(below.std(axis=0)))
        if best is None or apart / (within + 4) > best[0]:
            best = (apart / (within + 4), at)
    if best is None or best[0] < 1.6:
        return None
    at = best[1]
    columns = np.linalg.norm(colour[:at].mean(axis=0) - colour[at:].mean(axis=0), axis=-1)
    return round(at / SIDE, 3) if float((columns > 8).mean()) > 0.85 else None


def _leaning(profile: Field) -> float:
    """From -1, when all light is at the beginning, to 1, when it is at the end."""
    half = len(profile) // 2
    first, second = float(profile[:half].mean()), float(profile[half:].mean())
    return (second - first) / max(first + second, 1e-6)


def _symmetry(light: Field) -> float:
    """How like its mirror image it is; nothing is said of a plain surface."""
    if float(light.std()) < 0.02:
        return 0.0
    return max(0.0, float(np.corrcoef(light.ravel(), light[:, ::-1].ravel())[0, 1]))
