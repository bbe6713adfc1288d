"""Pictures for the picture tools: the ordinary, the unusual, and those that no tool may accept."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from vermilion.engines.weights import sample_path

UNUSUAL = [("CMYK", "JPEG"), ("L", "PNG"), ("P", "GIF"), ("LA", "PNG"), ("I;16", "PNG"), ("1", "PNG")]


def sample(side: int, mode: str = "RGB") -> Image.Image:
    """The sample photograph's upper left part, small; in `I;16` with values over the whole depth."""
    with Image.open(sample_path("astronaut.png")) as whole:
        part = whole.convert("RGB").crop((100, 0, 356, 256)).resize((side, side))
    if mode == "I;16":
        return Image.fromarray(np.asarray(part.convert("L")).astype(np.uint16) * 257)
    if mode == "P":
        return part.quantize(256)
    return part.convert("L" if mode in ("LA", "1") else "RGB").convert(mode)


def saved(folder: Path, picture: Image.Image, kind: str = "PNG", **options: object) -> Path:
    """A file whose name says nothing of its type."""
    path = folder / f"given-{len(list(folder.iterdir()))}.txt"
    buffer = BytesIO()
    picture.save(buffer, kind, **options)
    path.write_bytes(buffer.getvalue())
    return path


def lying(folder: Path, width: int, height: int) -> Path:
    """A JPEG of `width` × `height` that its EXIF data turns by a quarter; its upper edge is then red."""
    picture = Image.new("RGB", (width, height), "navy")
    picture.paste("red", (0, 0, width // 4, height))
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "secret camera"
    return saved(folder, picture, "JPEG", exif=exif, quality=95)


def animation(folder: Path, kind: str, side: int = 48) -> Path:
    """Three frames of 120 ms: red, green, blue."""
    frames = [Image.new("RGB", (side, side), colour) for colour in ("red", "lime", "blue")]
    return saved(folder, frames[0], kind, save_all=True, append_images=frames[1:], duration=120, loop=0)


def broken(folder: Path) -> dict[str, Path]:
    """Files that are no picture, or not whole, or far too large once opened."""
    whole = saved(folder, sample(200), "PNG").read_bytes()
    contents = {
        "empty": b"",
        "text": b"not a picture",
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "cut short": whole[: len(whole) // 2],
        "a bare header": whole[:40],
        "a bomb": _bomb(30_000),
    }
    paths = {}
    for name, content in contents.items():
        paths[name] = folder / f"{name}.png"
        paths[name].write_bytes(content)
    return paths


def colour_at(picture: Image.Image, x: int, y: int) -> list[int]:
    """Red, green and blue of one pixel."""
    return [int(value) for value in np.asarray(picture.convert("RGB"))[y, x]]


def difference(one: Image.Image, other: Image.Image) -> float:
    """The mean distance of two pictures' pixels, 0 to 255."""
    pair = [np.asarray(picture.convert("RGB"), dtype=np.float32) for picture in (one, other)]
    return float(np.abs(pair[0] - pair[1]).mean())


def _bomb(side: int) -> bytes:
    """A PNG of some hundred kilobytes that claims `side` squared pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    lines = zlib.compress(bytes(1_000_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")
