"""What the camera sees, being painted: one canvas for a picture, or sheets by depth for a film."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from vermilion.engines.composer.render.light import Light, light_of
from vermilion.engines.composer.render.noise import Field
from vermilion.engines.composer.scene.graph import HORIZON, Camera, Scene


@dataclass
class Sheet:
    """Everything painted between two depths; alpha is None for the sky, which has no holes."""

    depth: float  #: 0 is endlessly far, 1 is where the main things stand
    colour: Field
    alpha: Field | None


@dataclass
class View:
    """The canvas, in eight-bit steps as floats, and where each pixel lies in the world."""

    scene: Scene
    camera: Camera
    width: int
    height: int
    keeps_sheets: bool = False
    sheets: list[Sheet] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.scale = self.height / self.camera.height
        self.xs = (self.camera.x + (np.arange(self.width) + 0.5) / self.scale).astype(np.float32)
        self.ys = (self.camera.y + (np.arange(self.height) + 0.5) / self.scale).astype(np.float32)
        self.light: Light = light_of(self.scene)
        self.canvas = np.zeros((self.height, self.width, 3), dtype=np.float32)

    def row(self, y: float) -> int:
        """The first row at or below this height of the world, within the canvas."""
        return int(np.clip(np.ceil((y - self.camera.y) * self.scale - 0.5), 0, self.height))

    @property
    def horizon_row(self) -> int:
        """The first row of the ground."""
        return self.row(HORIZON)

    def background(self, colour: Field) -> None:
        """Paint the whole canvas."""
        self.canvas[:] = colour
        if self.keeps_sheets:
            self.sheets.append(Sheet(0.0, self.canvas.copy(), None))

    def over(self, colour: Field, alpha: Field, *, top: int = 0, depth: float = 1.0) -> None:
        """Lay rows over the canvas, from row `top` on."""
        rows = slice(top, top + alpha.shape[0])
        shape = (*alpha.shape[:2], 3)
        colour = np.broadcast_to(np.asarray(colour, dtype=np.float32), shape)
        self._lay(colour, alpha, rows, slice(0, self.width), depth)

    def paste(self, colour: Field, alpha: Field, *, left: int, top: int, depth: float) -> None:
        """Lay a rectangle over the canvas; what lies outside is cut off."""
        x0, y0 = max(left, 0), max(top, 0)
        x1, y1 = min(left + alpha.shape[1], self.width), min(top + alpha.shape[0], self.height)
        if x1 <= x0 or y1 <= y0:
            return
        inside = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
        self._lay(
            np.broadcast_to(colour, (*alpha.shape, 3))[inside],
            alpha[inside],
            slice(y0, y1),
            slice(x0, x1),
            depth,
        )

    def _lay(self, colour: Field, alpha: Field, rows: slice, columns: slice, depth: float) -> None:
        under = self.canvas[rows, columns]
        share = alpha[..., None].astype(np.float32)
        under += (colour - under) * share
        if self.keeps_sheets:
            sheet = self._sheet(depth)
            assert sheet.alpha is not None  # only the first sheet, the sky, is without
            was = sheet.alpha[rows, columns]
            now = was + alpha * (1 - was)
            safe = np.maximum(now, 1e-4)[..., None]
            held = sheet.colour[rows, columns]
            held[:] = (held * (was * (1 - alpha))[..., None] + colour * share) / safe
            sheet.alpha[rows, columns] = now

    def _sheet(self, depth: float) -> Sheet:
        last = self.sheets[-1]
        if last.alpha is not None and abs(last.depth - depth) < 0.12:
            return last
        empty = np.zeros_like(self.canvas), np.zeros(self.canvas.shape[:2], dtype=np.float32)
        self.sheets.append(Sheet(depth, *empty))
        return self.sheets[-1]


def as_image(canvas: Field, seed: int) -> Image.Image:
    """Eight-bit steps, dithered, so that wide gradients show no bands."""
    noise = np.random.default_rng(seed).random(canvas.shape[:2], dtype=np.float32)[..., None]
    return Image.fromarray(np.clip(canvas + noise, 0, 255).astype(np.uint8))
