"""Every tool for pictures against every kind of picture that is odd or broken, in real workers with bounds.

Each pair gives a whole result, or a refusal that says what is wrong; no worker dies of any.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from PIL import Image
from tests.engines.pictures import animation, broken, lying, sample, saved

from vermilion.engines.contract import EngineRefused, EngineResult
from vermilion.engines.pool import EnginePool
from vermilion.engines.weights import sample_path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MEMORY_BYTES = 3 * 2**30
TIMEOUT_S = 300.0
REFUSALS = {
    "unreadable_picture",
    "damaged_picture",
    "picture_too_large",
    "too_many_frames",
    "unsupported_media",
    "animation_too_large",
}


@dataclass(frozen=True)
class Tool:
    """An engine as a customer calls it; `files` are those that are in order."""

    engine: str
    given: str = "image"
    params: dict[str, Any] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    wide: int = 3  #: how high the picture of 20,000 pixels is that it gets


SCENE = {"size": 256, "seed": 5}
TOOLS = {
    "cutout": Tool("cutout"),
    "upscale 2": Tool("upscale", params={"scale": 2}),
    "upscale 4": Tool("upscale", params={"scale": 4}),
    "upscale high": Tool("upscale", params={"quality": "high"}, wide=200),
    "restyle": Tool("restyle", params={"style": "cut-paper"}),
    "restyle, the style": Tool("restyle", given="style_image", files=("image",)),
    "convert to png": Tool("convert", params={"format": "png", "width": 64}),
    "convert to avif": Tool("convert", params={"format": "avif", "width": 64}),
    "describe": Tool("describe"),
    "inspect": Tool("inspect", given="file"),
    "image-to-image": Tool("composer", params={"operation": "image-to-image", "prompt": "at dusk", **SCENE}),
    "zoom-out": Tool("composer", params={"operation": "zoom-out", "factor": 1.5, **SCENE}),
    "inpaint, the mask": Tool("composer", "mask", {"operation": "inpaint", **SCENE}, ("image",)),
    "blend": Tool("composer", "images/0", {"operation": "blend", **SCENE}, ("images/1",)),
}


def wide(folder: Path, tool: Tool) -> Path:
    pixels = np.zeros((tool.wide, 20_000, 3), dtype=np.uint8)
    pixels[:, ::7] = (200, 90, 20)
    return saved(folder, Image.fromarray(pixels))


def named_wrongly(folder: Path, kind: str, suffix: str) -> Path:
    path = folder / f"given{suffix}"
    buffer = io.BytesIO()
    sample(64).save(buffer, kind)
    path.write_bytes(buffer.getvalue())
    return path


def deep_colour(folder: Path) -> Path:
    """A PNG of sixteen bits a channel, in colour; Pillow cannot write one."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    pixels = np.asarray(sample(48)).astype(">u2") * 257
    lines = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 48, 48, 16, 2, 0, 0, 0))
    path = folder / "deep.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))
    return path


def noisy(folder: Path) -> Path:
    """A JPEG with bytes turned over in its middle, as a bad disk leaves it."""
    path = saved(folder, sample(200), "JPEG")
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 40] = bytes(range(40))
    path.write_bytes(content)
    return path


def talkative(folder: Path) -> Path:
    """A PNG whose compressed note unfolds to more than any note may have."""
    from PIL.PngImagePlugin import PngInfo

    note = PngInfo()
    note.add_itxt("prompt", "x" * 80_000_000, zip=True)
    return saved(folder, sample(48), pnginfo=note)


Make = Callable[[Path, Tool], Path]
GOOD: dict[str, Make] = {
    "a single pixel": lambda folder, _: saved(folder, Image.new("RGB", (1, 1), "teal")),
    "20,000 pixels wide": wide,
    "an animated GIF": lambda folder, _: animation(folder, "GIF"),
    "an animated WebP": lambda folder, _: animation(folder, "WEBP"),
    "an animated PNG": lambda folder, _: animation(folder, "PNG"),
    "CMYK": lambda folder, _: saved(folder, sample(64, "CMYK"), "JPEG"),
    "sixteen bits of grey": lambda folder, _: saved(folder, sample(64, "I;16")),
    "sixteen bits a colour": lambda folder, _: deep_colour(folder),
    "turned by EXIF": lambda folder, _: lying(folder, 96, 64),
    "a JPEG called PNG": lambda folder, _: named_wrongly(folder, "JPEG", ".png"),
    "a WebP called text": lambda folder, _: named_wrongly(folder, "WEBP", ".txt"),
    "all transparent": lambda folder, _: saved(folder, Image.new("RGBA", (64, 64), (0, 0, 0, 0))),
}
BAD: dict[str, Make] = {
    "cut short": lambda folder, _: broken(folder)["cut short"],
    "a bare header": lambda folder, _: broken(folder)["a bare header"],
    "a bomb": lambda folder, _: broken(folder)["a bomb"],
    "empty": lambda folder, _: broken(folder)["empty"],
    "SVG": lambda folder, _: broken(folder)["svg"],
    "a note of 80 MB": lambda folder, _: talkative(folder),
}
#: Larger than a tool takes, or empty of what it needs: a mask of these has no white.
REFUSED = {
    ("upscale high", "20,000 pixels wide"): "picture_too_large",
    ("zoom-out", "20,000 pixels wide"): "picture_too_large",
    ("inpaint, the mask", "a single pixel"): "empty_mask",
    ("inpaint, the mask", "20,000 pixels wide"): "empty_mask",
    ("inpaint, the mask", "an animated GIF"): "empty_mask",
    ("inpaint, the mask", "an animated WebP"): "empty_mask",
    ("inpaint, the mask", "an animated PNG"): "empty_mask",
    ("inpaint, the mask", "turned by EXIF"): "empty_mask",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EnginePool]:
    pool = EnginePool(1, MEMORY_BYTES, TIMEOUT_S, scratch_parent=tmp_path_factory.mktemp("pool"))
    await pool.start()
    yield pool
    await pool.close()


async def outcome(pool: EnginePool, tool: Tool, path: Path) -> EngineResult | EngineRefused:
    """A worker that crashes or hangs raises something else, and the test fails by it."""
    files = {tool.given: path} | dict.fromkeys(tool.files, sample_path("astronaut.png"))
    try:
        return await pool.run(tool.engine, tool.params, files, on_progress=lambda *_: None)
    except EngineRefused as refused:
        return refused


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize("name", TOOLS)
@pytest.mark.asyncio(loop_scope="module")
async def test_odd_pictures_give_a_result(pool: EnginePool, tmp_path: Path, name: str, kind: str) -> None:
    """Every file that comes back can be opened and has the size that is told of it."""
    made = await outcome(pool, TOOLS[name], GOOD[kind](tmp_path, TOOLS[name]))
    if isinstance(made, EngineRefused):
        assert REFUSED.get((name, kind)) == made.code, made.reason
        return
    for file in made.files:
        with Image.open(file.path) as opened:
            opened.load()
            assert (file.width, file.height) == opened.size
    assert made.files or made.facts
    await pool.discard(made)


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("name", TOOLS)
@pytest.mark.asyncio(loop_scope="module")
async def test_broken_pictures_are_refused(pool: EnginePool, tmp_path: Path, name: str, kind: str) -> None:
    """With a code that programs can read and a reason that people can, and the worker lives on."""
    before = pool.worker_pids
    refused = await outcome(pool, TOOLS[name], BAD[kind](tmp_path, TOOLS[name]))
    if name == "inspect" and kind == "SVG":
        assert isinstance(refused, EngineResult)  # It is text, and accepted as such.
        assert "text/plain" == refused.facts["content_type"]
        return
    assert isinstance(refused, EngineRefused), refused
    assert refused.code in REFUSALS, refused.code
    assert len(refused.reason) > 10
    assert before in ((), pool.worker_pids)


@pytest.mark.parametrize("name", TOOLS)
@pytest.mark.asyncio(loop_scope="module")
async def test_damage_in_the_middle_harms_no_worker(pool: EnginePool, tmp_path: Path, name: str) -> None:
    """Decoders may mend such a JPEG or refuse it."""
    made = await outcome(pool, TOOLS[name], noisy(tmp_path))
    assert isinstance(made, EngineResult) or made.code in REFUSALS
