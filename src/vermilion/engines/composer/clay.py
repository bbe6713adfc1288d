"""Soft modelled forms, in the manner of the art file, and the things that are drawn because it has none."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Field = npt.NDArray[Any]


def lighthouse() -> Image.Image:
    """White and red rings that narrow upwards, a lantern, a roof."""
    tower = Clay(150, 400)
    white, red, dark = np.array([240, 236, 230.0]), np.array([214, 62, 54.0]), np.array([70, 74, 92.0])
    tower.blob(75, 382, 66, 20, np.array([150, 146, 150.0]), square=3)
    for step in range(60):
        share = step / 59
        ring = red if int(share * 4.99) % 2 else white
        tower.blob(75, 360 - 244 * share, 50 - 20 * share, 24, ring, square=3.4)
    tower.blob(75, 106, 40, 9, dark, square=3)
    tower.blob(75, 80, 21, 26, np.array([255, 222, 120.0]), square=3)
    for x in (56, 75, 94):
        tower.blob(x, 80, 2.5, 26, dark, square=3)
    for step in range(20):
        tower.blob(75, 54 - 1.5 * step, 34 - 1.6 * step, 6, red, square=2.4)
    tower.blob(75, 22, 5, 7, dark)
    return tower.finished()


class Clay:
    """A transparent canvas on which round forms are modelled."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.colour = np.zeros((height, width, 3))
        self.alpha = np.zeros((height, width))
        self.rows, self.columns = np.mgrid[0:height, 0:width] + 0.5

    def blob(
        self, x: float, y: float, wide: float, high: float, colour: Field, *,
        tilt: float = 0.0, square: float = 2.0, flat: bool = False,
    ) -> None:  # fmt: skip
        """An ellipsoid lit from the upper left; `square` makes it boxier, `flat` keeps its edge soft."""
        turned_x = (self.columns - x) * np.cos(tilt) + (self.rows - y) * np.sin(tilt)
        turned_y = (self.rows - y) * np.cos(tilt) - (self.columns - x) * np.sin(tilt)
        across, down = turned_x / wide, turned_y / high
        far = (np.abs(across) ** square + np.abs(down) ** square) ** (1 / square)
        out = np.sqrt(np.clip(1 - far**2, 0, 1))
        tone = 0.7 + 0.42 * np.clip(-0.3 * across - 0.5 * down + 0.75 * out, -0.6, 1)
        if flat:
            tone = 0.97 + 0.06 * out
        edge = np.clip((1 - far) * min(wide, high) * (0.25 if flat else 1.0), 0, 1)
        shaded = np.clip(
            colour * tone[..., None] + (255 - colour) * 0.1 * np.clip(out * tone - 0.7, 0, 1)[..., None],
            0,
            255,
        )
        now = edge + self.alpha * (1 - edge)
        old = self.colour * (self.alpha * (1 - edge))[..., None]
        self.colour = (shaded * edge[..., None] + old) / np.maximum(now, 1e-6)[..., None]
        self.alpha = now

    def finished(self) -> Image.Image:
        """What was modelled, cut to its edge."""
        whole = self._picture()
        return whole.crop(whole.getchannel("A").getbbox())

    def with_head(self, head: Image.Image, top: int) -> Image.Image:
        """What was modelled, with a picture laid over it."""
        whole = self._picture()
        whole.alpha_composite(head, ((self.width - head.width) // 2, top))
        return whole.crop(whole.getchannel("A").getbbox())

    def _picture(self) -> Image.Image:
        pixels = np.dstack([self.colour, self.alpha * 255]).clip(0, 255).astype(np.uint8)
        return Image.fromarray(pixels, "RGBA")
