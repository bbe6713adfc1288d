"""Saves a picture with a note of how it was made, so that nobody takes it for something else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vermilion.engines.contract import EngineFile

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def saved_picture(picture: Image.Image, path: Path, note: Mapping[str, str]) -> EngineFile:
    """The picture as PNG at `path` with these texts in it; empty ones are left out."""
    info = PngInfo()
    for name, text in note.items():
        if text:
            info.add_text(name, printable(text))
    picture.save(path, pnginfo=info, compress_level=4)
    return EngineFile(path.name, path, "image/png", *picture.size)


def printable(text: str) -> str:
    """The text as a PNG can hold it."""
    return _UNPRINTABLE.sub(" ", text)
