"""Saves pictures with a note of how they were made, and lays four of them out as a grid."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vermilion.engines.contract import EngineFile

SOFTWARE = "Vermilion composer"
METHOD = "scene composer with neural styles, not a diffusion model"
_GAP_PIXELS = 4


def save(picture: Image.Image, path: Path, *, prompt: str, seed: int) -> None:
    """The picture as PNG whose text chunks say what made it."""
    note = PngInfo()
    note.add_text("Software", SOFTWARE)
    note.add_text("prompt", re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", " ", prompt))
    note.add_text("seed", str(seed))
    note.add_text("method", METHOD)
    picture.save(path, pnginfo=note, compress_level=4)


def grid_of(files: Sequence[EngineFile], out_dir: Path) -> EngineFile:
    """Four pictures in two rows, as one."""
    width, height = files[0].width or 1, files[0].height or 1
    whole = Image.new("RGB", (2 * width + _GAP_PIXELS, 2 * height + _GAP_PIXELS), (255, 255, 255))
    for number, file in enumerate(files):
        with Image.open(file.path) as tile:
            across, down = number % 2, number // 2
            whole.paste(tile, (across * (width + _GAP_PIXELS), down * (height + _GAP_PIXELS)))
    path = out_dir / "grid.png"
    whole.save(path, compress_level=4)
    return EngineFile(path.name, path, "image/png", *whole.size)
