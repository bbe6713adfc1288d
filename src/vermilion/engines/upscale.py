"""Upscaling: a picture at twice or four times its size, with detail that a plain resize would blur."""

from __future__ import annotations

from typing import Literal

import msgspec
from PIL import Image

from vermilion.engines import esrgan, span
from vermilion.engines.contract import EngineJob, EngineRefused, EngineResult
from vermilion.engines.notes import saved_picture
from vermilion.engines.pictures import is_opaque, opened, upright
from vermilion.engines.wishes import given_file, read_wish

Quality = Literal["standard", "high"]
#: Of the given picture. Standard: 40 s of work twofold; fourfold, 36 megapixels of result. High: 5 minutes of work.
PIXELS_MAX: dict[tuple[Quality, span.Scale], int] = {
    ("standard", 2): 6_000_000,
    ("standard", 4): 2_250_000,
    ("high", 2): 600_000,
    ("high", 4): 600_000,
}


class Wish(msgspec.Struct, frozen=True):
    """How many times the width and the height, and by which network."""

    scale: span.Scale = 2
    quality: Quality = "standard"


def upscale(job: EngineJob) -> EngineResult:
    """`files["image"]` enlarged, as PNG; an animation gives its first frame. Transparency is kept."""
    wish = read_wish(job.params, Wish)
    job.report(1, "reading the picture")
    with opened(given_file(job)) as source:
        _check_size(source.size, wish)
        picture = upright(source)
    enlarged = esrgan.imagined if wish.quality == "high" else span.enlarged
    large = enlarged(picture, wish.scale, lambda share: job.report(2 + int(90 * share), "adding detail"))
    if not is_opaque(picture):
        large.putalpha(picture.getchannel("A").resize(large.size, Image.Resampling.BICUBIC))
    job.report(93, "saving")
    return _saved(job, large, wish)


def _check_size(size: tuple[int, int], wish: Wish) -> None:
    most = PIXELS_MAX[wish.quality, wish.scale]
    if size[0] * size[1] > most:
        raise EngineRefused(
            f"a picture to be enlarged {wish.scale} times in {wish.quality} quality "
            f"may have {most / 1_000_000:g} megapixels at most",
            "picture_too_large",
        )
    if wish.quality == "high" and not esrgan.takes(size):
        raise EngineRefused(
            "a picture this long and narrow takes too long in high quality; standard quality takes it",
            "picture_too_large",
        )


def _saved(job: EngineJob, large: Image.Image, wish: Wish) -> EngineResult:
    method = esrgan.METHOD if wish.quality == "high" else span.METHOD.format(scale=wish.scale)
    note = {"Software": "Vermilion upscaler", "method": method}
    made = saved_picture(large, job.out_dir / "upscaled.png", note)
    return EngineResult((made,), {"method": method, "scale": wish.scale, "quality": wish.quality})
